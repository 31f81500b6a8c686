//! The document: measured parts stand between markers and are replaced; what people wrote around them stays.

/// What a new document begins with.
pub(super) const NEW: &str = "\
# Benchmarks

Everything here comes from one command, which builds what it measures, runs floors and Sidegate in turn, and writes
the tables below:

```sh
cargo run --release -p sidegate-bench
```

Load generator, services and gateway share one machine. Ratios are medians of ratios within a round; other numbers are
medians over rounds. The load is a closed loop where a table says nothing else: each connection sends its next request
when it has its answer, so latencies are those at full load. CPU time is that of the gateway's (or floor's) process alone.

A release build from nothing is timed by:

```sh
time cargo build --release -p sidegate --target-dir \"$(mktemp -d)\"
```
";

/// `document` with `content` as its part `name`; a part that it does not have is added at the end.
pub(super) fn put(document: &str, name: &str, title: &str, content: &str) -> String {
    let (begin, end) = (format!("<!-- measured: {name} -->"), format!("<!-- end: {name} -->"));
    let part = format!("{begin}\n{}\n{end}", content.trim_end());
    match span(document, &begin, &end) {
        Some((from, to)) => [&document[..from], &part, &document[to..]].concat(),
        None => format!("{}\n\n## {title}\n\n{part}\n", document.trim_end()),
    }
}

fn span(document: &str, begin: &str, end: &str) -> Option<(usize, usize)> {
    let from = document.find(begin)?;
    let to = from + document[from..].find(end)? + end.len();
    Some((from, to))
}

#[cfg(test)]
mod tests {
    use super::put;

    #[test]
    fn a_new_part_comes_to_the_end_and_is_replaced_from_then_on() {
        let first = put("# Benchmarks\n", "accept", "Durable accept", "| 1 |\n");
        let expected =
            "# Benchmarks\n\n## Durable accept\n\n<!-- measured: accept -->\n| 1 |\n<!-- end: accept -->\n";
        assert_eq!(first, expected);
        let second = put(&first, "accept", "Durable accept", "| 2 |\n");
        assert_eq!(second, expected.replace("| 1 |", "| 2 |"), "the old numbers are gone, nothing else is");
    }

    #[test]
    fn what_people_wrote_stays() {
        let written = put("", "accept", "Durable accept", "| 1 |") + "\nMost of the time goes into fsync.\n";
        let measured = put(&written, "accept", "Durable accept", "| 2 |");
        assert!(measured.ends_with("\nMost of the time goes into fsync.\n"), "{measured}");
        let more = put(&measured, "start", "Start to ready", "| 3 |");
        assert!(more.starts_with(measured.trim_end()), "other parts are left alone: {more}");
    }
}
