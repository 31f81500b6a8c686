//! Requests, encoded once and sent as they are.

use bytes::Bytes;

/// JSON of exactly 1,024 bytes, like an order with a note.
pub(crate) fn json_of_1_kib() -> String {
    const BYTES: usize = 1_024;
    const START: &str = r#"{"order_id":"o-000001","customer_id":"cust-0001","amount":12000,"note":""#;
    const END: &str = "\"}";
    let note = "x".repeat(BYTES - START.len() - END.len());
    [START, &note, END].concat()
}

/// A POST with that body.
pub(crate) fn post(path: &str) -> Bytes {
    post_of(path, &json_of_1_kib())
}

/// A POST with a JSON body.
pub(crate) fn post_of(path: &str, body: &str) -> Bytes {
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    );
    Bytes::from([head.as_str(), body].concat())
}

/// A GET.
pub(crate) fn get(path: &str) -> Bytes {
    Bytes::from(format!("GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_body_is_json_of_one_kibibyte() {
        let body = super::json_of_1_kib();
        assert_eq!(body.len(), 1_024, "the tables say 1 KiB");
        serde_json::from_str::<serde_json::Value>(&body).expect("gateways and services may read it");
    }
}
