//! Streams and consumers: made when absent, never changed when present.
//!
//! A stream that already takes a subject is used as it is, whoever made it. One that has the name that Sidegate
//! would give, and is not what Sidegate would make, is an error that shows both sides.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use compact_str::CompactString;
use parking_lot::Mutex;
use sidegate_broker::{BrokerError, Channel, ErrorKind};

use crate::api::{Api, ApiError, ConsumerConfig, ConsumerInfo, Refusal, StreamConfig};
use crate::link::ANSWER_TIMEOUT;
use crate::options::Options;
use crate::{error, names};

/// What is known to be there. Destinations may be templates, so their number is bounded.
const KNOWN_MAX: usize = 10_000;

pub(crate) struct Topology {
    api: Api,
    options: Arc<Options>,
    create: bool,
    known: Mutex<HashMap<CompactString, Arc<str>>>,
    /// One makes things at a time; the others find them made.
    making: tokio::sync::Mutex<()>,
}

/// A consumer that is there.
#[derive(Debug, Clone)]
pub(crate) struct Consumer {
    pub(crate) stream: Arc<str>,
    pub(crate) name: String,
    pub(crate) info: ConsumerInfo,
}

/// Which consumer a subscription needs.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) channel: Channel,
    pub(crate) destination: CompactString,
    pub(crate) service: CompactString,
}

impl Topology {
    pub(crate) fn new(api: Api, options: Arc<Options>, create: bool) -> Self {
        Self { api, options, create, known: Mutex::default(), making: tokio::sync::Mutex::new(()) }
    }

    pub(crate) fn api(&self) -> &Api {
        &self.api
    }

    /// Every stream that messages went to or came from.
    pub(crate) fn known(&self) -> Vec<(CompactString, Arc<str>)> {
        self.known.lock().iter().map(|(subject, stream)| (subject.clone(), Arc::clone(stream))).collect()
    }

    /// The stream that takes messages for a destination.
    pub(crate) async fn stream(&self, channel: Channel, subject: &str) -> Result<Arc<str>, BrokerError> {
        if let Some(stream) = self.known.lock().get(subject) {
            return Ok(Arc::clone(stream));
        }
        names::checked(subject)?;
        self.in_time(ANSWER_TIMEOUT, self.learn(channel, subject)).await
    }

    async fn learn(&self, channel: Channel, subject: &str) -> Result<Arc<str>, BrokerError> {
        let _making = self.making.lock().await;
        if let Some(stream) = self.known.lock().get(subject) {
            return Ok(Arc::clone(stream));
        }
        let stream: Arc<str> = self.find_or_make(channel, subject).await?.into();
        self.remember(subject, &stream);
        Ok(stream)
    }

    /// However many questions it takes, and however many wait before. Nothing of a message is written before this.
    async fn in_time<T>(
        &self,
        within: Duration,
        what: impl Future<Output = Result<T, BrokerError>>,
    ) -> Result<T, BrokerError> {
        let late = |_| error::not_written(self.api.link().place(), within);
        tokio::time::timeout(within, what).await.map_err(late)?
    }

    /// What was there is not any more.
    pub(crate) fn forget(&self, subject: &str) {
        self.known.lock().remove(subject);
    }

    /// Whether a stream takes what is published to a subject; makes none.
    pub(crate) async fn is_stored(&self, subject: &str) -> Result<bool, BrokerError> {
        if self.known.lock().contains_key(subject) {
            return Ok(true);
        }
        let found = self.api.stream_of(subject).await;
        Ok(found.map_err(|error| error.into_error("look for a stream"))?.is_some())
    }

    fn remember(&self, subject: &str, stream: &Arc<str>) {
        let mut known = self.known.lock();
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        known.insert(subject.into(), Arc::clone(stream));
    }

    async fn find_or_make(&self, channel: Channel, subject: &str) -> Result<String, BrokerError> {
        let wanted = self.stream_config(channel, subject);
        if let Some(found) = self.find(subject).await? {
            if found == wanted.name && self.create {
                self.compare(&wanted).await?;
            }
            return Ok(found);
        }
        if !self.create {
            return Err(self.absent(&format!("no stream takes messages for `{subject}`")));
        }
        match self.api.make_stream(&wanted).await {
            Ok(made) => {
                tracing::info!(stream = %made.config.name, subject, "a stream was made");
                Ok(made.config.name)
            }
            // Somebody else was faster, with settings of its own.
            Err(error) if error.is(&[Refusal::STREAM_NAME_IN_USE, Refusal::SUBJECTS_OVERLAP]) => {
                match self.find(subject).await? {
                    Some(found) => Ok(found),
                    None => Err(self.taken(&wanted, error).await),
                }
            }
            Err(error) => Err(error.into_error(&format!("make stream `{}`", wanted.name))),
        }
    }

    async fn find(&self, subject: &str) -> Result<Option<String>, BrokerError> {
        self.api.stream_of(subject).await.map_err(|error| error.into_error("look for a stream"))
    }

    /// A stream of our name must be what we would make.
    async fn compare(&self, wanted: &StreamConfig) -> Result<(), BrokerError> {
        let found = self.api.stream(&wanted.name).await;
        let found = found.map_err(|error| error.into_error("look at a stream"))?.config;
        if settings(&found) == settings(wanted) {
            return Ok(());
        }
        Err(self.mismatch("stream", &wanted.name, &settings(&found), &settings(wanted)))
    }

    /// The name is taken by a stream that does not take the subject.
    async fn taken(&self, wanted: &StreamConfig, error: ApiError) -> BrokerError {
        match self.api.stream(&wanted.name).await {
            Ok(found) => {
                let found = format!("subjects {}", found.config.subjects.join(", "));
                let ours = format!("subjects {}", wanted.subjects.join(", "));
                self.mismatch("stream", &wanted.name, &found, &ours)
            }
            Err(_) => error.into_error(&format!("make stream `{}`", wanted.name)),
        }
    }

    fn mismatch(&self, what: &str, name: &str, there: &str, ours: &str) -> BrokerError {
        error::rejected(format!(
            "{what} `{name}` at {} is not what Sidegate would make; there: {there}; Sidegate's: {ours}: change one \
             of them, or set `create = false` to use it as it is",
            self.api.link().place()
        ))
    }

    fn absent(&self, what: &str) -> BrokerError {
        let place = self.api.link().place();
        error::rejected(format!("{what} at {place}: make one, or set `create = true`"))
    }

    fn stream_config(&self, channel: Channel, subject: &str) -> StreamConfig {
        let options = &self.options;
        let (retention, max_age) = match channel {
            Channel::Command => ("workqueue", Duration::ZERO),
            Channel::Event => ("limits", options.event_age),
            Channel::Reply => ("workqueue", options.reply_age),
        };
        let is_shared = subject.starts_with(names::REPLIES);
        let window = options.duplicate_window;
        StreamConfig {
            name: names::stream(subject),
            subjects: vec![if is_shared { names::REPLIES_ALL.to_owned() } else { subject.to_owned() }],
            retention: retention.to_owned(),
            storage: "file".to_owned(),
            num_replicas: options.replicas,
            duplicate_window_ns: nanos(if max_age.is_zero() { window } else { window.min(max_age) }),
            max_age_ns: nanos(max_age),
            messages_max: bound(options.messages_max, channel),
            bytes_max: bound(options.bytes_max, channel),
            // What is full refuses; only events make room by letting go of the oldest.
            discard: if channel == Channel::Event { "old" } else { "new" }.to_owned(),
        }
    }

    /// The durable consumer of a subscription.
    pub(crate) async fn consumer(&self, wanted: &Wanted) -> Result<Consumer, BrokerError> {
        self.in_time(2 * ANSWER_TIMEOUT, async {
            match self.consumer_of(wanted).await? {
                Some(consumer) => Ok(consumer),
                // The stream that was known is gone.
                None => self.consumer_of(wanted).await?.ok_or_else(|| self.vanished(wanted)),
            }
        })
        .await
    }

    /// `None`: its stream is not there any more.
    async fn consumer_of(&self, wanted: &Wanted) -> Result<Option<Consumer>, BrokerError> {
        let stream = self.stream(wanted.channel, &wanted.destination).await?;
        let config = self.consumer_config(wanted, &stream);
        let name = config.durable_name.clone();
        let info = match self.api.consumer(&stream, &name).await {
            Ok(info) => info,
            Err(error) if error.is(&[Refusal::CONSUMER_NOT_FOUND]) => {
                self.make_consumer(wanted, &stream, &config).await?
            }
            Err(error) if error.is(&[Refusal::STREAM_NOT_FOUND]) => {
                self.forget(&wanted.destination);
                return Ok(None);
            }
            Err(error) => return Err(error.into_error(&format!("look at consumer `{name}`"))),
        };
        self.usable(&info.config, &config, &stream)?;
        Ok(Some(Consumer { stream, name, info }))
    }

    fn vanished(&self, wanted: &Wanted) -> BrokerError {
        let (place, destination) = (self.api.link().place(), &wanted.destination);
        let text = format!("the stream of `{destination}` at {place} vanished while its consumer was made");
        error::not_applied(ErrorKind::Unreachable, text)
    }

    async fn make_consumer(
        &self,
        wanted: &Wanted,
        stream: &str,
        config: &ConsumerConfig,
    ) -> Result<ConsumerInfo, BrokerError> {
        // Places of replies come and go with their replicas: nobody could make their consumers beforehand.
        if !self.create && wanted.channel != Channel::Reply {
            let name = &config.durable_name;
            return Err(self.absent(&format!("stream `{stream}` has no consumer `{name}`")));
        }
        match self.api.make_consumer(stream, config).await {
            Ok(info) => Ok(info),
            Err(error) if error.is(&Refusal::CONSUMER_EXISTS) => {
                let found = self.api.consumer(stream, &config.durable_name).await;
                found.map_err(|error| error.into_error("look at a consumer"))
            }
            Err(error) if error.is(&Refusal::CONSUMER_NOT_UNIQUE) => Err(error::rejected(format!(
                "stream `{stream}` hands each message of `{}` to one service, and another service receives them \
                 already: a command has one receiver, an event is published",
                wanted.destination
            ))),
            Err(error) => Err(error.into_error(&format!("make consumer `{}`", config.durable_name))),
        }
    }

    /// Differences that would break a promise; what else differs is used as it is.
    fn usable(&self, found: &ConsumerConfig, ours: &ConsumerConfig, stream: &str) -> Result<(), BrokerError> {
        let fits = found.ack_policy == ours.ack_policy
            && found.filter_subject == ours.filter_subject
            && found.deliver_subject.is_none();
        if fits {
            return Ok(());
        }
        let name = format!("{} of stream {stream}", ours.durable_name);
        Err(self.mismatch("consumer", &name, &kind(found), &kind(ours)))
    }

    fn consumer_config(&self, wanted: &Wanted, stream: &str) -> ConsumerConfig {
        let destination = &wanted.destination;
        let is_reply = wanted.channel == Channel::Reply;
        let name = if is_reply {
            names::file_name(destination.strip_prefix(names::REPLIES).unwrap_or(destination))
        } else if stream == names::stream(destination) {
            names::file_name(&wanted.service)
        } else {
            // A stream of several subjects has a consumer for each that a service receives.
            format!("{}-{}", names::file_name(&wanted.service), names::file_name(destination))
        };
        ConsumerConfig {
            durable_name: name,
            deliver_policy: if wanted.channel == Channel::Event { "new" } else { "all" }.to_owned(),
            ack_policy: "explicit".to_owned(),
            replay_policy: "instant".to_owned(),
            filter_subject: destination.to_string(),
            deliver_subject: None,
            ack_wait_ns: nanos(self.options.ack_wait),
            // A message that always fails is the gateway's to park.
            max_deliver: -1,
            // Each replica bounds what it asks for.
            max_ack_pending: -1,
            // Places that nobody reads any more go away with what is in them.
            inactive_threshold_ns: if is_reply { nanos(self.options.reply_age) } else { 0 },
        }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn bound(limit: Option<u64>, channel: Channel) -> i64 {
    let limit = limit.filter(|_| channel != Channel::Event).and_then(|limit| i64::try_from(limit).ok());
    limit.unwrap_or(-1)
}

/// The settings that are compared and shown.
fn settings(config: &StreamConfig) -> String {
    let seconds = |ns: u64| Duration::from_nanos(ns).as_secs_f64();
    let bound = |limit: i64| if limit > 0 { limit.to_string() } else { "none".to_owned() };
    format!(
        "retention {}, storage {}, replicas {}, duplicate_window {}s, max_age {}s, max_msgs {}, max_bytes {}",
        config.retention,
        config.storage,
        config.num_replicas,
        seconds(config.duplicate_window_ns),
        seconds(config.max_age_ns),
        bound(config.messages_max),
        bound(config.bytes_max),
    )
}

fn kind(config: &ConsumerConfig) -> String {
    let way = if config.deliver_subject.is_some() { "push" } else { "pull" };
    format!("{way}, ack_policy {}, filter `{}`", config.ack_policy, config.filter_subject)
}
