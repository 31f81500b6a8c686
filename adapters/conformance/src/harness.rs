//! What an adapter brings to be tried: a broker, and a hand on its switches.

use std::sync::Arc;
use std::time::Duration;

use sidegate_broker::{BoxFuture, Broker};

use crate::laws::Law;

/// One broker under test. A new harness is made for each law; laws run at the same time.
pub trait Harness: Send + Sync {
    /// Which law is about to be tried: a harness whose broker is slow to start keeps one apart for those that
    /// restart it, and shares another among the rest.
    fn about_to_try(&mut self, _law: &Law) {}

    /// A connection to the broker; the first call of each law. What other laws do must not be seen through it:
    /// the suite uses destinations of its own, the rest (virtual host, account, process) is the harness's work.
    fn fresh(&mut self) -> BoxFuture<'_, Result<Arc<dyn Broker>, Missing>>;

    /// Another connection to the same broker, as a second gateway has it.
    fn second_connection(&mut self) -> BoxFuture<'_, Arc<dyn Broker>>;

    /// Restarts the broker, or opens it again on what it kept. Deliveries handed out before are lost to those who
    /// hold them. Returns the connection to go on with: for a server the same as before, which connects again.
    fn restart(&mut self) -> BoxFuture<'_, Arc<dyn Broker>>;

    /// Cuts every network connection once. `false`: there is no network between.
    fn cut(&mut self) -> BoxFuture<'_, bool> {
        Box::pin(std::future::ready(false))
    }

    /// A broker that refuses messages after a few; `None` when this kind of broker cannot be bounded.
    fn bounded(&mut self) -> BoxFuture<'_, Option<Bounded>> {
        Box::pin(std::future::ready(None))
    }

    /// How long the laws wait.
    fn patience(&self) -> Patience;
}

/// A broker of little room.
#[derive(Debug, Clone)]
pub struct Bounded {
    /// A connection to it.
    pub broker: Arc<dyn Broker>,
    /// It refuses at the latest when a destination holds so many messages.
    pub messages_max: usize,
}

/// How long to wait for something, and for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// What must arrive has arrived after this; a law fails then. Generous: it costs time only in failures.
    pub arrival: Duration,
    /// What has not arrived after this does not come. Every law that expects nothing waits so long.
    pub silence: Duration,
    /// How long a message is given back for where a pause is tried; well above the broker's own delays.
    pub pause: Duration,
}

/// The broker is not there: what is missing, and how to get it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing(pub String);
