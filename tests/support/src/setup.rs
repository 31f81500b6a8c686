//! What a gateway is started with: its config, its files, its environment.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::gateway::Gateway;
use crate::{Service, binary, environment};

const EMBEDDED: &str = "embedded:";

/// A gateway about to be started. The routes and consumers come from the test; what is the same for all is added:
/// a name, free ports, a store in SQLite, and the embedded broker as `main`.
pub struct Setup {
    folder: TempDir,
    toml: String,
    meant: Vec<(String, String)>,
    gateway: String,
    limits: String,
    store: String,
    store_url: String,
    broker_url: String,
    /// Before the names of destinations, and in place of the gateway's; empty on the embedded broker.
    own: String,
    variables: Vec<(String, String)>,
    wrapper: Vec<String>,
}

/// Where a gateway listens; before its first start the system chooses.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Addresses {
    pub(crate) data: SocketAddr,
    pub(crate) admin: SocketAddr,
}

impl Addresses {
    pub(crate) const FREE: Self = {
        let any = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);
        Self { data: any, admin: any }
    };
}

impl Setup {
    /// With these `[[route]]`s and `[[consumer]]`s.
    ///
    /// # Panics
    /// When no temporary folder can be made.
    #[must_use]
    pub fn new(toml: &str) -> Self {
        Self {
            folder: tempfile::tempdir().expect("a temporary folder can be made"),
            toml: toml.to_owned(),
            meant: Vec::new(),
            gateway: "drain = \"5s\"\n".to_owned(),
            limits: String::new(),
            store: String::new(),
            store_url: "sqlite:sidegate.db".to_owned(),
            broker_url: EMBEDDED.to_owned(),
            own: String::new(),
            variables: Vec::new(),
            wrapper: Vec::new(),
        }
    }

    /// Where the config says `http://service`, it means this one.
    #[must_use]
    pub fn beside(self, service: &Service) -> Self {
        self.with("http://service", &service.url())
    }

    /// Where the config says `text`, it means `instead`.
    #[must_use]
    pub fn with(mut self, text: &str, instead: &str) -> Self {
        self.meant.push((text.to_owned(), instead.to_owned()));
        self
    }

    /// A further line of `[gateway]`; a later one of the same key counts.
    #[must_use]
    pub fn gateway(mut self, line: &str) -> Self {
        let key = line.split('=').next().unwrap_or_default();
        self.gateway = self.gateway.lines().filter(|known| !known.starts_with(key)).collect();
        self.gateway.push_str(&format!("\n{line}\n"));
        self
    }

    /// A further line of `[gateway.limits]`.
    #[must_use]
    pub fn limit(mut self, line: &str) -> Self {
        self.limits.push_str(&format!("{line}\n"));
        self
    }

    /// A further line of `[store]`.
    #[must_use]
    pub fn store(mut self, line: &str) -> Self {
        self.store.push_str(&format!("{line}\n"));
        self
    }

    /// Another store than `sidegate.db` in the gateway's folder.
    #[must_use]
    pub fn store_url(mut self, url: &str) -> Self {
        url.clone_into(&mut self.store_url);
        self
    }

    /// Another broker than the embedded one as `main`.
    #[must_use]
    pub fn broker(mut self, url: &str) -> Self {
        url.clone_into(&mut self.broker_url);
        self
    }

    /// A file in the config's folder.
    ///
    /// # Panics
    /// When it cannot be written.
    #[must_use]
    pub fn file(self, name: &str, content: &str) -> Self {
        fs::write(self.folder.path().join(name), content).expect("a file can be written into the folder");
        self
    }

    /// A variable of the gateway's environment.
    #[must_use]
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Runs the gateway by this command, as in `strace … sidegate run`.
    #[must_use]
    pub fn wrapped_in(mut self, command: &[&str]) -> Self {
        self.wrap(command);
        self
    }

    /// Starts it and waits until it is ready.
    pub async fn start(self) -> Gateway {
        Gateway::new(self.over_the_broker_under_test().await).await
    }

    /// Tests share a real broker, so what this gateway calls itself and sends to is made its own.
    async fn over_the_broker_under_test(mut self) -> Self {
        if self.broker_url == EMBEDDED
            && let Some(kind) = environment::broker_under_test()
        {
            self.broker_url = kind.shared_url().await;
            self.own = format!("t{:012x}", fastrand::u64(..1 << 48));
        }
        self
    }

    /// Writes the config and leaves the gateway alone: for commands that read it.
    #[must_use]
    pub fn written(self) -> Self {
        self.write(Addresses::FREE);
        self
    }

    /// The folder of config and store.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The config file.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.folder.path().join("sidegate.toml")
    }

    /// Writes the config as one step, as an editor or a deployment does: a reader sees the old or the new.
    pub(crate) fn write(&self, addresses: Addresses) {
        let unfinished = self.folder.path().join("sidegate.toml.new");
        fs::write(&unfinished, self.text(addresses)).expect("a file can be written into the folder");
        fs::rename(&unfinished, self.config()).expect("a file can be renamed in the folder");
    }

    fn text(&self, addresses: Addresses) -> String {
        let Self { gateway, limits, store, store_url, broker_url, .. } = self;
        let said = |toml: String, (text, instead): &(String, String)| toml.replace(text, instead);
        let toml = self.meant.iter().fold(self.toml.clone(), said);
        let Addresses { data, admin } = addresses;
        let toml = self.owned(toml);
        let own = if self.own.is_empty() { "test" } else { &self.own };
        let name = if gateway.contains("name =") { String::new() } else { format!("name = \"{own}\"\n") };
        format!(
            "[gateway]\n{name}listen = \"{data}\"\nadmin = \"{admin}\"\n{gateway}\n\
             [gateway.limits]\n{limits}\n[store]\nurl = \"{store_url}\"\n{store}\n\
             [broker.main]\nurl = \"{broker_url}\"\n\n{toml}\n"
        )
    }

    fn owned(&self, toml: String) -> String {
        if self.own.is_empty() {
            return toml;
        }
        let keys = ["send", "receive", "publish", "subscribe"].map(|key| format!("{key} = \""));
        keys.iter().fold(toml, |toml, key| toml.replace(key, &format!("{key}{}.", self.own)))
    }

    pub(crate) fn set_routes(&mut self, toml: &str) {
        toml.clone_into(&mut self.toml);
    }

    pub(crate) fn wrap(&mut self, command: &[&str]) {
        self.wrapper = command.iter().map(|&word| word.to_owned()).collect();
    }

    pub(crate) fn is_wrapped(&self) -> bool {
        !self.wrapper.is_empty()
    }

    pub(crate) fn command(&self) -> Command {
        let mut words = self.wrapper.iter().map(String::as_str).map(AsRef::as_ref);
        let mut command = match words.next() {
            None => Command::new(binary::path()),
            Some(program) => {
                let mut command = Command::new::<&std::ffi::OsStr>(program);
                command.args(words).arg(binary::path());
                command
            }
        };
        command.current_dir(self.folder()).args(["--config", "sidegate.toml", "run"]);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }
}
