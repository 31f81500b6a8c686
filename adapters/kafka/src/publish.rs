//! One idempotent producer for everything that goes out. A publish is done when all in-sync replicas have the record.
//!
//! A fatal error ends an idempotent producer (the cluster lost what it had confirmed, or forgot who we are). Then a new
//! one takes its place, and whoever waited for the old one publishes again under the same message id.

use std::sync::Arc;
use std::time::Duration;

use compact_str::{CompactString, format_compact};
use parking_lot::RwLock;
use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{DeliveryResult, Message as _};
use rdkafka::producer::{
    BaseRecord, NoCustomPartitioner, Producer as _, ProducerContext, PurgeConfig, ThreadedProducer,
};
use sidegate_broker::{BrokerError, Effect, ErrorKind, Message, Names, Receipt};
use tokio::sync::oneshot;

use crate::address::Address;
use crate::context::Ears;
use crate::error::{closed, not_applied, not_delivered, reason};
use crate::wire::Outgoing;

/// librdkafka keeps its own deadline; this one is for when it does not.
const SPARE: Duration = Duration::from_secs(2);

/// Partition and offset, or why not.
type Fate = Result<(i32, i64), KafkaError>;

/// The producer and its context.
pub(crate) type Producer = ThreadedProducer<Reports>;

/// See the module's docs.
pub(crate) struct Publisher {
    ears: Ears,
    /// `None` once it is closed.
    current: RwLock<Option<Arc<Producer>>>,
    limit: Duration,
}

/// Passes on what became of each record.
pub(crate) struct Reports {
    ears: Ears,
}

impl ClientContext for Reports {
    fn log(&self, level: RDKafkaLogLevel, fac: &str, log_message: &str) {
        self.ears.log(level, fac, log_message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.ears.error(error, reason);
    }
}

impl ProducerContext<NoCustomPartitioner> for Reports {
    type DeliveryOpaque = Box<oneshot::Sender<Fate>>;

    fn delivery(&self, result: &DeliveryResult<'_>, told: Box<oneshot::Sender<Fate>>) {
        let fate = match result {
            Ok(record) => Ok((record.partition(), record.offset())),
            Err((error, _)) => Err(error.clone()),
        };
        // Nobody waits any more: their deadline passed.
        let _ = told.send(fate);
    }
}

impl Publisher {
    /// # Errors
    /// What librdkafka does not take: a certificate, mostly.
    pub(crate) fn new(ears: Ears) -> Result<Self, BrokerError> {
        let limit = Duration::from_millis(ears.clients.message_timeout_ms()) + SPARE;
        let producer = produce(&ears).map_err(|error| {
            let why = ears.clients.without_secrets(&error.to_string());
            crate::error::rejected(format!("kafka's client library does not take the settings: {why}"))
        })?;
        Ok(Self { current: RwLock::new(Some(Arc::new(producer))), ears, limit })
    }

    pub(crate) fn producer(&self) -> Option<Arc<Producer>> {
        self.current.read().clone()
    }

    /// Handed over and not confirmed.
    pub(crate) fn unconfirmed(&self) -> u64 {
        self.producer().map_or(0, |producer| u64::try_from(producer.in_flight_count()).unwrap_or_default())
    }

    /// Puts the record into the log, and waits until it is there.
    pub(crate) async fn publish(
        &self,
        outgoing: &Outgoing<'_>,
        to: &Address,
        names: &Names,
    ) -> Result<Receipt, BrokerError> {
        check_size(outgoing.message, self.ears.clients.options().message_bytes_max)?;
        let producer = self.producer().ok_or_else(closed)?;
        let (told, fate) = oneshot::channel();
        send(&producer, outgoing, to, names, told).map_err(|error| self.failed(&producer, to, &error))?;
        match tokio::time::timeout(self.limit, fate).await {
            Ok(Ok(Ok((partition, offset)))) => {
                Ok(Receipt { position: Some(format_compact!("{}/{partition}@{offset}", to.topic)) })
            }
            Ok(Ok(Err(error))) => Err(self.failed(&producer, to, &error)),
            Ok(Err(_)) | Err(_) => Err(unanswered(to)),
        }
    }

    fn failed(&self, producer: &Arc<Producer>, to: &Address, error: &KafkaError) -> BrokerError {
        if matches!(error.rdkafka_error_code(), Some(Code::MessageTimedOut | Code::RequestTimedOut)) {
            self.ears.link.suspect(false, "a message was not confirmed in time");
        }
        self.replace_if_ended(producer);
        not_delivered(&to.topic, error)
    }

    fn replace_if_ended(&self, ended: &Arc<Producer>) {
        let Some((code, why)) = ended.client().fatal_error() else { return };
        let mut current = self.current.write();
        if !current.as_ref().is_some_and(|current| Arc::ptr_eq(current, ended)) {
            return;
        }
        match produce(&self.ears) {
            Ok(producer) => {
                tracing::warn!(broker = self.ears.link.shown(), %code, why, "the producer ended and was replaced");
                drop_aside(current.replace(Arc::new(producer)));
            }
            Err(error) => {
                let (broker, reason) = (self.ears.link.shown(), reason(&error));
                tracing::error!(broker, reason, "the producer ended and cannot be replaced");
            }
        }
    }

    /// Waits for what is under way, and lets go of the producer. What is not confirmed by then fails as unknown.
    pub(crate) async fn close(&self, grace: Duration) {
        let producer = self.current.write().take();
        if let Some(producer) = producer {
            let flushing = Arc::clone(&producer);
            let flushed = tokio::task::spawn_blocking(move || flushing.flush(grace));
            let _ = tokio::time::timeout(grace + Duration::from_millis(100), flushed).await;
            // Who still waits holds the producer too, and must learn of the end.
            producer.purge(PurgeConfig::default().queue().inflight());
            drop_aside(Some(producer));
        }
    }
}

/// Letting go of a producer waits for its threads.
fn drop_aside(producer: Option<Arc<Producer>>) {
    // If no thread can be made, it is dropped here.
    let _ = std::thread::Builder::new().name("sidegate-kafka-end".to_owned()).spawn(move || drop(producer));
}

impl Drop for Publisher {
    fn drop(&mut self) {
        drop_aside(self.current.get_mut().take());
    }
}

fn produce(ears: &Ears) -> Result<Producer, KafkaError> {
    ears.clients.producer().create_with_context(Reports { ears: ears.clone() })
}

fn send(
    producer: &Producer,
    outgoing: &Outgoing<'_>,
    to: &Address,
    names: &Names,
    told: oneshot::Sender<Fate>,
) -> Result<(), KafkaError> {
    let key = outgoing.key();
    let body: &[u8] = &outgoing.message.body;
    let mut record = BaseRecord::with_opaque_to(&to.topic, Box::new(told)).payload(body);
    record = record.headers(outgoing.headers(names));
    record.key = key.as_deref();
    record.partition = to.partition;
    producer.send(record).map_err(|(error, _)| error)
}

fn check_size(message: &Message, bytes_max: usize) -> Result<(), BrokerError> {
    let headers: usize = message.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    let bytes = message.body.len() + headers + message.key.as_ref().map_or(0, CompactString::len);
    if bytes <= bytes_max {
        return Ok(());
    }
    let text = format!(
        "message {} has {bytes} bytes of body and headers, and kafka takes {bytes_max}: raise `message_bytes_max`",
        message.id
    );
    Err(not_applied(ErrorKind::TooLarge, text))
}

fn unanswered(to: &Address) -> BrokerError {
    let text = format!("kafka did not say in time whether it has a message to topic `{}`", to.topic);
    BrokerError::new(ErrorKind::Timeout, Effect::Unknown, text)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use bytes::Bytes;
    use rdkafka::mocking::MockCluster;
    use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
    use sidegate_broker::Settings;

    use super::*;
    use crate::client::Clients;
    use crate::link::Link;
    use crate::options::Options;

    fn publisher(hosts: &str) -> Publisher {
        let settings = Settings {
            url: format!("kafka://{hosts}"),
            gateway: "orders".into(),
            replica: "one".into(),
            create: true,
            names: Names::default(),
            options: BTreeMap::new(),
        };
        let options = Options::parse(&settings.options).expect("no options");
        let clients = Arc::new(Clients::new(&settings, options).expect("good settings"));
        let link = Arc::new(Link::new(clients.shown.clone()));
        Publisher::new(Ears { clients, link }).expect("a producer")
    }

    async fn publish(publisher: &Publisher, id: &str) -> Result<Receipt, BrokerError> {
        let message = Message::new(id, "orders", Bytes::new());
        let outgoing = Outgoing { message: &message, correlation_id: None, reply_to: None, partition: None };
        let to = Address { topic: "orders".into(), partition: None };
        publisher.publish(&outgoing, &to, &Names::default()).await
    }

    /// A sound cluster has no reason to refuse a sequence number, so that librdkafka's own stand-in says it.
    #[tokio::test]
    async fn a_producer_that_came_to_its_end_is_replaced() {
        let cluster = MockCluster::new(1).expect("librdkafka's stand-in for a cluster");
        cluster.create_topic("orders", 1, 1).expect("a topic");
        let publisher = publisher(&cluster.bootstrap_servers());
        publish(&publisher, "before").await.expect("taken");
        let before = publisher.producer().expect("open");
        let refusal = RDKafkaRespErr::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER;
        cluster.request_errors(RDKafkaApiKey::Produce, &[refusal]);
        let error =
            publish(&publisher, "fatal").await.expect_err("the cluster says that a message is missing");
        assert!(before.client().fatal_error().is_some(), "the control: this ends a producer");
        assert!(error.passes_by_itself(), "the next producer takes it: {error}");
        assert_eq!(error.effect, Effect::Unknown, "it may be there");
        publish(&publisher, "fatal").await.expect("the next producer takes it");
    }

    #[tokio::test]
    async fn what_cannot_be_confirmed_any_more_at_the_end_fails_as_unknown_or_not_applied() {
        let publisher = Arc::new(publisher("127.0.0.1:1"));
        let waiting = tokio::spawn({
            let publisher = Arc::clone(&publisher);
            async move { publish(&publisher, "late").await }
        });
        while publisher.unconfirmed() == 0 {
            tokio::task::yield_now().await;
        }
        publisher.close(Duration::from_millis(100)).await;
        let error = waiting.await.expect("no panic").expect_err("nobody was there");
        assert_eq!(error.kind, ErrorKind::Closed, "who waited learns of the end: {error}");
        let error = publish(&publisher, "after").await.expect_err("it is closed");
        assert_eq!((error.kind, error.effect), (ErrorKind::Closed, Effect::NotApplied), "{error}");
    }
}
