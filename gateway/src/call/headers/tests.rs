//! What passes and what does not, header by header.

use http::header::{HeaderMap, HeaderName, HeaderValue};

use super::{answer, end_to_end, forwarded, from_message, strip_hop_by_hop, to_answer, travelling};
use crate::call::Peer;

fn map(headers: &[(&'static str, &'static str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    map
}

fn names(headers: &HeaderMap) -> Vec<&str> {
    headers.keys().map(HeaderName::as_str).collect()
}

fn tcp(address: &str) -> Peer {
    Peer::Tcp(address.parse().expect("an address"))
}

const HOP_BY_HOP: [(&str, &str); 9] = [
    ("connection", "close"),
    ("keep-alive", "timeout=5"),
    ("proxy-connection", "keep-alive"),
    ("te", "trailers"),
    ("trailer", "x-checksum"),
    ("transfer-encoding", "chunked"),
    ("upgrade", "h2c"),
    ("proxy-authenticate", "Basic"),
    ("proxy-authorization", "Basic secret"),
];

#[test]
fn hop_by_hop_headers_pass_in_neither_direction() {
    for (name, value) in HOP_BY_HOP {
        let headers = map(&[(name, value), ("x-tenant", "a")]);
        assert!(
            !forwarded(&headers, &tcp("192.0.2.1:1")).contains_key(name),
            "{name} stays here on the way out"
        );
        let mut back = headers.clone();
        strip_hop_by_hop(&mut back);
        assert_eq!(names(&back), ["x-tenant"], "{name} stays here on the way back");
        assert_eq!(
            to_answer(&headers),
            [("x-tenant".into(), "a".into())],
            "{name} is not kept with an answer"
        );
        assert_eq!(
            end_to_end(&headers).expect("UTF-8"),
            [("x-tenant".into(), "a".into())],
            "{name} is not kept"
        );
    }
}

#[test]
fn every_connection_header_is_heard_whatever_its_case_and_spaces() {
    let mut headers = map(&[
        ("connection", "close, X-One ,"),
        ("connection", "x-two"),
        ("x-one", "1"),
        ("x-two", "2"),
        ("x-three", "3"),
    ]);
    assert_eq!(end_to_end(&headers).expect("UTF-8"), [("x-three".into(), "3".into())]);
    strip_hop_by_hop(&mut headers);
    assert_eq!(names(&headers), ["x-three"]);
}

#[test]
fn a_route_cannot_make_a_header_travel_that_connection_names() {
    let headers = map(&[("connection", "x-tenant"), ("x-tenant", "a"), ("content-type", "text/plain")]);
    let travels = travelling(&headers, &["x-tenant".into(), "connection".into()]).expect("UTF-8");
    assert_eq!(travels, [("content-type".into(), "text/plain".into())]);
}

#[test]
fn the_default_set_and_the_routes_headers_travel_and_nothing_else() {
    let headers = map(&[
        ("content-type", "application/json"),
        ("authorization", "Bearer secret"),
        ("cookie", "a=b"),
        ("traceparent", "00-1-2-01"),
        ("x-tenant", "a"),
        ("x-tenant", "b"),
        ("user-agent", "test"),
    ]);
    let travels = travelling(&headers, &["x-tenant".into()]).expect("UTF-8");
    let expected = [
        ("content-type", "application/json"),
        ("traceparent", "00-1-2-01"),
        ("x-tenant", "a"),
        ("x-tenant", "b"),
    ];
    assert_eq!(travels, expected.map(|(name, value)| (name.into(), value.into())));
}

#[test]
fn a_value_that_is_not_utf8_is_refused_in_a_request_and_left_out_of_an_answer() {
    let mut headers = map(&[("content-type", "text/plain")]);
    headers.insert("x-tenant", HeaderValue::from_bytes(b"\xff").expect("HTTP allows it"));
    let refused = travelling(&headers, &["x-tenant".into()]).expect_err("it cannot travel");
    assert_eq!(refused.code.status(), 400);
    assert!(refused.detail.contains("x-tenant"), "the client learns which header: {}", refused.detail);
    assert!(travelling(&headers, &[]).is_ok(), "what does not travel is nobody's concern");
    assert_eq!(to_answer(&headers), [("content-type".into(), "text/plain".into())]);
}

#[test]
fn a_call_says_who_asked_after_what_earlier_proxies_said() {
    let headers =
        map(&[("host", "shop.example:8080"), ("via", "1.0 edge"), ("forwarded", "for=198.51.100.7")]);
    let passed = forwarded(&headers, &tcp("192.0.2.1:40000"));
    let all = |name: &str| {
        passed.get_all(name).iter().map(|value| value.to_str().expect("ASCII")).collect::<Vec<_>>()
    };
    assert_eq!(all("via"), ["1.0 edge", "1.1 sidegate"]);
    assert_eq!(all("forwarded"), ["for=198.51.100.7", "for=192.0.2.1;host=\"shop.example:8080\";proto=http"]);
    assert!(!passed.contains_key("host"), "whom the gateway asks is not what the client asked for");
}

#[test]
fn a_client_cannot_break_out_of_the_quotes_of_forwarded() {
    let headers = map(&[("host", r#"a";for="10.0.0.1\"#)]);
    let passed = forwarded(&headers, &tcp("[2001:db8::1]:1"));
    assert_eq!(passed["forwarded"], r#"for="[2001:db8::1]";host="a\";for=\"10.0.0.1\\";proto=http"#);
    let local = forwarded(&map(&[("host", "localhost")]), &Peer::Unix);
    assert_eq!(local["forwarded"], "for=unknown;host=localhost;proto=http");
}

#[test]
fn a_message_cannot_bring_headers_that_frame_or_redirect_a_request() {
    let evil = [
        ("transfer-encoding", "chunked"),
        ("content-length", "5"),
        ("host", "elsewhere"),
        ("connection", "x-tenant"),
        ("expect", "100-continue"),
        ("bad name", "x"),
        ("x-bad-value", "a\r\nx-injected: 1"),
        ("x-tenant", "ä"),
    ];
    let headers = evil.map(|(name, value)| (name.into(), value.into())).to_vec();
    let request = from_message(&headers, 0);
    assert_eq!(names(&request), ["x-tenant"]);
    assert_eq!(request["x-tenant"].as_bytes(), "ä".as_bytes(), "a value comes out as it went in");
}

#[test]
fn an_outcome_over_http_keeps_what_describes_the_result_only() {
    let headers = map(&[
        ("host", "gateway"),
        ("authorization", "Bearer secret"),
        ("content-type", "application/json"),
        ("content-length", "2"),
        ("location", "/orders/7"),
        ("sidegate-status", "201"),
    ]);
    let expected = [("content-type", "application/json"), ("location", "/orders/7")];
    assert_eq!(answer(&headers).expect("UTF-8"), expected.map(|(name, value)| (name.into(), value.into())));
}
