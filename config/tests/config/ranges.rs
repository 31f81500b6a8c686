//! The ranges that the docs of the keys name are the ones that hold: both ends are taken, what is beyond is refused.

use std::path::Path;

use serde_json::Value;
use sidegate_config::{parse, schema};

use crate::examples::properties;

const UNITS: [(&str, u64); 9] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("ms", 1),
    ("m", 60_000),
    ("s", 1_000),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("B", 1),
];

/// A config in which `key` of the table at `path` is `value`.
fn config(path: &str, key: &str, value: &str) -> String {
    let line = format!("{key} = {value}\n");
    let tables = match path {
        "/gateway" => line,
        "/gateway/limits" => format!("[gateway.limits]\n{line}"),
        "/store" => format!("[store]\n{line}"),
        "/route" => {
            format!("[[route]]\nhttp = \"POST /a\"\ncall = \"POST http://h/\"\nreply = \"poll\"\n{line}")
        }
        "/route/retry" => return config("/route", "retry", &in_retry(key, value)),
        "/consumer" => format!(
            "[broker.b]\nurl = \"embedded:\"\n[[consumer]]\nreceive = \"a\"\ncall = \"POST http://h/\"\n{line}"
        ),
        "/consumer/retry" => return config("/consumer", "retry", &in_retry(key, value)),
        "/consumer/health" => {
            return config(
                "/consumer",
                "health",
                &format!("{{ call = \"GET http://h/\", {key} = {value} }}"),
            );
        }
        "/consumer/breaker" => return config("/consumer", "breaker", &format!("{{ {key} = {value} }}")),
        other => panic!("a table of its own: {other}"),
    };
    let gateway = if path == "/gateway" { tables } else { format!("\n{tables}") };
    format!("[gateway]\nname = \"x\"\n{gateway}")
}

/// The first pause is never the longer one here.
fn in_retry(key: &str, value: &str) -> String {
    let first = if key == "max" { ", first = \"1ms\"" } else { "" };
    format!("{{ {key} = {value}{first} }}")
}

fn is_taken(path: &str, key: &str, value: &str) -> bool {
    parse(&config(path, key, value), "range.toml", Path::new(""), &|_| None).is_ok()
}

/// `A to B` of a description.
fn range(about: &str) -> Option<(&str, &str)> {
    let (before, after) = about
        .split_once(" to ")
        .filter(|(before, _)| before.ends_with(|c: char| c.is_ascii_alphanumeric()))?;
    let least = before.rsplit(' ').next()?;
    let most = after.split(' ').next()?.trim_end_matches(['.', ';']);
    let is_number = |text: &str| text.starts_with(|char: char| char.is_ascii_digit());
    if is_number(least) && is_number(most) { Some((least, most)) } else { range(after) }
}

/// A bound as TOML, and the same a little lower and higher.
fn around(bound: &str) -> [String; 3] {
    if let Some((number, scale, unit)) = with_unit(bound) {
        let smallest = if unit.ends_with('B') { "B" } else { "ms" };
        let other = |quantity: u64| format!("\"{quantity}{smallest}\"");
        return [
            other((number * scale).saturating_sub(1)),
            format!("\"{bound}\""),
            other(number * scale + 1),
        ];
    }
    if bound.contains('.') {
        let number: f64 = bound.parse().expect(bound);
        return [format!("{:.1}", number - 0.1), bound.to_owned(), format!("{:.1}", number + 0.1)];
    }
    let number: i64 = bound.replace(',', "").parse().expect(bound);
    [number - 1, number, number + 1].map(|number| number.to_string())
}

fn with_unit(bound: &str) -> Option<(u64, u64, &'static str)> {
    let (unit, scale) = UNITS.into_iter().find(|(unit, _)| bound.ends_with(unit))?;
    Some((bound.trim_end_matches(unit).parse().ok()?, scale, unit))
}

#[test]
fn a_key_takes_what_its_docs_say_and_nothing_beyond() {
    let mut checked = 0;
    properties(&schema(), "", &mut |path: &str, property: &Value| {
        let Some((least, most)) = property["description"].as_str().and_then(range) else { return };
        let (table, key) = path.rsplit_once('/').expect("a path");
        let ([below, least, _], [_, most, above]) = (around(least), around(most));
        assert!(is_taken(table, key, &least), "{path} takes {least}");
        assert!(is_taken(table, key, &most), "{path} takes {most}");
        assert!(!is_taken(table, key, &above), "{path} refuses {above}");
        assert!(
            below == "\"0ms\"" && least == "\"0s\"" || !is_taken(table, key, &below),
            "{path} refuses {below}"
        );
        checked += 1;
    });
    assert!(checked > 30, "most keys have a range in their docs, not {checked}");
}
