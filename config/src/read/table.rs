//! Tables with known keys: unknown ones are errors, later ones are named as such.

use std::ops::Range;

use serde_json::{Map, Value, json};
use toml::de::{DeTable, DeValue};

use super::{Context, Field, Given, Node, Read, hint};
use crate::problem::Problem;

/// Declares a table of the config: its keys with their docs, types and defaults, and the keys that this version does
/// not have yet with what to do instead. Reader and JSON Schema come from the one declaration, so they cannot differ.
macro_rules! table {
    (
        $(#[doc = $doc:literal])+
        struct $name:ident in $place:literal {
            $( $(#[doc = $key_doc:literal])+ $key:ident: $type:ty $(= $default:expr)? $(, $required:ident)?; )*
            $( later $later:ident: $instead:literal; )*
        }
    ) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone)]
        pub(crate) struct $name {
            $( $(#[doc = $key_doc])+ pub(crate) $key: $crate::read::Field<$type>, )*
            /// Keys in it that this version does not have yet; each was reported.
            #[allow(dead_code, reason = "not every table has such keys, nor asks for them")]
            pub(crate) later: Vec<&'static str>,
        }

        impl $name {
            fn from_reader(mut reader: $crate::read::Reader<'_, '_, '_>) -> Self {
                $(
                    let default = $crate::read::at_most_one::<$type, _>([$($default)?]);
                    let required = $crate::read::at_most_one::<&str, _>([$(stringify!($required))?]).is_some();
                    let $key = reader.key(stringify!($key), default, required);
                )*
                #[allow(unused_mut, reason = "not every table has such keys")]
                let mut later: Vec<&'static str> = Vec::new();
                $( later.extend(reader.later(stringify!($later), $instead)); )*
                reader.finish();
                Self { $( $key, )* later }
            }
        }

        impl $crate::read::Read for $name {
            fn read(node: &$crate::read::Node<'_>, cx: &$crate::read::Context<'_>) -> Option<Self> {
                Some(Self::from_reader($crate::read::Reader::open(node, $place, cx)?))
            }

            fn schema() -> serde_json::Value {
                let mut schema = $crate::read::Schema::new(concat!($($doc, "\n"),+));
                $(
                    let default = $crate::read::at_most_one::<serde_json::Value, _>(
                        [$(<$type as $crate::read::Show>::show(&$default))?],
                    );
                    let required = $crate::read::at_most_one::<&str, _>([$(stringify!($required))?]).is_some();
                    let about = concat!($($key_doc, "\n"),+);
                    schema.key(stringify!($key), about, <$type as $crate::read::Read>::schema(), default, required);
                )*
                schema.finish()
            }
        }

        impl Default for $name {
            /// The table when it is left out.
            fn default() -> Self {
                Self {
                    $( $key: match $crate::read::at_most_one::<$type, _>([$($default)?]) {
                        Some(default) => $crate::read::Field::Default(default),
                        None => $crate::read::Field::Absent,
                    }, )*
                    later: Vec::new(),
                }
            }
        }
    };
}
pub(crate) use table;

/// What a macro's optional part expanded to.
pub(crate) fn at_most_one<T, const N: usize>(items: [T; N]) -> Option<T> {
    items.into_iter().next()
}

/// What messages call the document as a whole.
pub(crate) const DOCUMENT: &str = "the config";

/// Reads one table key by key and remembers which keys there are.
pub(crate) struct Reader<'n, 'd, 'c> {
    table: &'n DeTable<'d>,
    span: Range<usize>,
    place: &'static str,
    cx: &'c Context<'c>,
    known: Vec<&'static str>,
    later: Vec<&'static str>,
}

impl<'n, 'd, 'c> Reader<'n, 'd, 'c> {
    /// A table at `node`, called `place` in messages.
    pub(crate) fn open(node: &'n Node<'d>, place: &'static str, cx: &'c Context<'_>) -> Option<Self> {
        match node.get_ref() {
            DeValue::Table(table) => Some(Self::of(table, node.span(), place, cx)),
            DeValue::Array(_) if place.starts_with('[') => {
                let help = format!("there is one such table: write `{place}`");
                cx.wrong_type(node, "a table", Some(&help));
                None
            }
            _ => {
                cx.wrong_type(node, &format!("a table for {place}"), None);
                None
            }
        }
    }

    pub(crate) fn of(
        table: &'n DeTable<'d>,
        span: Range<usize>,
        place: &'static str,
        cx: &'c Context<'_>,
    ) -> Self {
        Self { table, span, place, cx, known: Vec::new(), later: Vec::new() }
    }

    /// Reads the value of `key`.
    pub(crate) fn key<T: Read>(&mut self, key: &'static str, default: Option<T>, required: bool) -> Field<T> {
        self.known.push(key);
        match (self.table.get_key_value(key), default) {
            (Some((name, node)), _) => match T::read(node, self.cx) {
                Some(value) => Field::Given(Given { value, span: node.span(), key: name.span() }),
                None => Field::Invalid,
            },
            (None, Some(default)) => Field::Default(default),
            (None, None) if required => {
                self.missing(key);
                Field::Invalid
            }
            (None, None) => Field::Absent,
        }
    }

    fn missing(&self, key: &str) {
        // The only thing that a whole config cannot do without is a table.
        let (what, help) = match self.place {
            DOCUMENT => (format!("`[{key}]` is missing"), format!("add `[{key}]` with `name = \"…\"`")),
            place => (format!("`{key}` is missing in {place}"), format!("add `{key} = …`")),
        };
        self.cx.report(Problem::error(self.span.clone(), what).help(help));
    }

    /// Refuses a key that this version does not have yet.
    pub(crate) fn later(&mut self, key: &'static str, instead: &str) -> Option<&'static str> {
        self.later.push(key);
        let (name, _) = self.table.get_key_value(key)?;
        let message = format!("`{key}` is not in this version");
        self.cx.report(Problem::error(name.span(), message).help(instead.to_owned()));
        Some(key)
    }

    /// Refuses every key that nobody asked for.
    pub(crate) fn finish(self) {
        for (name, _) in self.table {
            let key: &str = name.get_ref();
            if !self.known.contains(&key) && !self.later.contains(&key) {
                let message = format!("unknown key `{}` in {}", key.escape_debug(), self.place);
                let help = hint(key, &self.known, "its keys");
                self.cx.report(Problem::error(name.span(), message).help(help));
            }
        }
    }
}

/// Collects the JSON Schema of a table.
pub(crate) struct Schema {
    about: String,
    properties: Map<String, Value>,
    required: Vec<&'static str>,
}

impl Schema {
    pub(crate) fn new(about: &str) -> Self {
        Self { about: prose(about), properties: Map::new(), required: Vec::new() }
    }

    pub(crate) fn key(
        &mut self,
        key: &'static str,
        about: &str,
        mut schema: Value,
        default: Option<Value>,
        required: bool,
    ) {
        schema["description"] = prose(about).into();
        if let Some(default) = default {
            schema["default"] = default;
        }
        if required {
            self.required.push(key);
        }
        self.properties.insert(key.to_owned(), schema);
    }

    pub(crate) fn finish(self) -> Value {
        let Self { about, properties, required } = self;
        let mut schema = json!({
            "type": "object",
            "description": about,
            "properties": properties,
            "additionalProperties": false,
        });
        if !required.is_empty() {
            schema["required"] = json!(required);
        }
        schema
    }
}

/// Doc comments as a paragraph.
fn prose(doc: &str) -> String {
    doc.lines().map(str::trim).collect::<Vec<_>>().join(" ").trim().to_owned()
}
