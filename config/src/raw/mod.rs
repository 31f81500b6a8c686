//! What a user can write: every table and key of the config, with docs, types and defaults.
//!
//! The docs here are what an editor shows and what `sidegate schema` prints. Keys that the format has and this
//! version does not are declared as `later`, so that they are refused by name instead of ignored.

mod broker;
mod consumer;
mod gateway;
mod retry;
mod route;
mod store;

pub(crate) use broker::{Broker, Names};
pub(crate) use consumer::{Breaker, Consumer, Exhausted, Health, InboxTime};
pub(crate) use gateway::{Gateway, Limits};
pub(crate) use retry::{Retry, default_fail_on};
pub(crate) use route::{Idempotency, Reply, Route};
pub(crate) use store::Store;

use toml::Spanned;
use toml::de::DeTable;

use crate::read::{Context, DOCUMENT, Named, Reader, table};

table! {
    /// The config of one Sidegate gateway.
    struct Document in "the config" {
        /// The gateway itself: its name, where it listens, its limits.
        gateway: Gateway, required;
        /// Where operations are kept.
        store: Store;
        /// Connections to brokers, by name: `[broker.main]`.
        broker: Named<Broker>;
        /// HTTP endpoints that the gateway serves: one `[[route]]` each.
        route: Vec<Spanned<Route>>;
        /// Destinations that the gateway reads, and the calls it makes of their messages: one `[[consumer]]` each.
        consumer: Vec<Spanned<Consumer>>;
        later callback: "let clients ask for the outcome: `reply = \"poll\"` and `GET /operations/{id}`";
        later saga: "make a `send` route for each step and keep their order in the service that starts them";
        later two_phase: "make a `send` route for each participant";
        later aggregate: "make a `call` route for each part and put them together in the client";
        later view: "make a `call` route to a service that keeps the view";
        later outbox: "POST to a `publish` route from the service that owns the rows";
    }
}

impl Document {
    /// Reads a whole document.
    pub(crate) fn read(document: &Spanned<DeTable<'_>>, cx: &Context<'_>) -> Self {
        Self::from_reader(Reader::of(document.get_ref(), document.span(), DOCUMENT, cx))
    }
}
