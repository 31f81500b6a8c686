//! Lists, and tables whose keys are names of the user's own.

use std::borrow::Cow;

use serde_json::{Value, json};
use toml::Spanned;
use toml::de::DeValue;

use super::{Context, Node, Read, Show};

/// A list; elements that cannot be read were reported and are left out.
impl<T: Read> Read for Vec<Spanned<T>> {
    fn read(node: &Node<'_>, cx: &Context<'_>) -> Option<Self> {
        let DeValue::Array(elements) = node.get_ref() else {
            let is_table = matches!(node.get_ref(), DeValue::Table(_));
            let help = if is_table {
                "write its name in double brackets: `[[…]]`"
            } else {
                "write it in brackets: `[…]`"
            };
            cx.wrong_type(node, "a list", Some(help));
            return None;
        };
        let read = |element: &Node<'_>| T::read(element, cx).map(|value| Spanned::new(element.span(), value));
        Some(elements.iter().filter_map(read).collect())
    }

    fn schema() -> Value {
        json!({ "type": "array", "items": T::schema() })
    }
}

impl<T: Show> Show for Vec<Spanned<T>> {
    fn show(&self) -> Value {
        self.iter().map(|element| element.get_ref().show()).collect()
    }
}

/// A table of things by name, in the order of the names.
#[derive(Debug, Clone)]
pub(crate) struct Named<T>(pub(crate) Vec<(Spanned<String>, Spanned<T>)>);

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Read> Read for Named<T> {
    fn read(node: &Node<'_>, cx: &Context<'_>) -> Option<Self> {
        let DeValue::Table(table) = node.get_ref() else {
            cx.wrong_type(node, "a table of names", None);
            return None;
        };
        let read = |(name, value): (&Spanned<Cow<'_, str>>, &Node<'_>)| {
            let name = Spanned::new(name.span(), Cow::into_owned(name.get_ref().clone()));
            T::read(value, cx).map(|read| (name, Spanned::new(value.span(), read)))
        };
        Some(Self(table.iter().filter_map(read).collect()))
    }

    fn schema() -> Value {
        json!({ "type": "object", "additionalProperties": T::schema() })
    }
}
