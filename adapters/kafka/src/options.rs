//! `[broker.NAME] client`: every option of this adapter, with its default. What is wrong is found before anything
//! connects.
//!
//! | option | default | |
//! |---|---|---|
//! | `partitions`, `replication` | 6, 1 | of the topics that are made here |
//! | `retention` | `7d` | how long commands and events stay; `forever` |
//! | `reply_retention` | `1d` | the same for replies |
//! | `message_bytes_max` | 1,114,112 | a body of 1 MiB and 64 KiB of headers |
//! | `handover` | `10s` | how long a partition that goes to another replica waits for what is in hand |
//! | `group_prefix` | | put before the names of groups, where environments share a cluster |
//! | `ca`, `cert`, `key` | | PEM files: the authority, and a client certificate |
//! | `user`, `password` or `password_file` | | SASL |
//! | `sasl_mechanism` | `SCRAM-SHA-512` | or `SCRAM-SHA-256`, `PLAIN` |
//!
//! A name with a dot is a property of librdkafka: see `properties` for those that are refused, and why.

mod properties;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use sidegate_broker::BrokerError;

use crate::error::rejected;

/// A body of 1 MiB, which is the gateway's own default limit, and its headers.
pub(crate) const MESSAGE_BYTES_MAX: usize = 1024 * 1024 + 64 * 1024;

/// librdkafka takes answers of up to 100 MB.
const MESSAGE_BYTES_LIMIT: usize = 64 * 1024 * 1024;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

const KNOWN: [&str; 14] = [
    "ca",
    "cert",
    "group_prefix",
    "handover",
    "key",
    "message_bytes_max",
    "partitions",
    "password",
    "password_file",
    "replication",
    "reply_retention",
    "retention",
    "sasl_mechanism",
    "user",
];

/// Never shown.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(String);

/// Checked options.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) topics: TopicOptions,
    pub(crate) message_bytes_max: usize,
    pub(crate) handover: Duration,
    pub(crate) group_prefix: String,
    pub(crate) ca: Option<PathBuf>,
    pub(crate) cert: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<Secret>,
    pub(crate) sasl_mechanism: Mechanism,
    /// librdkafka's own, in its words.
    pub(crate) properties: BTreeMap<String, String>,
}

/// How topics are made. What the config does not say is a default for new topics and no demand on those that exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TopicOptions {
    pub(crate) partitions: Option<i32>,
    pub(crate) replication: Option<i32>,
    pub(crate) retention: Option<Retention>,
    pub(crate) reply_retention: Option<Retention>,
}

/// How long a topic keeps what it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Retention {
    For(Duration),
    Forever,
}

/// How a user proves who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mechanism {
    Plain,
    ScramSha256,
    ScramSha512,
}

impl Options {
    pub(crate) fn parse(given: &BTreeMap<String, String>) -> Result<Self, BrokerError> {
        let (properties, ours): (BTreeMap<_, _>, BTreeMap<_, _>) =
            given.clone().into_iter().partition(|(name, _)| name.contains('.'));
        if let Some(name) = ours.keys().find(|name| !KNOWN.contains(&name.as_str())) {
            return Err(unknown(name));
        }
        properties::check(&properties)?;
        let text = |name: &str| ours.get(name).map(String::as_str);
        let path = |name: &str| text(name).map(PathBuf::from);
        let (cert, key) = (path("cert"), path("key"));
        if cert.is_some() != key.is_some() {
            return Err(rejected("a client certificate needs both `cert` and `key`"));
        }
        Ok(Self {
            topics: TopicOptions::parse(&ours)?,
            message_bytes_max: message_bytes_max(text("message_bytes_max"))?,
            handover: text("handover")
                .map_or(Ok(Duration::from_secs(10)), |value| span("handover", value))?,
            group_prefix: text("group_prefix").unwrap_or_default().to_owned(),
            ca: path("ca"),
            cert,
            key,
            user: text("user").map(str::to_owned),
            password: password(text("password"), text("password_file"))?,
            sasl_mechanism: text("sasl_mechanism").map_or(Ok(Mechanism::ScramSha512), Mechanism::parse)?,
            properties,
        })
    }

    /// The name of a group.
    pub(crate) fn group(&self, name: &str) -> String {
        format!("{}{name}", self.group_prefix)
    }
}

impl TopicOptions {
    fn parse(ours: &BTreeMap<String, String>) -> Result<Self, BrokerError> {
        let number = |name: &str, max| ours.get(name).map(|value| number(name, value, max)).transpose();
        let retention = |name: &str| ours.get(name).map(|value| Retention::parse(name, value)).transpose();
        Ok(Self {
            partitions: number("partitions", 10_000)?,
            replication: number("replication", 100)?,
            retention: retention("retention")?,
            reply_retention: retention("reply_retention")?,
        })
    }

    pub(crate) fn partitions_of_new(&self) -> i32 {
        self.partitions.unwrap_or(6)
    }

    pub(crate) fn replication_of_new(&self) -> i32 {
        self.replication.unwrap_or(1)
    }

    pub(crate) fn retention_of_new(&self) -> Retention {
        self.retention.unwrap_or(Retention::For(7 * DAY))
    }

    pub(crate) fn reply_retention_of_new(&self) -> Retention {
        self.reply_retention.unwrap_or(Retention::For(DAY))
    }
}

impl Retention {
    fn parse(name: &str, value: &str) -> Result<Self, BrokerError> {
        if value == "forever" {
            return Ok(Self::Forever);
        }
        span(name, value).map(Self::For)
    }

    /// As `retention.ms` has it.
    pub(crate) fn ms(self) -> i64 {
        match self {
            Self::For(span) => i64::try_from(span.as_millis()).unwrap_or(i64::MAX),
            Self::Forever => -1,
        }
    }
}

impl Mechanism {
    fn parse(name: &str) -> Result<Self, BrokerError> {
        [Self::Plain, Self::ScramSha256, Self::ScramSha512]
            .into_iter()
            .find(|mechanism| mechanism.name().eq_ignore_ascii_case(name))
            .ok_or_else(|| rejected("`sasl_mechanism` must be SCRAM-SHA-512, SCRAM-SHA-256 or PLAIN"))
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

impl Secret {
    pub(crate) const fn new(text: String) -> Self {
        Self(text)
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

fn unknown(name: &str) -> BrokerError {
    let near = KNOWN.iter().map(|known| (strsim::jaro_winkler(name, known), known));
    let best = near.max_by(|one, other| one.0.total_cmp(&other.0)).filter(|(likeness, _)| *likeness > 0.8);
    let hint = best.map_or_else(String::new, |(_, known)| format!("did you mean `{known}`? "));
    let known = KNOWN.join(", ");
    rejected(format!(
        "unknown option `{name}` of kafka: {hint}the options are {known}, and librdkafka's properties (with a dot)"
    ))
}

fn number(name: &str, value: &str, max: i32) -> Result<i32, BrokerError> {
    let parsed = value.parse::<i32>().ok().filter(|number| (1..=max).contains(number));
    parsed.ok_or_else(|| rejected(format!("`{name}` must be a whole number from 1 to {max}, not `{value}`")))
}

fn message_bytes_max(value: Option<&str>) -> Result<usize, BrokerError> {
    let Some(value) = value else { return Ok(MESSAGE_BYTES_MAX) };
    let parsed = value.parse::<usize>().ok().filter(|bytes| (1024..=MESSAGE_BYTES_LIMIT).contains(bytes));
    parsed.ok_or_else(|| {
        rejected(format!(
            "`message_bytes_max` must be from 1024 to {MESSAGE_BYTES_LIMIT} bytes, not `{value}`"
        ))
    })
}

/// `250ms`, `30s`, `5m`, `24h`, `7d`.
fn span(name: &str, value: &str) -> Result<Duration, BrokerError> {
    let digits = value.find(|c: char| !c.is_ascii_digit()).unwrap_or(value.len());
    let (count, unit) = value.split_at(digits);
    let unit_ms: Option<u64> = match unit {
        "ms" => Some(1),
        "s" => Some(1_000),
        "m" => Some(60_000),
        "h" => Some(3_600_000),
        "d" => Some(86_400_000),
        _ => None,
    };
    let ms = count.parse::<u64>().ok().zip(unit_ms).and_then(|(count, unit_ms)| count.checked_mul(unit_ms));
    ms.map(Duration::from_millis).ok_or_else(|| {
        rejected(format!("`{name}` must be a duration as 250ms, 30s, 5m, 24h or 7d, not `{value}`"))
    })
}

fn password(text: Option<&str>, file: Option<&str>) -> Result<Option<Secret>, BrokerError> {
    match (text, file) {
        (Some(_), Some(_)) => Err(rejected("give either `password` or `password_file`")),
        (Some(text), None) => Ok(Some(Secret::new(text.to_owned()))),
        (None, Some(file)) => {
            let text = std::fs::read_to_string(file)
                .map_err(|why| rejected(format!("cannot read `password_file` {file}: {why}")))?;
            Ok(Some(Secret::new(text.trim_end_matches(['\r', '\n']).to_owned())))
        }
        (None, None) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(options: &[(&str, &str)]) -> Result<Options, BrokerError> {
        let options = options.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Options::parse(&options.collect())
    }

    fn refusal(options: &[(&str, &str)]) -> String {
        parse(options).expect_err("a wrong option").to_string()
    }

    #[test]
    fn what_is_not_said_has_a_default_and_makes_no_demand_on_topics_that_exist() {
        let options = parse(&[]).expect("no option at all");
        assert_eq!(options.topics.partitions, None, "an existing topic may have any number");
        assert_eq!((options.topics.partitions_of_new(), options.topics.replication_of_new()), (6, 1));
        assert_eq!(options.topics.retention_of_new().ms(), 7 * 86_400_000);
        assert_eq!(options.handover, Duration::from_secs(10));
    }

    #[test]
    fn an_unknown_option_is_refused_with_what_was_meant() {
        let text = refusal(&[("partition", "3")]);
        assert!(text.contains("did you mean `partitions`?"), "the nearest is named: {text}");
        assert!(text.contains("sasl_mechanism"), "all are listed: {text}");
    }

    #[test]
    fn a_value_that_makes_no_sense_is_refused_with_the_option_it_is_of() {
        for (name, value) in [
            ("partitions", "0"),
            ("replication", "x"),
            ("retention", "7 days"),
            ("handover", "10"),
            ("message_bytes_max", "12"),
            ("sasl_mechanism", "GSSAPI"),
        ] {
            let text = refusal(&[(name, value)]);
            assert!(text.contains(&format!("`{name}`")), "{text}");
        }
        assert!(
            refusal(&[("cert", "cert.pem")]).contains("`key`"),
            "a certificate is nothing without its key"
        );
    }

    #[test]
    fn a_retention_can_be_for_ever_and_a_password_is_never_shown() {
        let options = parse(&[("retention", "forever"), ("password", "hunter2")]).expect("good options");
        assert_eq!(options.topics.retention_of_new().ms(), -1);
        assert!(!format!("{options:?}").contains("hunter2"), "Debug shows no password");
    }

    #[test]
    fn a_password_can_stand_in_a_file() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), "hunter2\n").expect("written");
        let options =
            parse(&[("password_file", file.path().to_str().expect("a path"))]).expect("good options");
        assert_eq!(
            options.password,
            Some(Secret::new("hunter2".to_owned())),
            "the newline is not part of it"
        );
    }
}
