//! `routes`: what is served and received, and where each leads.

use std::io::{self, Write};

use serde_json::{Value, json};
use sidegate_config::Settings;

use super::args::{Global, OutputFormat};
use super::failure::Failure;
use super::table::Table;
use super::{config, output};
use crate::describe;

pub(super) fn run(global: &Global, format: OutputFormat) -> Result<(), Failure> {
    let document = document(&config::load(global)?.settings);
    match format {
        OutputFormat::Json => output::json(&document)?,
        OutputFormat::Human => write(&mut output::stdout(), &document)?,
    }
    Ok(())
}

fn document(settings: &Settings) -> Value {
    json!({
        "routes": settings.routes.iter().map(|route| describe::route(route)).collect::<Vec<_>>(),
        "consumers": settings.consumers.iter().map(|consumer| describe::consumer(consumer)).collect::<Vec<_>>(),
    })
}

fn write(out: &mut dyn Write, document: &Value) -> io::Result<()> {
    let items = |name: &str| document[name].as_array().cloned().unwrap_or_default();
    let mut routes = Table::new(&["route", "http", "leads to", "reply", "timeout", "record"]);
    for route in items("routes") {
        routes.row(vec![
            text(&route, "name").into(),
            format!("{} {}", text(&route, "method"), text(&route, "path")).into(),
            format!("{} {}", text(&route, "kind"), with_broker(&route, text(&route, "to"))).into(),
            reply(&route).into(),
            duration(&route["timeout_ms"]).into(),
            if route["durable"] == true { "durable" } else { "none" }.into(),
        ]);
    }
    let mut consumers = Table::new(&["consumer", "takes", "calls", "at once", "attempts", "timeout"]);
    for consumer in items("consumers") {
        consumers.row(vec![
            text(&consumer, "name").into(),
            format!("{} {}", text(&consumer, "kind"), with_broker(&consumer, text(&consumer, "from"))).into(),
            text(&consumer, "to").into(),
            consumer["concurrency"].to_string().into(),
            consumer["attempts"].to_string().into(),
            duration(&consumer["timeout_ms"]).into(),
        ]);
    }
    routes.write(out)?;
    if !routes.is_empty() && !consumers.is_empty() {
        writeln!(out)?;
    }
    consumers.write(out)
}

fn text<'a>(item: &'a Value, name: &str) -> &'a str {
    item[name].as_str().unwrap_or_default()
}

fn with_broker(item: &Value, destination: &str) -> String {
    match item["broker"].as_str() {
        Some(broker) => format!("{destination} ({broker})"),
        None => destination.to_owned(),
    }
}

fn reply(route: &Value) -> String {
    match route["hold_ms"].is_null() {
        true => text(route, "reply").to_owned(),
        false => format!("{} {}", text(route, "reply"), duration(&route["hold_ms"])),
    }
}

/// As a config writes it: the largest unit that is whole.
fn duration(ms: &Value) -> String {
    let ms = ms.as_u64().unwrap_or(0);
    let units = [("h", 3_600_000), ("m", 60_000), ("s", 1_000)];
    let whole = units.into_iter().find(|(_, unit_ms)| ms > 0 && ms.is_multiple_of(*unit_ms));
    let (unit, unit_ms) = whole.unwrap_or(("ms", 1));
    format!("{}{unit}", ms / unit_ms)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{document, duration, write};
    use crate::describe::sample;

    #[test]
    fn durations_read_as_a_config_writes_them() {
        let written = [250, 30_000, 90_000, 86_400_000, 0].map(|ms| duration(&json!(ms)));
        assert_eq!(written, ["250ms", "30s", "90s", "24h", "0ms"]);
    }

    #[test]
    fn the_table_says_of_each_route_and_consumer_where_it_leads() {
        let mut out = Vec::new();
        write(&mut anstream::StripStream::new(&mut out), &document(&sample::settings())).expect("memory");
        let text = String::from_utf8(out).expect("UTF-8");
        let has = |words: &[&str]| text.lines().any(|line| words.iter().all(|word| line.contains(word)));
        assert!(
            has(&["create-order", "POST /orders", "send orders.create (main)", "poll", "30s", "durable"]),
            "{text}"
        );
        assert!(
            has(&["files", "GET /files/{*rest}", "call GET http://127.0.0.1:3000/files/", "none"]),
            "{text}"
        );
        assert!(has(&["POST /regions/{region}/orders", "wait 2s"]), "a hold is shown: {text}");
        assert!(has(&[
            "on-customer",
            "subscribe customers.changed (main)",
            "POST http://127.0.0.1:3000/customers"
        ]));
    }
}
