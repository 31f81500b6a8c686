//! From text to a [`Template`], with an error that points at the place and says what would be right.

use std::fmt;
use std::ops::Range;

use compact_str::CompactString;

use super::{Piece, Place, Template};

/// Where a template stands decides what it may refer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// In a `[[route]]`: the request.
    Route,
    /// In a `[[consumer]]`: the message.
    Consumer,
}

/// Why a text is not a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    /// The offending bytes of the source.
    pub span: Range<usize>,
    /// What is wrong, lower case, no full stop.
    pub message: String,
    /// What to write instead, where that is known.
    pub hint: Option<String>,
}

impl Template {
    /// Compiles `source`.
    ///
    /// # Errors
    /// An unclosed or unknown place, or one that `scope` does not have.
    pub fn parse(source: &str, scope: Scope) -> Result<Self, ParseError> {
        let mut parts = Vec::new();
        let mut literal = CompactString::default();
        let mut at = 0;
        while let Some(found) = source[at..].find(['{', '}']) {
            literal.push_str(&source[at..at + found]);
            at += found;
            let brace = &source[at..=at];
            if source[at + 1..].starts_with(brace) {
                literal.push_str(brace);
                at += 2;
                continue;
            }
            let end = place_end(source, at)?;
            if !literal.is_empty() {
                parts.push(Piece::Literal(std::mem::take(&mut literal)));
            }
            let place = parse_place(&source[at + 1..end], scope).map_err(|(message, hint)| ParseError {
                span: at..end + 1,
                message,
                hint,
            })?;
            parts.push(Piece::Place(place));
            at = end + 1;
        }
        literal.push_str(&source[at..]);
        if !literal.is_empty() {
            parts.push(Piece::Literal(literal));
        }
        Ok(Self { source: source.into(), parts: parts.into() })
    }
}

fn place_end(source: &str, at: usize) -> Result<usize, ParseError> {
    let error = |message: &str| ParseError {
        span: at..at + 1,
        message: message.to_owned(),
        hint: Some("a literal brace is written twice: `{{` or `}}`".to_owned()),
    };
    if source.as_bytes()[at] == b'}' {
        return Err(error("`}` closes nothing"));
    }
    source[at..].find('}').map(|length| at + length).ok_or_else(|| error("`{` is never closed"))
}

type Complaint = (String, Option<String>);

fn parse_place(text: &str, scope: Scope) -> Result<Place, Complaint> {
    if let Some(pointer) = text.strip_prefix("body")
        && (pointer.is_empty() || pointer.starts_with('/'))
    {
        return Ok(Place::Body(pointer.into()));
    }
    let Some((family, name)) = text.split_once('.') else {
        return Err(unknown(text, scope));
    };
    match (family, name) {
        (_, "") => Err((format!("`{{{text}}}` names nothing after the dot"), None)),
        ("path", name) => Ok(Place::Path(name.into())),
        ("query", name) => Ok(Place::Query(name.into())),
        ("header", name) => Ok(Place::Header(name.to_ascii_lowercase().into())),
        ("operation", "id") => Ok(Place::OperationId),
        ("correlation", "id") => Ok(Place::CorrelationId),
        ("body", pointer) => Err((
            format!("`{{{text}}}` is not a JSON pointer"),
            Some(format!("did you mean `{{body/{}}}`?", pointer.replace('.', "/"))),
        )),
        ("message", _) => parse_message_place(text, name, scope),
        _ => Err(unknown(text, scope)),
    }
}

fn parse_message_place(text: &str, name: &str, scope: Scope) -> Result<Place, Complaint> {
    if scope != Scope::Consumer {
        return Err((format!("`{{{text}}}` is known in consumers only"), None));
    }
    match name {
        "method" => Ok(Place::MessageMethod),
        "path" => Ok(Place::MessagePath),
        "destination" => Ok(Place::MessageDestination),
        "key" => Ok(Place::MessageKey),
        _ => Err(unknown(text, scope)),
    }
}

fn unknown(text: &str, scope: Scope) -> Complaint {
    let places = match scope {
        Scope::Route => "path.NAME, query.NAME, header.NAME, body/json/pointer, operation.id, correlation.id",
        Scope::Consumer => {
            "header.NAME, body/json/pointer, operation.id, correlation.id, message.method, message.path, \
             message.destination, message.key"
        }
    };
    (format!("`{{{text}}}` refers to nothing"), Some(format!("places are {places}")))
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ParseError {}
