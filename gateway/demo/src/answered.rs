//! Idempotency as a service does it properly: the answer is stored in the transaction that did the work, so that
//! a key is never known without its effect, and an effect never happens twice for one key.

use bytes::Bytes;
use hyper::StatusCode;
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::Value;

use crate::problem::Problem;
use crate::response::{self, Response};

/// The table; part of a service's schema.
pub(crate) const SQL: &str = include_str!("answered.sql");

/// How long a key is remembered.
const REMEMBERED: &str = "-7 days";

/// An answer that can be given again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// HTTP status.
    pub(crate) status: StatusCode,
    /// Where the thing that was made can be found.
    pub(crate) location: Option<String>,
    /// JSON.
    pub(crate) body: String,
}

/// What makes a request a repeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    /// `Idempotency-Key`; without one every request is a new one.
    pub(crate) key: Option<String>,
    /// The request in its essence: the same key with another one is refused.
    pub(crate) request: String,
}

impl Answer {
    /// 201 with what was made.
    pub(crate) fn created(location: String, body: &Value) -> Self {
        Self { status: StatusCode::CREATED, location: Some(location), body: body.to_string() }
    }

    fn refused(problem: &Problem) -> Self {
        Self { status: problem.status, location: None, body: problem.document().to_string() }
    }

    fn into_response(self) -> Response {
        let response = response::json(self.status, Bytes::from(self.body));
        match &self.location {
            Some(location) => response::located(response, location),
            None => response,
        }
    }
}

/// Does `work` unless the key was answered before; then that answer is given again. A definite no is an answer too,
/// and leaves nothing else behind.
///
/// # Errors
/// The key came with another request before, or the moment is at fault: then nothing was done or remembered.
pub(crate) fn once(
    connection: &Connection,
    asked: &Asked,
    work: impl FnOnce(&Connection) -> Result<Answer, Problem>,
) -> Result<Response, Problem> {
    let Some(key) = &asked.key else { return Ok(undoable(connection, work)?.into_response()) };
    if let Some((request, answer)) = find(connection, key)? {
        return if request == asked.request {
            Ok(response::replayed(answer.into_response()))
        } else {
            Err(Problem::unprocessable("idempotency_key_reused", "this key came with another request before"))
        };
    }
    let answer = undoable(connection, work)?;
    remember(connection, key, &asked.request, &answer)?;
    Ok(answer.into_response())
}

/// A definite no takes back what `work` did before it found out.
fn undoable(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> Result<Answer, Problem>,
) -> Result<Answer, Problem> {
    connection.execute_batch("SAVEPOINT work")?;
    match work(connection) {
        Ok(answer) => {
            connection.execute_batch("RELEASE work")?;
            Ok(answer)
        }
        Err(problem) if problem.is_definite() => {
            connection.execute_batch("ROLLBACK TO work; RELEASE work")?;
            Ok(Answer::refused(&problem))
        }
        Err(problem) => Err(problem),
    }
}

fn find(connection: &Connection, key: &str) -> rusqlite::Result<Option<(String, Answer)>> {
    let mut statement =
        connection.prepare_cached("SELECT request, status, location, body FROM answered WHERE key = ?1")?;
    let found = statement.query_row([key], |row| {
        let status = StatusCode::from_u16(row.get(1)?).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Ok((row.get(0)?, Answer { status, location: row.get(2)?, body: row.get(3)? }))
    });
    found.optional()
}

fn remember(connection: &Connection, key: &str, request: &str, answer: &Answer) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM answered WHERE answered_at < datetime('now', ?1)")?
        .execute([REMEMBERED])?;
    let sql = "INSERT INTO answered (key, request, status, location, body) VALUES (?1, ?2, ?3, ?4, ?5)";
    let status = answer.status.as_u16();
    connection.prepare_cached(sql)?.execute(params![key, request, status, answer.location, answer.body])?;
    Ok(())
}
