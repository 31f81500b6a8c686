//! The service *customers*: who the bank's customers are and in which of Seoul's districts they live.

mod customer;

use std::io;
use std::path::PathBuf;

use hyper::Method;
use rusqlite::Connection;
use serde_json::json;

use crate::database::{Database, Schema};
use crate::problem::Problem;
use crate::request::Request;
use crate::response::{self, Response};
use crate::router::Router;
use crate::server::Bank;
use crate::{events, seed};

/// The service.
#[derive(Debug)]
pub(crate) struct Customers {
    database: Database,
    router: Router<Endpoint>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Endpoint {
    Customers,
    Customer,
    CustomerChanged,
    TransferCompleted,
    Events,
    Health,
}

const PATHS: [(&str, Endpoint); 6] = [
    ("/customers", Endpoint::Customers),
    ("/customers/{id}", Endpoint::Customer),
    ("/events/customer-changed", Endpoint::CustomerChanged),
    ("/events/transfer-completed", Endpoint::TransferCompleted),
    ("/events", Endpoint::Events),
    ("/health", Endpoint::Health),
];

const SCHEMA: Schema = Schema { application_id: 0x5347_4375, create, seed: fill };

impl Customers {
    /// Opens its database.
    ///
    /// # Errors
    /// It cannot be opened.
    pub(crate) async fn open(database: Option<PathBuf>) -> io::Result<Self> {
        let database = Database::open(database, SCHEMA).await?;
        Ok(Self { database, router: Router::new(&PATHS) })
    }
}

impl Bank for Customers {
    type Endpoint = Endpoint;

    fn router(&self) -> &Router<Endpoint> {
        &self.router
    }

    fn methods(endpoint: Endpoint) -> &'static [Method] {
        match endpoint {
            Endpoint::Customers | Endpoint::Events | Endpoint::Health => &[Method::GET],
            Endpoint::Customer => &[Method::GET, Method::PUT],
            Endpoint::CustomerChanged | Endpoint::TransferCompleted => &[Method::POST],
        }
    }

    async fn answer(&self, endpoint: Endpoint, request: Request) -> Result<Response, Problem> {
        match endpoint {
            Endpoint::Customers => customer::list(&self.database, &request).await,
            Endpoint::Customer if request.method == Method::PUT => {
                customer::put(&self.database, request).await
            }
            Endpoint::Customer => customer::show(&self.database, request).await,
            Endpoint::CustomerChanged => events::hear(&self.database, "customer-changed", &request).await,
            Endpoint::TransferCompleted => events::hear(&self.database, "transfer-completed", &request).await,
            Endpoint::Events => events::list(&self.database, &request).await,
            Endpoint::Health => Ok(response::ok(&json!({ "status": "ok" }))),
        }
    }
}

fn create(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(include_str!("schema.sql"))?;
    connection.execute_batch(events::SQL)
}

fn fill(connection: &Connection) -> rusqlite::Result<()> {
    let mut insert = connection.prepare("INSERT INTO customer (id, name, district) VALUES (?1, ?2, ?3)")?;
    for number in 1..=seed::COUNT {
        insert.execute((seed::customer_id(number), seed::name(number), seed::district(number)))?;
    }
    Ok(())
}
