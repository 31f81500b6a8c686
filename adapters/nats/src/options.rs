//! `[broker.NAME] client`: every option, with its default and what it takes. An unknown one is refused.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use sidegate_broker::BrokerError;

use crate::address::Secret;
use crate::error;

/// The options as the adapter uses them.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// The certificate authority of the servers (PEM file); without it the system's are trusted.
    pub(crate) ca: Option<PathBuf>,
    /// The client's certificate and its key (PEM files).
    pub(crate) cert: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
    /// TLS before the server's first word, for servers with `handshake_first`.
    pub(crate) tls_first: bool,
    pub(crate) user: Option<Secret>,
    pub(crate) password: Option<Secret>,
    pub(crate) password_file: Option<PathBuf>,
    pub(crate) token: Option<Secret>,
    pub(crate) token_file: Option<PathBuf>,
    /// A credentials file: a JWT and the seed of its key.
    pub(crate) creds: Option<PathBuf>,
    /// A file with the seed of a user's key.
    pub(crate) nkey_seed_file: Option<PathBuf>,
    /// The JetStream domain, where it is not the connected server's own.
    pub(crate) domain: Option<String>,
    /// The prefix of the subjects that answers to the client itself come to. Default `_INBOX`.
    pub(crate) inbox_prefix: String,
    /// Copies of each stream. Default 1.
    pub(crate) replicas: usize,
    /// How long a stream remembers message ids. Default 10 minutes.
    pub(crate) duplicate_window: Duration,
    /// How long an event is kept for its subscribers. Default 7 days.
    pub(crate) event_age: Duration,
    /// How long a reply is kept for its asker. Default 1 day.
    pub(crate) reply_age: Duration,
    /// After so much silence of a consumer its messages go to another. Default 5 s.
    pub(crate) ack_wait: Duration,
    /// Messages that a stream of commands or replies holds at most; then publishing is refused. Default: no bound.
    pub(crate) messages_max: Option<u64>,
    /// The same in bytes.
    pub(crate) bytes_max: Option<u64>,
    /// The operator's word that the servers run with `sync_interval: always`, which cannot be asked from here.
    pub(crate) sync_always: bool,
    /// A connection on which nothing comes back is given up after three of these. Default 2 s.
    pub(crate) ping_interval: Duration,
}

const KNOWN: [&str; 22] = [
    "ack_wait",
    "bytes_max",
    "ca",
    "cert",
    "creds",
    "domain",
    "duplicate_window",
    "event_age",
    "inbox_prefix",
    "key",
    "messages_max",
    "nkey_seed_file",
    "password",
    "password_file",
    "ping_interval",
    "replicas",
    "reply_age",
    "sync_always",
    "tls_first",
    "token",
    "token_file",
    "user",
];

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const ACK_WAIT_MIN: Duration = Duration::from_millis(500);

impl Default for Options {
    fn default() -> Self {
        Self {
            ca: None,
            cert: None,
            key: None,
            tls_first: false,
            user: None,
            password: None,
            password_file: None,
            token: None,
            token_file: None,
            creds: None,
            nkey_seed_file: None,
            domain: None,
            inbox_prefix: "_INBOX".to_owned(),
            replicas: 1,
            duplicate_window: Duration::from_secs(600),
            event_age: 7 * DAY,
            reply_age: DAY,
            ack_wait: Duration::from_secs(5),
            messages_max: None,
            bytes_max: None,
            sync_always: false,
            ping_interval: Duration::from_secs(2),
        }
    }
}

impl Options {
    pub(crate) fn parse(options: &BTreeMap<String, String>) -> Result<Self, BrokerError> {
        let mut parsed = Self::default();
        for (name, value) in options {
            parsed.set(name, value)?;
        }
        if parsed.cert.is_some() != parsed.key.is_some() {
            return Err(error::rejected("a client certificate needs both options, `cert` and `key`"));
        }
        if parsed.ack_wait < ACK_WAIT_MIN {
            return Err(wrong("ack_wait", "a duration of at least 500ms"));
        }
        Ok(parsed)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), BrokerError> {
        let path = || Some(PathBuf::from(value));
        let secret = || Some(Secret(value.to_owned()));
        match name {
            "ca" => self.ca = path(),
            "cert" => self.cert = path(),
            "key" => self.key = path(),
            "tls_first" => self.tls_first = flag(name, value)?,
            "user" => self.user = secret(),
            "password" => self.password = secret(),
            "password_file" => self.password_file = path(),
            "token" => self.token = secret(),
            "token_file" => self.token_file = path(),
            "creds" => self.creds = path(),
            "nkey_seed_file" => self.nkey_seed_file = path(),
            "domain" => self.domain = Some(word(name, value)?),
            "inbox_prefix" => self.inbox_prefix = word(name, value)?,
            _ => return self.set_stream(name, value),
        }
        Ok(())
    }

    fn set_stream(&mut self, name: &str, value: &str) -> Result<(), BrokerError> {
        match name {
            "replicas" => {
                let replicas = value.parse().ok().filter(|replicas| (1..=5).contains(replicas));
                self.replicas = replicas.ok_or_else(|| wrong(name, "a number from 1 to 5"))?;
            }
            "duplicate_window" => self.duplicate_window = duration(name, value)?,
            "event_age" => self.event_age = duration(name, value)?,
            "reply_age" => self.reply_age = duration(name, value)?,
            "ack_wait" => self.ack_wait = duration(name, value)?,
            "ping_interval" => self.ping_interval = duration(name, value)?,
            "messages_max" => self.messages_max = Some(count(name, value)?),
            "bytes_max" => self.bytes_max = Some(count(name, value)?),
            "sync_always" => self.sync_always = flag(name, value)?,
            _ => return Err(unknown(name)),
        }
        Ok(())
    }
}

fn wrong(name: &str, takes: &str) -> BrokerError {
    error::rejected(format!("option `{name}` of a NATS broker takes {takes}"))
}

fn unknown(name: &str) -> BrokerError {
    const NEAR: f64 = 0.8;
    let near = KNOWN.iter().map(|known| (strsim::jaro_winkler(name, known), known));
    let near = near.filter(|(score, _)| *score > NEAR).max_by(|a, b| a.0.total_cmp(&b.0));
    let hint = near.map(|(_, known)| format!(" (did you mean `{known}`?)")).unwrap_or_default();
    error::rejected(format!("a NATS broker has no option `{name}`{hint}: it has {}", KNOWN.join(", ")))
}

fn flag(name: &str, value: &str) -> Result<bool, BrokerError> {
    value.parse().map_err(|_| wrong(name, "true or false"))
}

fn count(name: &str, value: &str) -> Result<u64, BrokerError> {
    let count = value.parse().ok().filter(|count| (1..=i64::MAX.unsigned_abs()).contains(count));
    count.ok_or_else(|| wrong(name, "a whole number from 1"))
}

/// A part of subjects.
fn word(name: &str, value: &str) -> Result<String, BrokerError> {
    let fits = crate::names::is_subject(value);
    if fits { Ok(value.to_owned()) } else { Err(wrong(name, "words of visible characters joined by dots")) }
}

fn duration(name: &str, value: &str) -> Result<Duration, BrokerError> {
    let digits = value.find(|c: char| !c.is_ascii_digit()).unwrap_or(value.len());
    let (number, unit) = value.split_at(digits);
    let unit_ms: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => 0,
    };
    let ms = number.parse().ok().and_then(|number: u64| number.checked_mul(unit_ms));
    // JetStream counts in nanoseconds, in 63 bits.
    let ms = ms.filter(|ms| (1..=i64::MAX.unsigned_abs() / 1_000_000).contains(ms));
    ms.map(Duration::from_millis).ok_or_else(|| wrong(name, "a duration, as in 250ms, 30s, 10m, 24h or 7d"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Options;

    fn parse(name: &str, value: &str) -> Result<Options, String> {
        Options::parse(&[(name.to_owned(), value.to_owned())].into()).map_err(|error| error.to_string())
    }

    #[test]
    fn options_are_read_with_their_units() {
        assert_eq!(parse("ack_wait", "1500ms").expect("known").ack_wait, Duration::from_millis(1_500));
        assert_eq!(parse("event_age", "2d").expect("known").event_age, Duration::from_secs(172_800));
        assert_eq!(parse("replicas", "3").expect("known").replicas, 3);
    }

    #[test]
    fn a_misspelt_option_is_refused_with_the_near_one_and_all_that_there_are() {
        let error = parse("replica", "3").expect_err("no such option");
        assert!(error.contains("did you mean `replicas`?"), "the near one is named: {error}");
        assert!(error.contains("duplicate_window"), "all are listed: {error}");
    }

    #[test]
    fn a_value_that_fits_no_option_is_refused() {
        for (name, value) in
            [("replicas", "0"), ("ack_wait", "5"), ("ack_wait", "1ms"), ("messages_max", "0")]
        {
            let error = parse(name, value).expect_err("the value does not fit");
            assert!(error.contains(name), "the error names the option: {error}");
        }
        assert!(parse("cert", "client.pem").is_err(), "a certificate without its key is of no use");
    }

    #[test]
    fn secrets_are_not_in_the_debug_form() {
        let options = parse("password", "hunter2").expect("known");
        assert!(!format!("{options:?}").contains("hunter2"));
    }
}
