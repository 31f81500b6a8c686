//! Which headers pass through the gateway, and in what form.
//!
//! Hop-by-hop headers and those that `Connection` names (RFC 9110, section 7.6.1) pass in neither direction. What
//! frames a body (`Content-Length`, `Transfer-Encoding`) is never taken over from the other side: the library that
//! writes the message sets it.

use std::borrow::Cow;
use std::str;

use compact_str::CompactString;
use http::header::{CONNECTION, FORWARDED, HOST, HeaderMap, HeaderName, HeaderValue, VIA};
use sidegate_core::Headers;

use super::socket::Peer;
use crate::names::{CORRELATION_ID, IDEMPOTENCY_KEY, OPERATION_ID, OUTCOME_URL, PREFER, TRAVELLING, message};
use crate::respond::{Code, Problem};

/// Who we are in `Via`: the protocol that the request came in, and a pseudonym, since a host name is nobody's business.
const OUR_VIA: HeaderValue = HeaderValue::from_static("1.1 sidegate");

/// Between two neighbours only, whatever `Connection` says.
const HOP_BY_HOP: [&str; 10] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "http2-settings",
    "proxy-authenticate",
    "proxy-authorization",
];

/// What describes the body itself, and so belongs to an outcome that comes as a request.
const OF_A_RESULT: [&str; 9] = [
    "content-type",
    "content-encoding",
    "content-language",
    "content-disposition",
    "content-location",
    "etag",
    "last-modified",
    "location",
    "link",
];

/// The names that a message's `Connection` headers, all of them, declare hop-by-hop.
struct Named(Vec<HeaderName>);

impl Named {
    fn by_connection(headers: &HeaderMap) -> Self {
        let values = headers.get_all(CONNECTION).iter();
        let names = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
        Self(names.filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok()).collect())
    }

    /// Whether a header goes on to the other side.
    fn passes(&self, name: &HeaderName) -> bool {
        !HOP_BY_HOP.contains(&name.as_str()) && !self.0.contains(name)
    }
}

/// What the gateway, as a client, decides for itself: whom it asks, how long the body is, whether to wait for `100`.
fn is_of_the_request_line(name: &HeaderName) -> bool {
    matches!(name.as_str(), "host" | "content-length" | "expect")
}

/// What the client told the gateway, and a service called for an operation is told in the gateway's own words.
fn is_for_the_gateway(name: &HeaderName) -> bool {
    [PREFER, IDEMPOTENCY_KEY, CORRELATION_ID, OPERATION_ID, OUTCOME_URL].contains(name)
}

/// Removes what is between two neighbours only.
pub fn strip_hop_by_hop(headers: &mut HeaderMap) {
    let named = Named::by_connection(headers);
    let stay: Vec<HeaderName> = headers.keys().filter(|name| !named.passes(name)).cloned().collect();
    for name in stay {
        headers.remove(name);
    }
}

/// The headers of a request that is passed on at once: all end-to-end ones, with `Via` and `Forwarded` (RFC 7239).
#[must_use]
pub fn forwarded(headers: &HeaderMap, peer: &Peer) -> HeaderMap {
    let named = Named::by_connection(headers);
    let mut passed = HeaderMap::with_capacity(headers.len() + 2);
    for (name, value) in headers {
        if named.passes(name) && !is_of_the_request_line(name) {
            passed.append(name, value.clone());
        }
    }
    passed.append(VIA, OUR_VIA);
    if let Some(element) = forwarded_element(headers.get(HOST), peer) {
        passed.append(FORWARDED, element);
    }
    passed
}

/// `for=192.0.2.1;host="shop.example:8080";proto=http`.
fn forwarded_element(host: Option<&HeaderValue>, peer: &Peer) -> Option<HeaderValue> {
    let mut element = match peer {
        Peer::Tcp(address) if address.is_ipv6() => format!("for=\"[{}]\"", address.ip()),
        Peer::Tcp(address) => format!("for={}", address.ip()),
        Peer::Unix => "for=unknown".to_owned(),
    };
    if let Some(host) = host.and_then(|host| host.to_str().ok()).filter(|host| !host.is_empty()) {
        element.push_str(";host=");
        element.push_str(&quoted_if_needed(host));
    }
    element.push_str(";proto=http");
    HeaderValue::try_from(element).ok()
}

/// A token as it is, anything else as a quoted string (RFC 9110, section 5.6).
fn quoted_if_needed(text: &str) -> Cow<'_, str> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if text.bytes().all(is_token) {
        return Cow::Borrowed(text);
    }
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    Cow::Owned(format!("\"{escaped}\""))
}

/// The headers of a request that is kept and passed on later: all end-to-end ones.
///
/// # Errors
/// 400 for a value that is not UTF-8: it could not be kept as it is.
pub fn end_to_end(headers: &HeaderMap) -> Result<Headers, Problem> {
    let named = Named::by_connection(headers);
    strict(headers, |name| named.passes(name) && !is_of_the_request_line(name) && !is_for_the_gateway(name))
}

/// The headers of a request that travel over a broker: the default set, and `extra` (lower case).
///
/// # Errors
/// 400 for a value that is not UTF-8.
pub fn travelling(headers: &HeaderMap, extra: &[CompactString]) -> Result<Headers, Problem> {
    let named = Named::by_connection(headers);
    let is_wanted = |name: &str| TRAVELLING.contains(&name) || extra.iter().any(|extra| extra == name);
    strict(headers, |name| is_wanted(name.as_str()) && named.passes(name))
}

/// The headers of an answer that comes as a request: those that describe its body.
///
/// # Errors
/// 400 for a value that is not UTF-8.
pub fn answer(headers: &HeaderMap) -> Result<Headers, Problem> {
    let named = Named::by_connection(headers);
    strict(headers, |name| OF_A_RESULT.contains(&name.as_str()) && named.passes(name))
}

/// The headers of an answer that is kept: all end-to-end ones. A value that is not UTF-8 is left out: the answer
/// counts more than one header of it.
#[must_use]
pub fn to_answer(headers: &HeaderMap) -> Headers {
    let named = Named::by_connection(headers);
    let passes = |name: &HeaderName| named.passes(name) && name != http::header::CONTENT_LENGTH;
    let kept = headers.iter().filter(|(name, _)| passes(name));
    kept.filter_map(|(name, value)| Some((name.as_str().into(), utf8(value)?))).collect()
}

/// The headers of a request made of a message. Names and values that HTTP does not allow are left out, and so is what
/// would break the framing or lead elsewhere: a message may come from anybody who can reach the broker. There is room
/// for `more` of the caller's own.
#[must_use]
pub fn from_message(headers: &Headers, more: usize) -> HeaderMap {
    let is_for_http = |name: &str| !message::ALL.contains(&name);
    let count = headers.iter().filter(|(name, _)| is_for_http(name)).count();
    let mut map = HeaderMap::with_capacity(count + more);
    for (name, value) in headers.iter().filter(|(name, _)| is_for_http(name)) {
        let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else { continue };
        let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) else { continue };
        if !HOP_BY_HOP.contains(&name.as_str()) && !is_of_the_request_line(&name) {
            map.append(name, value);
        }
    }
    map
}

fn strict(headers: &HeaderMap, passes: impl Fn(&HeaderName) -> bool) -> Result<Headers, Problem> {
    let wanted = headers.iter().filter(|(name, _)| passes(name));
    wanted
        .map(|(name, value)| {
            let value = utf8(value).ok_or_else(|| {
                Problem::new(Code::BadRequest, format!("the header `{name}` is not UTF-8: it cannot travel"))
            })?;
            Ok((name.as_str().into(), value))
        })
        .collect()
}

fn utf8(value: &HeaderValue) -> Option<CompactString> {
    str::from_utf8(value.as_bytes()).ok().map(CompactString::from)
}

#[cfg(test)]
mod tests;
