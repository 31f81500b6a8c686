//! The bank's sample services, *accounts* and *customers*: what stands behind a gateway in the demo and in examples.
//!
//! They are small, but real: HTTP/1.1 on a socket, state of their own in SQLite, transactions, idempotency, problem
//! documents for everything they refuse. They know nothing of the gateway in front of them, of brokers, or of each
//! other; whatever asynchronous behaviour is seen from outside was added from outside.
//!
//! ```text
//! accounts     POST /accounts                  opens an account; it starts empty
//!              GET  /accounts/{id}
//!              POST /transfers                 moves money; a repeat with the same Idempotency-Key moves none
//!              POST /transfers/slow            the same after ?delay_ms=
//!              GET  /transfers/{id}
//!              POST /statements                a report that takes ?delay_ms=
//!              GET  /totals                    all money there is, which never changes
//! customers    GET  /customers?district=       PUT /customers/{id}       GET /customers/{id}
//! both         POST /events/{kind}             remembers what was heard; GET /events shows it
//!              GET  /health
//! ```
//!
//! A new database holds `acc-0001` … `acc-1000`, of `cust-0001` … `cust-1000`, the same on every machine.

mod accounts;
mod answered;
mod customers;
mod database;
mod events;
mod problem;
mod request;
mod response;
mod router;
mod seed;
mod server;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;

use tokio::net::TcpListener;

/// One of the sample services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Service {
    /// Prepaid accounts and transfers between them.
    Accounts,
    /// Who the customers are and where they live.
    Customers,
}

/// The text names no sample service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownService(String);

impl Service {
    /// Every sample service.
    pub const ALL: [Self; 2] = [Self::Accounts, Self::Customers];

    /// Its name on the command line and in logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accounts => "accounts",
            Self::Customers => "customers",
        }
    }
}

/// Serves until `shutdown` completes, then lets requests under way finish for a few seconds.
///
/// `database` is a file that is made and filled when absent; `None` keeps everything in memory, gone with the service.
///
/// # Errors
/// The database cannot be opened, or belongs to another service.
pub async fn serve(
    service: Service,
    listener: TcpListener,
    database: Option<PathBuf>,
    shutdown: impl Future,
) -> io::Result<()> {
    match service {
        Service::Accounts => {
            server::run(accounts::Accounts::open(database).await?, listener, shutdown).await;
        }
        Service::Customers => {
            server::run(customers::Customers::open(database).await?, listener, shutdown).await;
        }
    }
    Ok(())
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Service {
    type Err = UnknownService;

    fn from_str(text: &str) -> Result<Self, UnknownService> {
        Self::ALL
            .into_iter()
            .find(|service| service.name() == text)
            .ok_or_else(|| UnknownService(text.to_owned()))
    }
}

impl fmt::Display for UnknownService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no sample service `{}`; write `accounts` or `customers`", self.0)
    }
}

impl std::error::Error for UnknownService {}
