//! Transfers: the order, its booking, and what is shown of it later.

use rusqlite::{Connection, OptionalExtension, Row};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::account::{check_id, find as find_account, unknown};
use super::won::Won;
use crate::answered::{self, Answer, Asked};
use crate::database::Database;
use crate::problem::Problem;
use crate::request::Request;
use crate::response::{self, Response};

/// A transfer that was made.
#[derive(Debug, Serialize)]
pub(super) struct Transfer {
    id: String,
    from: String,
    to: String,
    /// In won.
    amount: i64,
    made_at: String,
}

/// A transfer that is wanted, checked as far as that is possible without looking at the accounts.
#[derive(Debug)]
pub(super) struct Order {
    wanted: Wanted,
    asked: Asked,
}

#[derive(Debug, Deserialize)]
struct Wanted {
    /// Default: one is made up.
    id: Option<String>,
    from: String,
    to: String,
    amount: Won,
}

/// `GET /transfers/{id}`.
pub(super) async fn show(database: &Database, request: Request) -> Result<Response, Problem> {
    let id = request.parameter;
    let found = database.transact(move |connection| find(connection, &id)?.ok_or_else(|| never_made(&id)));
    Ok(response::ok(&found.await?))
}

/// The latest transfers from or to an account, the newest first.
pub(super) fn of_account(
    connection: &Connection,
    account: &str,
    limit: u32,
) -> Result<Vec<Transfer>, Problem> {
    let sql = "SELECT id, from_account, to_account, amount, made_at FROM transfer
               WHERE from_account = ?1 OR to_account = ?1 ORDER BY seq DESC LIMIT ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let transfers = statement.query_map((account, limit), Transfer::from_row)?;
    Ok(transfers.collect::<Result<_, _>>()?)
}

impl Order {
    /// Takes the order from a request.
    ///
    /// # Errors
    /// The body is not an order for a transfer.
    pub(super) fn read(request: &Request) -> Result<Self, Problem> {
        let wanted: Wanted = request.json()?;
        if let Some(id) = &wanted.id {
            check_id("id", id)?;
        }
        if wanted.from == wanted.to {
            return Err(Problem::unprocessable("same_account", "`from` and `to` are the same account"));
        }
        let essence = json!(["transfer", wanted.id, wanted.from, wanted.to, wanted.amount.get()]).to_string();
        Ok(Self { wanted, asked: Asked { key: request.idempotency_key()?, request: essence } })
    }

    /// Moves the money, unless this order was booked before: 201, 404 or 409, the same again for the same key.
    ///
    /// # Errors
    /// Nothing was done: the key came with another order before, or the database failed.
    pub(super) fn book(&self, connection: &Connection) -> Result<Response, Problem> {
        answered::once(connection, &self.asked, |work| self.wanted.book(work))
    }
}

impl Wanted {
    fn book(&self, connection: &Connection) -> Result<Answer, Problem> {
        if let Some(made) = self.id.as_deref().map(|id| find(connection, id)).transpose()?.flatten() {
            return self.same_as(&made);
        }
        self.withdraw(connection)?;
        self.deposit(connection)?;
        Ok(created(&self.record(connection)?))
    }

    /// An id names one transfer: ordered again it is that one, whatever key the order has.
    fn same_as(&self, made: &Transfer) -> Result<Answer, Problem> {
        if (&self.from, &self.to, self.amount.get()) == (&made.from, &made.to, made.amount) {
            return Ok(created(made));
        }
        let detail =
            format!("transfer `{}` was made already, with other accounts or another amount", made.id);
        Err(Problem::conflict("transfer_exists", detail))
    }

    fn withdraw(&self, connection: &Connection) -> Result<(), Problem> {
        let sql = "UPDATE account SET balance = balance - ?2 WHERE id = ?1 AND balance >= ?2";
        let withdrawn = connection.prepare_cached(sql)?.execute((&self.from, self.amount.get()))?;
        if withdrawn == 1 {
            return Ok(());
        }
        let account = find_account(connection, &self.from)?;
        let detail =
            format!("account `{}` holds {} won of {}", account.id, account.balance, self.amount.get());
        Err(Problem::conflict("insufficient_funds", detail))
    }

    fn deposit(&self, connection: &Connection) -> Result<(), Problem> {
        let sql = "UPDATE account SET balance = balance + ?2 WHERE id = ?1";
        let deposited = connection.prepare_cached(sql)?.execute((&self.to, self.amount.get()))?;
        if deposited == 1 { Ok(()) } else { Err(unknown(&self.to)) }
    }

    fn record(&self, connection: &Connection) -> Result<Transfer, Problem> {
        let sql = "INSERT INTO transfer (id, from_account, to_account, amount)
                   VALUES (coalesce(?1, 'tr-' || lower(hex(randomblob(8)))), ?2, ?3, ?4)
                   RETURNING id, from_account, to_account, amount, made_at";
        let mut statement = connection.prepare_cached(sql)?;
        Ok(statement.query_row((&self.id, &self.from, &self.to, self.amount.get()), Transfer::from_row)?)
    }
}

impl Transfer {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        let (id, from, to, amount, made_at) = row.try_into()?;
        Ok(Self { id, from, to, amount, made_at })
    }
}

fn created(transfer: &Transfer) -> Answer {
    Answer::created(format!("/transfers/{}", transfer.id), &json!(transfer))
}

fn find(connection: &Connection, id: &str) -> Result<Option<Transfer>, Problem> {
    let sql = "SELECT id, from_account, to_account, amount, made_at FROM transfer WHERE id = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    Ok(statement.query_row([id], Transfer::from_row).optional()?)
}

fn never_made(id: &str) -> Problem {
    Problem::not_found("unknown_transfer", format!("there is no transfer `{id}`"))
}
