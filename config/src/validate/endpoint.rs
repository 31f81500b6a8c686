//! `http = "METHOD /path/{param}/{*rest}"`.

use std::ops::Range;

use compact_str::CompactString;

use super::Check;
use crate::problem::Problem;
use crate::read::{Given, Text, closest, list};

/// Methods that a route serves and a call makes.
pub(super) const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY"];
/// Paths that the gateway answers itself.
const RESERVED: [&str; 3] = ["/operations", "/correlations", "/events"];
const EXAMPLE: &str = "write it as in \"POST /orders/{id}\"";

/// What `http` says.
#[derive(Debug, Clone)]
pub(super) struct Endpoint {
    pub(super) method: CompactString,
    pub(super) path: CompactString,
    /// The names of all parameters, `{*rest}` too.
    pub(super) params: Vec<String>,
    pub(super) rest: Option<CompactString>,
}

type Complaint = (Range<usize>, String, String);

impl Check<'_> {
    pub(super) fn endpoint(&self, given: &Given<Text>) -> Option<Endpoint> {
        match parse(&given.value) {
            Ok(endpoint) => Some(endpoint),
            Err((part, message, help)) => {
                let span = self.cx.part(&given.span, &given.value, part);
                self.cx.report(Problem::error(span, message).help(help));
                None
            }
        }
    }
}

/// `None` where it cannot be read, which was reported elsewhere.
pub(super) fn parse_quietly(text: &str) -> Option<Endpoint> {
    parse(text).ok()
}

fn parse(text: &str) -> Result<Endpoint, Complaint> {
    let complain = |part, message: &str, help: &str| Err((part, message.to_owned(), help.to_owned()));
    let Some((method, path)) = text.split_once(' ') else {
        let message =
            if text.starts_with('/') { "the method is missing" } else { "this is not a method and a path" };
        return complain(0..text.len(), message, EXAMPLE);
    };
    if !METHODS.contains(&method) {
        return Err(unknown_method(method));
    }
    let path = path.trim();
    let start = text.find('/').unwrap_or(text.len());
    if !path.starts_with('/') {
        return complain(method.len()..text.len(), "the path does not begin with `/`", EXAMPLE);
    }
    if let Some(prefix) = RESERVED.into_iter().find(|prefix| is_below(path, prefix)) {
        let message = format!("the gateway itself answers below `{prefix}`");
        return Err((start..start + path.len(), message, "choose another path".to_owned()));
    }
    let (params, rest) = segments(path, start)?;
    Ok(Endpoint { method: method.into(), path: path.into(), params, rest })
}

fn is_below(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn unknown_method(method: &str) -> Complaint {
    let help = match closest(method, METHODS) {
        Some(known) => format!("did you mean `{known}`?"),
        None => format!("methods are {}", list(&METHODS)),
    };
    (0..method.len(), format!("`{}` is not a method", method.escape_debug()), help)
}

fn segments(path: &str, start: usize) -> Result<(Vec<String>, Option<CompactString>), Complaint> {
    let (mut params, mut rest): (Vec<String>, Option<CompactString>) = (Vec::new(), None);
    let mut at = start + 1;
    let count = path.split('/').count() - 1;
    for (index, segment) in path[1..].split('/').enumerate() {
        let part = at..at + segment.len();
        at = part.end + 1;
        let is_last = index + 1 == count;
        let complain = |message: String, help: &str| (part.clone(), message, help.to_owned());
        match segment.strip_prefix('{').and_then(|inner| inner.strip_suffix('}')) {
            None => literal(segment, is_last).map_err(|(message, help)| complain(message, help))?,
            Some(inner) => {
                let name = inner.strip_prefix('*').unwrap_or(inner);
                parameter(name, &params).map_err(|(message, help)| complain(message, help))?;
                if inner.starts_with('*') {
                    if !is_last {
                        return Err(complain(
                            "`{*…}` takes the rest of the path".to_owned(),
                            "let it be the last segment",
                        ));
                    }
                    rest = Some(name.into());
                }
                params.push(name.to_owned());
            }
        }
    }
    Ok((params, rest))
}

fn literal(segment: &str, is_last: bool) -> Result<(), (String, &'static str)> {
    if segment.is_empty() && !is_last {
        return Err(("a segment of the path is empty".to_owned(), "write one `/` between segments"));
    }
    if segment == "." || segment == ".." {
        return Err((
            "`.` and `..` cannot be segments of a path".to_owned(),
            "write the path that they lead to",
        ));
    }
    match segment.chars().find(|char| !is_path_char(*char)) {
        None => Ok(()),
        Some('{' | '}') => {
            Err(("a parameter is a whole segment".to_owned(), "write `/{name}/`, with nothing beside it"))
        }
        Some('?' | '#') => {
            Err(("a route's path has no query".to_owned(), "templates read it as `{query.NAME}`"))
        }
        Some(char) => Err((
            format!("`{}` cannot stand in a path", char.escape_debug()),
            "write it percent-encoded, as clients do: a space is `%20`",
        )),
    }
}

fn parameter(name: &str, before: &[String]) -> Result<(), (String, &'static str)> {
    let is_name =
        !name.is_empty() && name.chars().all(|char| char.is_ascii_alphanumeric() || "_-".contains(char));
    if !is_name {
        let message = format!("`{}` cannot be the name of a parameter", name.escape_debug());
        return Err((message, "letters, digits, `_` and `-` make a name"));
    }
    if before.iter().any(|known| known == name) {
        return Err((format!("there are two parameters `{name}`"), "give each a name of its own"));
    }
    Ok(())
}

/// RFC 3986's `pchar`, and `%` of a percent-encoded one.
pub(super) fn is_path_char(char: char) -> bool {
    char.is_ascii_alphanumeric() || "-._~%!$&'()*+,;=:@".contains(char)
}
