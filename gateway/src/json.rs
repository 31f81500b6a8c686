//! Looking into a JSON body without parsing more of it than a template asks for.

use std::borrow::Cow;
use std::cell::OnceCell;

use sidegate_core::template::RenderError;
use sonic_rs::{JsonValueTrait, LazyValue};

/// A body that is checked and looked into on demand.
pub struct LazyBody<'a> {
    bytes: &'a [u8],
    root: OnceCell<Result<LazyValue<'a>, String>>,
}

impl<'a> LazyBody<'a> {
    /// Reads nothing yet.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, root: OnceCell::new() }
    }

    /// The text at a JSON pointer (RFC 6901): a string without its quotes, any other value as it is written,
    /// nothing for `null` and for what is not there.
    ///
    /// # Errors
    /// The body is not JSON.
    pub fn text(&self, pointer: &str) -> Result<Option<Cow<'_, str>>, RenderError> {
        let root = self.root.get_or_init(|| sonic_rs::from_slice(self.bytes).map_err(|error| reason(&error)));
        let root = root.as_ref().map_err(|error| RenderError::InvalidJson(error.clone()))?;
        Ok(follow(root.clone(), pointer).as_ref().and_then(text))
    }
}

/// Whether `bytes` are one JSON document.
///
/// # Errors
/// Where and why not.
pub fn check(bytes: &[u8]) -> Result<(), String> {
    sonic_rs::from_slice::<LazyValue<'_>>(bytes).map(drop).map_err(|error| reason(&error))
}

/// The first line only: the library appends a picture of the input, which is the client's own data.
fn reason(error: &sonic_rs::Error) -> String {
    let text = error.to_string();
    text.lines().next().unwrap_or_default().trim().to_owned()
}

fn follow<'a>(root: LazyValue<'a>, pointer: &str) -> Option<LazyValue<'a>> {
    let Some(tokens) = pointer.strip_prefix('/') else { return Some(root) };
    tokens.split('/').try_fold(root, |value, token| {
        let found = if value.is_array() {
            value.get(token.parse::<usize>().ok()?)?
        } else {
            value.get(unescape(token).as_ref())?
        };
        Some(owned(&found))
    })
}

/// The library ties what it finds to the value it was found in; the raw text lives as long as the body.
fn owned<'a>(value: &LazyValue<'_>) -> LazyValue<'a> {
    let raw = value.as_raw_faststr();
    sonic_rs::get(raw, EMPTY_PATH).unwrap_or_default()
}

const EMPTY_PATH: &[&str] = &[];

fn unescape(token: &str) -> Cow<'_, str> {
    if token.contains('~') { token.replace("~1", "/").replace("~0", "~").into() } else { token.into() }
}

fn text<'a>(value: &LazyValue<'_>) -> Option<Cow<'a, str>> {
    if value.is_null() {
        return None;
    }
    Some(Cow::Owned(value.as_str().map_or_else(|| value.as_raw_str().to_owned(), str::to_owned)))
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
