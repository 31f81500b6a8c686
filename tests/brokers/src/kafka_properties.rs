//! What `server.properties` of a Kafka node says.

use std::fs;

use crate::login::Login;
use crate::plan::Home;
use crate::port::Port;
use crate::tls::Tls;

/// A cluster of one, which makes no topic by itself and keeps nobody waiting: a group's first member gets its
/// partitions at once, and a dead member is missed after a second if it asks for that.
pub(crate) const FIXED: &str = "\
process.roles=broker,controller
node.id=1
auto.create.topics.enable=false
default.replication.factor=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
num.network.threads=2
num.io.threads=2
num.recovery.threads.per.data.dir=1
log.cleaner.enable=true
log.cleaner.dedupe.buffer.size=2097152";

pub(crate) const LOGGING: &str = "\
appender.out.type=Console
appender.out.name=OUT
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d{ABSOLUTE} %p %m (%c{1})%n
rootLogger.level=INFO
rootLogger.appenderRef.out.ref=OUT
";

/// Where it listens: to clients, to itself, and to its controller.
pub(crate) struct Listeners<'a> {
    pub(crate) port: &'a Port,
    /// The port that clients are told.
    pub(crate) advertised: u16,
    pub(crate) inner: &'a Port,
    pub(crate) controller: &'a Port,
}

impl Listeners<'_> {
    pub(crate) fn properties(&self, secured: &Secured<'_>) -> String {
        let (clients, inner, controller) =
            (self.port.address(), self.inner.address(), self.controller.address());
        let (advertised, host, protocol) = (self.advertised, secured.host(), secured.protocol());
        format!(
            "listeners=CLIENTS://{clients},INNER://{inner},CONTROLLER://{controller}\n\
             advertised.listeners=CLIENTS://{host}:{advertised},INNER://{inner},CONTROLLER://{controller}\n\
             listener.security.protocol.map=CLIENTS:{protocol},INNER:PLAINTEXT,CONTROLLER:PLAINTEXT\n\
             inter.broker.listener.name=INNER\n\
             controller.listener.names=CONTROLLER\n\
             controller.quorum.voters=1@{controller}"
        )
    }
}

/// What it asks of clients.
pub(crate) struct Secured<'a> {
    pub(crate) tls: Tls,
    pub(crate) login: Option<&'a Login>,
}

impl Secured<'_> {
    pub(crate) fn properties(&self, home: &Home) -> String {
        self.certificates(home) + &self.users()
    }

    /// Certificates of `localhost` are asked for by that name.
    fn host(&self) -> &'static str {
        if self.tls == Tls::Off { "127.0.0.1" } else { "localhost" }
    }

    fn protocol(&self) -> &'static str {
        match (self.tls, self.login) {
            (Tls::Off, None) => "PLAINTEXT",
            (Tls::Off, Some(_)) => "SASL_PLAINTEXT",
            (_, None) => "SSL",
            (_, Some(_)) => "SASL_SSL",
        }
    }

    fn certificates(&self, home: &Home) -> String {
        let Some(files) = &home.certificates else { return String::new() };
        let read = |path| fs::read_to_string(path).expect("a certificate was written");
        let both = home.write("keystore.pem", &(read(&files.server_key) + &read(&files.server_cert)));
        let clients = if self.tls == Tls::Mutual { "required" } else { "none" };
        let authority = files.ca.display();
        format!(
            "ssl.keystore.type=PEM\nssl.keystore.location={both}\nssl.truststore.type=PEM\n\
             ssl.truststore.location={authority}\nlistener.name.clients.ssl.client.auth={clients}\n"
        )
    }

    fn users(&self) -> String {
        let Some(Login { user, password }) = self.login else { return String::new() };
        let (of, modules) = ("listener.name.clients", "org.apache.kafka.common.security");
        format!(
            "{of}.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256\n\
             {of}.plain.sasl.jaas.config={modules}.plain.PlainLoginModule required user_{user}=\"{password}\";\n\
             {of}.scram-sha-256.sasl.jaas.config={modules}.scram.ScramLoginModule required;\n"
        )
    }
}
