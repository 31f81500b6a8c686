//! Strings, with their variables replaced.

use std::ops::Deref;

use serde_json::{Value, json};
use toml::de::DeValue;

use super::expand::expand;
use super::{Context, Node, Read, Show};
use crate::problem::Problem;

/// A string of the config.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text {
    value: String,
    /// As it stands in the file, where that is something else.
    written: Option<String>,
}

impl Text {
    /// The string at `node`; `expected` and `help` say what it is for if there is none.
    pub(super) fn of(node: &Node<'_>, expected: &str, help: Option<&str>, cx: &Context<'_>) -> Option<Self> {
        let DeValue::String(written) = node.get_ref() else {
            cx.wrong_type(node, expected, help);
            return None;
        };
        match expand(written, cx.environment) {
            Ok(value) if value == **written => Some(Self { value, written: None }),
            Ok(value) => Some(Self { value, written: Some(written.clone().into_owned()) }),
            Err(complaints) => {
                for complaint in complaints {
                    let span = cx.part(&node.span(), written, complaint.span);
                    cx.report(Problem::error(span, complaint.message).help(complaint.help));
                }
                None
            }
        }
    }

    /// For messages: what the file says, never what a variable holds, which may be a secret.
    pub(crate) fn quoted(&self) -> String {
        format!("`{}`", self.written.as_ref().unwrap_or(&self.value).escape_debug())
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.value
    }
}

impl From<&str> for Text {
    fn from(value: &str) -> Self {
        Self { value: value.to_owned(), written: None }
    }
}

impl Read for Text {
    fn read(node: &Node<'_>, cx: &Context<'_>) -> Option<Self> {
        Self::of(node, "a string", Some("write it in quotes"), cx)
    }

    fn schema() -> Value {
        json!({ "type": "string" })
    }
}

impl Show for Text {
    fn show(&self) -> Value {
        self.value.as_str().into()
    }
}
