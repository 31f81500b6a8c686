//! The tables of `docs/configuration.md` are the ones of the JSON Schema: written by this test, held by this test.

use std::fmt::Write as _;
use std::fs;

use serde_json::Value;
use sidegate_config::schema;

use crate::folder;

/// Marks in the page, and where in the schema the table between them comes from.
const TABLES: [(&str, &str); 10] = [
    ("gateway", "/properties/gateway"),
    ("limits", "/properties/gateway/properties/limits"),
    ("store", "/properties/store"),
    ("broker", "/properties/broker/additionalProperties"),
    ("names", "/properties/broker/additionalProperties/properties/names"),
    ("route", "/properties/route/items"),
    ("consumer", "/properties/consumer/items"),
    ("retry", "/properties/consumer/items/properties/retry"),
    ("health", "/properties/consumer/items/properties/health"),
    ("breaker", "/properties/consumer/items/properties/breaker"),
];

#[test]
fn the_reference_tells_every_key_with_its_default() {
    let path = folder::at("../docs/configuration.md");
    let mut page = fs::read_to_string(&path).expect("the reference page");
    let schema = schema();
    for (mark, pointer) in TABLES {
        let table = table(schema.pointer(pointer).expect(pointer));
        page = replaced(&page, mark, &table);
    }
    assert!(folder::holds(&path, &page), "run the tests once with UPDATE=1: keys or defaults have changed");
}

/// The page with what stands between `<!-- keys: MARK -->` and `<!-- end -->` replaced.
fn replaced(page: &str, mark: &str, table: &str) -> String {
    let begin = format!("<!-- keys: {mark} -->\n");
    let (before, rest) = page.split_once(&begin).unwrap_or_else(|| panic!("the page needs `{begin}`"));
    let (_, after) = rest.split_once("<!-- end -->").expect("an end to the table");
    format!("{before}{begin}\n{table}\n<!-- end -->{after}")
}

fn table(schema: &Value) -> String {
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let mut out = String::from("| key | value | default | meaning |\n|---|---|---|---|\n");
    for (key, property) in schema["properties"].as_object().expect("keys") {
        let default = match property.get("default") {
            Some(default) => format!("`{}`", as_toml(default)),
            None if required.contains(&Value::from(key.as_str())) => "**required**".to_owned(),
            None => String::new(),
        };
        let about = property["description"].as_str().unwrap_or_default();
        writeln!(out, "| `{key}` | {} | {default} | {about} |", kind(property)).expect("a string");
    }
    out
}

fn as_toml(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(as_toml).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

fn kind(property: &Value) -> String {
    let words: Vec<String> = property["anyOf"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|word| Some(format!("`\"{}\"`", word["const"].as_str()?)))
        .collect();
    let pattern = property["pattern"].as_str().unwrap_or_default();
    match property["type"].as_str() {
        None if property["anyOf"].to_string().contains("ms|s|m") => {
            format!("duration or {}", words.join(", "))
        }
        None => words.join(", "),
        Some("string") if pattern.contains("ms|s|m") => "duration".to_owned(),
        Some("string") if pattern.contains("KiB") => "size".to_owned(),
        Some("array") => format!("list of {}", kind(&property["items"])),
        Some("object") if property.get("properties").is_none() => "table of names".to_owned(),
        Some("object") => "table".to_owned(),
        Some("integer" | "number") => "number".to_owned(),
        Some(other) => other.to_owned(),
    }
}
