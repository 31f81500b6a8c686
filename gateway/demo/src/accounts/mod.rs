//! The service *accounts*: prepaid accounts in won, and transfers between them.
//!
//! One invariant above all: the sum of all balances never changes. A transfer is one transaction, and so is the
//! memory of its Idempotency-Key.

mod account;
mod statement;
mod transfer;
mod won;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use hyper::Method;
use rusqlite::{Connection, params};
use serde_json::json;

use crate::database::{Database, Schema};
use crate::problem::Problem;
use crate::request::Request;
use crate::response::{self, Response};
use crate::router::Router;
use crate::server::Bank;
use crate::{answered, events, seed};

/// How long a slow transfer takes unless asked otherwise.
const SLOW_TRANSFER_MS: i64 = 3_000;
/// How long a statement takes unless asked otherwise.
const STATEMENT_MS: i64 = 2_000;

/// The service.
#[derive(Debug)]
pub(crate) struct Accounts {
    database: Database,
    router: Router<Endpoint>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Endpoint {
    Accounts,
    Account,
    Transfers,
    SlowTransfers,
    Transfer,
    Statements,
    Totals,
    CustomerChanged,
    Events,
    Health,
}

const PATHS: [(&str, Endpoint); 10] = [
    ("/accounts", Endpoint::Accounts),
    ("/accounts/{id}", Endpoint::Account),
    ("/transfers", Endpoint::Transfers),
    ("/transfers/slow", Endpoint::SlowTransfers),
    ("/transfers/{id}", Endpoint::Transfer),
    ("/statements", Endpoint::Statements),
    ("/totals", Endpoint::Totals),
    ("/events/customer-changed", Endpoint::CustomerChanged),
    ("/events", Endpoint::Events),
    ("/health", Endpoint::Health),
];

const SCHEMA: Schema = Schema { application_id: 0x5347_4163, create, seed: fill };

impl Accounts {
    /// Opens its database.
    ///
    /// # Errors
    /// It cannot be opened.
    pub(crate) async fn open(database: Option<PathBuf>) -> io::Result<Self> {
        let database = Database::open(database, SCHEMA).await?;
        Ok(Self { database, router: Router::new(&PATHS) })
    }

    async fn transfer(&self, request: &Request, delay: Duration) -> Result<Response, Problem> {
        let order = transfer::Order::read(request)?;
        // A client that goes away while it waits takes the order back: nothing was booked yet.
        tokio::time::sleep(delay).await;
        self.database.transact(move |connection| order.book(connection)).await
    }

    async fn statement(&self, request: &Request) -> Result<Response, Problem> {
        let wanted = statement::Wanted::read(request)?;
        tokio::time::sleep(request.delay(STATEMENT_MS)?).await;
        let statement = self.database.transact(move |connection| wanted.draw_up(connection)).await?;
        Ok(response::ok(&statement))
    }

    async fn totals(&self) -> Result<Response, Problem> {
        let sql = "SELECT count(*), sum(balance), (SELECT count(*) FROM transfer) FROM account";
        let totals = self.database.transact(move |connection| {
            Ok(connection.query_row(sql, [], |row| {
                let (accounts, balance, transfers): (i64, i64, i64) = row.try_into()?;
                Ok(json!({ "accounts": accounts, "balance": balance, "transfers": transfers }))
            })?)
        });
        Ok(response::ok(&totals.await?))
    }
}

impl Bank for Accounts {
    type Endpoint = Endpoint;

    fn router(&self) -> &Router<Endpoint> {
        &self.router
    }

    fn methods(endpoint: Endpoint) -> &'static [Method] {
        match endpoint {
            Endpoint::Account
            | Endpoint::Transfer
            | Endpoint::Totals
            | Endpoint::Events
            | Endpoint::Health => &[Method::GET],
            Endpoint::Accounts
            | Endpoint::Transfers
            | Endpoint::SlowTransfers
            | Endpoint::Statements
            | Endpoint::CustomerChanged => &[Method::POST],
        }
    }

    async fn answer(&self, endpoint: Endpoint, request: Request) -> Result<Response, Problem> {
        match endpoint {
            Endpoint::Accounts => account::open(&self.database, &request).await,
            Endpoint::Account => account::show(&self.database, request).await,
            Endpoint::Transfers => self.transfer(&request, Duration::ZERO).await,
            Endpoint::SlowTransfers => self.transfer(&request, request.delay(SLOW_TRANSFER_MS)?).await,
            Endpoint::Transfer => transfer::show(&self.database, request).await,
            Endpoint::Statements => self.statement(&request).await,
            Endpoint::Totals => self.totals().await,
            Endpoint::CustomerChanged => events::hear(&self.database, "customer-changed", &request).await,
            Endpoint::Events => events::list(&self.database, &request).await,
            Endpoint::Health => Ok(response::ok(&json!({ "status": "ok" }))),
        }
    }
}

fn create(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(include_str!("schema.sql"))?;
    connection.execute_batch(answered::SQL)?;
    connection.execute_batch(events::SQL)
}

fn fill(connection: &Connection) -> rusqlite::Result<()> {
    let mut insert =
        connection.prepare("INSERT INTO account (id, customer_id, balance) VALUES (?1, ?2, ?3)")?;
    for number in 1..=seed::COUNT {
        insert.execute(params![
            seed::account_id(number),
            seed::customer_id(number),
            seed::balance_won(number)
        ])?;
    }
    Ok(())
}
