//! What an operator should know: whether the server answers, what waits there, and settings that weaken a promise.

use std::time::Duration;

use compact_str::CompactString;
use futures_util::future::join_all;
use sidegate_broker::{Channel, Health};

use crate::api::{ConsumerConfig, StreamConfig};
use crate::link::Link;
use crate::options::Options;
use crate::topology::{Topology, Wanted};

/// A probe takes no longer.
const PROBE_MAX: Duration = Duration::from_secs(3);
const ANSWER_MAX: Duration = Duration::from_secs(2);
/// A message that is published again after longer than this is told apart by nobody.
const WINDOW_MIN: Duration = Duration::from_secs(120);
/// The longest deadline that is usual.
const AGE_MIN: Duration = Duration::from_secs(24 * 60 * 60);

pub(crate) struct Probe<'a> {
    pub(crate) link: &'a Link,
    pub(crate) topology: &'a Topology,
    pub(crate) options: &'a Options,
}

impl Probe<'_> {
    pub(crate) async fn run(&self, wanted: Vec<Wanted>) -> Health {
        if let Some(problem) = self.problem().await {
            return Health { problem: Some(problem), warnings: Vec::new(), waiting: Vec::new() };
        }
        let looked = tokio::time::timeout(PROBE_MAX.saturating_sub(ANSWER_MAX / 2), self.look(wanted)).await;
        let (warnings, waiting) = looked.unwrap_or_else(|_| {
            (vec!["JetStream answers too slowly to look at its streams".to_owned()], Vec::new())
        });
        Health { problem: None, warnings, waiting }
    }

    async fn problem(&self) -> Option<String> {
        if let Err(error) = self.link.ready().await {
            return Some(error.to_string());
        }
        self.link.round_trip(ANSWER_MAX / 2).await.err().map(|error| error.to_string())
    }

    async fn look(&self, wanted: Vec<Wanted>) -> (Vec<String>, Vec<(CompactString, u64)>) {
        if let Err(error) = self.topology.api().account(ANSWER_MAX / 2).await {
            let error = error.into_error("tell about the account");
            return (vec![format!("nothing can be durable: {error}")], Vec::new());
        }
        let streams =
            join_all(self.topology.known().into_iter().map(|(subject, stream)| async move {
                (subject, self.topology.api().stream(&stream).await)
            }));
        let consumers = join_all(wanted.into_iter().map(|wanted| async move {
            let consumer = self.topology.consumer(&wanted).await;
            (wanted, consumer)
        }));
        let (streams, consumers) = futures_util::future::join(streams, consumers).await;
        let (mut warnings, mut waiting) = (Vec::new(), Vec::new());
        if streams.is_empty() && self.options.replicas <= 1 && !self.options.sync_always {
            warnings.push(format!("the streams that will be made: {ONE_COPY}"));
        }
        for (subject, stream) in streams {
            if let Ok(stream) = stream {
                warnings.extend(about_stream(&subject, &stream.config, self.options));
            }
        }
        for (wanted, consumer) in consumers {
            match consumer {
                Ok(consumer) => {
                    warnings.extend(about_consumer(&consumer.name, &consumer.info.config));
                    if wanted.channel != Channel::Reply {
                        waiting.push((wanted.destination, consumer.info.num_pending));
                    }
                }
                Err(error) => warnings.push(error.to_string()),
            }
        }
        warnings.sort();
        warnings.dedup();
        (warnings, waiting)
    }
}

const ONE_COPY: &str = "one replica, and JetStream confirms before it syncs to the disk: when the machine fails, up to two \
                        minutes of confirmed messages are lost; set `replicas = \"3\"` on a cluster, or run the server \
                        with `jetstream { sync_interval: always }` and say so by `sync_always = \"true\"` (it cannot be \
                        asked from here)";

fn about_stream(subject: &str, stream: &StreamConfig, options: &Options) -> Vec<String> {
    let mut warnings = Vec::new();
    let mut warn = |text: String| warnings.push(format!("stream {} (`{subject}`): {text}", stream.name));
    let is_of_events = stream.retention == "limits";
    if stream.storage == "memory" {
        warn("it is in memory and gone when the server restarts: make it with file storage".to_owned());
    }
    if stream.num_replicas <= 1 && !options.sync_always {
        warn(ONE_COPY.to_owned());
    }
    if Duration::from_nanos(stream.duplicate_window_ns) < WINDOW_MIN {
        let window_s = Duration::from_nanos(stream.duplicate_window_ns).as_secs_f64();
        warn(format!(
            "it remembers message ids for {window_s} s only: a message that is published again after a lost \
             confirmation may be stored twice; set its duplicate_window to 10m"
        ));
    }
    let age = Duration::from_nanos(stream.max_age_ns);
    if !is_of_events && !age.is_zero() && age < AGE_MIN.min(options.reply_age) {
        warn(format!(
            "it drops messages after {} s, whether they were received or not: raise its max_age above the longest \
             deadline",
            age.as_secs()
        ));
    }
    let is_bounded = stream.messages_max > 0 || stream.bytes_max > 0;
    if !is_of_events && is_bounded && stream.discard != "new" {
        warn("when it is full it drops its oldest messages instead of refusing new ones: set its discard policy to new".to_owned());
    }
    if stream.retention == "interest" {
        warn("it drops messages while no consumer is there: use retention workqueue for commands, limits for events".to_owned());
    }
    warnings
}

fn about_consumer(name: &str, consumer: &ConsumerConfig) -> Option<String> {
    let gives_up = consumer.max_deliver > 0;
    gives_up.then(|| {
        format!(
            "consumer {name}: after {} deliveries the server gives a message up without telling anybody: set its \
             max_deliver to -1, and the attempts in `retry`",
            consumer.max_deliver
        )
    })
}

#[cfg(test)]
mod tests {
    use super::about_stream;
    use crate::api::StreamConfig;
    use crate::options::Options;

    fn safe() -> StreamConfig {
        StreamConfig {
            name: "sidegate-orders".into(),
            retention: "workqueue".into(),
            storage: "file".into(),
            num_replicas: 3,
            duplicate_window_ns: 600_000_000_000,
            discard: "new".into(),
            ..StreamConfig::default()
        }
    }

    #[test]
    fn a_safe_stream_has_no_warnings_and_each_unsafe_setting_has_its_own() {
        let warnings = |stream: &StreamConfig| about_stream("orders", stream, &Options::default());
        assert!(warnings(&safe()).is_empty(), "{:?}", warnings(&safe()));
        let unsafe_ones = [
            (StreamConfig { num_replicas: 1, ..safe() }, "sync_interval"),
            (StreamConfig { storage: "memory".into(), ..safe() }, "memory"),
            (StreamConfig { duplicate_window_ns: 1_000_000_000, ..safe() }, "duplicate_window"),
            (StreamConfig { max_age_ns: 60_000_000_000, ..safe() }, "max_age"),
            (StreamConfig { messages_max: 10, discard: "old".into(), ..safe() }, "discard"),
            (StreamConfig { retention: "interest".into(), ..safe() }, "retention"),
        ];
        for (stream, word) in unsafe_ones {
            let found = warnings(&stream);
            assert_eq!(found.len(), 1, "one setting, one warning: {found:?}");
            assert!(found[0].contains(word), "{word} is named: {found:?}");
        }
    }

    #[test]
    fn the_operators_word_that_the_server_syncs_is_taken() {
        let options = Options { sync_always: true, ..Options::default() };
        assert!(about_stream("orders", &StreamConfig { num_replicas: 1, ..safe() }, &options).is_empty());
    }
}
