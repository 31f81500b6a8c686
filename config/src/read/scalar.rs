//! Numbers and booleans.

use serde_json::{Value, json};
use toml::de::{DeInteger, DeValue};

use super::{Context, Node, Read, Show};
use crate::problem::Problem;

const UNQUOTED: &str = "write it without quotes";

impl Read for u64 {
    fn read(node: &Node<'_>, cx: &Context<'_>) -> Option<Self> {
        whole(node, cx)
    }

    fn schema() -> Value {
        json!({ "type": "integer", "minimum": 0 })
    }
}

impl Read for u16 {
    fn read(node: &Node<'_>, cx: &Context<'_>) -> Option<Self> {
        whole(node, cx)
    }

    fn schema() -> Value {
        json!({ "type": "integer", "minimum": 0, "maximum": u16::MAX })
    }
}

fn whole<T: TryFrom<u64>>(node: &Node<'_>, cx: &Context<'_>) -> Option<T> {
    let DeValue::Integer(integer) = node.get_ref() else {
        cx.wrong_type(node, "a whole number", Some(UNQUOTED));
        return None;
    };
    let number = unsigned(integer).and_then(|number| T::try_from(number).ok());
    if number.is_none() {
        let message = format!("`{integer}` is not a whole number in range");
        cx.report(Problem::error(node.span(), message).help("write a number from 0 on".to_owned()));
    }
    number
}

fn unsigned(integer: &DeInteger<'_>) -> Option<u64> {
    u64::from_str_radix(integer.as_str(), integer.radix()).ok()
}

impl Read for f64 {
    fn read(node: &Node<'_>, cx: &Context<'_>) -> Option<Self> {
        let number = match node.get_ref() {
            DeValue::Float(float) => float.as_str().parse().ok(),
            DeValue::Integer(integer) => integer.to_string().parse().ok(),
            _ => {
                cx.wrong_type(node, "a number", Some(UNQUOTED));
                return None;
            }
        };
        let number = number.filter(|number: &Self| number.is_finite());
        if number.is_none() {
            cx.report(
                Problem::error(node.span(), "this number cannot be used")
                    .help("write one such as 2.0".to_owned()),
            );
        }
        number
    }

    fn schema() -> Value {
        json!({ "type": "number" })
    }
}

impl Read for bool {
    fn read(node: &Node<'_>, cx: &Context<'_>) -> Option<Self> {
        let DeValue::Boolean(value) = node.get_ref() else {
            cx.wrong_type(node, "`true` or `false`", Some(UNQUOTED));
            return None;
        };
        Some(*value)
    }

    fn schema() -> Value {
        json!({ "type": "boolean" })
    }
}

impl Show for bool {
    fn show(&self) -> Value {
        (*self).into()
    }
}

impl Show for u16 {
    fn show(&self) -> Value {
        (*self).into()
    }
}

impl Show for u64 {
    fn show(&self) -> Value {
        (*self).into()
    }
}

impl Show for f64 {
    fn show(&self) -> Value {
        (*self).into()
    }
}
