//! The processes of the bank, all in this one: services, gateways, broker.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use sidegate_config::settings::{self, Listen};
use sidegate_config::{Loaded, Problems};
use sidegate_demo::Service;
use sidegate_embedded::Embedded;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::app::{App, Parts, StartError, open_embedded};

const EDGE: &str = include_str!("../../../config/examples/bank/edge.toml");
const ACCOUNTS: &str = include_str!("../../../config/examples/bank/accounts.toml");
const CUSTOMERS: &str = include_str!("../../../config/examples/bank/customers.toml");

/// Why the demo did not run.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A port is taken, most likely by another demo.
    #[error(
        "cannot listen on {address}: {source}; is another demo running? `--any-port` lets the system choose"
    )]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// No folder for the databases.
    #[error("cannot make a folder for the demo's databases: {0}")]
    Folder(std::io::Error),
    /// A config of the examples is wrong.
    #[error("the demo's config is refused:\n{0}")]
    Config(String),
    /// A gateway did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// Nobody reads what is printed.
    #[error("cannot print: {0}")]
    Print(std::io::Error),
    /// A line of the check did not do what it says.
    #[error("the demo's check failed at: {step}\n  expected: {expected}\n  got: {got}")]
    Check {
        /// What was tried.
        step: String,
        /// What should have come.
        expected: String,
        /// What came.
        got: String,
    },
}

/// Where everything listens.
pub(super) struct Ports {
    edge: [u16; 2],
    accounts: [u16; 2],
    customers: [u16; 2],
    services: [u16; 2],
}

impl Ports {
    /// Those that README and guide name.
    pub(super) const fn documented() -> Self {
        Self { edge: [8080, 8081], accounts: [8082, 8083], customers: [8084, 8085], services: [3001, 3002] }
    }

    /// Any: several checks can run on one machine.
    pub(super) const fn chosen_by_the_system() -> Self {
        Self { edge: [0, 0], accounts: [0, 0], customers: [0, 0], services: [0, 0] }
    }
}

/// Everything that runs.
pub(super) struct Town {
    pub(super) edge: App,
    pub(super) accounts: App,
    pub(super) customers: App,
    pub(super) accounts_service: SocketAddr,
    pub(super) customers_service: SocketAddr,
    /// What it is called where it may be seen: without a password.
    pub(super) broker: String,
    services: Vec<JoinHandle<()>>,
    stop_services: watch::Sender<bool>,
    _folder: TempDir,
}

impl Town {
    pub(super) async fn start(ports: &Ports, broker: Option<&str>) -> Result<Self, DemoError> {
        let folder = TempDir::with_prefix("sidegate-demo-").map_err(DemoError::Folder)?;
        let (stop_services, stopped) = watch::channel(false);
        let (accounts_service, accounts_task) =
            serve(Service::Accounts, ports.services[0], folder.path(), stopped.clone()).await?;
        let (customers_service, customers_task) =
            serve(Service::Customers, ports.services[1], folder.path(), stopped).await?;
        let config = |text: &'static str, name: &'static str, ports: [u16; 2]| {
            let environment =
                Environment { broker, folder: folder.path(), accounts_service, customers_service, ports };
            environment.load(text, name)
        };
        let edge = config(EDGE, "edge", ports.edge)?;
        let accounts = config(ACCOUNTS, "accounts", ports.accounts)?;
        let customers = config(CUSTOMERS, "customers", ports.customers)?;
        let called = edge.settings.brokers.values().next().map_or_else(String::new, |main| match broker {
            None => "embedded".to_owned(),
            Some(_) => main.url.to_string(),
        });
        let embedded = match broker {
            Some(_) => None,
            None => Some(embedded(folder.path()).await?),
        };
        let town = Self {
            accounts: start(accounts, &embedded).await?,
            customers: start(customers, &embedded).await?,
            edge: start(edge, &embedded).await?,
            accounts_service,
            customers_service,
            broker: called,
            services: vec![accounts_task, customers_task],
            stop_services,
            _folder: folder,
        };
        town.ready().await;
        Ok(town)
    }

    /// Opened when everybody listens: an event published before would be missed by who does not yet.
    async fn ready(&self) {
        const LOOK_EVERY: Duration = Duration::from_millis(5);
        let is_starting = |app: &App| {
            let consumers = app.shared.consumers.list();
            consumers.iter().any(|consumer| consumer.is_starting())
        };
        while [&self.edge, &self.accounts, &self.customers].into_iter().any(is_starting) {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    pub(super) async fn stop(self) {
        self.edge.stop().await;
        self.accounts.stop().await;
        self.customers.stop().await;
        let _ = self.stop_services.send(true);
        futures_util::future::join_all(self.services).await;
    }
}

async fn start(loaded: Loaded, embedded: &Option<Embedded>) -> Result<App, StartError> {
    App::start(loaded.settings, loaded.shown, Parts { embedded: embedded.clone() }).await
}

/// The broker keeps its messages in a store of its own, as a broker beside the gateways would.
async fn embedded(folder: &Path) -> Result<Embedded, StartError> {
    let url = settings::StoreUrl::Sqlite(folder.join("broker.db"));
    open_embedded(&settings::Store { url, pending_max: u64::MAX }).await
}

async fn serve(
    service: Service,
    port: u16,
    folder: &Path,
    mut stopped: watch::Receiver<bool>,
) -> Result<(SocketAddr, JoinHandle<()>), DemoError> {
    let wanted = SocketAddr::from(([127, 0, 0, 1], port));
    let failed = |source| DemoError::Listen { address: wanted, source };
    let listener = TcpListener::bind(wanted).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let database = folder.join(format!("{service}.db"));
    let shutdown = async move {
        let _ = stopped.wait_for(|stop| *stop).await;
    };
    let task = tokio::spawn(async move {
        if let Err(error) = sidegate_demo::serve(service, listener, Some(database), shutdown).await {
            tracing::error!(error = %error, "a sample service ended");
        }
    });
    Ok((address, task))
}

/// What the example configs take from their environment.
struct Environment<'a> {
    broker: Option<&'a str>,
    folder: &'a Path,
    accounts_service: SocketAddr,
    customers_service: SocketAddr,
    ports: [u16; 2],
}

impl Environment<'_> {
    fn load(&self, text: &str, name: &str) -> Result<Loaded, DemoError> {
        let variable = |variable: &str| -> Option<String> {
            match variable {
                "SIDEGATE_BROKER" => Some(self.broker.unwrap_or("embedded:").to_owned()),
                "SIDEGATE_STORE" => {
                    Some(format!("sqlite:{}", self.folder.join(format!("{name}-gateway.db")).display()))
                }
                "SIDEGATE_LISTEN" => Some(format!("127.0.0.1:{}", self.ports[0])),
                "SIDEGATE_ADMIN" => Some(format!("127.0.0.1:{}", self.ports[1])),
                "ACCOUNTS" => Some(self.accounts_service.to_string()),
                "CUSTOMERS" => Some(self.customers_service.to_string()),
                _ => None,
            }
        };
        sidegate_config::parse(text, &format!("{name}.toml"), self.folder, &variable)
            .map_err(|problems: Problems| DemoError::Config(problems.render(false)))
    }
}

/// `HOST:PORT` of a plane.
pub(super) fn address(listen: &Listen) -> String {
    listen.to_string()
}
