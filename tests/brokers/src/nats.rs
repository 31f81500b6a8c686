//! NATS with JetStream.

use std::ops::Deref;
use std::path::PathBuf;
use std::time::Duration;

use nkeys::KeyPair;

use crate::environment::{cache, find};
use crate::jwt::Operator;
use crate::login::Login;
use crate::missing::Missing;
use crate::plan::{Home, Plan};
use crate::port::Port;
use crate::server::{Server, Shared, shared};
use crate::tls::Tls;

const SEED: &str = "user.nk";
const CREDS: &str = "user.creds";

/// How a NATS server is set up.
#[derive(Debug, Clone, Default)]
pub struct NatsOptions {
    /// Whether and how it speaks TLS.
    pub tls: Tls,
    /// Who may connect.
    pub login: NatsLogin,
    /// More lines of its configuration: `max_payload: 2048`.
    pub config: String,
}

/// Who may connect to a NATS server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum NatsLogin {
    /// Everybody.
    #[default]
    None,
    /// One user with a password.
    Password(Login),
    /// The holder of the key in [`Nats::nkey_seed_file`].
    Nkey,
    /// The holder of the credentials in [`Nats::creds_file`]: a user of an account of an operator.
    Creds,
}

/// `nats-server` with JetStream; found by `SIDEGATE_NATS_SERVER`, in `target/brokers/bin`, or in the `PATH`. Starts in
/// a tenth of a second: most tests want one of their own.
#[derive(Debug)]
pub struct Nats(Server);

static SHARED: Shared<Nats> = Shared::const_new();

impl Nats {
    /// Starts one; returns when it serves.
    ///
    /// # Errors
    /// When the program is not on this machine.
    ///
    /// # Panics
    /// When it does not serve in time, with the end of its log.
    pub async fn start(options: NatsOptions) -> Result<Self, Missing> {
        Server::start(move || prepare(&options)).await.map(Self)
    }

    /// The one of this process, in plain text and for everybody. Nobody may kill it, pause it or restart it.
    ///
    /// # Errors
    /// When the program is not on this machine.
    pub async fn shared() -> Result<&'static Self, Missing> {
        shared(&SHARED, Self::start(NatsOptions::default())).await
    }

    /// With [`NatsLogin::Nkey`]: the file that holds the user's seed.
    #[must_use]
    pub fn nkey_seed_file(&self) -> PathBuf {
        self.folder().join(SEED)
    }

    /// With [`NatsLogin::Creds`]: the file that holds the user's credentials.
    #[must_use]
    pub fn creds_file(&self) -> PathBuf {
        self.folder().join(CREDS)
    }
}

impl Deref for Nats {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.0
    }
}

fn prepare(options: &NatsOptions) -> Result<Plan, Missing> {
    let program = find("nats-server", "SIDEGATE_NATS_SERVER", &[cache().join("bin/nats-server")])?;
    let (home, port) = (Home::new("nats", options.tls), Port::free());
    let config = home.write("nats.conf", &config(options, &home, &port));
    Ok(Plan {
        name: "nats-server",
        url: url(options.tls, &port),
        program,
        arguments: vec!["--config".into(), config.into()],
        variables: Vec::new(),
        ready: "Server is ready",
        patience: Duration::from_secs(30),
        port,
        _held: Vec::new(),
        home,
    })
}

fn url(tls: Tls, port: &Port) -> String {
    match tls {
        Tls::Off => format!("nats://{}", port.address()),
        Tls::Server | Tls::Mutual => format!("tls://localhost:{}", port.number()),
    }
}

fn config(options: &NatsOptions, home: &Home, port: &Port) -> String {
    let (address, number, store) = (port.address(), port.number(), home.at("jetstream"));
    format!(
        "listen: \"{address}\"\nserver_name: sidegate-test-{number}\njetstream {{ store_dir: \"{store}\" }}\n{}{}{}\n",
        tls(options.tls, home),
        login(&options.login, home),
        options.config
    )
}

fn tls(tls: Tls, home: &Home) -> String {
    let Some(files) = &home.certificates else { return String::new() };
    format!(
        "tls {{ cert_file: {:?}, key_file: {:?}, ca_file: {:?}, verify: {} }}\n",
        files.server_cert,
        files.server_key,
        files.ca,
        tls == Tls::Mutual
    )
}

fn login(login: &NatsLogin, home: &Home) -> String {
    match login {
        NatsLogin::None => String::new(),
        NatsLogin::Password(Login { user, password }) => {
            format!("authorization {{ user: {user:?}, password: {password:?} }}\n")
        }
        NatsLogin::Nkey => {
            let user = KeyPair::new_user();
            home.write(SEED, &user.seed().expect("a new key has its seed"));
            format!("authorization {{ users: [ {{ nkey: {} }} ] }}\n", user.public_key())
        }
        NatsLogin::Creds => {
            let operator = Operator::new();
            home.write(CREDS, &operator.credentials);
            operator.config
        }
    }
}
