//! `Prefer` (RFC 7240): comma-separated, the first of a name counts, what is not known is ignored.

use std::time::Duration;

use http::{HeaderMap, HeaderValue};

use crate::names;
use crate::respond::{Code, Problem};

/// What the client prefers, of what the gateway can follow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Prefer {
    /// `respond-async`.
    pub respond_async: bool,
    /// `wait=N`, in seconds.
    pub wait: Option<Duration>,
}

impl Prefer {
    /// Reads every `Prefer` header.
    ///
    /// # Errors
    /// `invalid_prefer` when `wait` is not a whole number of seconds.
    pub fn from_headers(headers: &HeaderMap) -> Result<Self, Problem> {
        let mut prefer = Self::default();
        let mut wait_seen = false;
        for value in headers.get_all(names::PREFER) {
            let Ok(value) = value.to_str() else {
                return Err(invalid("the header is not printable ASCII"));
            };
            for preference in value.split(',') {
                let (name, value) = split(preference);
                if name.eq_ignore_ascii_case("respond-async") {
                    prefer.respond_async = true;
                } else if name.eq_ignore_ascii_case("wait") && !wait_seen {
                    wait_seen = true;
                    prefer.wait = Some(seconds(value)?);
                }
            }
        }
        Ok(prefer)
    }

    /// What `Preference-Applied` says when all of it was followed.
    #[must_use]
    pub fn applied(&self) -> Option<HeaderValue> {
        match (self.respond_async, self.wait) {
            (false, None) => None,
            (true, None) => Some(HeaderValue::from_static("respond-async")),
            (false, Some(wait)) => HeaderValue::try_from(format!("wait={}", wait.as_secs())).ok(),
            (true, Some(wait)) => {
                HeaderValue::try_from(format!("respond-async, wait={}", wait.as_secs())).ok()
            }
        }
    }
}

/// `name=value; parameters`: the parameters mean nothing to us.
fn split(preference: &str) -> (&str, &str) {
    let preference = preference.split(';').next().unwrap_or_default();
    let (name, value) = preference.split_once('=').unwrap_or((preference, ""));
    (name.trim(), value.trim().trim_matches('"'))
}

fn seconds(value: &str) -> Result<Duration, Problem> {
    if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(invalid("`wait` takes a whole number of seconds, as in `Prefer: wait=5`"));
    }
    Ok(Duration::from_secs(value.parse().unwrap_or(u64::from(u32::MAX))))
}

fn invalid(detail: &'static str) -> Problem {
    Problem::new(Code::InvalidPrefer, detail)
}

#[cfg(test)]
mod tests {
    use super::Prefer;
    use crate::names;
    use http::{HeaderMap, HeaderValue};
    use proptest::prelude::proptest;
    use std::time::Duration;

    fn parse(values: &[&str]) -> Result<Prefer, crate::respond::Problem> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(names::PREFER, HeaderValue::from_str(value).expect("a header value"));
        }
        Prefer::from_headers(&headers)
    }

    fn wait(seconds: u64) -> Option<Duration> {
        Some(Duration::from_secs(seconds))
    }

    #[test]
    fn preferences_are_comma_separated_over_any_number_of_headers() {
        let both = Prefer { respond_async: true, wait: wait(10) };
        assert_eq!(parse(&["respond-async, wait=10"]).ok(), Some(both));
        assert_eq!(parse(&["respond-async", "wait=10"]).ok(), Some(both));
        assert_eq!(parse(&["Respond-Async , WAIT = \"10\"; x=y"]).ok(), Some(both));
        assert_eq!(both.applied().expect("followed"), "respond-async, wait=10");
    }

    #[test]
    fn the_first_of_a_name_counts_and_the_unknown_is_ignored() {
        let expected = Prefer { respond_async: false, wait: wait(1) };
        assert_eq!(parse(&["return=minimal, wait=1, wait=9"]).ok(), Some(expected));
    }

    #[test]
    fn a_wait_that_is_no_number_is_refused() {
        for bad in ["wait", "wait=", "wait=soon", "wait=-1", "wait=1.5"] {
            assert!(parse(&[bad]).is_err(), "`{bad}` must be refused, not guessed at");
        }
    }

    proptest! {
        #[test]
        fn no_header_panics(text in "[ -~]{0,80}") {
            let _ = parse(&[&text]);
        }
    }
}
