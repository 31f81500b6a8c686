//! `Idempotency-Key`: reading it, and the two digests that make a repeat a repeat.
//!
//! The key is a structured-field string (draft-ietf-httpapi-idempotency-key-header) or, as most clients write it,
//! bare. It is scoped by principal and route; what was asked is told apart by method, path and body.

use http::HeaderMap;
use sha2::{Digest, Sha256};
use sidegate_config::settings::IdempotencyMode;
use sidegate_store::Idempotency;

use crate::names;
use crate::respond::{Code, Problem};

/// A longer key is refused.
pub(super) const KEY_BYTES_MAX: usize = 255;

/// The client's key, if the route wants to know it.
///
/// # Errors
/// 400 when it is required and missing, or cannot be used.
pub(super) fn key(headers: &HeaderMap, mode: IdempotencyMode) -> Result<Option<String>, Problem> {
    if mode == IdempotencyMode::Off {
        return Ok(None);
    }
    let mut values = headers.get_all(names::IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else {
        return match mode {
            IdempotencyMode::Required => Err(Problem::new(
                Code::IdempotencyKeyRequired,
                "this route needs an `Idempotency-Key` header: send a fresh one with each new request, and the same with a repeat",
            )),
            _ => Ok(None),
        };
    };
    if values.next().is_some() {
        return Err(invalid("the header stands more than once"));
    }
    let text = value.to_str().map_err(|_| invalid("the key is not printable ASCII"))?;
    unquote(text.trim()).map(Some)
}

/// Both digests of a keyed request.
#[must_use]
pub(super) fn digests(principal: Option<&str>, route: &str, key: &str, asked: [&[u8]; 3]) -> Idempotency {
    let scope = digest([principal.unwrap_or_default().as_bytes(), route.as_bytes(), key.as_bytes()]);
    Idempotency { scope, fingerprint: digest(asked) }
}

/// Each part with its length before it, so that no two lists of parts look alike.
fn digest(parts: [&[u8]; 3]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

fn unquote(text: &str) -> Result<String, Problem> {
    let key = match text.strip_prefix('"') {
        None => text.to_owned(),
        Some(rest) => {
            let inner = rest.strip_suffix('"').ok_or_else(|| invalid("the quotes are not closed"))?;
            unescape(inner)?
        }
    };
    match key.len() {
        0 => Err(invalid("the key is empty")),
        1..=KEY_BYTES_MAX => Ok(key),
        _ => Err(invalid("the key is longer than 255 bytes")),
    }
}

/// RFC 9651, section 3.3.3: a backslash stands before `"` and `\` only.
fn unescape(inner: &str) -> Result<String, Problem> {
    let mut key = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(char) = chars.next() {
        match char {
            '\\' => match chars.next() {
                Some(escaped @ ('"' | '\\')) => key.push(escaped),
                _ => return Err(invalid("a backslash stands before a quote or a backslash only")),
            },
            '"' => return Err(invalid("a quote inside the key needs a backslash before it")),
            other => key.push(other),
        }
    }
    Ok(key)
}

fn invalid(detail: &'static str) -> Problem {
    Problem::new(Code::InvalidIdempotencyKey, detail)
}

#[cfg(test)]
mod tests {
    use super::{digests, unquote};

    #[test]
    fn a_key_is_the_same_quoted_or_bare() {
        assert_eq!(unquote("abc-1").ok(), unquote("\"abc-1\"").ok());
        assert_eq!(unquote(r#""a\"b\\c""#).ok().as_deref(), Some(r#"a"b\c"#));
    }

    #[test]
    fn a_key_that_cannot_be_used_is_refused() {
        for bad in ["", "\"\"", "\"open", r#""a\nb""#, r#""a"b""#, &"k".repeat(256)] {
            assert!(unquote(bad).is_err(), "`{bad}` must be refused");
        }
    }

    #[test]
    fn parts_cannot_be_shifted_into_each_other() {
        let one = digests(Some("ab"), "c", "k", [b"", b"", b""]);
        let other = digests(Some("a"), "bc", "k", [b"", b"", b""]);
        assert_ne!(one.scope, other.scope, "principals and routes must not share keys");
    }
}
