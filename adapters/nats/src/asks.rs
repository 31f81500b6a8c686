//! Commands that need not be durable: straight to whoever listens, with a native reply subject.
//!
//! ```text
//! sidegate.direct.{destination} ── somebody listens ─▶ its answer
//!        └─ nobody ─▶ does a stream take {destination}?
//!                 ├─ no  ─▶ {destination} itself, for workers on plain NATS ── nobody ─▶ undelivered
//!                 └─ yes ─▶ undelivered: published there it would be stored
//! ```
//!
//! The server says at once when nobody listens, so a caller need not wait for a timeout. Which of the two places
//! works is remembered for each destination; while that is not known, messages are kept here until their answer comes
//! or [`KEPT_FOR`] is over.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::time::Duration;

use async_nats::Subject;
use async_nats::message::OutboundMessage;
use bytes::Bytes;
use compact_str::CompactString;
use parking_lot::{Mutex, RwLock};
use sidegate_broker::{BrokerError, Message};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::link::Link;
use crate::names;
use crate::settle::Again;
use crate::topology::Topology;

/// A server without a listener says so within a round trip.
pub(crate) const KEPT_FOR: Duration = Duration::from_secs(2);
/// A worker on plain NATS may be replaced by a gateway, or its subject taken by a stream.
const PLAIN_HOLDS_FOR: Duration = Duration::from_secs(5);
/// How long a stream's absence is believed.
const UNSTORED_HOLDS_FOR: Duration = Duration::from_secs(1);
/// Destinations may be templates, so their number is bounded.
const ROUTES_MAX: usize = 10_000;
const REFUSED_MAX: usize = 4_096;

const PROGRESS: &str = "sidegate-progress";
const UNDELIVERED: &str = "undelivered";

pub(crate) struct Asks {
    routes: RwLock<HashMap<CompactString, Arc<Route>>>,
    kept: Mutex<Kept>,
    kept_count: AtomicUsize,
    refused: mpsc::Sender<Refused>,
}

/// The two places of a destination, and which of them works.
pub(crate) struct Route {
    direct: Subject,
    plain: Subject,
    proven: AtomicU8,
    plain_since: Mutex<Option<Instant>>,
    unstored_at: Mutex<Option<Instant>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Direct,
    Plain,
}

/// By the id that the answer brings back; the older half is dropped when its time is over.
#[derive(Default)]
struct Kept {
    young: HashMap<CompactString, Ask>,
    old: HashMap<CompactString, Ask>,
}

struct Ask {
    message: OutboundMessage,
    route: Arc<Route>,
    way: Way,
}

/// The server says that nobody listens.
pub(crate) struct Refused {
    id: CompactString,
    asker: Asker,
}

/// Where the answers to somebody's messages are handed out.
#[derive(Clone)]
pub(crate) struct Asker {
    pub(crate) place: CompactString,
    pub(crate) again: mpsc::Sender<Again>,
}

impl Asks {
    /// And what [`resolve`] reads.
    pub(crate) fn new() -> (Self, mpsc::Receiver<Refused>) {
        let (refused, receiver) = mpsc::channel(REFUSED_MAX);
        let asks = Self {
            routes: RwLock::default(),
            kept: Mutex::default(),
            kept_count: AtomicUsize::new(0),
            refused,
        };
        (asks, receiver)
    }

    pub(crate) fn route(&self, destination: &CompactString) -> Result<Arc<Route>, BrokerError> {
        if let Some(route) = self.routes.read().get(destination) {
            return Ok(Arc::clone(route));
        }
        names::checked(destination)?;
        let mut routes = self.routes.write();
        if routes.len() >= ROUTES_MAX {
            routes.clear();
        }
        let route = routes.entry(destination.clone()).or_insert_with(|| Arc::new(Route::new(destination)));
        Ok(Arc::clone(route))
    }

    /// Where to send a message now; keeps it where that is not sure to work.
    pub(crate) fn aim(&self, message: &mut OutboundMessage, id: &str, route: &Arc<Route>) {
        match route.proven() {
            Some(way) => message.subject = route.subject(way),
            None => {
                message.subject = route.subject(Way::Direct);
                self.keep(id, Ask { message: message.clone(), route: Arc::clone(route), way: Way::Direct });
            }
        }
    }

    /// An answer came: the way its question went works.
    pub(crate) fn answered(&self, id: &str) {
        if self.kept_count.load(Ordering::Relaxed) > 0
            && let Some(ask) = self.take(id)
        {
            ask.route.prove(ask.way);
        }
    }

    /// Nobody listens where the question went.
    pub(crate) fn unheard(&self, id: &str, asker: &Asker) {
        let refused = Refused { id: id.into(), asker: asker.clone() };
        if let Err(error) = self.refused.try_send(refused) {
            let Refused { id, asker } = match error {
                mpsc::error::TrySendError::Full(refused) | mpsc::error::TrySendError::Closed(refused) => {
                    refused
                }
            };
            undelivered(&id, &asker);
        }
    }

    /// Called every [`KEPT_FOR`].
    pub(crate) fn forget_old(&self) {
        let mut kept = self.kept.lock();
        kept.old = std::mem::take(&mut kept.young);
        self.kept_count.store(kept.old.len(), Ordering::Relaxed);
    }

    fn keep(&self, id: &str, ask: Ask) {
        let mut kept = self.kept.lock();
        kept.young.insert(id.into(), ask);
        self.kept_count.store(kept.young.len() + kept.old.len(), Ordering::Relaxed);
    }

    fn take(&self, id: &str) -> Option<Ask> {
        let mut kept = self.kept.lock();
        let ask = kept.young.remove(id).or_else(|| kept.old.remove(id));
        self.kept_count.store(kept.young.len() + kept.old.len(), Ordering::Relaxed);
        ask
    }

    /// A way that worked does not any more, and it is not known which.
    fn doubt_all(&self) {
        self.routes.read().values().for_each(|route| route.doubt());
    }
}

impl Route {
    const UNPROVEN: u8 = 0;
    const DIRECT: u8 = 1;
    const PLAIN: u8 = 2;

    fn new(destination: &str) -> Self {
        Self {
            direct: names::direct(destination).into(),
            plain: destination.into(),
            proven: AtomicU8::new(Self::UNPROVEN),
            plain_since: Mutex::new(None),
            unstored_at: Mutex::new(None),
        }
    }

    /// Where a message goes that nobody can tell the fate of.
    pub(crate) fn best(&self) -> Subject {
        self.subject(self.proven().unwrap_or(Way::Direct))
    }

    fn proven(&self) -> Option<Way> {
        match self.proven.load(Ordering::Relaxed) {
            Self::DIRECT => Some(Way::Direct),
            Self::PLAIN => {
                let holds = self.plain_since.lock().is_some_and(|since| since.elapsed() < PLAIN_HOLDS_FOR);
                holds.then_some(Way::Plain)
            }
            _ => None,
        }
    }

    fn prove(&self, way: Way) {
        if way == Way::Plain {
            *self.plain_since.lock() = Some(Instant::now());
        }
        self.proven.store(if way == Way::Plain { Self::PLAIN } else { Self::DIRECT }, Ordering::Relaxed);
    }

    fn doubt(&self) {
        self.proven.store(Self::UNPROVEN, Ordering::Relaxed);
    }

    fn subject(&self, way: Way) -> Subject {
        if way == Way::Plain { self.plain.clone() } else { self.direct.clone() }
    }

    /// Whether a message published to the destination itself reaches listeners only.
    async fn is_unstored(&self, topology: &Topology) -> bool {
        if self.unstored_at.lock().is_some_and(|at| at.elapsed() < UNSTORED_HOLDS_FOR) {
            return true;
        }
        // Without an answer nothing is risked.
        let is_unstored = matches!(topology.is_stored(&self.plain).await, Ok(false));
        *self.unstored_at.lock() = is_unstored.then(Instant::now);
        is_unstored
    }
}

/// Tries the other place, or tells the asker; ends with the broker.
pub(crate) async fn resolve(
    asks: Arc<Asks>,
    mut refused: mpsc::Receiver<Refused>,
    topology: Arc<Topology>,
    link: Arc<Link>,
) {
    while let Some(Refused { id, asker }) = refused.recv().await {
        match asks.take(&id) {
            Some(ask) if ask.way == Way::Direct && ask.route.is_unstored(&topology).await => {
                let message = OutboundMessage { subject: ask.route.subject(Way::Plain), ..ask.message };
                asks.keep(&id, Ask { message: message.clone(), route: ask.route, way: Way::Plain });
                if link.send(message).await.is_err() {
                    asks.take(&id);
                    undelivered(&id, &asker);
                }
            }
            Some(ask) => {
                ask.route.doubt();
                undelivered(&id, &asker);
            }
            None => {
                asks.doubt_all();
                undelivered(&id, &asker);
            }
        }
    }
}

/// Nothing was executed, and the asker learns it at once.
fn undelivered(id: &str, asker: &Asker) {
    let mut message = Message::new("", asker.place.clone(), Bytes::new());
    message.correlation_id = Some(id.into());
    message.headers.push((PROGRESS.into(), UNDELIVERED.into()));
    // Without room the asker waits for its timeout.
    let _ = asker.again.try_send(Again { message: Arc::new(message), attempt: 1 });
}
