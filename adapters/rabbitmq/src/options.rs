//! From the broker's table in the config to what this adapter works by. Everything that is wrong for good is found
//! here, before anything connects.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use lapin::uri::SASLMechanism;
use sidegate_broker::{BrokerError, Names, Settings};

use crate::error;
use crate::secret::Secret;
use crate::tls::TlsFiles;
use crate::url::Url;

/// Every option, as the docs of the crate list them.
const KNOWN: [&str; 17] = [
    "ca",
    "cert",
    "connect_timeout_ms",
    "delivery_limit",
    "heartbeat_s",
    "hold_max_ms",
    "key",
    "message_bytes_max",
    "password",
    "password_file",
    "publish_timeout_ms",
    "queue_bytes_max",
    "queue_messages_max",
    "replicas",
    "reply_expires_ms",
    "sasl_mechanism",
    "user",
];

/// RabbitMQ 4 refuses larger bodies unless told otherwise, and older ones take them.
pub(crate) const MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;
const DELIVERY_LIMIT: u32 = 1_000_000;
const DAY_MS: u64 = 24 * 60 * 60 * 1000;
/// Below the server's own limit of 30 minutes on a delivery, with room for the clocks and for being late.
const HOLD_MAX_MS: u64 = 25 * 60 * 1000;

/// What the adapter works by.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) url: Url,
    /// The URL without its secrets.
    pub(crate) shown: String,
    pub(crate) login: Login,
    pub(crate) tls: TlsFiles,
    /// What the broker's console shows this connection as.
    pub(crate) connection_name: String,
    pub(crate) heartbeat_s: u16,
    pub(crate) connect_timeout: Duration,
    pub(crate) publish_timeout: Duration,
    /// A delivery unsettled for so long goes back to the broker before the broker ends the channel over it.
    pub(crate) hold_max: Duration,
    pub(crate) queues: QueueSettings,
    pub(crate) names: Names,
    message_bytes_max: AtomicUsize,
}

/// How to say who asks.
#[derive(Debug)]
pub(crate) struct Login {
    pub(crate) mechanism: SASLMechanism,
    pub(crate) user: String,
    password: Password,
}

#[derive(Debug)]
enum Password {
    Word(Secret),
    /// Read again for each connection, so that it can be rotated.
    File(PathBuf),
}

/// How queues are made.
#[derive(Debug, Clone)]
pub(crate) struct QueueSettings {
    pub(crate) create: bool,
    pub(crate) delivery_limit: u32,
    pub(crate) messages_max: Option<u64>,
    pub(crate) bytes_max: Option<u64>,
    pub(crate) replicas: Option<u32>,
    pub(crate) reply_expires_ms: u64,
}

struct Options<'a>(&'a BTreeMap<String, String>);

impl Config {
    pub(crate) fn new(settings: Settings) -> Result<Self, BrokerError> {
        let options = Options(&settings.options);
        options.check_names()?;
        let url = Url::parse(&settings.url)?;
        let tls = TlsFiles { ca: options.path("ca"), cert: options.path("cert"), key: options.path("key") };
        if !url.is_tls && tls.is_any() {
            return Err(error::setting(
                "options `ca`, `cert` and `key` need a url of amqps:// or amqp+tls://",
            ));
        }
        Ok(Self {
            shown: url.shown(),
            login: Login::new(&options, &url)?,
            tls,
            connection_name: format!("sidegate {} {}", settings.gateway, settings.replica),
            heartbeat_s: options.number("heartbeat_s", 10, 1, 3_600)?,
            connect_timeout: options.duration("connect_timeout_ms", 5_000)?,
            publish_timeout: options.duration("publish_timeout_ms", 5_000)?,
            hold_max: options.duration("hold_max_ms", HOLD_MAX_MS)?,
            queues: QueueSettings::new(&options, settings.create)?,
            names: settings.names,
            message_bytes_max: AtomicUsize::new(options.number(
                "message_bytes_max",
                MESSAGE_BYTES_MAX,
                1,
                512 * 1024 * 1024,
            )?),
            url,
        })
    }

    pub(crate) fn message_bytes_max(&self) -> usize {
        self.message_bytes_max.load(Ordering::Relaxed)
    }

    /// The server told that it takes less.
    pub(crate) fn lower_message_bytes_max(&self, bytes: usize) {
        self.message_bytes_max.fetch_min(bytes, Ordering::Relaxed);
    }
}

impl Login {
    fn new(options: &Options<'_>, url: &Url) -> Result<Self, BrokerError> {
        let password = match (options.text("password"), options.path("password_file")) {
            (Some(_), Some(_)) => {
                return Err(error::setting("options `password` and `password_file` exclude each other"));
            }
            (Some(word), None) => Password::Word(Secret::new(word.to_owned())),
            (None, Some(file)) => Password::File(file),
            (None, None) => {
                Password::Word(url.password.clone().unwrap_or_else(|| Secret::new("guest".to_owned())))
            }
        };
        let user = options.text("user").map(str::to_owned).or_else(|| url.user.clone());
        let login = Self {
            mechanism: options.mechanism()?,
            user: user.unwrap_or_else(|| "guest".to_owned()),
            password,
        };
        login.password()?;
        Ok(login)
    }

    pub(crate) fn password(&self) -> Result<Secret, BrokerError> {
        let path = match &self.password {
            Password::Word(word) => return Ok(word.clone()),
            Password::File(path) => path,
        };
        match std::fs::read_to_string(path) {
            Ok(text) => Ok(Secret::new(text.trim_end_matches(['\r', '\n']).to_owned())),
            Err(cause) => {
                Err(error::setting(format!("password_file {} cannot be read: {cause}", path.display())))
            }
        }
    }
}

impl QueueSettings {
    fn new(options: &Options<'_>, create: bool) -> Result<Self, BrokerError> {
        Ok(Self {
            create,
            delivery_limit: options.number("delivery_limit", DELIVERY_LIMIT, 1, i32::MAX as u32)?,
            messages_max: options.optional("queue_messages_max")?,
            bytes_max: options.optional("queue_bytes_max")?,
            replicas: options.optional("replicas")?,
            reply_expires_ms: options.number("reply_expires_ms", DAY_MS, 1_000, u64::from(u32::MAX))?,
        })
    }
}

impl Options<'_> {
    fn check_names(&self) -> Result<(), BrokerError> {
        match self.0.keys().find(|name| !KNOWN.contains(&name.as_str())) {
            Some(unknown) => Err(unknown_option(unknown)),
            None => Ok(()),
        }
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    fn path(&self, name: &str) -> Option<PathBuf> {
        self.text(name).map(PathBuf::from)
    }

    fn number<T>(&self, name: &str, default: T, first: T, last: T) -> Result<T, BrokerError>
    where
        T: std::str::FromStr + PartialOrd + Copy + std::fmt::Display,
    {
        let Some(text) = self.text(name) else { return Ok(default) };
        let number = text.parse::<T>().ok().filter(|number| (first..=last).contains(number));
        number.ok_or_else(|| {
            error::setting(format!(
                "option `{name}` is `{text}`: it takes a whole number from {first} to {last}"
            ))
        })
    }

    fn optional<T>(&self, name: &str) -> Result<Option<T>, BrokerError>
    where
        T: std::str::FromStr + PartialOrd + Copy + std::fmt::Display + From<u32>,
    {
        let (first, last) = (T::from(1), T::from(i32::MAX as u32));
        self.text(name).map(|_| self.number(name, first, first, last)).transpose()
    }

    fn duration(&self, name: &str, default_ms: u64) -> Result<Duration, BrokerError> {
        self.number(name, default_ms, 1, DAY_MS).map(Duration::from_millis)
    }

    fn mechanism(&self) -> Result<SASLMechanism, BrokerError> {
        match self.text("sasl_mechanism").map(str::to_ascii_uppercase).as_deref() {
            None | Some("PLAIN") => Ok(SASLMechanism::Plain),
            Some("AMQPLAIN") => Ok(SASLMechanism::AMQPlain),
            Some("EXTERNAL") => Ok(SASLMechanism::External),
            Some(other) => Err(error::setting(format!(
                "option `sasl_mechanism` is `{other}`: it takes PLAIN, AMQPLAIN or EXTERNAL"
            ))),
        }
    }
}

fn unknown_option(name: &str) -> BrokerError {
    const NEAR: f64 = 0.75;
    let likeness = |known: &&str| strsim::jaro_winkler(name, known);
    let nearest = KNOWN.into_iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    let hint = match nearest.filter(|known| likeness(known) > NEAR) {
        Some(near) => format!(", did you mean `{near}`?"),
        None => String::new(),
    };
    error::setting(format!("rabbitmq has no option `{name}`{hint} It knows {}", KNOWN.join(", ")))
}

#[cfg(test)]
mod tests {
    use sidegate_broker::{ErrorKind, Names, Settings};

    use super::Config;

    fn config(url: &str, options: &[(&str, &str)]) -> Result<Config, sidegate_broker::BrokerError> {
        Config::new(Settings {
            url: url.to_owned(),
            gateway: "orders".into(),
            replica: "a".into(),
            create: true,
            names: Names::default(),
            options: options.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        })
    }

    #[test]
    fn an_unknown_option_is_refused_with_the_one_that_was_meant() {
        let error = config("amqp://host", &[("pasword", "x")]).expect_err("a misspelt option");
        assert_eq!(error.kind, ErrorKind::Rejected, "it does not pass by itself");
        assert!(error.to_string().contains("did you mean `password`?"), "{error}");
        assert!(error.to_string().contains("heartbeat_s"), "the known ones are listed: {error}");
    }

    #[test]
    fn a_value_out_of_its_range_is_refused_with_the_range() {
        let error = config("amqp://host", &[("heartbeat_s", "0")]).expect_err("no heartbeat at all");
        assert!(error.to_string().contains("from 1 to 3600"), "{error}");
        let error = config("amqp://host", &[("sasl_mechanism", "GSSAPI")]).expect_err("an unknown mechanism");
        assert!(error.to_string().contains("EXTERNAL"), "{error}");
    }

    #[test]
    fn a_password_from_a_file_loses_its_line_end_and_is_never_shown() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), "hunter2\n").expect("written");
        let path = file.path().to_str().expect("a path");
        let config = config("amqp://u:x@host", &[("password_file", path)]).expect("a config");
        assert_eq!(
            config.login.password().expect("a password").expose(),
            "hunter2",
            "the file wins over the url"
        );
        assert!(!format!("{config:?}").contains("hunter2"), "Debug hides it");
    }

    #[test]
    fn a_password_file_that_is_not_there_is_an_error_at_the_start() {
        let error = config("amqp://host", &[("password_file", "/nowhere/word")]).expect_err("no such file");
        assert!(error.to_string().contains("/nowhere/word"), "{error}");
    }

    #[test]
    fn certificates_without_tls_are_refused() {
        let error = config("amqp://host", &[("ca", "ca.pem")]).expect_err("a CA on a plain connection");
        assert!(error.to_string().contains("amqps://"), "{error}");
    }
}
