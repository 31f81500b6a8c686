//! What the TOML parser complains about, one finding a line, with a hint where its words alone do not help.

use crate::place::Place;
use crate::problem::Problem;

/// The parser goes on after a mistake and then stumbles over the rest of the line: the first finding of a line counts.
pub(crate) fn problems(source: &str, errors: &[toml::de::Error]) -> Vec<Problem> {
    let mut lines = Vec::new();
    let mut problems = Vec::new();
    for error in errors {
        let span = error.span().unwrap_or(0..source.len());
        let line = Place::of(source, span.start).line;
        if !lines.contains(&line) {
            lines.push(line);
            let message = format!("not TOML: {}", error.message());
            problems.push(Problem::error(span, message).help(hint(error.message()).map(str::to_owned)));
        }
    }
    problems
}

fn hint(message: &str) -> Option<&'static str> {
    const HINTS: [(&str, &str); 7] = [
        ("invalid basic string", "close the string with `\"` on its line"),
        ("invalid literal string", "close the string with `'` on its line"),
        ("duplicate key", "keep one of them"),
        ("key with no value", "write `key = value`"),
        ("string values must be quoted", "write text in quotes"),
        ("invalid float", "write text in quotes"),
        ("invalid integer", "write text in quotes"),
    ];
    HINTS.iter().find(|(start, _)| message.starts_with(start)).map(|(_, hint)| *hint)
}
