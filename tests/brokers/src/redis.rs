//! Redis, which writes every command to disk before it answers.

use std::ops::Deref;
use std::time::Duration;

use crate::environment::{cache, find};
use crate::login::Login;
use crate::missing::Missing;
use crate::plan::{Home, Plan};
use crate::port::Port;
use crate::server::{Server, Shared, shared};
use crate::tls::Tls;

/// How a Redis server is set up.
#[derive(Debug, Clone, Default)]
pub struct RedisOptions {
    /// Whether and how it speaks TLS.
    pub tls: Tls,
    /// Who alone may connect; `None` lets everybody in.
    pub login: Option<Login>,
    /// More lines of its configuration: `maxmemory 4mb`.
    pub config: String,
}

/// `redis-server` with `appendfsync always`; found by `SIDEGATE_REDIS_SERVER` or in the `PATH`. Starts in a tenth of a
/// second: most tests want one of their own.
#[derive(Debug)]
pub struct Redis(Server);

static SHARED: Shared<Redis> = Shared::const_new();

impl Redis {
    /// Starts one; returns when it serves.
    ///
    /// # Errors
    /// When the program is not on this machine.
    ///
    /// # Panics
    /// When it does not serve in time, with the end of its log.
    pub async fn start(options: RedisOptions) -> Result<Self, Missing> {
        Server::start(move || prepare(&options)).await.map(Self)
    }

    /// The one of this process, in plain text and for everybody. Nobody may kill it, pause it or restart it.
    ///
    /// # Errors
    /// When the program is not on this machine.
    pub async fn shared() -> Result<&'static Self, Missing> {
        shared(&SHARED, Self::start(RedisOptions::default())).await
    }
}

impl Deref for Redis {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.0
    }
}

fn prepare(options: &RedisOptions) -> Result<Plan, Missing> {
    let program = find("redis-server", "SIDEGATE_REDIS_SERVER", &[cache().join("bin/redis-server")])?;
    let (home, port) = (Home::new("redis", options.tls), Port::free());
    let config = home.write("redis.conf", &config(options, &home, &port));
    Ok(Plan {
        name: "redis-server",
        url: url(options.tls, &port),
        program,
        arguments: vec![config.into()],
        variables: Vec::new(),
        ready: "Ready to accept connections",
        patience: Duration::from_secs(30),
        port,
        _held: Vec::new(),
        home,
    })
}

fn url(tls: Tls, port: &Port) -> String {
    match tls {
        Tls::Off => format!("redis://{}", port.address()),
        Tls::Server | Tls::Mutual => format!("rediss://localhost:{}", port.number()),
    }
}

fn config(options: &RedisOptions, home: &Home, port: &Port) -> String {
    let folder = home.path().display();
    format!(
        "bind 127.0.0.1\ndir {folder}\nsave \"\"\nappendonly yes\nappendfsync always\n{}{}{}\n",
        listen(options.tls, home, port),
        login(options.login.as_ref()),
        options.config
    )
}

fn listen(tls: Tls, home: &Home, port: &Port) -> String {
    let number = port.number();
    let Some(files) = &home.certificates else { return format!("port {number}\n") };
    let clients = if tls == Tls::Mutual { "yes" } else { "no" };
    format!(
        "port 0\ntls-port {number}\ntls-cert-file {}\ntls-key-file {}\ntls-ca-cert-file {}\ntls-auth-clients {clients}\n",
        files.server_cert.display(),
        files.server_key.display(),
        files.ca.display()
    )
}

fn login(login: Option<&Login>) -> String {
    login.map_or_else(String::new, |Login { user, password }| {
        format!("user default off\nuser {user} on >{password} ~* &* +@all\n")
    })
}
