//! Events that the service was told by HTTP: remembered once each, and shown.

use rusqlite::{Connection, Row, params};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::database::Database;
use crate::problem::Problem;
use crate::request::Request;
use crate::response::{self, Response};

/// The table; part of a service's schema.
pub(crate) const SQL: &str = include_str!("events.sql");

/// How many events are remembered; older ones are forgotten.
const EVENTS_MAX: i64 = 10_000;
/// How many are shown at once, unless asked otherwise, and at most.
const PAGE_DEFAULT: i64 = 100;
const PAGE_MAX: i64 = 1_000;

/// `POST /events/{kind}`: 204, also for a repeat.
///
/// # Errors
/// The body is not JSON.
pub(crate) async fn hear(
    database: &Database,
    kind: &'static str,
    request: &Request,
) -> Result<Response, Problem> {
    let body: Box<RawValue> = request.json()?;
    let key = request.idempotency_key()?;
    database.transact(move |connection| record(connection, kind, key.as_deref(), body.get())).await?;
    Ok(response::no_content())
}

/// `GET /events`: the newest first.
///
/// # Errors
/// A bad `limit` or `before`.
pub(crate) async fn list(database: &Database, request: &Request) -> Result<Response, Problem> {
    let limit = request.number("limit", PAGE_DEFAULT, PAGE_MAX)?;
    let before = request.number("before", i64::MAX, i64::MAX)?;
    let items = database.transact(move |connection| page(connection, before, limit)).await?;
    let next = response::next(&items, limit, |item| item["seq"].clone());
    Ok(response::ok(&json!({ "items": items, "next": next })))
}

fn record(connection: &Connection, kind: &str, key: Option<&str>, body: &str) -> Result<(), Problem> {
    let sql = "INSERT INTO event (kind, idempotency_key, body) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
    connection.prepare_cached(sql)?.execute(params![kind, key, body])?;
    let forget = "DELETE FROM event WHERE seq <= (SELECT max(seq) FROM event) - ?1";
    connection.prepare_cached(forget)?.execute([EVENTS_MAX])?;
    Ok(())
}

fn page(connection: &Connection, before: i64, limit: i64) -> Result<Vec<Value>, Problem> {
    let sql = "SELECT seq, kind, idempotency_key, body, heard_at FROM event WHERE seq < ?1 ORDER BY seq DESC LIMIT ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(params![before, limit], shown)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn shown(row: &Row<'_>) -> rusqlite::Result<Value> {
    let body: String = row.get(3)?;
    Ok(json!({
        "seq": row.get::<_, i64>(0)?,
        "kind": row.get::<_, String>(1)?,
        "idempotency_key": row.get::<_, Option<String>>(2)?,
        "body": serde_json::from_str::<Value>(&body).unwrap_or(Value::String(body)),
        "heard_at": row.get::<_, String>(4)?,
    }))
}
