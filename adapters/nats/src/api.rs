//! JetStream's API as far as the adapter uses it: questions and answers in JSON, each with a deadline.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sidegate_broker::BrokerError;

use crate::error;
use crate::link::{ANSWER_TIMEOUT, Link, outbound};

/// Asks JetStream.
pub(crate) struct Api {
    link: Arc<Link>,
    /// Ends in a dot.
    prefix: String,
}

/// JetStream said no.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Refusal {
    #[serde(default)]
    pub(crate) code: u16,
    /// Tells more exactly; part of JetStream's API.
    #[serde(default)]
    pub(crate) err_code: u16,
    #[serde(default)]
    pub(crate) description: String,
}

impl Refusal {
    pub(crate) const CONSUMER_NOT_FOUND: u16 = 10_014;
    pub(crate) const STREAM_NOT_FOUND: u16 = 10_059;
    /// A stream of this name is there, with other settings.
    pub(crate) const STREAM_NAME_IN_USE: u16 = 10_058;
    /// The subject is another stream's.
    pub(crate) const SUBJECTS_OVERLAP: u16 = 10_065;
    /// A consumer of this name is there, with other settings.
    pub(crate) const CONSUMER_EXISTS: [u16; 3] = [10_013, 10_105, 10_148];
    /// Another consumer of a stream of commands takes the same subject.
    pub(crate) const CONSUMER_NOT_UNIQUE: [u16; 2] = [10_099, 10_100];
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.description, self.err_code)
    }
}

/// Why a question had no answer.
#[derive(Debug)]
pub(crate) enum ApiError {
    Refused(Refusal),
    Failed(BrokerError),
}

impl ApiError {
    /// As an error of the port; `what` was asked for.
    pub(crate) fn into_error(self, what: &str) -> BrokerError {
        match self {
            Self::Refused(refusal) => error::refused(what, &refusal),
            Self::Failed(error) => error,
        }
    }

    pub(crate) fn is(&self, codes: &[u16]) -> bool {
        matches!(self, Self::Refused(refusal) if codes.contains(&refusal.err_code))
    }
}

/// A stream's settings, those that Sidegate sets or looks at.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct StreamConfig {
    pub(crate) name: String,
    pub(crate) subjects: Vec<String>,
    pub(crate) retention: String,
    pub(crate) storage: String,
    pub(crate) num_replicas: usize,
    #[serde(rename = "duplicate_window")]
    pub(crate) duplicate_window_ns: u64,
    #[serde(rename = "max_age")]
    pub(crate) max_age_ns: u64,
    #[serde(rename = "max_msgs")]
    pub(crate) messages_max: i64,
    #[serde(rename = "max_bytes")]
    pub(crate) bytes_max: i64,
    pub(crate) discard: String,
}

/// A stream as it is.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct StreamInfo {
    pub(crate) config: StreamConfig,
}

/// A consumer's settings, those that Sidegate sets or looks at.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ConsumerConfig {
    pub(crate) durable_name: String,
    pub(crate) deliver_policy: String,
    pub(crate) ack_policy: String,
    pub(crate) replay_policy: String,
    pub(crate) filter_subject: String,
    #[serde(skip_serializing)]
    pub(crate) deliver_subject: Option<String>,
    #[serde(rename = "ack_wait")]
    pub(crate) ack_wait_ns: u64,
    pub(crate) max_deliver: i64,
    pub(crate) max_ack_pending: i64,
    #[serde(rename = "inactive_threshold", skip_serializing_if = "is_zero")]
    pub(crate) inactive_threshold_ns: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(ns: &u64) -> bool {
    *ns == 0
}

/// A consumer as it is.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ConsumerInfo {
    pub(crate) config: ConsumerConfig,
    pub(crate) num_pending: u64,
    pub(crate) num_ack_pending: u64,
}

/// A message is stored, or was before.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Stored {
    pub(crate) seq: u64,
}

#[derive(Deserialize)]
struct Outcome {
    #[serde(default)]
    error: Option<Refusal>,
}

#[derive(Deserialize)]
struct StreamNames {
    #[serde(default)]
    streams: Option<Vec<String>>,
}

/// Anything that is no refusal.
#[derive(Deserialize)]
pub(crate) struct Anything {}

impl Api {
    pub(crate) fn new(link: Arc<Link>, domain: Option<&str>) -> Self {
        let prefix = domain.map_or_else(|| "$JS.API.".to_owned(), |domain| format!("$JS.{domain}.API."));
        Self { link, prefix }
    }

    pub(crate) fn link(&self) -> &Arc<Link> {
        &self.link
    }

    /// Where messages of a consumer are asked for.
    pub(crate) fn next_subject(&self, stream: &str, consumer: &str) -> String {
        format!("{}CONSUMER.MSG.NEXT.{stream}.{consumer}", self.prefix)
    }

    /// The stream that takes what is published to `subject`.
    pub(crate) async fn stream_of(&self, subject: &str) -> Result<Option<String>, ApiError> {
        let names: StreamNames = self.ask("STREAM.NAMES", &serde_json::json!({ "subject": subject })).await?;
        Ok(names.streams.into_iter().flatten().next())
    }

    pub(crate) async fn stream(&self, name: &str) -> Result<StreamInfo, ApiError> {
        self.ask(&format!("STREAM.INFO.{name}"), &serde_json::json!({})).await
    }

    pub(crate) async fn make_stream(&self, config: &StreamConfig) -> Result<StreamInfo, ApiError> {
        self.ask(&format!("STREAM.CREATE.{}", config.name), config).await
    }

    pub(crate) async fn consumer(&self, stream: &str, name: &str) -> Result<ConsumerInfo, ApiError> {
        self.ask(&format!("CONSUMER.INFO.{stream}.{name}"), &serde_json::json!({})).await
    }

    /// Makes one; changes none that is there.
    pub(crate) async fn make_consumer(
        &self,
        stream: &str,
        config: &ConsumerConfig,
    ) -> Result<ConsumerInfo, ApiError> {
        let subject = format!("CONSUMER.CREATE.{stream}.{}.{}", config.durable_name, config.filter_subject);
        let wanted = serde_json::json!({ "stream_name": stream, "config": config, "action": "create" });
        self.ask(&subject, &wanted).await
    }

    /// Whether JetStream answers for this account.
    pub(crate) async fn account(&self, within: Duration) -> Result<(), ApiError> {
        self.ask_within::<Anything>("INFO", &serde_json::json!({}), within).await.map(drop)
    }

    async fn ask<T: DeserializeOwned>(&self, what: &str, question: &impl Serialize) -> Result<T, ApiError> {
        self.ask_within(what, question, ANSWER_TIMEOUT).await
    }

    async fn ask_within<T: DeserializeOwned>(
        &self,
        what: &str,
        question: &impl Serialize,
        within: Duration,
    ) -> Result<T, ApiError> {
        let subject = [&self.prefix, what].concat();
        let question =
            serde_json::to_vec(question).map_err(|error| ApiError::Failed(error::malformed(what, error)))?;
        let message = outbound(subject.into(), Bytes::from(question));
        let answer = self.link.ask_within(message, within).await.map_err(ApiError::Failed)?;
        let answer = answer.ok_or_else(|| ApiError::Failed(error::no_jetstream(self.link.place())))?;
        read(what, &answer.payload)
    }
}

/// An answer, or the refusal that it holds.
pub(crate) fn read<T: DeserializeOwned>(what: &str, answer: &[u8]) -> Result<T, ApiError> {
    let malformed = |error| ApiError::Failed(error::malformed(what, error));
    let outcome: Outcome = serde_json::from_slice(answer).map_err(malformed)?;
    match outcome.error {
        Some(refusal) => Err(ApiError::Refused(refusal)),
        None => serde_json::from_slice(answer).map_err(malformed),
    }
}
