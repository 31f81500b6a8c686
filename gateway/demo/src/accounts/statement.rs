//! Statements: what an account holds and what moved last. A report that takes its time, and changes nothing.

use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use super::account::{self, Account};
use super::transfer::{self, Transfer};
use crate::problem::Problem;
use crate::request::Request;

/// How many transfers a statement shows.
const TRANSFERS_MAX: u32 = 100;

/// What is asked for.
#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    account: String,
}

/// A statement as it is shown.
#[derive(Debug, Serialize)]
pub(super) struct Statement {
    account: Account,
    /// The newest first.
    transfers: Vec<Transfer>,
}

impl Wanted {
    /// # Errors
    /// The body names no account.
    pub(super) fn read(request: &Request) -> Result<Self, Problem> {
        request.json()
    }

    /// # Errors
    /// The account does not exist.
    pub(super) fn draw_up(&self, connection: &Connection) -> Result<Statement, Problem> {
        let account = account::find(connection, &self.account)?;
        let transfers = transfer::of_account(connection, &self.account, TRANSFERS_MAX)?;
        Ok(Statement { account, transfers })
    }
}
