//! What clients were told and what the service executed, over kills and restarts.
//!
//! An order is one intention of one client: however often it is asked with its `Idempotency-Key`, it is to become
//! one operation with one outcome.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::Response;
use crate::checker::Verdict;

/// Everything that was seen; clones are the same history.
#[derive(Debug, Clone, Default)]
pub struct History(Arc<Mutex<BTreeMap<String, Order>>>);

/// What a client was told about an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// 202, or the operation while it runs.
    Accepted {
        /// The operation's id.
        id: String,
    },
    /// The outcome.
    Ended {
        /// The operation's id.
        id: String,
        /// The word of the contract.
        status: String,
        /// The body that came with it.
        answer: String,
    },
    /// The operation is not known here.
    NotFound {
        /// The id that was asked about.
        id: String,
    },
}

/// One intention, and all that is known of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Order {
    /// Operation ids that clients were given.
    pub(crate) ids: BTreeSet<String>,
    /// Distinct outcomes that clients saw.
    pub(crate) outcomes: BTreeSet<(String, String)>,
    /// The last look did not find it.
    pub(crate) missing: bool,
    /// Idempotency keys that the service saw.
    pub(crate) keys: BTreeSet<String>,
    /// What the service answered, one entry for each execution.
    pub(crate) answers: Vec<String>,
}

impl History {
    /// A client was told something.
    pub fn told(&self, order: &str, told: Told) {
        let mut orders = self.0.lock();
        let order = orders.entry(order.to_owned()).or_default();
        order.missing = matches!(told, Told::NotFound { .. });
        match told {
            Told::Accepted { id } | Told::NotFound { id } => drop(order.ids.insert(id)),
            Told::Ended { id, status, answer } => {
                order.ids.insert(id);
                order.outcomes.insert((status, answer));
            }
        }
    }

    /// The service executed an order and gave this answer.
    pub fn executed(&self, order: &str, key: &str, answer: &str) {
        let mut orders = self.0.lock();
        let order = orders.entry(order.to_owned()).or_default();
        order.keys.insert(key.to_owned());
        order.answers.push(answer.to_owned());
    }

    /// The orders that clients were given an operation for, each with its ids.
    #[must_use]
    pub fn accepted(&self) -> Vec<(String, String)> {
        let orders = self.0.lock();
        let pairs = orders
            .iter()
            .flat_map(|(name, order)| order.ids.iter().map(move |id| (name.clone(), id.clone())));
        pairs.collect()
    }

    /// Judges what was seen.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        Verdict::of(&self.0.lock())
    }
}

impl Told {
    /// What an answer to a request or to `/result` says about the operation `id`; `None`: nothing certain.
    #[must_use]
    pub fn by(response: &Response, id: &str) -> Option<Self> {
        let id = id.to_owned();
        match (response.status, response.header("operation-status")) {
            (_, Some(status)) => Some(Self::Ended { id, status: status.to_owned(), answer: response.text() }),
            (200 | 202, None) => Some(Self::Accepted { id }),
            (404, None) => Some(Self::NotFound { id }),
            _ => None,
        }
    }
}
