//! `docs/adapters.md` lists the options that the adapters take, all of them and no others.

use std::collections::BTreeSet;
use std::fs;

use sidegate_tests::workspace_root;

use crate::markdown::Document;

/// Each with its section.
const ADAPTERS: [(&str, &str); 4] = [
    ("nats", "\n### NATS\n"),
    ("rabbitmq", "\n### RabbitMQ\n"),
    ("kafka", "\n### Kafka\n"),
    ("redis", "\n### Redis\n"),
];
/// The section says of them once what they are.
const COMMON: &str = "\n## Topology and options\n";

#[test]
fn every_option_of_an_adapter_is_documented_and_every_documented_one_is_taken() {
    let document = Document::read("docs/adapters.md");
    let common = names(between(&document.text, COMMON, "\n### "));
    for (adapter, heading) in ADAPTERS {
        let section = between(&document.text, heading, "\n### ");
        let rows = section.lines().filter(|line| line.starts_with("| `"));
        let columns: String = rows.filter_map(|row| row.split('|').nth(1)).collect();
        let documented: BTreeSet<&str> = names(&columns);
        let source = fs::read_to_string(workspace_root().join(format!("adapters/{adapter}/src/options.rs")));
        let source = source.expect("an adapter's options are in `options.rs`");
        let taken: BTreeSet<&str> =
            between(&source, "const KNOWN", "];").split('"').skip(1).step_by(2).collect();
        assert!(!taken.is_empty(), "`KNOWN` lists the options of {adapter}");
        let unsaid: Vec<_> = taken.difference(&documented).filter(|name| !common.contains(*name)).collect();
        let untaken: Vec<_> = documented.difference(&taken).collect();
        assert!(
            unsaid.is_empty() && untaken.is_empty(),
            "{adapter}: unsaid {unsaid:?}, not taken {untaken:?}"
        );
    }
}

fn between<'t>(text: &'t str, from: &str, to: &str) -> &'t str {
    let (_, rest) = text.split_once(from).unwrap_or_else(|| panic!("{from:?} is not there"));
    rest.split(to).next().unwrap_or_default()
}

/// What stands in backticks.
fn names(text: &str) -> BTreeSet<&str> {
    text.split('`').skip(1).step_by(2).collect()
}
