//! What a command printed, against what the document says that it prints.
//!
//! Ids, times and what follows from them are masked on both sides. A JSON body is indented on both sides: it is read by
//! people here. A line of the document that ends in `…` stands for any line that begins so.

use std::sync::LazyLock;

use regex::Regex;

/// What differs from run to run, and the word that takes its place.
static MASKS: LazyLock<Vec<(Regex, &'static str)>> = LazyLock::new(|| {
    let masks = [
        (r"(?m)(^|[^A-Za-z0-9_-])[A-Za-z0-9_-]{32}($|[^A-Za-z0-9_-])", "${1}<id>${2}"),
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "<time>"),
        (r"(?m)^date: .*$", "date: <date>"),
        (r#"(?m)^etag: "\d+"$"#, "etag: <revision>"),
        (r"(?m)^id: \d+$", "id: <revision>"),
    ];
    masks.map(|(pattern, word)| (Regex::new(pattern).expect("a pattern"), word)).into()
});

/// Whether `printed` is what the document says.
pub(crate) fn agrees(documented: &str, printed: &str) -> bool {
    let (documented, printed) = (masked(&tidy(documented)), masked(&tidy(printed)));
    let (documented, printed): (Vec<&str>, Vec<&str>) =
        (documented.lines().collect(), printed.lines().collect());
    documented.len() == printed.len()
        && documented.iter().zip(&printed).all(|(line, printed)| same(line, printed))
}

fn same(documented: &str, printed: &str) -> bool {
    documented.strip_suffix('…').map_or(documented == printed, |begin| printed.starts_with(begin))
}

fn masked(text: &str) -> String {
    MASKS.iter().fold(text.to_owned(), |text, (pattern, word)| pattern.replace_all(&text, *word).into_owned())
}

/// As it stands in a document: plain line ends, no space behind, a JSON body indented.
pub(crate) fn tidy(text: &str) -> String {
    let text: Vec<&str> = text.lines().map(str::trim_end).collect();
    let text = text.join("\n");
    let text = text.trim();
    let (head, body) = text.split_once("\n\n").unwrap_or(("", text));
    match indented(body) {
        Some(body) if head.is_empty() => body,
        Some(body) => format!("{head}\n\n{body}"),
        None => text.to_owned(),
    }
}

fn indented(body: &str) -> Option<String> {
    let value: serde_json::Value = serde_json::from_str(body).ok()?;
    if value.is_object() || value.is_array() { serde_json::to_string_pretty(&value).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::{agrees, tidy};

    #[test]
    fn an_id_is_masked_whatever_it_ends_with() {
        let line = |end: char| format!("location: /operations/GcH6sEkAAAHK2v3nYbQ0T8xkL5dWmZ1{end}/result");
        assert!(agrees(&line('-'), &line('r')), "ids end in any of their characters");
        assert!(
            !agrees(&line('-'), &line('r').replace("/result", "/events")),
            "what stands behind them counts"
        );
    }

    const DOCUMENTED: &str = "HTTP/1.1 202 Accepted\ndate: Sun, 01 Mar 2026 12:00:00 GMT\n\n{\n  \"at\": \
                              \"2026-03-01T12:00:00.000Z\",\n  \"status\": \"pending\"\n}\n";

    #[test]
    fn ids_and_times_may_differ_and_nothing_else() {
        let printed = |status: &str| {
            format!(
                "HTTP/1.1 {status}\r\ndate: Mon, 02 Mar 2026 07:30:00 GMT\r\n\r\n\
                 {{\"at\":\"2027-01-01T00:00:00.123Z\",\"status\":\"pending\"}}"
            )
        };
        assert!(agrees(DOCUMENTED, &printed("202 Accepted")), "another time is the same transcript");
        assert!(!agrees(DOCUMENTED, &printed("200 OK")), "another status is not");
        let other = printed("202 Accepted").replace("pending", "sent");
        assert!(!agrees(DOCUMENTED, &other), "another member of the body is not");
    }

    #[test]
    fn a_shortened_line_stands_for_what_begins_so() {
        assert!(agrees("event: end\ndata: {\"id\":…", "event: end\ndata: {\"id\":\"1\"}"));
        assert!(!agrees("event: end\ndata: {\"id\":…", "event: end\ndata: none"));
        assert!(!agrees("event: end\ndata: {\"id\":…", "event: end"), "a missing line is missed");
    }

    #[test]
    fn a_body_that_is_json_is_indented() {
        assert_eq!(tidy("{\"a\":1}"), "{\n  \"a\": 1\n}");
        assert_eq!(tidy("plain \r\ntext\r\n"), "plain\ntext");
    }
}
