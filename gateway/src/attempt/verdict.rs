//! What an answer of a service means. Pure.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::header::RETRY_AFTER;
use http::response::Parts;
use sidegate_core::Answer;

use crate::call::{CallError, CallErrorKind, headers};
use crate::clock;
use crate::respond::{Code, Problem};

/// What became of one try.
#[derive(Debug)]
pub enum Verdict {
    /// 2xx: the service did it.
    Done(Answer),
    /// 202: it will answer at its `Outcome-Url`.
    Later,
    /// The definite no, not to be tried again.
    No(Answer),
    /// It is not known whether it was done, or it was not: try again.
    Again {
        /// The service asked for this pause.
        after: Option<Duration>,
        /// What happened, in words.
        reason: String,
        /// What the service said, if it said anything.
        answer: Option<Answer>,
        /// It was the time limit that ended it.
        timed_out: bool,
    },
}

/// A service cannot ask for a longer pause.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3600);

/// Tells an answer apart by its status.
pub(super) fn of_answer(head: &Parts, body: Bytes, fail_on: &[u16]) -> Verdict {
    let status = head.status.as_u16();
    if status == 202 {
        return Verdict::Later;
    }
    let answer = Answer { status, headers: headers::to_answer(&head.headers), body };
    match status {
        200..300 => Verdict::Done(answer),
        _ if fail_on.contains(&status) => Verdict::No(answer),
        _ => Verdict::Again {
            after: matches!(status, 425 | 429 | 503).then(|| retry_after(&head.headers)).flatten(),
            reason: format!("the service answered {status}"),
            answer: Some(answer),
            timed_out: false,
        },
    }
}

/// RFC 9110, section 10.2.3: seconds, or a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let pause = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let until = httpdate::parse_http_date(text).ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
            until.saturating_sub(Duration::from_millis(clock::now().unix_ms()))
        }
    };
    Some(pause.min(RETRY_AFTER_MAX))
}

impl Verdict {
    /// No answer, or only a part of one.
    pub(super) fn unreachable(error: &CallError) -> Self {
        Self::Again {
            after: None,
            reason: error.to_string(),
            answer: None,
            timed_out: matches!(error.kind, CallErrorKind::Timeout | CallErrorKind::Busy),
        }
    }

    /// It came to nothing, for a reason that lies with neither the message nor the service.
    pub(crate) fn failed(reason: impl Into<String>) -> Self {
        Self::Again { after: None, reason: reason.into(), answer: None, timed_out: false }
    }

    /// The message cannot be made into a request; no attempt will change that.
    pub(crate) fn impossible(why: String) -> Self {
        Self::No(crate::status::as_answer(&Problem::new(Code::BadRequest, why)))
    }

    /// Done, but the answer is too large to be kept or sent.
    pub(super) fn too_large(bytes_max: usize) -> Self {
        let detail = format!(
            "the service's answer is larger than {bytes_max} bytes: raise `limits.body` or answer less"
        );
        Self::No(crate::status::as_answer(&Problem::new(Code::AnswerTooLarge, detail)))
    }
}

/// The answer recorded when attempts ran out: what was tried, and the service's last words inside.
#[must_use]
pub fn exhausted(attempts: u32, reason: &str, last: Option<&Answer>) -> Answer {
    let detail = format!("{attempts} attempts failed, the last with: {reason}");
    let mut problem = Problem::new(Code::AttemptsExhausted, detail).with("attempts", attempts);
    if let Some(last) = last {
        let body = serde_json::from_slice(&last.body)
            .unwrap_or_else(|_| serde_json::Value::String(String::from_utf8_lossy(&last.body).into_owned()));
        problem = problem.with("answer", serde_json::json!({ "status": last.status, "body": body }));
    }
    crate::status::as_answer(&problem)
}

#[cfg(test)]
mod tests {
    use super::{Verdict, of_answer};
    use bytes::Bytes;
    use http::Response;
    use std::time::Duration;

    fn verdict(status: u16, retry_after: Option<&str>) -> Verdict {
        let mut builder = Response::builder().status(status);
        if let Some(value) = retry_after {
            builder = builder.header("retry-after", value);
        }
        let (head, ()) = builder.body(()).expect("a response").into_parts();
        of_answer(&head, Bytes::new(), &[400, 409])
    }

    #[test]
    fn statuses_mean_what_the_contract_says() {
        assert!(matches!(verdict(201, None), Verdict::Done(_)));
        assert!(matches!(verdict(202, None), Verdict::Later));
        assert!(matches!(verdict(409, None), Verdict::No(_)), "`fail_on` is not tried again");
        for unknown in [302, 404, 418, 500, 502, 504] {
            assert!(matches!(verdict(unknown, None), Verdict::Again { .. }), "{unknown} is tried again");
        }
    }

    #[test]
    fn a_pause_is_honoured_where_it_means_one_and_bounded() {
        let pause = |status, value| match verdict(status, Some(value)) {
            Verdict::Again { after, .. } => after,
            _ => None,
        };
        assert_eq!(pause(503, "7"), Some(Duration::from_secs(7)));
        assert_eq!(pause(429, "999999999"), Some(Duration::from_secs(3600)), "a pause has a bound");
        assert_eq!(pause(500, "7"), None, "only 425, 429 and 503 ask for a pause");
        assert_eq!(
            pause(503, "Thu, 01 Jan 1970 00:00:00 GMT"),
            Some(Duration::ZERO),
            "a date in the past is now"
        );
        assert_eq!(pause(503, "soon"), None);
    }
}
