//! `operations list`, `show`, `cancel`: what a running gateway knows of its operations.

use std::io::{self, Write};

use serde_json::Value;

use super::admin::{AdminPlane, segment};
use super::args::{Global, OperationsCommand, OperationsList, OutputFormat};
use super::failure::Failure;
use super::output::{self, fields};
use super::table::{Cell, Table, status_style};
use super::when;
use crate::clock;
use crate::status::rfc3339;

pub(super) fn run(global: &Global, command: &OperationsCommand) -> Result<(), Failure> {
    match command {
        OperationsCommand::List(list) => self::list(global, list),
        OperationsCommand::Show { id, ask } => {
            let operation =
                AdminPlane::of(global, &ask.admin)?.get(&format!("/operations/{}", segment(id)), &[])?;
            show(&operation, ask.output.format)
        }
        OperationsCommand::Cancel { id, ask } => {
            let operation = AdminPlane::of(global, &ask.admin)?
                .post(&format!("/operations/{}/cancel", segment(id)), None)?;
            show(&operation, ask.output.format)
        }
    }
}

fn list(global: &Global, list: &OperationsList) -> Result<(), Failure> {
    let mut query = list.page.query();
    query.extend(list.status.map(|status| ("status", status.to_string())));
    query.extend(list.route.clone().map(|route| ("route", route)));
    query.extend(list.correlation.clone().map(|correlation| ("correlation", correlation)));
    query.extend(list.since.map(|since| ("since", rfc3339(since))));
    let page = AdminPlane::of(global, &list.ask.admin)?.get("/operations", &query)?;
    output::page(
        &page,
        list.ask.output.format,
        "no operations",
        &["id", "status", "route", "attempts", "created", "correlation"],
        row,
    )
}

fn row(operation: &Value) -> Vec<Cell> {
    let text = |name: &str| operation[name].as_str().unwrap_or_default().to_owned();
    let correlation =
        if operation["correlation_id"] == operation["id"] { String::new() } else { text("correlation_id") };
    vec![
        text("id").into(),
        Cell::styled(text("status"), status_style(&text("status"))),
        text("route").into(),
        operation["attempts"].to_string().into(),
        when::with_age(&text("created_at"), clock::now()).into(),
        correlation.into(),
    ]
}

fn show(operation: &Value, format: OutputFormat) -> Result<(), Failure> {
    match format {
        OutputFormat::Json => output::json(operation)?,
        OutputFormat::Human => write(&mut output::stdout(), operation)?,
    }
    Ok(())
}

fn write(out: &mut dyn Write, operation: &Value) -> io::Result<()> {
    let now = clock::now();
    let text = |name: &str| operation[name].as_str().unwrap_or("-").to_owned();
    let time = |name: &str| operation[name].as_str().map_or("-".to_owned(), |at| when::with_age(at, now));
    let style = status_style(&text("status"));
    let mut known = vec![
        ("id", text("id")),
        ("status", format!("{}{}{}", style.render(), text("status"), style.render_reset())),
        ("route", text("route")),
        ("correlation", text("correlation_id")),
        ("created", time("created_at")),
        ("updated", time("updated_at")),
        ("deadline", time("deadline")),
        ("expires", time("expires_at")),
        ("attempts", operation["attempts"].to_string()),
        ("outcome", outcome(&operation["outcome"])),
    ];
    known.extend(operation["redrive_of"].as_str().map(|id| ("redrive of", id.to_owned())));
    fields(out, &known)?;
    timeline(out, operation)
}

fn outcome(outcome: &Value) -> String {
    match outcome["status"].as_u64() {
        None => "-".to_owned(),
        Some(status) => {
            let media_type = outcome["content_type"].as_str().unwrap_or("no media type");
            format!("{status}, {media_type}, {} bytes", outcome["bytes"])
        }
    }
}

fn timeline(out: &mut dyn Write, operation: &Value) -> io::Result<()> {
    let Some(entries) = operation["timeline"].as_array() else { return Ok(()) };
    let mut table = Table::new(&["at", "event"]);
    for entry in entries {
        let text = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
        table.row(vec![when::with_age(&text("at"), clock::now()).into(), text("event").into()]);
    }
    writeln!(out)?;
    table.write(out)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::write;

    #[test]
    fn an_operation_is_shown_with_its_outcome_and_timeline() {
        let operation = json!({
            "id": "op", "route": "create-order", "status": "failed", "correlation_id": "order-1",
            "created_at": "2026-03-01T12:00:00.000Z", "attempts": 5,
            "outcome": { "status": 502, "content_type": "application/problem+json", "bytes": 300 },
            "timeline": [{ "at": "2026-03-01T12:00:00.000Z", "event": "accepted" }],
        });
        let mut out = Vec::new();
        write(&mut anstream::StripStream::new(&mut out), &operation).expect("writing to memory");
        let text = String::from_utf8(out).expect("UTF-8");
        for line in ["status       failed", "outcome      502, application/problem+json, 300 bytes"] {
            assert!(text.lines().any(|l| l == line), "`{line}` is missing in:\n{text}");
        }
        assert!(text.contains("accepted"), "the timeline belongs to it");
    }
}
