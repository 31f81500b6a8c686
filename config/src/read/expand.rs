//! `${VAR}` and `${VAR:-default}` inside a string value. Pure; the environment is passed in.
//!
//! As in a shell, the default stands in for a variable that is unset or empty. `$${` is a literal `${`. Nothing is
//! expanded twice, so a variable's text is never read as a variable.

use std::ops::Range;

/// What stands between the braces and cannot be replaced.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Complaint {
    /// The offending bytes.
    pub(super) span: Range<usize>,
    pub(super) message: String,
    pub(super) help: String,
}

/// `text` with every variable replaced, or all that is wrong with it.
pub(super) fn expand(
    text: &str,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<String, Vec<Complaint>> {
    let mut out = String::with_capacity(text.len());
    let mut complaints = Vec::new();
    let mut at = 0;
    while let Some(found) = text[at..].find("${") {
        let start = at + found;
        if let Some(before) = text[at..start].strip_suffix('$') {
            out.push_str(before);
            out.push_str("${");
            at = start + 2;
            continue;
        }
        out.push_str(&text[at..start]);
        let Some(length) = text[start..].find('}') else {
            complaints.push(unclosed(start));
            return Err(complaints);
        };
        at = start + length + 1;
        match replace(&text[start + 2..at - 1], environment) {
            Ok(value) => out.push_str(&value),
            Err((message, help)) => complaints.push(Complaint { span: start..at, message, help }),
        }
    }
    out.push_str(&text[at..]);
    if complaints.is_empty() { Ok(out) } else { Err(complaints) }
}

fn unclosed(start: usize) -> Complaint {
    Complaint {
        span: start..start + 2,
        message: "`${` is never closed".to_owned(),
        help: "write `${NAME}`, or `$${` for a literal `${`".to_owned(),
    }
}

fn replace(inner: &str, environment: &dyn Fn(&str) -> Option<String>) -> Result<String, (String, String)> {
    let (name, default) = match inner.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (inner, None),
    };
    if !is_name(name) {
        let help = "letters, digits and `_` make a name: `${NAME}` or `${NAME:-default}`".to_owned();
        return Err((format!("`{name}` is not the name of a variable"), help));
    }
    match (environment(name), default) {
        (Some(value), Some(default)) if value.is_empty() => Ok(default.to_owned()),
        (Some(value), _) => Ok(value),
        (None, Some(default)) => Ok(default.to_owned()),
        (None, None) => Err((
            format!("the environment variable `{name}` is not set"),
            format!("set it, or give a default: `${{{name}:-default}}`"),
        )),
    }
}

fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::expand;

    fn expanded(text: &str) -> Result<String, Vec<String>> {
        let environment = |name: &str| match name {
            "HOST" => Some("db".to_owned()),
            "EMPTY" => Some(String::new()),
            "TRICK" => Some("${HOST}".to_owned()),
            _ => None,
        };
        expand(text, &environment).map_err(|complaints| complaints.into_iter().map(|c| c.message).collect())
    }

    #[test]
    fn variables_and_defaults_stand_in_as_in_a_shell() {
        assert_eq!(expanded("x-${HOST}-${NONE:-y}"), Ok("x-db-y".to_owned()));
        assert_eq!(
            expanded("${EMPTY:-y}${EMPTY}"),
            Ok("y".to_owned()),
            "an empty variable has its default too"
        );
        assert_eq!(expanded("{body/a} $5 $${HOST}"), Ok("{body/a} $5 ${HOST}".to_owned()));
        assert_eq!(
            expanded("${TRICK}"),
            Ok("${HOST}".to_owned()),
            "what a variable holds is not expanded again"
        );
    }

    #[test]
    fn every_unset_variable_is_told_at_once() {
        let complaints = expanded("${A} ${B} ${1C} ${").expect_err("nothing of it is set");
        assert_eq!(complaints.len(), 4, "{complaints:?}");
    }
}
