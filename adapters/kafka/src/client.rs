//! The configurations of librdkafka: what a promise needs, what latency needs, and what the config adds.

use std::fs::File;
use std::path::Path;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use sidegate_broker::{BrokerError, Settings};

use crate::error::rejected;
use crate::options::{Options, Secret};
use crate::url::Url;

/// What a record needs on top of what counts as the message: its framing, and room for a second one in a batch.
const FRAMING_BYTES: usize = 64 * 1024;
/// How long librdkafka may try to get a message confirmed, unless the config says otherwise.
const MESSAGE_TIMEOUT_MS: u64 = 10_000;
const SESSION_TIMEOUT_MS: u64 = 10_000;

/// Makes the configurations of all clients of one broker.
pub(crate) struct Clients {
    common: ClientConfig,
    options: Options,
    /// As in logs and errors.
    pub(crate) shown: String,
    /// A password is sent in clear text.
    pub(crate) is_careless: bool,
    secrets: Vec<String>,
}

impl Clients {
    pub(crate) fn new(settings: &Settings, options: Options) -> Result<Self, BrokerError> {
        let url = Url::parse(&settings.url)?;
        let login = Login::of(&url, &options)?;
        let mut common = ClientConfig::new();
        common
            .set("bootstrap.servers", &url.hosts)
            .set("client.id", format!("sidegate-{}", settings.gateway))
            .set("allow.auto.create.topics", "false")
            .set("socket.keepalive.enable", "true")
            .set("socket.timeout.ms", "10000")
            .set("socket.connection.setup.timeout.ms", "5000")
            .set("reconnect.backoff.ms", "100")
            .set("reconnect.backoff.max.ms", "2000")
            .set_log_level(RDKafkaLogLevel::Info);
        set_tls(&mut common, &url, &options)?;
        if let Some(login) = &login {
            common.set("sasl.mechanisms", options.sasl_mechanism.name());
            common.set("sasl.username", &login.user);
            common.set("sasl.password", login.password.expose());
        }
        let protocol = match (url.is_tls, login.is_some()) {
            (false, false) => "plaintext",
            (false, true) => "sasl_plaintext",
            (true, false) => "ssl",
            (true, true) => "sasl_ssl",
        };
        common.set("security.protocol", protocol);
        let secrets =
            login.iter().map(|login| login.password.expose().to_owned()).filter(|text| !text.is_empty());
        Ok(Self {
            secrets: secrets.collect(),
            is_careless: !url.is_tls && login.is_some() && options.sasl_mechanism.name() == "PLAIN",
            shown: url.shown(),
            common,
            options,
        })
    }

    pub(crate) const fn options(&self) -> &Options {
        &self.options
    }

    /// A text of librdkafka's without any password in it.
    pub(crate) fn without_secrets(&self, text: &str) -> String {
        self.secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "***"))
    }

    /// Confirmed by all in-sync replicas, once, in order; sent at once, and batched while requests are under way.
    pub(crate) fn producer(&self) -> ClientConfig {
        let mut config = self.common.clone();
        config
            .set("acks", "all")
            .set("enable.idempotence", "true")
            .set("linger.ms", "0")
            .set("sticky.partitioning.linger.ms", "10")
            .set("message.timeout.ms", MESSAGE_TIMEOUT_MS.to_string())
            .set("message.max.bytes", (self.options.message_bytes_max + FRAMING_BYTES).to_string())
            .set("queue.buffering.max.messages", "100000")
            .set("queue.buffering.max.kbytes", "65536")
            .set("partitioner", "murmur2_random")
            .set("retry.backoff.ms", "50");
        self.with_properties(config)
    }

    /// A member of a group, or a reader of its own partitions. `fetched_max` messages are fetched ahead.
    pub(crate) fn consumer(&self, group: &str, fetched_max: usize) -> ClientConfig {
        let mut config = self.common.clone();
        config
            .set("group.id", group)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "earliest")
            .set("isolation.level", "read_committed")
            .set("fetch.min.bytes", "1")
            // A partition that is new or resumed waits until the fetch under way returns.
            .set("fetch.wait.max.ms", "100")
            .set("fetch.queue.backoff.ms", "10")
            .set("fetch.error.backoff.ms", "100")
            .set("queued.min.messages", fetched_max.to_string())
            .set("queued.max.messages.kbytes", "8192")
            .set("max.poll.interval.ms", "300000")
            // New topics and partitions are noticed after so long.
            .set("topic.metadata.refresh.interval.ms", "10000");
        // Those of the newer group protocol are the broker's to set.
        if self.options.properties.get("group.protocol").is_none_or(|protocol| protocol != "consumer") {
            config
                .set("partition.assignment.strategy", "cooperative-sticky")
                .set("session.timeout.ms", SESSION_TIMEOUT_MS.to_string())
                .set("heartbeat.interval.ms", "1000");
        }
        self.with_properties(config)
    }

    /// Nobody reads the log lines of an `AdminClient`: they would gather in its main queue.
    pub(crate) fn admin(&self) -> ClientConfig {
        let mut config = self.with_properties(self.common.clone());
        config.set_log_level(RDKafkaLogLevel::Emerg);
        config
    }

    /// How long librdkafka tries to get a message confirmed, in milliseconds.
    pub(crate) fn message_timeout_ms(&self) -> u64 {
        let properties = &self.options.properties;
        let given =
            ["message.timeout.ms", "delivery.timeout.ms"].into_iter().find_map(|name| properties.get(name));
        given.and_then(|ms| ms.parse().ok()).unwrap_or(MESSAGE_TIMEOUT_MS)
    }

    /// What topics are told to take, so that a message of the largest size fits.
    pub(crate) fn topic_bytes_max(&self) -> usize {
        self.options.message_bytes_max + FRAMING_BYTES
    }

    fn with_properties(&self, mut config: ClientConfig) -> ClientConfig {
        for (name, value) in &self.options.properties {
            config.set(name, value);
        }
        // An alias given beside our own name of the same property must win, whatever the order they are set in.
        for (alias, name) in
            [("delivery.timeout.ms", "message.timeout.ms"), ("queue.buffering.max.ms", "linger.ms")]
        {
            if self.options.properties.contains_key(alias) && !self.options.properties.contains_key(name) {
                config.remove(name);
            }
        }
        config
    }
}

struct Login {
    user: String,
    password: Secret,
}

impl Login {
    /// The options go before the URL.
    fn of(url: &Url, options: &Options) -> Result<Option<Self>, BrokerError> {
        let user = options.user.clone().or_else(|| url.user.clone());
        let password = options.password.clone().or_else(|| url.password.clone());
        match (user, password) {
            (Some(user), Some(password)) => Ok(Some(Self { user, password })),
            (None, None) => Ok(None),
            (Some(_), None) => Err(rejected("kafka has a `user` and no `password` or `password_file`")),
            (None, Some(_)) => Err(rejected("kafka has a password and no `user`")),
        }
    }
}

fn set_tls(config: &mut ClientConfig, url: &Url, options: &Options) -> Result<(), BrokerError> {
    let files = [
        ("ca", "ssl.ca.location", &options.ca),
        ("cert", "ssl.certificate.location", &options.cert),
        ("key", "ssl.key.location", &options.key),
    ];
    for (option, property, path) in files {
        let Some(path) = path else { continue };
        if !url.is_tls {
            return Err(rejected(format!(
                "`{option}` is given, but the URL is not of the form kafka+tls://HOST:PORT"
            )));
        }
        check_readable(option, path)?;
        config.set(property, path.to_string_lossy());
    }
    Ok(())
}

fn check_readable(option: &str, path: &Path) -> Result<(), BrokerError> {
    let opened = File::open(path).map(drop);
    opened.map_err(|why| rejected(format!("cannot read `{option}` {}: {why}", path.display())))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use sidegate_broker::Names;

    use super::*;

    fn clients(url: &str, options: &[(&str, &str)]) -> Result<Clients, BrokerError> {
        let options = options.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let settings = Settings {
            url: url.to_owned(),
            gateway: "orders".into(),
            replica: "one".into(),
            create: true,
            names: Names::default(),
            options: options.collect::<BTreeMap<_, _>>(),
        };
        Clients::new(&settings, Options::parse(&settings.options)?)
    }

    #[test]
    fn every_configuration_is_one_that_librdkafka_takes() {
        let clients =
            clients("kafka://one", &[("linger.ms", "2"), ("delivery.timeout.ms", "20000")]).expect("good");
        for config in [clients.producer(), clients.consumer("orders", 100), clients.admin()] {
            config.create_native_config().map(drop).expect("no property is misspelt");
        }
        assert_eq!(clients.producer().get("linger.ms"), Some("2"), "the config's word is the last");
        assert_eq!(clients.producer().get("message.timeout.ms"), None, "its alias stands in its place");
        assert_eq!(clients.message_timeout_ms(), 20_000);
    }

    #[test]
    fn the_settings_that_keep_the_promises_are_there() {
        let clients = clients("kafka://one", &[]).expect("good");
        let (producer, consumer) = (clients.producer(), clients.consumer("orders", 100));
        for (name, value) in
            [("acks", "all"), ("enable.idempotence", "true"), ("allow.auto.create.topics", "false")]
        {
            assert_eq!(producer.get(name), Some(value));
        }
        for (name, value) in [
            ("enable.auto.commit", "false"),
            ("enable.auto.offset.store", "false"),
            ("auto.offset.reset", "earliest"),
            ("partition.assignment.strategy", "cooperative-sticky"),
        ] {
            assert_eq!(consumer.get(name), Some(value));
        }
    }

    #[test]
    fn a_login_and_tls_make_the_protocol() {
        let protocol = |url, options: &[_]| {
            clients(url, options).expect("good").common.get("security.protocol").map(str::to_owned)
        };
        assert_eq!(protocol("kafka://one", &[]).as_deref(), Some("plaintext"));
        assert_eq!(protocol("kafka+tls://one", &[]).as_deref(), Some("ssl"));
        assert_eq!(protocol("kafka+tls://me:secret@one", &[]).as_deref(), Some("sasl_ssl"));
        assert_eq!(
            protocol("kafka://one", &[("user", "me"), ("password", "x")]).as_deref(),
            Some("sasl_plaintext")
        );
    }

    #[test]
    fn a_password_shows_up_nowhere() {
        let clients = clients("kafka://me:hunter2@one", &[("sasl_mechanism", "PLAIN")]).expect("good");
        assert!(clients.is_careless, "PLAIN without TLS sends the password in clear text");
        assert!(!clients.shown.contains("hunter2"), "the URL is shown without it");
        assert_eq!(
            clients.without_secrets("bad login me/hunter2"),
            "bad login me/***",
            "librdkafka's texts too"
        );
        assert!(!format!("{:?}", clients.producer()).contains("hunter2"), "nor does a configuration show it");
    }

    #[test]
    fn what_cannot_work_is_refused_before_anything_connects() {
        for (url, options, text) in [
            ("kafka+tls://one", &[("ca", "/nowhere/ca.pem")][..], "/nowhere/ca.pem"),
            ("kafka://one", &[("ca", "ca.pem")][..], "kafka+tls://"),
            ("kafka://me@one", &[][..], "`password`"),
            ("kafka://one", &[("password", "x")][..], "`user`"),
        ] {
            let error = clients(url, options).err().expect("it cannot work").to_string();
            assert!(error.contains(text), "{error}");
        }
    }
}
