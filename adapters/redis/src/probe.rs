//! Whether Redis can be reached, what of its settings weakens a promise, and how much waits there.

use std::collections::BTreeMap;
use std::time::Duration;

use compact_str::CompactString;
use redis::streams::StreamInfoGroupsReply;
use redis::{cmd, pipe};
use sidegate_broker::{BrokerError, Channel, Health};
use tokio::time::timeout;

use crate::error;
use crate::link::Link;
use crate::subscribe::Place;

const PROBE_TIMEOUT: Duration = Duration::from_secs(3);
const SETTINGS: [&str; 4] = ["appendonly", "appendfsync", "maxmemory", "maxmemory-policy"];

pub(crate) fn remember(link: &Link, place: &Place) {
    let mut places = link.places.lock();
    if !places.contains(place) {
        places.push(place.clone());
    }
}

pub(crate) async fn probe(link: &Link) -> Health {
    let examined = timeout(PROBE_TIMEOUT, examine(link)).await;
    let silent = || Err(error::unreachable(&link.host, "no answer within 3 s"));
    match examined.unwrap_or_else(|_| silent()) {
        Ok((warnings, waiting)) => Health { problem: None, warnings, waiting },
        Err(error) => Health { problem: Some(error.to_string()), warnings: Vec::new(), waiting: Vec::new() },
    }
}

async fn examine(link: &Link) -> Result<(Vec<String>, Vec<(CompactString, u64)>), BrokerError> {
    link.run::<()>("asking Redis", &cmd("PING")).await?;
    let warnings = match settings(link).await {
        Ok(settings) => warnings(&settings),
        // Hosted ones often hide their settings.
        Err(error) => vec![format!("whether Redis keeps what it confirms cannot be told: {error}")],
    };
    let mut waiting = Vec::new();
    let places = link.places.lock().clone();
    for place in places {
        waiting.extend(waiting_at(link, &place).await.map(|count| (place.stream, count)));
    }
    Ok((warnings, waiting))
}

async fn settings(link: &Link) -> Result<BTreeMap<String, String>, BrokerError> {
    let mut ask = pipe();
    for name in SETTINGS {
        ask.cmd("CONFIG").arg("GET").arg(name);
    }
    let answers: Vec<BTreeMap<String, String>> = link.run_all("reading the settings of Redis", &ask).await?;
    Ok(answers.into_iter().flatten().collect())
}

fn warnings(settings: &BTreeMap<String, String>) -> Vec<String> {
    let is = |name: &str, value: &str| settings.get(name).is_some_and(|found| found == value);
    let mut warnings = Vec::new();
    if !is("appendonly", "yes") {
        warnings.push(
            "a restart of Redis loses messages: set `appendonly yes` and `appendfsync always`".to_owned(),
        );
    } else if is("appendfsync", "everysec") {
        warnings
            .push("a crash of Redis loses up to a second of messages: set `appendfsync always`".to_owned());
    } else if !is("appendfsync", "always") {
        warnings.push("a crash of Redis loses what is not on its disk: set `appendfsync always`".to_owned());
    }
    if !is("maxmemory", "0") && !is("maxmemory-policy", "noeviction") {
        let text = "Redis deletes streams when its memory is full: set `maxmemory-policy noeviction`";
        warnings.push(text.to_owned());
    }
    warnings
}

/// A settled command is deleted, so all that is there waits. Of events Redis knows how many a group has not read,
/// unless some were deleted.
async fn waiting_at(link: &Link, place: &Place) -> Option<u64> {
    const COUNTING: &str = "counting what waits at Redis";
    if place.channel != Channel::Event {
        return link.run(COUNTING, cmd("XLEN").arg(&*place.stream)).await.ok();
    }
    let mut ask = cmd("XINFO");
    ask.arg("GROUPS").arg(&*place.stream);
    let groups: StreamInfoGroupsReply = link.run(COUNTING, &ask).await.ok()?;
    let group = groups.groups.into_iter().find(|group| group.name == place.group)?;
    Some((group.lag? + group.pending) as u64)
}

#[cfg(test)]
mod tests {
    use super::warnings;

    fn told(settings: &[(&str, &str)]) -> String {
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        warnings(&settings.collect()).join("\n")
    }

    #[test]
    fn a_redis_that_may_lose_what_it_confirmed_is_told_with_what_to_set() {
        let safe = [("appendonly", "yes"), ("appendfsync", "always"), ("maxmemory", "0")];
        assert_eq!(told(&safe), "", "nothing to say");
        assert!(told(&[safe[0], ("appendfsync", "everysec"), safe[2]]).contains("up to a second"));
        assert!(told(&[("appendonly", "no"), safe[1], safe[2]]).contains("`appendonly yes`"));
        let evicting = [safe[0], safe[1], ("maxmemory", "1"), ("maxmemory-policy", "allkeys-lru")];
        assert!(told(&evicting).contains("`maxmemory-policy noeviction`"));
    }
}
