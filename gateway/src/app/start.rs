//! From settings to a running gateway.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use compact_str::{CompactString, format_compact};
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};
use sidegate_broker::{Broker, BrokerError, Channel};
use sidegate_config::settings::{self, Listen, Settings, StoreUrl, Target};
use sidegate_core::IdSource;
use sidegate_embedded::Embedded;
use sidegate_store::memory::MemoryStore;
use sidegate_store::sqlite::SqliteStore;
use sidegate_store::{Options, Store, StoreError};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::consumers::Consumers;
use super::journal::StoreJournal;
use super::link::Link;
use super::shared::Shared;
use crate::admin::AdminPlane;
use crate::call::Pool;
use crate::data_plane::DataPlane;
use crate::dispatch::{self, Lanes};
use crate::ingress::{self, Drain, Listener};
use crate::observe::Metrics;
use crate::outcome::Outcomes;
use crate::panics::kept_going;
use crate::reply::{self, Waiters};
use crate::route::{Route, RouteTable};
use crate::tokens::OutcomeTokens;
use crate::{clock, upkeep};

/// A running gateway.
pub struct App {
    /// What its requests can reach.
    pub shared: Arc<Shared>,
    /// Where the data plane listens.
    pub data: Listen,
    /// Where the admin plane listens.
    pub admin: Listen,
    pub(super) settings: Settings,
    tasks: JoinSet<()>,
    /// The admin plane outlives the data plane: an operator can watch it drain.
    admin_drain: Drain,
}

/// What the caller brings instead of what the settings would open.
#[derive(Default)]
pub struct Parts {
    /// One embedded broker for several gateways in one process.
    pub embedded: Option<Embedded>,
}

/// Why a gateway does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store.
    #[error("cannot open the store: {0}")]
    Store(#[from] StoreError),
    /// A broker.
    #[error("cannot open broker `{name}`: {source}")]
    Broker {
        /// Its name in the config.
        name: CompactString,
        /// Why.
        source: BrokerError,
    },
    /// A listener.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Where.
        address: Listen,
        /// Why.
        source: std::io::Error,
    },
    /// Two routes that cannot be told apart; a checked config has none.
    #[error("routes collide: {0}")]
    Routes(#[from] matchit::InsertError),
}

impl App {
    /// Opens everything and begins to serve.
    ///
    /// # Errors
    /// Nothing runs then.
    pub async fn start(
        settings: Settings,
        shown: serde_json::Value,
        parts: Parts,
    ) -> Result<Self, StartError> {
        let metrics = Metrics::new();
        let store = open_store(&settings.store)?;
        let data = bind(&settings.gateway.listen)?;
        let admin = bind(&settings.gateway.admin)?;
        let brokers = open_brokers(&settings, &store, &metrics, parts).await?;
        let routes = route_table(&settings, &metrics)?;
        let shared = Arc::new(shared(&settings, store, brokers, metrics, routes, &data, shown));

        let mut tasks = JoinSet::new();
        spawn_background(&mut tasks, &shared).await?;
        let _ = shared.consumers.replace(&shared, &settings.consumers);
        let (data_address, admin_address) = (data.local().clone(), admin.local().clone());
        let admin_drain = serve(&shared, data, admin);
        Ok(Self { shared, data: data_address, admin: admin_address, settings, tasks, admin_drain })
    }

    /// Stops: no new work, what is under way is finished within `drain`, then everything is let go.
    ///
    /// Consumers take messages until the data plane is done, since a caller without a record may wait for one of
    /// them; but not beyond half of the time, so that what they have taken can be finished too.
    pub async fn stop(mut self) {
        let began = Instant::now();
        let drain = self.shared.gateway.drain;
        let deadline = began + drain;
        self.shared.drain.start();
        self.shared.drain.finished(began + drain / 2).await;
        let finishing = self.shared.consumers.replace(&self.shared, &[]);
        let finishing = tokio::time::timeout_at(deadline, futures_util::future::join_all(finishing));
        let _ = tokio::join!(self.shared.drain.finished(deadline), finishing);
        self.tasks.shutdown().await;
        for link in self.shared.brokers.values() {
            link.broker.close(Duration::from_secs(2)).await;
        }
        self.shared.store.close().await;
        self.admin_drain.start();
        self.admin_drain.finished(Instant::now() + Duration::from_secs(1)).await;
    }

    /// Dispatches the lanes of routes that a reload brought.
    pub(super) fn dispatch_new_lanes(&mut self) {
        for route in self.shared.routes.load().routes() {
            dispatch_lane(&mut self.tasks, &self.shared, &route.lane);
        }
    }
}

/// Serves both planes; each ends with its drain.
fn serve(shared: &Arc<Shared>, data: Listener, admin: Listener) -> Drain {
    let limits = &shared.gateway.limits;
    let admin_drain = Drain::new();
    let data_plane = Arc::new(DataPlane(Arc::clone(shared)));
    let admin_plane = Arc::new(AdminPlane::new(Arc::clone(shared)));
    tokio::spawn(ingress::serve(data, limits, data_plane, shared.drain.clone()));
    tokio::spawn(ingress::serve(admin, limits, admin_plane, admin_drain.clone()));
    admin_drain
}

fn bind(listen: &Listen) -> Result<Listener, StartError> {
    Listener::bind(listen).map_err(|source| StartError::Listen { address: listen.clone(), source })
}

/// The store ends the process by itself when it cannot keep its promise: nothing is answered after that.
fn open_store(settings: &settings::Store) -> Result<Arc<dyn Store>, StoreError> {
    let mut options = Options::new(settings.pending_max, |reason: &str| {
        tracing::error!(
            reason,
            "the store cannot keep what it promised: the gateway ends, nothing is acknowledged any more"
        );
        std::process::exit(1);
    });
    options.unsafe_ack_before_commit = acknowledge_before_commit();
    Ok(match &settings.url {
        StoreUrl::Memory => Arc::new(MemoryStore::new(options)?),
        StoreUrl::Sqlite(path) => Arc::new(SqliteStore::open(path, options)?),
    })
}

/// The control of the crash test: with this set the gateway must lose something, else the test proves nothing.
#[expect(clippy::disallowed_methods, reason = "a switch of the fault tests, deliberately not a setting")]
fn acknowledge_before_commit() -> bool {
    let set = std::env::var("SIDEGATE_TEST_ACK_BEFORE_COMMIT").is_ok_and(|value| value == "1");
    if set {
        tracing::warn!(
            "SIDEGATE_TEST_ACK_BEFORE_COMMIT is set: requests are acknowledged before they are stored and WILL be lost"
        );
    }
    set
}

async fn open_brokers(
    settings: &Settings,
    store: &Arc<dyn Store>,
    metrics: &Metrics,
    parts: Parts,
) -> Result<BTreeMap<CompactString, Arc<Link>>, StartError> {
    let mut brokers = BTreeMap::new();
    let around = around_adapters(&settings.gateway.name, store);
    for (name, broker) in &settings.brokers {
        let opened: Arc<dyn Broker> = match &parts.embedded {
            Some(embedded) => Arc::new(embedded.connect()),
            None => sidegate_adapters::connect(broker, around.clone())
                .await
                .map_err(|source| StartError::Broker { name: name.clone(), source })?,
        };
        let reply_to = format_compact!("sidegate.replies.{}.{}", around.gateway, around.replica);
        let link = Link::new(name.clone(), opened, reply_to, metrics.broker(name));
        brokers.insert(name.clone(), Arc::new(link));
    }
    Ok(brokers)
}

/// What adapters need besides their settings.
fn around_adapters(gateway: &CompactString, store: &Arc<dyn Store>) -> sidegate_adapters::Parts {
    sidegate_adapters::Parts {
        gateway: gateway.clone(),
        replica: replica(store),
        #[cfg(feature = "embedded")]
        journal: Some(Arc::new(StoreJournal(Arc::clone(store)))),
        clock: clock(),
    }
}

/// The name of this replica: it lasts as long as the store, so that a restarted gateway finds its answers where it
/// asked for them.
fn replica(store: &Arc<dyn Store>) -> CompactString {
    let digest = Sha256::new().chain_update(b"replica:").chain_update(store.secret()).finalize();
    data_encoding::HEXLOWER.encode(&digest[..6]).into()
}

fn clock() -> sidegate_embedded::Clock {
    Arc::new(|| clock::now().unix_ms())
}

/// One embedded broker over a store, for several gateways in one process.
///
/// # Errors
/// The store cannot be opened or read.
pub async fn open_embedded(settings: &settings::Store) -> Result<Embedded, StartError> {
    let store = open_store(settings)?;
    let journal = Arc::new(StoreJournal(store));
    Embedded::open(Some(journal), sidegate_embedded::Limits::default(), clock())
        .await
        .map_err(|source| StartError::Broker { name: "embedded".into(), source })
}

/// Compiles the routes of a config.
pub(super) fn route_table(
    settings: &Settings,
    metrics: &Metrics,
) -> Result<RouteTable, matchit::InsertError> {
    RouteTable::new(settings.routes.iter().map(|route| Arc::new(Route::new(route, metrics))).collect())
}

fn shared(
    settings: &Settings,
    store: Arc<dyn Store>,
    brokers: BTreeMap<CompactString, Arc<Link>>,
    metrics: Arc<Metrics>,
    routes: RouteTable,
    data: &Listener,
    shown: serde_json::Value,
) -> Shared {
    let limits = &settings.gateway.limits;
    Shared {
        gateway: settings.gateway.clone(),
        outcomes: Outcomes::new(Arc::clone(&store), Arc::clone(&metrics)),
        brokers,
        calls: Pool::new(limits),
        metrics,
        lanes: Lanes::default(),
        waiters: Waiters::default(),
        routes: ArcSwap::from_pointee(routes),
        consumers: Consumers::default(),
        shown: ArcSwap::from_pointee(shown),
        drain: Drain::new(),
        connections: data.counters(),
        outcome_tokens: OutcomeTokens::new(&store.secret()),
        base_url: base_url(data.local()),
        ids: Mutex::new(IdSource::after(store.last_key())),
        pending_max: settings.store.pending_max,
        held: Arc::new(Semaphore::new(limits.held_max)),
        streams: Arc::new(Semaphore::new(limits.streams_max)),
        store,
    }
}

/// How the local service reaches the data plane: over the loopback where it listens everywhere.
fn base_url(data: &Listen) -> String {
    match data {
        Listen::Unix(path) => format!("http+unix:{}:", path.display()),
        Listen::Tcp(address) => {
            let ip = match address.ip() {
                IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
                IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
                ip => ip,
            };
            format!("http://{}", SocketAddr::new(ip, address.port()))
        }
    }
}

async fn spawn_background(tasks: &mut JoinSet<()>, shared: &Arc<Shared>) -> Result<(), StoreError> {
    for link in shared.brokers.values() {
        let link = Arc::clone(link);
        dispatch_lane(tasks, shared, &format_compact!("broker/{}", link.name));
        let watched = Arc::clone(&link);
        spawn(tasks, shared, "replies", move |shared| reply::run(shared, Arc::clone(&link)));
        spawn(tasks, shared, "broker watch", move |_| upkeep::watch_broker(Arc::clone(&watched)));
    }
    for route in shared.routes.load().routes() {
        dispatch_lane(tasks, shared, &route.lane);
    }
    for lane in shared.store.lanes().await? {
        dispatch_lane(tasks, shared, &lane);
    }
    prepare_destinations(tasks, shared);
    spawn(tasks, shared, "deadlines", upkeep::keep_deadlines);
    spawn(tasks, shared, "retention", upkeep::sweep);
    spawn(tasks, shared, "lease", upkeep::keep_lease);
    Ok(())
}

/// What the routes send to exists from now on, where the destination is known beforehand.
fn prepare_destinations(tasks: &mut JoinSet<()>, shared: &Arc<Shared>) {
    for route in shared.routes.load().routes() {
        let (channel, broker, destination) = match &route.settings.target {
            Target::Send { broker, destination } if route.settings.durable => {
                (Channel::Command, broker, destination)
            }
            Target::Publish { broker, destination } => (Channel::Event, broker, destination),
            Target::Send { .. } | Target::Call { .. } => continue,
        };
        let (Some(link), Some(destination)) = (shared.brokers.get(broker), destination.as_literal()) else {
            continue;
        };
        let (link, destination) = (Arc::clone(link), CompactString::from(destination));
        tasks.spawn(async move { link.prepare(channel, &destination).await });
    }
}

/// Once for each lane, however many routes share it.
fn dispatch_lane(tasks: &mut JoinSet<()>, shared: &Arc<Shared>, lane: &CompactString) {
    if shared.lanes.take_over(lane) {
        let lane = lane.clone();
        spawn(tasks, shared, "dispatch", move |shared| dispatch::run(shared, lane.clone()));
    }
}

/// A task that the gateway is nothing without.
fn spawn<F>(
    tasks: &mut JoinSet<()>,
    shared: &Arc<Shared>,
    what: &'static str,
    work: impl Fn(Arc<Shared>) -> F + Send + Sync + 'static,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let shared = Arc::clone(shared);
    tasks.spawn(async move { kept_going(what, || work(Arc::clone(&shared))).await });
}
