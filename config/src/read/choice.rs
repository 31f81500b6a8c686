//! One word out of a few.

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
                    $( $later => cx.report(
                        $crate::problem::Problem::error(node.span(), concat!("`", $later, "` is not in this version"))
                            .help($instead.to_owned()),
                    ), )*
                    other => cx.report(
                        $crate::problem::Problem::error(node.span(), format!("{} is none of {}", text.quoted(), $crate::read::list(&words)))
                            .help($crate::read::closest(other, words).map(|word| format!("did you mean `{word}`?"))),
                    ),
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
