//! Health: can the cluster be reached, how far behind are the groups read here, and which settings weaken a promise.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use compact_str::CompactString;
use futures_util::future::join;
use rdkafka::Offset;
use rdkafka::consumer::BaseConsumer;
use rdkafka::error::KafkaResult;
use sidegate_broker::Health;
use tokio::time::timeout;

use crate::client::Clients;
use crate::connect::Kafka;
use crate::position::{committed, edges, partitions_of};
use crate::reader::{Plan, Share};
use crate::topology::Config;

/// Whoever asks gets an answer within three seconds: first whether there is a cluster, then what could be learnt.
const ANSWER_MAX: Duration = Duration::from_millis(1_200);
const FINDINGS_MAX: Duration = Duration::from_millis(1_500);
/// Messages that wait longer than this for a service that is away are lost.
const RETENTION_MIN_MS: i64 = 24 * 60 * 60 * 1000;
const OFFSETS_TOPIC: &str = "__consumer_offsets";

const ONE_REPLICA: &str = "one replica, lost with its disk: make it with `replication = 3`";
const ONE_REPLICA_OF_OFFSETS: &str = "one replica, and all positions are lost with its disk: set the cluster's `offsets.topic.replication.factor = 3`";

/// Topics by what is wrong with them: many topics, one line.
type Findings = BTreeMap<&'static str, Vec<CompactString>>;

impl Kafka {
    pub(crate) async fn examine(&self) -> Health {
        let mut health = Health { problem: self.problem(), warnings: Vec::new(), waiting: Vec::new() };
        if self.ears.clients.is_careless {
            health.warnings.push("a password is sent in clear text: use `kafka+tls://` or SCRAM".to_owned());
        }
        if health.problem.is_some() {
            return health;
        }
        if timeout(ANSWER_MAX, self.topology.look(OFFSETS_TOPIC)).await.is_err() {
            self.ears.link.suspect(false, "");
            health.problem = Some(format!("kafka at {} does not answer in time", self.ears.link.shown()));
            return health;
        }
        let (findings, waiting) = join(self.findings(), timeout(FINDINGS_MAX, self.lag())).await;
        health.warnings.extend(findings.into_iter().map(|(what, topics)| line(what, &topics)));
        health.waiting = waiting.unwrap_or_default();
        health
    }

    fn problem(&self) -> Option<String> {
        if self.is_closed() { Some(crate::error::closed().to_string()) } else { self.ears.link.problem() }
    }

    /// As many topics as there is time for.
    async fn findings(&self) -> Findings {
        let mut findings = Findings::new();
        let _ = timeout(FINDINGS_MAX, self.find_all(&mut findings)).await;
        findings
    }

    async fn find_all(&self, findings: &mut Findings) {
        let mut topics = self.topology.used();
        topics.push(OFFSETS_TOPIC.into());
        for topic in topics {
            let Ok(Some(found)) = self.topology.look(&topic).await else { continue };
            let is_ours = topic != OFFSETS_TOPIC;
            if found.replication < 2 {
                note(findings, if is_ours { ONE_REPLICA } else { ONE_REPLICA_OF_OFFSETS }, &topic);
            }
            if is_ours && let Ok(config) = self.topology.config(&topic).await {
                examine_config(findings, &topic, &config, found.replication);
            }
        }
    }

    /// Of what the groups have not finished: how much, by destination.
    async fn lag(&self) -> Vec<(CompactString, u64)> {
        let plans = self.readers.plans();
        let clients = Arc::clone(&self.ears.clients);
        let counted = tokio::task::spawn_blocking(move || count_all(&clients, &plans)).await;
        counted.unwrap_or_default()
    }
}

fn examine_config(findings: &mut Findings, topic: &CompactString, config: &Config, replication: i32) {
    let number = |name: &str| config.value(name).and_then(|value| value.parse::<i64>().ok());
    if replication >= 2 && number("min.insync.replicas").is_some_and(|min| min < 2) {
        note(findings, "confirmed when one replica has it: set `min.insync.replicas = 2`", topic);
    }
    if config.value("unclean.leader.election.enable").is_some_and(|value| value == "true") {
        note(
            findings,
            "a replica that is behind may lead: set `unclean.leader.election.enable = false`",
            topic,
        );
    }
    if number("retention.ms").is_some_and(|ms| (0..RETENTION_MIN_MS).contains(&ms)) {
        note(
            findings,
            "messages are dropped within a day, read or not: set `retention.ms` above every deadline",
            topic,
        );
    }
    if config.value("cleanup.policy").is_some_and(|policy| policy.contains("compact")) {
        note(findings, "only the last message of a key is kept: set `cleanup.policy = delete`", topic);
    }
}

fn note(findings: &mut Findings, what: &'static str, topic: &CompactString) {
    findings.entry(what).or_default().push(topic.clone());
}

fn line(what: &str, topics: &[CompactString]) -> String {
    const SHOWN_MAX: usize = 5;
    let shown: Vec<&str> = topics.iter().take(SHOWN_MAX).map(CompactString::as_str).collect();
    let more = topics.len().saturating_sub(SHOWN_MAX);
    let and_more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let plural = if topics.len() == 1 { "topic" } else { "topics" };
    format!("{plural} {}{and_more}: {what}", shown.join(", "))
}

/// Blocks; a group whose position cannot be read is left out.
fn count_all(clients: &Clients, plans: &[Plan]) -> Vec<(CompactString, u64)> {
    let mut waiting = BTreeMap::new();
    for plan in plans {
        if let Ok(count) = count(clients, plan) {
            waiting.insert(plan.destination.clone(), count);
        }
    }
    waiting.into_iter().collect()
}

/// By a client that never joins: asking does not disturb the group.
fn count(clients: &Clients, plan: &Plan) -> KafkaResult<u64> {
    let consumer: BaseConsumer = clients.consumer(&plan.group, 1).create()?;
    let partitions = match plan.share {
        Share::All { own: Some(own) } => vec![own],
        Share::All { own: None } | Share::OfGroup(_) => partitions_of(&consumer, &plan.topic)?,
    };
    let begins = edges(&consumer, &plan.topic, &partitions, Offset::Beginning)?;
    let ends = edges(&consumer, &plan.topic, &partitions, Offset::End)?;
    let committed = committed(&consumer, &plan.topic, &partitions)?;
    let behind = ends.iter().map(|(partition, end)| {
        let begin = begins.get(partition).copied().unwrap_or_default();
        end - committed.get(partition).map_or(begin, |mark| mark.offset.max(begin))
    });
    Ok(behind.map(|count| u64::try_from(count).unwrap_or_default()).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_topics_with_one_trouble_are_one_line() {
        let topics: Vec<CompactString> = (0..7).map(|n| compact_str::format_compact!("t{n}")).collect();
        assert_eq!(line("set x", &topics), "topics t0, t1, t2, t3, t4 and 2 more: set x");
        assert_eq!(line("set x", &topics[..1]), "topic t0: set x");
    }
}
