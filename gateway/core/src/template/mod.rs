//! Templates: literal text and places, compiled once when the config loads, rendered without parsing anything.
//!
//! `"/orders/{path.id}?note={query.note}"`. `{{` and `}}` are literal braces. What stands in a place is asked of a
//! [`Values`], so that a body is parsed only when a template reads it. A JSON document made of templates and a CEL
//! condition are other things with other costs; neither is done here.

mod parse;
mod place;
mod render;

pub use parse::{ParseError, Scope};
pub use place::Place;
pub use render::{RenderError, Values};

use compact_str::CompactString;

/// A compiled template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    source: CompactString,
    parts: Box<[Piece]>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Literal(CompactString),
    Place(Place),
}

impl Template {
    /// The text it was compiled from.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The places it reads, in order, repeated if written twice.
    pub fn places(&self) -> impl Iterator<Item = &Place> {
        self.parts.iter().filter_map(|piece| match piece {
            Piece::Place(place) => Some(place),
            Piece::Literal(_) => None,
        })
    }

    /// The whole text when there is no place in it.
    #[must_use]
    pub fn as_literal(&self) -> Option<&str> {
        match &*self.parts {
            [] => Some(""),
            [Piece::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// The text before the first place.
    #[must_use]
    pub fn literal_prefix(&self) -> &str {
        match self.parts.first() {
            Some(Piece::Literal(text)) => text,
            _ => "",
        }
    }
}
