//! One word out of a few.

use super::{Node, Text, closest, list};
use crate::problem::Problem;

/// Declares a choice: the words, what each means, and the words that this version does not have yet.
macro_rules! choice {
    (
        $(#[doc = $doc:literal])+
        enum $name:ident {
            $( $(#[doc = $word_doc:literal])+ $variant:ident = $word:literal, )+
            $( later $later:literal: $instead:literal, )*
        }
    ) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum $name { $( $(#[doc = $word_doc])+ $variant, )+ }

        impl $crate::read::Read for $name {
            fn read(node: &$crate::read::Node<'_>, cx: &$crate::read::Context<'_>) -> Option<Self> {
                let words = [$($word),+];
                let text = <$crate::read::Text as $crate::read::Read>::read(node, cx)?;
                match &*text {
                    $( $word => return Some(Self::$variant), )+
                    $( $later => cx.report($crate::read::choice::not_yet(node, $later, $instead)), )*
                    _ => cx.report($crate::read::choice::unknown(node, &text, &words)),
                }
                None
            }

            fn schema() -> serde_json::Value {
                serde_json::json!({ "anyOf": [
                    $( { "const": $word, "description": concat!($($word_doc),+).trim() }, )+
                    { "type": "string", "pattern": r"\$\{", "description": "a variable that holds one of them" },
                ] })
            }
        }

        impl $crate::read::Show for $name {
            fn show(&self) -> serde_json::Value {
                match self { $( Self::$variant => $word.into(), )+ }
            }
        }
    };
}
pub(crate) use choice;

/// A word of the format that this version does not have.
pub(crate) fn not_yet(node: &Node<'_>, word: &str, instead: &str) -> Problem {
    Problem::error(node.span(), format!("`{word}` is not in this version")).help(instead.to_owned())
}

/// Any other word.
pub(crate) fn unknown(node: &Node<'_>, text: &Text, words: &[&str]) -> Problem {
    let help = closest(text, words.iter().copied()).map(|word| format!("did you mean `{word}`?"));
    Problem::error(node.span(), format!("{} is none of {}", text.quoted(), list(words))).help(help)
}
