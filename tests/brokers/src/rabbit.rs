//! RabbitMQ as a node of its own: own name, own Erlang port mapper, own cookie, no plugins.

use std::ffi::OsString;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tokio::task::spawn_blocking;

use crate::environment::find;
use crate::login::Login;
use crate::missing::Missing;
use crate::plan::{Home, Plan};
use crate::port::Port;
use crate::run::variables;
use crate::server::{Server, Shared, shared};
use crate::tls::Tls;

/// Debian's program of the same name in the `PATH` changes to the user of the system's own node.
const SCRIPTS: &str = "/usr/lib/rabbitmq/bin";

/// The port mapper runs in our process group and in the foreground: the one that Erlang starts by itself would
/// outlive the node. Handed over by `exec`, so that the shell's process becomes the node's.
const START: &str = r#"epmd & until epmd -names >/dev/null 2>&1; do sleep 0.02; done; exec "$1" -noinput"#;

/// How a RabbitMQ node is set up.
#[derive(Debug, Clone, Default)]
pub struct RabbitOptions {
    /// Whether and how it speaks TLS.
    pub tls: Tls,
    /// Who may connect, in place of `guest`.
    pub login: Option<Login>,
    /// More lines of `rabbitmq.conf`: `consumer_timeout = 2000`.
    pub config: String,
}

/// `rabbitmq-server`; found by `SIDEGATE_RABBITMQ_SERVER`, where Debian puts it, or in the `PATH`. Takes seconds to
/// start: tests that leave it running use [`Rabbit::shared`].
#[derive(Debug)]
pub struct Rabbit(Server);

static SHARED: Shared<Rabbit> = Shared::const_new();

impl Rabbit {
    /// Starts one; returns when it serves.
    ///
    /// # Errors
    /// When the program is not on this machine.
    ///
    /// # Panics
    /// When it does not serve in time, with the end of its log.
    pub async fn start(options: RabbitOptions) -> Result<Self, Missing> {
        Server::start(move || prepare(&options)).await.map(Self)
    }

    /// The one of this process, in plain text and for `guest`. Nobody may kill it, pause it or restart it.
    ///
    /// # Errors
    /// When the program is not on this machine.
    pub async fn shared() -> Result<&'static Self, Missing> {
        shared(&SHARED, Self::start(RabbitOptions::default())).await
    }

    /// Runs `rabbitmqctl` on the node and returns what it prints: `["set_vm_memory_high_watermark", "0"]` makes the
    /// node block whoever publishes. Takes a second or two.
    ///
    /// # Panics
    /// When it fails.
    pub async fn ctl(&self, arguments: &[&str]) -> String {
        let server = self.plan().arguments.last().expect("the shell is told which program to become");
        let mut command = Command::new(Path::new(server).with_file_name("rabbitmqctl"));
        command.arg("--quiet").args(arguments).env_clear().envs(variables(self.plan()));
        let output = spawn_blocking(move || command.output()).await.expect("it does not panic");
        let output = output.expect("rabbitmqctl lies beside rabbitmq-server");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "rabbitmqctl {arguments:?} failed: {said}{complaint}");
        said
    }
}

impl Deref for Rabbit {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.0
    }
}

fn prepare(options: &RabbitOptions) -> Result<Plan, Missing> {
    let place = Path::new(SCRIPTS).join("rabbitmq-server");
    let program = find("rabbitmq-server", "SIDEGATE_RABBITMQ_SERVER", &[place])?;
    let (home, port, mapper, nodes) =
        (Home::new("rabbitmq", options.tls), Port::free(), Port::free(), Port::free());
    home.write("rabbitmq.conf", &config(options, &home, &port));
    home.write("enabled_plugins", "[].\n");
    home.write("rabbitmq-env.conf", "");
    Ok(Plan {
        name: "rabbitmq-server",
        url: url(options.tls, &port),
        arguments: vec!["-c".into(), START.into(), "sh".into(), program.clone().into()],
        program: PathBuf::from("/bin/sh"),
        variables: environment(&home, &mapper, &nodes),
        ready: "Server startup complete",
        patience: Duration::from_secs(120),
        port,
        _held: vec![mapper, nodes],
        home,
    })
}

fn environment(home: &Home, mapper: &Port, nodes: &Port) -> Vec<(&'static str, OsString)> {
    vec![
        ("ERL_EPMD_ADDRESS", "127.0.0.1".into()),
        ("ERL_EPMD_PORT", mapper.number().to_string().into()),
        // With input allowed the script becomes the Erlang machine, in place of standing before it.
        ("RABBITMQ_ALLOW_INPUT", "true".into()),
        ("RABBITMQ_CONFIG_FILE", home.at("rabbitmq.conf").into()),
        ("RABBITMQ_CONF_ENV_FILE", home.at("rabbitmq-env.conf").into()),
        ("RABBITMQ_DIST_PORT", nodes.number().to_string().into()),
        ("RABBITMQ_ENABLED_PLUGINS_FILE", home.at("enabled_plugins").into()),
        ("RABBITMQ_GENERATED_CONFIG_DIR", home.at("config").into()),
        ("RABBITMQ_LOG_BASE", home.at("log").into()),
        ("RABBITMQ_MNESIA_BASE", home.at("data").into()),
        ("RABBITMQ_NODENAME", "sidegate@localhost".into()),
        ("RABBITMQ_PID_FILE", home.at("pid").into()),
        ("RABBITMQ_SCHEMA_DIR", home.at("schema").into()),
    ]
}

fn url(tls: Tls, port: &Port) -> String {
    match tls {
        Tls::Off => format!("amqp://{}", port.address()),
        Tls::Server | Tls::Mutual => format!("amqps://localhost:{}", port.number()),
    }
}

fn config(options: &RabbitOptions, home: &Home, port: &Port) -> String {
    format!(
        "{}{}log.console = true\nlog.console.level = info\nlog.console.use_colors = off\nlog.file = false\ndisk_free_limit.absolute = 1MB\n{}\n",
        listen(options.tls, home, port),
        login(options.login.as_ref()),
        options.config
    )
}

fn listen(tls: Tls, home: &Home, port: &Port) -> String {
    let address = port.address();
    let Some(files) = &home.certificates else { return format!("listeners.tcp.1 = {address}\n") };
    let (verify, demand) = if tls == Tls::Mutual { ("verify_peer", true) } else { ("verify_none", false) };
    format!(
        "listeners.tcp = none\nlisteners.ssl.1 = {address}\nssl_options.cacertfile = {}\nssl_options.certfile = {}\n\
         ssl_options.keyfile = {}\nssl_options.verify = {verify}\nssl_options.fail_if_no_peer_cert = {demand}\n",
        files.ca.display(),
        files.server_cert.display(),
        files.server_key.display()
    )
}

fn login(login: Option<&Login>) -> String {
    login.map_or_else(String::new, |Login { user, password }| {
        format!("default_user = {user}\ndefault_pass = {password}\n")
    })
}
