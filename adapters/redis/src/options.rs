//! What `[broker.NAME] client` may say, checked before anything connects.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use redis::{
    Client, ClientTlsConfig, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisError, TlsCertificates,
};
use sidegate_broker::BrokerError;

use crate::error;

const MIB: usize = 1024 * 1024;
pub(crate) const MESSAGE_BYTES_MAX: usize = 64 * MIB;

/// The bounds. Secrets and files are only read, and never kept here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Options {
    /// Body and headers of one message.
    pub(crate) message_bytes_max: usize,
    /// Messages that a command's stream holds; `None`: as many as Redis has memory for.
    pub(crate) stream_messages_max: Option<usize>,
    /// A message that its consumer did not keep fresh for so long goes to another.
    pub(crate) claim_after: Duration,
    /// How long an event stays in its stream.
    pub(crate) event_age: Duration,
    /// How long a place for replies that nobody uses stays.
    pub(crate) reply_age: Duration,
}

const KNOWN: [&str; 11] = [
    "ca",
    "cert",
    "claim_after",
    "event_age",
    "key",
    "message_bytes_max",
    "password",
    "password_file",
    "reply_age",
    "stream_messages_max",
    "user",
];
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl Options {
    pub(crate) fn read(options: &BTreeMap<String, String>) -> Result<Self, BrokerError> {
        if let Some(unknown) = options.keys().find(|name| !KNOWN.contains(&name.as_str())) {
            return Err(unknown_option(unknown));
        }
        let number = |name: &str, most| options.get(name).map(|written| number(name, written, most));
        let duration = |name: &str, least| options.get(name).map(|written| duration(name, written, least));
        Ok(Self {
            message_bytes_max: number("message_bytes_max", 512 * MIB).unwrap_or(Ok(MESSAGE_BYTES_MAX))?,
            stream_messages_max: number("stream_messages_max", usize::MAX).transpose()?,
            // Reading waits for half a second, and what is in hand is kept fresh three times in this time.
            claim_after: duration("claim_after", 1_500).unwrap_or(Ok(Duration::from_secs(5)))?,
            event_age: duration("event_age", 60_000).unwrap_or(Ok(7 * DAY))?,
            reply_age: duration("reply_age", 60_000).unwrap_or(Ok(DAY))?,
        })
    }
}

fn number(name: &str, written: &str, most: usize) -> Result<usize, BrokerError> {
    let number = written.parse().ok().filter(|number| (1..=most).contains(number));
    number.ok_or_else(|| wrong(name, written, &format!("a whole number from 1 to {most}")))
}

fn duration(name: &str, written: &str, least_ms: u64) -> Result<Duration, BrokerError> {
    const MOST_MS: u64 = 366 * 24 * 60 * 60 * 1000;
    let (number, unit) =
        written.split_at(written.find(|c: char| !c.is_ascii_digit()).unwrap_or(written.len()));
    let units = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
    let unit_ms = units.into_iter().find(|(known, _)| *known == unit).map(|(_, ms)| ms);
    let ms = number.parse().ok().zip(unit_ms).and_then(|(number, ms): (u64, u64)| number.checked_mul(ms));
    let duration = ms.filter(|ms| (least_ms..=MOST_MS).contains(ms)).map(Duration::from_millis);
    let takes = || format!("a duration as in 1500ms, 30s, 10m, 24h or 7d, from {least_ms} ms to a year");
    duration.ok_or_else(|| wrong(name, written, &takes()))
}

fn wrong(name: &str, written: &str, takes: &str) -> BrokerError {
    error::rejected(format!("option `{name}` is `{written}`: it takes {takes}"))
}

fn unknown_option(name: &str) -> BrokerError {
    let near = KNOWN.into_iter().find(|known| strsim::jaro_winkler(known, name) > 0.85);
    let hint = match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("it has {}", KNOWN.join(", ")),
    };
    error::rejected(format!("the Redis adapter has no option `{name}`: {hint}"))
}

/// The client library's own settings: where, as whom, and with which certificates.
pub(crate) fn client(url: &str, options: &BTreeMap<String, String>) -> Result<Client, BrokerError> {
    let url = url.replacen("redis+tls://", "rediss://", 1);
    let wrong = |cause: RedisError| {
        error::rejected(format!("the URL or the certificates of Redis are of no use: {cause}"))
    };
    let info = with_login(url.as_str().into_connection_info().map_err(wrong)?, options)?;
    let ca = read(options, "ca")?;
    let client_tls = match (read(options, "cert")?, read(options, "key")?) {
        (Some(client_cert), Some(client_key)) => Some(ClientTlsConfig { client_cert, client_key }),
        (None, None) => None,
        _ => return Err(error::rejected("options `cert` and `key` stand together: add the other one")),
    };
    if matches!(info.addr(), ConnectionAddr::TcpTls { .. }) {
        // The client library takes the process's provider: ours, unless the program chose one before.
        let _chosen = rustls::crypto::ring::default_provider().install_default();
        let certificates = TlsCertificates { client_tls, root_cert: ca };
        return Client::build_with_tls(info, certificates).map_err(wrong);
    }
    if ca.is_some() || client_tls.is_some() {
        return Err(error::rejected("`ca`, `cert` and `key` need TLS: write the URL as `rediss://…`"));
    }
    Client::open(info).map_err(wrong)
}

fn with_login(
    info: ConnectionInfo,
    options: &BTreeMap<String, String>,
) -> Result<ConnectionInfo, BrokerError> {
    let mut login = info.redis_settings().clone();
    if let Some(user) = options.get("user") {
        login = login.set_username(user);
    }
    if let Some(password) = options.get("password") {
        login = login.set_password(password);
    }
    if let Some(password) = read(options, "password_file")? {
        login = login.set_password(String::from_utf8_lossy(&password).trim_end());
    }
    Ok(info.set_redis_settings(login))
}

/// The content of the file that an option names.
fn read(options: &BTreeMap<String, String>, name: &str) -> Result<Option<Vec<u8>>, BrokerError> {
    let Some(path) = options.get(name) else { return Ok(None) };
    let read = fs::read(path).map(Some);
    read.map_err(|cause| error::rejected(format!("file `{path}` of option `{name}` cannot be read: {cause}")))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::{Options, client};

    fn options(name: &str, value: &str) -> BTreeMap<String, String> {
        [(name.to_owned(), value.to_owned())].into()
    }

    fn told<T>(result: Result<T, sidegate_broker::BrokerError>) -> String {
        result.err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn options_are_read_with_their_units() {
        let read = |name, value| Options::read(&options(name, value)).expect("a known option");
        assert_eq!(read("claim_after", "1500ms").claim_after, Duration::from_millis(1_500));
        assert_eq!(read("event_age", "2d").event_age, Duration::from_secs(172_800));
        assert_eq!(read("stream_messages_max", "7").stream_messages_max, Some(7));
    }

    #[test]
    fn an_option_that_is_unknown_or_has_no_such_value_is_told_with_what_there_is() {
        assert!(told(Options::read(&options("claim_afer", "1s"))).contains("did you mean `claim_after`?"));
        assert!(told(Options::read(&options("x", "1"))).contains("message_bytes_max, password"));
        for (name, value) in [("claim_after", "10ms"), ("event_age", "7"), ("stream_messages_max", "0")] {
            assert!(
                told(Options::read(&options(name, value)))
                    .contains(&format!("`{name}` is `{value}`: it takes"))
            );
        }
    }

    #[test]
    fn a_certificate_without_tls_or_half_of_one_is_refused() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let path = file.path().to_str().expect("a plain path");
        assert!(told(client("redis://h", &options("ca", path))).contains("rediss://"), "it would be ignored");
        assert!(told(client("rediss://h", &options("cert", path))).contains("stand together"));
        assert!(told(client("rediss://h", &options("ca", "/nowhere.pem"))).contains("`/nowhere.pem`"));
    }
}
