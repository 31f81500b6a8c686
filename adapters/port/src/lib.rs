//! The broker port: everything Sidegate asks of a broker, and what each answer promises.
//!
//! No client library and no runtime is named here; an adapter is a crate of its own that implements [`Broker`],
//! [`Inbox`] and [`Settle`]. Each bullet under *Behaviour* in the docs below is one test of the conformance suite,
//! under the same name, and every adapter passes all that its [`Capabilities`] claim.
//!
//! The traits are object-safe and without generics: which broker it is comes from a TOML file, and a boxed future
//! is noise beside a broker's round trip.

mod broker;
mod capabilities;
mod delivery;
mod error;
mod message;
mod names;
mod settings;

pub use broker::{Broker, Health, LinkState, Receipt, Subscription};
pub use capabilities::Capabilities;
pub use delivery::{Delivery, Inbox, Settle, SettleError};
pub use error::{BrokerError, Effect, ErrorKind};
pub use message::{Channel, Headers, Message, Outbound};
pub use names::Names;
pub use settings::Settings;

/// A future of this port.
pub type BoxFuture<'a, T> = futures_util::future::BoxFuture<'a, T>;
