//! Looking into a JSON body without parsing more of it than a template asks for.

use std::borrow::Cow;
use std::cell::OnceCell;

use sidegate_core::template::RenderError;
use sonic_rs::{LazyValue, PointerNode};

/// A body that is checked and looked into on demand.
pub struct LazyBody<'a> {
    bytes: &'a [u8],
    checked: OnceCell<Result<&'a str, String>>,
}

impl<'a> LazyBody<'a> {
    /// Reads nothing yet.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, checked: OnceCell::new() }
    }

    /// The text at a JSON pointer (RFC 6901): a string without its quotes, any other value as it is written,
    /// nothing for `null` and for what is not there.
    ///
    /// # Errors
    /// The body is not JSON.
    pub fn text(&self, pointer: &str) -> Result<Option<Cow<'_, str>>, RenderError> {
        let checked = self.checked.get_or_init(|| check(self.bytes));
        let root = checked.as_ref().map_err(|error| RenderError::InvalidJson(error.clone()))?;
        Ok(follow(root, pointer).and_then(text))
    }
}

/// The text of `bytes` if they are one JSON document.
///
/// # Errors
/// Where and why not.
pub fn check(bytes: &[u8]) -> Result<&str, String> {
    sonic_rs::from_slice::<LazyValue<'_>>(bytes).map_err(|error| reason(&error))?;
    std::str::from_utf8(bytes).map_err(|error| error.to_string())
}

/// The first line only: the library appends a picture of the input, which is the client's own data.
fn reason(error: &sonic_rs::Error) -> String {
    let text = error.to_string();
    text.lines().next().unwrap_or_default().trim().to_owned()
}

/// The text of the value at a pointer. `document` was checked as a whole, so each step only skips.
fn follow<'a>(document: &'a str, pointer: &str) -> Option<&'a str> {
    let Some(tokens) = pointer.strip_prefix('/') else { return Some(document) };
    tokens.split('/').try_fold(document, |value, token| {
        let node = if value.trim_ascii_start().starts_with('[') {
            PointerNode::Index(token.parse().ok()?)
        } else {
            PointerNode::Key(unescape(token).into_owned().into())
        };
        match sonic_rs::get(value, [node]).ok()?.as_raw_cow() {
            Cow::Borrowed(found) => Some(found),
            Cow::Owned(_) => None,
        }
    })
}

fn unescape(token: &str) -> Cow<'_, str> {
    if token.contains('~') { token.replace("~1", "/").replace("~0", "~").into() } else { token.into() }
}

fn text(raw: &str) -> Option<Cow<'_, str>> {
    let raw = raw.trim_ascii();
    match raw.as_bytes().first() {
        Some(b'n') => None,
        Some(b'"') => sonic_rs::from_str::<String>(raw).ok().map(Cow::Owned),
        _ => Some(Cow::Borrowed(raw)),
    }
}

#[cfg(test)]
mod tests {
    use super::{LazyBody, check};

    fn at(body: &str, pointer: &str) -> Option<String> {
        let body = LazyBody::new(body.as_bytes());
        body.text(pointer).expect("valid JSON").map(std::borrow::Cow::into_owned)
    }

    #[test]
    fn a_pointer_reads_strings_plain_and_other_values_as_they_are_written() {
        let body = r#"{"a":{"b":["x",{"c/d":1.50}]},"s":"q\"\u00e9","t":true,"n":null}"#;
        assert_eq!(at(body, "/a/b/0").as_deref(), Some("x"));
        assert_eq!(at(body, "/a/b/1/c~1d").as_deref(), Some("1.50"), "a number keeps its spelling");
        assert_eq!(at(body, "/s").as_deref(), Some("q\"é"));
        assert_eq!(at(body, "/t").as_deref(), Some("true"));
        assert_eq!(at(body, "/n"), None, "null is nothing");
        assert_eq!(at(body, "/missing/deep"), None);
        assert_eq!(at(body, "/a/b/9"), None);
    }

    #[test]
    fn what_is_not_json_is_an_error_even_behind_the_value_that_is_read() {
        assert!(LazyBody::new(br#"{"a":1} x"#).text("/a").is_err(), "rubbish after the document");
        assert!(LazyBody::new(br#"{"a":1,"b":}"#).text("/a").is_err(), "rubbish after the value");
        assert!(check(b"").is_err());
    }
}
