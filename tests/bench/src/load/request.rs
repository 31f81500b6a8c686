//! Requests, encoded once and sent as they are.

use bytes::Bytes;

/// What most tables are measured with.
const BYTES: usize = 1_024;

/// JSON of exactly so many bytes, like an order with a note; the order alone takes almost 100.
pub(crate) fn json_of(bytes: usize) -> String {
    const START: &str = r#"{"order_id":"o-000001","customer_id":"cust-0001","amount":12000,"note":""#;
    const END: &str = "\"}";
    let note = "x".repeat(bytes.saturating_sub(START.len() + END.len()));
    [START, &note, END].concat()
}

/// JSON of 1 KiB.
pub(crate) fn json_of_1_kib() -> String {
    json_of(BYTES)
}

/// A POST of 1 KiB.
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
    fn bodies_are_json_of_the_size_that_the_tables_say() {
        for bytes in [512, 1_024] {
            let body = super::json_of(bytes);
            assert_eq!(body.len(), bytes, "to the byte");
            serde_json::from_str::<serde_json::Value>(&body).expect("gateways and services may read it");
        }
    }
}
