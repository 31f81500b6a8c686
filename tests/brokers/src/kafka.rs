//! Apache Kafka as a single node of KRaft: broker and controller in one process.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::ops::Deref;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::environment::{cache, find};
use crate::kafka_properties::{FIXED, LOGGING, Listeners, Secured};
use crate::login::Login;
use crate::missing::Missing;
use crate::plan::{Home, Plan};
use crate::port::Port;
use crate::server::{Server, Shared, shared};
use crate::tls::Tls;

/// Any 16 bytes, in the base64 that Kafka wants.
const CLUSTER: &str = "c2lkZWdhdGUtdGVzdHMtMQ";

/// How a Kafka node is set up.
#[derive(Debug, Default)]
pub struct KafkaOptions {
    /// Whether and how it speaks TLS.
    pub tls: Tls,
    /// Who alone may connect, by SASL with `SCRAM-SHA-256` or `PLAIN`; `None` lets everybody in.
    pub login: Option<Login>,
    /// Where to listen; a port of its own when `None`. Known before the start, it can stand behind a proxy:
    ///
    /// ```
    /// # use sidegate_fault_proxy::Proxy;
    /// # use sidegate_test_brokers::{KafkaOptions, Port};
    /// # async fn options() -> KafkaOptions {
    /// let port = Port::free();
    /// let proxy = Proxy::to(port.address()).await;
    /// KafkaOptions { port: Some(port), advertised: Some(proxy.address()), ..KafkaOptions::default() }
    /// # }
    /// ```
    pub port: Option<Port>,
    /// The address it tells to clients, who use it from then on. Its own when `None`.
    pub advertised: Option<SocketAddr>,
    /// More lines of `server.properties`: `message.max.bytes=2048`.
    pub config: String,
}

/// Apache Kafka on the machine's Java; its jars are found by `SIDEGATE_KAFKA_LIBS` or in `target/brokers/kafka-libs`.
/// Takes seconds to start: tests that leave it running use [`Kafka::shared`]. Topics are not made by mentioning them.
#[derive(Debug)]
pub struct Kafka(Server);

static SHARED: Shared<Kafka> = Shared::const_new();

impl Kafka {
    /// Starts one; returns when it serves.
    ///
    /// # Errors
    /// When its jars or Java are not on this machine.
    ///
    /// # Panics
    /// When it does not serve in time, with the end of its log.
    pub async fn start(options: KafkaOptions) -> Result<Self, Missing> {
        Server::start(move || prepare(options)).await.map(Self)
    }

    /// The one of this process, in plain text and for everybody. Nobody may kill it, pause it or restart it.
    ///
    /// # Errors
    /// When its jars or Java are not on this machine.
    pub async fn shared() -> Result<&'static Self, Missing> {
        shared(&SHARED, Self::start(KafkaOptions::default())).await
    }
}

impl Deref for Kafka {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.0
    }
}

fn prepare(options: KafkaOptions) -> Result<Plan, Missing> {
    let libraries = find("kafka-libs", "SIDEGATE_KAFKA_LIBS", &[cache().join("kafka-libs")])?;
    let java = find("java", "SIDEGATE_JAVA", &[])?;
    let home = Home::new("kafka", options.tls);
    let (inner, controller) = (Port::free(), Port::free());
    let port = options.port.unwrap_or_else(Port::free);
    let advertised = options.advertised.unwrap_or_else(|| port.address()).port();
    let listeners = Listeners { port: &port, advertised, inner: &inner, controller: &controller };
    let secured = Secured { tls: options.tls, login: options.login.as_ref() };
    let properties = [&listeners.properties(&secured), &secured.properties(&home), FIXED, &options.config];
    home.write("server.properties", &(properties.join("\n") + "\nlog.dirs=" + &home.at("data") + "\n"));
    home.write("log4j2.properties", LOGGING);
    format(&java, &libraries, &home, options.login.as_ref());
    Ok(Plan {
        name: "kafka",
        url: url(options.tls, &port),
        program: java,
        arguments: run(&libraries, &home, "kafka.Kafka", &["server.properties"]),
        variables: Vec::new(),
        ready: "Kafka Server started",
        patience: Duration::from_secs(120),
        port,
        _held: vec![inner, controller],
        home,
    })
}

/// Writes what a node must find in its folder: the cluster's id, and its users.
fn format(java: &Path, libraries: &Path, home: &Home, login: Option<&Login>) {
    let users =
        login.map(|Login { user, password }| format!("SCRAM-SHA-256=[name={user},password={password}]"));
    let mut arguments = vec!["format", "--cluster-id", CLUSTER, "--config", "server.properties"];
    arguments.extend(users.as_ref().into_iter().flat_map(|users| ["--add-scram", users]));
    let mut command = Command::new(java);
    command.args(run(libraries, home, "kafka.tools.StorageTool", &arguments)).current_dir(home.path());
    let output = command.output().expect("java can be started");
    let said = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "kafka's folder cannot be prepared: {said}{complaint}");
}

/// Small and quick to start, at the price of speed later.
fn run(libraries: &Path, home: &Home, class: &str, arguments: &[&str]) -> Vec<OsString> {
    let (classes, logging) = (libraries.join("*"), home.at("log4j2.properties"));
    let mut all: Vec<OsString> =
        ["-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"].map(OsString::from).into();
    all.extend([format!("-Dlog4j2.configurationFile={logging}").into(), "-cp".into(), classes.into()]);
    all.push(class.into());
    all.extend(arguments.iter().map(OsString::from));
    all
}

fn url(tls: Tls, port: &Port) -> String {
    match tls {
        Tls::Off => format!("kafka://{}", port.address()),
        Tls::Server | Tls::Mutual => format!("kafka+tls://localhost:{}", port.number()),
    }
}
