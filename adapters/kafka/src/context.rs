//! What librdkafka says by itself: log lines, to the gateway's log, and errors, to the link.

use std::sync::Arc;

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel as Level;
use rdkafka::error::KafkaError;

use crate::client::Clients;
use crate::error::code_of;
use crate::link::Link;

/// The ears of one client.
#[derive(Clone)]
pub(crate) struct Ears {
    pub(crate) clients: Arc<Clients>,
    pub(crate) link: Arc<Link>,
}

/// Lines about what fails and is tried again: the link tells once when nothing helps, not for each of the attempts.
const ABOUT_CONNECTIONS: [&str; 6] = ["FAIL", "ERROR", "REQTMOUT", "FETCHERR", "GETPID", "CONFWARN"];

impl ClientContext for Ears {
    fn log(&self, level: Level, fac: &str, log_message: &str) {
        let text = self.clients.without_secrets(log_message);
        let broker = self.clients.shown.as_str();
        match level {
            Level::Emerg | Level::Alert | Level::Critical => {
                tracing::error!(broker, fac, "librdkafka: {text}");
            }
            Level::Error | Level::Warning if !ABOUT_CONNECTIONS.contains(&fac) => {
                tracing::warn!(broker, fac, "librdkafka: {text}");
            }
            _ => tracing::debug!(broker, fac, "librdkafka: {text}"),
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.link.heard(code_of(&error), &self.clients.without_secrets(reason));
    }
}
