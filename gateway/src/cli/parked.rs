//! `parked list`, `show`, `redrive`, `discard`: the messages that wait for an operator.

use std::io::{self, Write};

use serde_json::Value;

use super::admin::AdminPlane;
use super::args::{Ask, Global, OutputFormat, Page, ParkedCommand, ParkedMessage};
use super::failure::Failure;
use super::output::{self, fields};
use super::table::Cell;
use super::when;
use crate::clock;

pub(super) fn run(global: &Global, command: &ParkedCommand) -> Result<(), Failure> {
    match command {
        ParkedCommand::List { page, ask } => list(global, page, ask),
        ParkedCommand::Show(message) => show(global, message),
        ParkedCommand::Redrive(message) => redrive(global, message),
        ParkedCommand::Discard(message) => discard(global, message),
    }
}

fn list(global: &Global, page: &Page, ask: &Ask) -> Result<(), Failure> {
    let page = AdminPlane::of(global, &ask.admin)?.get("/parked", &page.query())?;
    output::page(
        &page,
        ask.output.format,
        "nothing is parked",
        &["id", "consumer", "destination", "attempts", "parked", "reason"],
        row,
    )
}

fn row(message: &Value) -> Vec<Cell> {
    let text = |name: &str| message[name].as_str().unwrap_or_default().to_owned();
    vec![
        message["id"].to_string().into(),
        text("consumer").into(),
        text("destination").into(),
        message["attempts"].to_string().into(),
        when::with_age(&text("parked_at"), clock::now()).into(),
        text("reason").into(),
    ]
}

fn show(global: &Global, message: &ParkedMessage) -> Result<(), Failure> {
    let parked = AdminPlane::of(global, &message.ask.admin)?.get(&format!("/parked/{}", message.id), &[])?;
    match message.ask.output.format {
        OutputFormat::Json => output::json(&parked)?,
        OutputFormat::Human => write(&mut output::stdout(), &parked)?,
    }
    Ok(())
}

fn write(out: &mut dyn Write, message: &Value) -> io::Result<()> {
    let text = |name: &str| message[name].as_str().unwrap_or("-").to_owned();
    let time =
        |name: &str| message[name].as_str().map_or("-".to_owned(), |at| when::with_age(at, clock::now()));
    fields(
        out,
        &[
            ("id", message["id"].to_string()),
            ("consumer", text("consumer")),
            ("destination", format!("{} at {}", text("destination"), text("broker"))),
            ("kind", if message["event"] == true { "event".to_owned() } else { "command".to_owned() }),
            ("message id", text("message_id")),
            ("operation", text("operation_id")),
            ("key", text("key")),
            ("attempts", message["attempts"].to_string()),
            ("parked", time("parked_at")),
            ("expires", time("expires_at")),
            ("reason", text("reason")),
            (
                "last answer",
                message["last_answer"]["status"].as_u64().map_or("-".to_owned(), |status| status.to_string()),
            ),
        ],
    )?;
    writeln!(out)?;
    for header in message["headers"].as_array().into_iter().flatten() {
        writeln!(
            out,
            "{}: {}",
            header[0].as_str().unwrap_or_default(),
            header[1].as_str().unwrap_or_default()
        )?;
    }
    writeln!(out)?;
    match (message["body"].as_str(), message["body_base64"].as_str()) {
        (Some(body), _) => writeln!(out, "{body}"),
        (None, Some(body)) => writeln!(out, "(base64) {body}"),
        (None, None) => Ok(()),
    }
}

fn redrive(global: &Global, message: &ParkedMessage) -> Result<(), Failure> {
    let plane = AdminPlane::of(global, &message.ask.admin)?;
    let done = plane.post(&format!("/parked/{}/redrive", message.id), None)?;
    match (message.ask.output.format, done["operation"]["id"].as_str()) {
        (OutputFormat::Json, _) => output::json(&done)?,
        (OutputFormat::Human, Some(id)) => {
            writeln!(output::stdout(), "message {} gets another go as operation {id}", message.id)?;
        }
        (OutputFormat::Human, None) => writeln!(output::stdout(), "message {} gets another go", message.id)?,
    }
    Ok(())
}

fn discard(global: &Global, message: &ParkedMessage) -> Result<(), Failure> {
    let plane = AdminPlane::of(global, &message.ask.admin)?;
    let done = plane.post(&format!("/parked/{}/discard", message.id), None)?;
    match message.ask.output.format {
        OutputFormat::Json => output::json(&done)?,
        OutputFormat::Human => writeln!(output::stdout(), "message {} is dropped for good", message.id)?,
    }
    Ok(())
}
