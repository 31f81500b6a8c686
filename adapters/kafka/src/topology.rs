//! Topics: made when absent, never changed. Asked for once per topic, since destinations may be templates; a topic that
//! does not answer any more is asked for again.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use compact_str::CompactString;
use parking_lot::Mutex;
use rdkafka::admin::{
    AdminClient, AdminOptions, ConfigResource, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::client::Client;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::producer::Producer as _;
use rdkafka::types::RDKafkaRespErr;
use sidegate_broker::{BrokerError, Channel, ErrorKind};

use crate::address::check_topic;
use crate::context::Ears;
use crate::error::{closed, not_answered, not_applied, rejected};
use crate::publish::Publisher;

const ANSWER_MAX: Duration = Duration::from_secs(3);
/// A new topic is known to all brokers after so long.
const VISIBLE_AFTER_MAX: Duration = Duration::from_secs(5);
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(20);
/// So many topics are remembered; beyond it all are asked for again.
const KNOWN_MAX: usize = 10_000;

/// See the module's docs.
pub(crate) struct Topology {
    ears: Ears,
    publisher: Arc<Publisher>,
    create: bool,
    /// Number of partitions by topic.
    known: Mutex<HashMap<CompactString, i32>>,
    /// One question at a time: many publishes to a new topic ask once.
    asking: tokio::sync::Mutex<()>,
    admin: OnceLock<Arc<AdminClient<Ears>>>,
}

/// A topic as the cluster has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) partitions: i32,
    /// The lowest of its partitions.
    pub(crate) replication: i32,
    /// Each of its partitions has a leader.
    has_leaders: bool,
}

/// Who asks for a topic, and so what may be done about one that is absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// It is made if the config allows it.
    Use(Channel),
    /// A reply goes there: its asker has made it, or it is gone.
    Answer,
}

impl Topology {
    pub(crate) fn new(ears: Ears, publisher: Arc<Publisher>, create: bool) -> Self {
        Self {
            ears,
            publisher,
            create,
            known: Mutex::default(),
            asking: tokio::sync::Mutex::default(),
            admin: OnceLock::new(),
        }
    }

    /// The topics that were used, by name.
    pub(crate) fn used(&self) -> Vec<CompactString> {
        let mut topics: Vec<CompactString> = self.known.lock().keys().cloned().collect();
        topics.sort_unstable();
        topics
    }

    /// A message to it was not confirmed: is it still there?
    pub(crate) fn forget(&self, topic: &str) {
        self.known.lock().remove(topic);
    }

    /// How many partitions the topic has, after it was made if it has to be.
    pub(crate) async fn ensure(&self, purpose: Purpose, topic: &CompactString) -> Result<i32, BrokerError> {
        if let Some(partitions) = self.partitions_known(topic) {
            return Ok(partitions);
        }
        check_topic(topic)?;
        let _one = self.asking.lock().await;
        if let Some(partitions) = self.partitions_known(topic) {
            return Ok(partitions);
        }
        self.ears.link.ready().await?;
        let found = match self.look(topic).await? {
            Some(found) => self.check(purpose, topic, found).await?,
            None => self.make(purpose, topic).await?,
        };
        self.remember(topic, found.partitions);
        Ok(found.partitions)
    }

    fn partitions_known(&self, topic: &str) -> Option<i32> {
        self.known.lock().get(topic).copied()
    }

    fn remember(&self, topic: &CompactString, partitions: i32) {
        let mut known = self.known.lock();
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        known.insert(topic.clone(), partitions);
    }

    /// `None`: there is no such topic. Asking makes none.
    pub(crate) async fn look(&self, topic: &str) -> Result<Option<Found>, BrokerError> {
        let producer = self.publisher.producer().ok_or_else(closed)?;
        let name = topic.to_owned();
        let looked = tokio::task::spawn_blocking(move || look(producer.client(), &name)).await;
        let what = || format!("cannot ask kafka for topic `{topic}`");
        match looked {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(error)) => {
                self.ears.link.suspect(false, "");
                Err(not_answered(&what(), &error))
            }
            Err(_) => Err(not_applied(ErrorKind::Unexpected, what())),
        }
    }

    async fn make(&self, purpose: Purpose, topic: &str) -> Result<Found, BrokerError> {
        let channel = match purpose {
            Purpose::Use(channel) if self.create => channel,
            Purpose::Use(_) => {
                let text = format!("there is no topic `{topic}`: make it, or set `create = true`");
                return Err(rejected(text));
            }
            Purpose::Answer => {
                return Err(rejected(format!("there is no topic `{topic}` any more for the reply")));
            }
        };
        self.create_topic(channel, topic).await?;
        self.until_visible(topic).await
    }

    async fn create_topic(&self, channel: Channel, topic: &str) -> Result<(), BrokerError> {
        let options = &self.ears.clients.options().topics;
        let retention = match channel {
            Channel::Command | Channel::Event => options.retention_of_new(),
            Channel::Reply => options.reply_retention_of_new(),
        };
        let replication = options.replication_of_new();
        let (retention_ms, bytes_max) =
            (retention.ms().to_string(), self.ears.clients.topic_bytes_max().to_string());
        let mut new = NewTopic::new(topic, options.partitions_of_new(), TopicReplication::Fixed(replication))
            .set("cleanup.policy", "delete")
            .set("retention.ms", &retention_ms)
            .set("max.message.bytes", &bytes_max)
            .set("unclean.leader.election.enable", "false");
        if replication >= 3 {
            new = new.set("min.insync.replicas", "2");
        }
        let what = format!("cannot make topic `{topic}`");
        let made = self.admin()?.create_topics([&new], &answer_options()).await;
        let made = made.map_err(|error| not_answered(&what, &error))?;
        match made.into_iter().next() {
            Some(Err((_, Code::TopicAlreadyExists))) | None => Ok(()),
            Some(Ok(_)) => {
                tracing::info!(broker = self.ears.link.shown(), topic, "topic made");
                Ok(())
            }
            Some(Err((_, code))) => Err(not_answered(&what, &KafkaError::AdminOp(code))),
        }
    }

    async fn until_visible(&self, topic: &str) -> Result<Found, BrokerError> {
        let until = Instant::now() + VISIBLE_AFTER_MAX;
        loop {
            if let Some(found) = self.look(topic).await?.filter(|found| found.has_leaders) {
                return Ok(found);
            }
            if Instant::now() > until {
                let text = format!("topic `{topic}` was made, and the cluster does not know it yet");
                return Err(not_applied(ErrorKind::Timeout, text));
            }
            tokio::time::sleep(LOOK_AGAIN_AFTER).await;
        }
    }

    /// What is there must be what the config demands; what it does not say is as it is.
    async fn check(&self, purpose: Purpose, topic: &str, found: Found) -> Result<Found, BrokerError> {
        let Purpose::Use(channel) = purpose else { return Ok(found) };
        if !self.create {
            return Ok(found);
        }
        let options = &self.ears.clients.options().topics;
        let retention = if channel == Channel::Reply { options.reply_retention } else { options.retention };
        let config = self.config(topic).await?;
        let wanted = [
            ("partitions", Some(found.partitions.to_string()), options.partitions.map(|n| n.to_string())),
            ("replication", Some(found.replication.to_string()), options.replication.map(|n| n.to_string())),
            (
                "retention.ms",
                config.value("retention.ms"),
                retention.map(|retention| retention.ms().to_string()),
            ),
            ("cleanup.policy", config.value("cleanup.policy"), Some("delete".to_owned())),
        ];
        for (name, is, wanted) in wanted {
            if let (Some(is), Some(wanted)) = (is, wanted)
                && is != wanted
            {
                return Err(rejected(format!(
                    "topic `{topic}` has {name} = {is}, and sidegate would make it with {name} = {wanted}: \
                     change one of both, or set `create = false` to use it as it is"
                )));
            }
        }
        Ok(found)
    }

    /// The configuration of a topic.
    pub(crate) async fn config(&self, topic: &str) -> Result<Config, BrokerError> {
        let what = format!("cannot read the configuration of topic `{topic}`");
        let found =
            self.admin()?.describe_configs([&ResourceSpecifier::Topic(topic)], &answer_options()).await;
        let found = found.map_err(|error| not_answered(&what, &error))?;
        match found.into_iter().next() {
            Some(Ok(resource)) => Ok(Config(Some(resource))),
            // Not everybody may read it; what cannot be read is not compared.
            Some(Err(Code::TopicAuthorizationFailed | Code::ClusterAuthorizationFailed)) | None => {
                Ok(Config(None))
            }
            Some(Err(code)) => Err(not_answered(&what, &KafkaError::AdminOp(code))),
        }
    }

    fn admin(&self) -> Result<Arc<AdminClient<Ears>>, BrokerError> {
        if let Some(admin) = self.admin.get() {
            return Ok(Arc::clone(admin));
        }
        let made = self.ears.clients.admin().create_with_context(self.ears.clone());
        let made = made.map_err(|error| not_answered("cannot administer kafka", &error))?;
        Ok(Arc::clone(self.admin.get_or_init(|| Arc::new(made))))
    }
}

/// Letting go of an admin client waits for its thread.
impl Drop for Topology {
    fn drop(&mut self) {
        let admin = self.admin.take();
        let _ = std::thread::Builder::new().name("sidegate-kafka-end".to_owned()).spawn(move || drop(admin));
    }
}

/// What is set for a topic; nothing when it may not be read.
pub(crate) struct Config(Option<ConfigResource>);

impl Config {
    pub(crate) fn value(&self, name: &str) -> Option<String> {
        self.0.as_ref()?.get(name)?.value.clone()
    }
}

fn answer_options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(ANSWER_MAX)).operation_timeout(Some(ANSWER_MAX))
}

fn look<C: rdkafka::ClientContext>(client: &Client<C>, topic: &str) -> Result<Option<Found>, KafkaError> {
    let metadata = client.fetch_metadata(Some(topic), ANSWER_MAX)?;
    let Some(found) = metadata.topics().iter().find(|known| known.name() == topic) else { return Ok(None) };
    match found.error() {
        // A leader is elected in a moment.
        None | Some(RDKafkaRespErr::RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE) => {}
        Some(RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) => return Ok(None),
        Some(other) => return Err(KafkaError::MetadataFetch(other.into())),
    }
    let replication = found.partitions().iter().map(|partition| partition.replicas().len()).min();
    let has_leaders =
        found.partitions().iter().all(|partition| partition.leader() >= 0 && partition.error().is_none());
    let count = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
    let partitions = count(found.partitions().len());
    let found = Found { partitions, replication: count(replication.unwrap_or_default()), has_leaders };
    Ok((partitions > 0).then_some(found))
}
