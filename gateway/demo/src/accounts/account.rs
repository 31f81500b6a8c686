//! Accounts: opening one, showing one.

use rusqlite::{Connection, OptionalExtension};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::answered::{self, Answer, Asked};
use crate::database::Database;
use crate::problem::Problem;
use crate::request::Request;
use crate::response::{self, Response};

/// The longest id that a client may give.
const ID_BYTES_MAX: usize = 64;

/// An account as it is shown.
#[derive(Debug, Serialize)]
pub(super) struct Account {
    pub(super) id: String,
    pub(super) customer_id: String,
    /// In won.
    pub(super) balance: i64,
}

#[derive(Debug, Deserialize)]
struct Opening {
    /// Default: one is made up.
    id: Option<String>,
    customer_id: String,
}

/// `POST /accounts`: 201 with an account that holds nothing yet.
pub(super) async fn open(database: &Database, request: &Request) -> Result<Response, Problem> {
    let opening: Opening = request.json()?;
    check_id("customer_id", &opening.customer_id)?;
    if let Some(id) = &opening.id {
        check_id("id", id)?;
    }
    let essence = json!(["account", opening.id, opening.customer_id]).to_string();
    let asked = Asked { key: request.idempotency_key()?, request: essence };
    database.transact(move |connection| answered::once(connection, &asked, |work| opening.insert(work))).await
}

/// `GET /accounts/{id}`.
pub(super) async fn show(database: &Database, request: Request) -> Result<Response, Problem> {
    let account = database.transact(move |connection| find(connection, &request.parameter)).await?;
    Ok(response::ok(&account))
}

/// The account called `id`.
///
/// # Errors
/// There is none.
pub(super) fn find(connection: &Connection, id: &str) -> Result<Account, Problem> {
    let mut statement =
        connection.prepare_cached("SELECT id, customer_id, balance FROM account WHERE id = ?1")?;
    let account = statement.query_row([id], |row| {
        let (id, customer_id, balance) = row.try_into()?;
        Ok(Account { id, customer_id, balance })
    });
    account.optional()?.ok_or_else(|| unknown(id))
}

pub(super) fn unknown(id: &str) -> Problem {
    Problem::not_found("unknown_account", format!("there is no account `{id}`"))
}

/// Whether `id` can name something in a path.
pub(super) fn check_id(field: &str, id: &str) -> Result<(), Problem> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if !id.is_empty() && id.len() <= ID_BYTES_MAX && id.bytes().all(is_plain) {
        return Ok(());
    }
    let detail = format!("`{field}` must be 1 to {ID_BYTES_MAX} of A-Z a-z 0-9 - _ .");
    Err(Problem::unprocessable("invalid_body", detail))
}

impl Opening {
    fn insert(&self, connection: &Connection) -> Result<Answer, Problem> {
        let sql = "INSERT INTO account (id, customer_id) VALUES (coalesce(?1, 'acc-' || lower(hex(randomblob(8)))), ?2)
                   ON CONFLICT DO NOTHING RETURNING id";
        let id = connection.query_row(sql, (&self.id, &self.customer_id), |row| row.get::<_, String>(0));
        let Some(id) = id.optional()? else {
            let id = self.id.as_deref().unwrap_or_default();
            return Err(Problem::conflict("account_exists", format!("there is an account `{id}` already")));
        };
        let account = find(connection, &id)?;
        Ok(Answer::created(format!("/accounts/{id}"), &json!(account)))
    }
}
