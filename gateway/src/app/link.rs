//! A broker as the gateway uses it: what it is called, how it is, and every way of asking it for something.

use std::sync::Arc;
use std::time::Duration;

use compact_str::CompactString;
use parking_lot::Mutex;
use sidegate_broker::{Broker, BrokerError, Channel, Effect, ErrorKind, Inbox, Outbound, Subscription};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use crate::observe::BrokerMetrics;

/// A broker by its name in the config.
pub struct Link {
    /// Its name.
    pub name: CompactString,
    /// The broker.
    pub broker: Arc<dyn Broker>,
    /// Where answers to this gateway's messages go.
    pub reply_to: CompactString,
    /// Its numbers.
    pub metrics: Arc<BrokerMetrics>,
    /// Why it cannot be used at the moment, as far as the last publish told.
    pub(super) trouble: Mutex<Option<String>>,
    /// The same, as far as the broker's own word goes.
    pub(super) problem: Mutex<Option<String>>,
    /// Whether answers are heard: who asks before that may miss his.
    pub(super) hears: watch::Sender<bool>,
}

/// No answer from the broker for so long: whether it has the message is not known.
const PUBLISH_TIMEOUT: Duration = Duration::from_secs(10);
/// While a broker cannot be reached, subscribing to it is tried so often; while it refuses, so often.
const SUBSCRIBE_AGAIN: Duration = Duration::from_millis(500);
const REFUSED_AGAIN: Duration = Duration::from_secs(15);
/// A destination that could not be made yet is tried again after this.
const PREPARE_AGAIN: Duration = Duration::from_secs(2);

impl Link {
    /// Hands a message to the broker and notes how that went.
    ///
    /// # Errors
    /// As [`Broker::publish`]; and a timeout, where the broker neither confirms nor refuses for too long.
    pub async fn publish(&self, outbound: Outbound) -> Result<(), BrokerError> {
        let began = Instant::now();
        let published = match timeout(PUBLISH_TIMEOUT, self.broker.publish(outbound)).await {
            Ok(result) => result.map(drop),
            Err(_) => {
                let words = "the broker did not confirm in time";
                Err(BrokerError::new(ErrorKind::Timeout, Effect::Unknown, words))
            }
        };
        self.published(&published, began.elapsed());
        published
    }

    fn published(&self, result: &Result<(), BrokerError>, took: Duration) {
        self.metrics.published(result.is_ok(), took.as_secs_f64());
        match result {
            Ok(()) => {
                if self.trouble.lock().take().is_some() {
                    self.metrics.state(self.problem.lock().is_none());
                    tracing::info!(broker = %self.name, "the broker takes messages again");
                }
            }
            Err(error) if error.passes_by_itself() => {
                if self.trouble.lock().replace(error.to_string()).is_none() {
                    self.metrics.state(false);
                    tracing::warn!(broker = %self.name, error = %error, "the broker takes no messages: they wait in the store");
                }
            }
            Err(_) => {}
        }
    }

    /// Why the broker cannot be used at the moment, if so.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.trouble.lock().clone().or_else(|| self.problem.lock().clone())
    }

    /// A broker as it is at the start: well, until it says otherwise.
    #[must_use]
    pub fn new(
        name: CompactString,
        broker: Arc<dyn Broker>,
        reply_to: CompactString,
        metrics: Arc<BrokerMetrics>,
    ) -> Self {
        metrics.state(true);
        let (trouble, problem) = (Mutex::default(), Mutex::default());
        Self { name, broker, reply_to, metrics, trouble, problem, hears: watch::Sender::new(false) }
    }

    /// Answers are heard from now on.
    pub fn hear(&self) {
        self.hears.send_replace(true);
    }

    /// Whether answers are heard.
    #[must_use]
    pub fn hears(&self) -> bool {
        *self.hears.borrow()
    }

    /// Returns when answers are heard.
    pub async fn heard(&self) {
        let _ = self.hears.subscribe().wait_for(|hears| *hears).await;
    }

    /// Asks the broker how it is, and notes what it says.
    pub async fn look(&self) {
        let Ok(health) = timeout(PUBLISH_TIMEOUT, self.broker.probe()).await else { return };
        for (destination, messages) in &health.waiting {
            self.metrics.waiting(destination, *messages);
        }
        self.metrics.state(health.problem.is_none() && self.trouble.lock().is_none());
        *self.problem.lock() = health.problem;
    }

    /// Subscribes, however long it takes until the broker is there; one line in the log tells that it is not.
    pub async fn subscribe(&self, subscription: Subscription) -> Box<dyn Inbox> {
        let mut told = false;
        loop {
            let error = match self.broker.subscribe(subscription.clone()).await {
                Ok(inbox) => return inbox,
                Err(error) => error,
            };
            let destination = &subscription.destination;
            if !error.passes_by_itself() {
                tracing::error!(broker = %self.name, %destination, error = %error, "cannot receive: somebody must act");
                tokio::time::sleep(REFUSED_AGAIN).await;
                continue;
            }
            if !std::mem::replace(&mut told, true) {
                tracing::warn!(broker = %self.name, %destination, error = %error, "cannot receive yet");
            }
            tokio::time::sleep(SUBSCRIBE_AGAIN).await;
        }
    }

    /// Makes sure that a destination exists, so that a late consumer finds what was sent before. Publishing does so
    /// too, which is why a failure is only told.
    pub async fn prepare(&self, channel: Channel, destination: &str) {
        loop {
            match self.broker.prepare(channel, destination).await {
                Ok(()) => return,
                Err(error) if error.passes_by_itself() => tokio::time::sleep(PREPARE_AGAIN).await,
                Err(error) => {
                    tracing::error!(broker = %self.name, destination, error = %error, "a destination cannot be used");
                    return;
                }
            }
        }
    }
}
