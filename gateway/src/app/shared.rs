//! What every request can reach. Built once; only routes change while it runs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use compact_str::CompactString;
use parking_lot::Mutex;
use sidegate_config::settings;
use sidegate_core::operation::Event;
use sidegate_core::{IdSource, OperationId};
use sidegate_store::{Applied, Executed, InboxRecord, NewParked, Store, StoreErrorKind};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::consumers::Consumers;
use super::link::Link;
use crate::call::Pool;
use crate::clock;
use crate::dispatch::Lanes;
use crate::ingress::{Counters, Drain};
use crate::observe::{Metrics, Running};
use crate::outcome::Outcomes;
use crate::reply::Waiters;
use crate::respond::{Code, Problem};
use crate::route::{Route, RouteTable};
use crate::tokens::{Answers, OutcomeTokens};

/// A gateway at work.
pub struct Shared {
    /// `[gateway]`.
    pub gateway: settings::Gateway,
    /// Durable state.
    pub store: Arc<dyn Store>,
    /// The one way in which operations change.
    pub outcomes: Outcomes,
    /// By name.
    pub brokers: BTreeMap<CompactString, Arc<Link>>,
    /// The connections to local services.
    pub calls: Pool,
    /// Numbers.
    pub metrics: Arc<Metrics>,
    /// Wake-ups of the dispatch lanes.
    pub lanes: Lanes,
    /// Callers who wait without a record.
    pub waiters: Waiters,
    /// The routes; replaced by a reload.
    pub routes: ArcSwap<RouteTable>,
    /// The consumers; replaced by a reload.
    pub consumers: Consumers,
    /// The config as `/config` shows it; replaced by a reload.
    pub shown: ArcSwap<serde_json::Value>,
    /// Ends the gateway.
    pub drain: Drain,
    /// The data plane's connections, counted.
    pub connections: Arc<Counters>,
    /// Tokens of `Outcome-Url`.
    pub outcome_tokens: OutcomeTokens,
    /// `http://HOST:PORT` of the data plane, as the local service reaches it.
    pub(super) base_url: String,
    pub(super) ids: Mutex<IdSource>,
    /// `[store] pending`.
    pub(super) pending_max: u64,
    pub(super) held: Arc<Semaphore>,
    pub(super) streams: Arc<Semaphore>,
}

/// A caller being held: counted and bounded until dropped.
pub struct Held {
    _permit: OwnedSemaphorePermit,
    _gauge: Running,
}

/// While the store refuses what must be recorded, it is asked again so often.
const RECORD_AGAIN: Duration = Duration::from_millis(500);

impl Shared {
    /// A fresh operation id.
    #[must_use]
    pub fn new_id(&self) -> OperationId {
        // Seeded by the system and cryptographically secure: ids cannot be guessed, and no call to the system is made
        // for each.
        let token = rand::random();
        self.ids.lock().next(clock::now(), token)
    }

    /// Whether as many requests wait for their brokers as may.
    #[must_use]
    pub fn is_pending_full(&self) -> bool {
        self.store.pending() >= self.pending_max
    }

    /// Takes a place among the held callers.
    ///
    /// # Errors
    /// 503 when there is none.
    pub fn hold(&self, route: &Route) -> Result<Held, Problem> {
        let permit = Arc::clone(&self.held).try_acquire_owned().map_err(|_| {
            Problem::new(
                Code::TooManyHeld,
                "as many callers are held as may be: ask again later, or send `Prefer: respond-async`",
            )
        })?;
        Ok(Held { _permit: permit, _gauge: route.metrics.held() })
    }

    /// Takes a place among the event streams and long polls.
    ///
    /// # Errors
    /// 503 when there is none.
    pub fn stream(&self) -> Result<OwnedSemaphorePermit, Problem> {
        Arc::clone(&self.streams).try_acquire_owned().map_err(|_| {
            Problem::new(
                Code::TooManyHeld,
                "as many streams and long polls are open as may be: ask again later",
            )
        })
    }

    /// A broker by its name.
    ///
    /// # Errors
    /// The config that named it was replaced by one that does not.
    pub fn link(&self, name: &str) -> Result<Arc<Link>, Problem> {
        self.brokers.get(name).cloned().ok_or_else(|| {
            Problem::new(Code::Internal, format!("there is no broker `{name}` in this config"))
        })
    }

    /// Records what has happened and cannot be refused: while the store has no room, this waits and with it the
    /// intake that brought it. `None` only when the store was closed.
    pub async fn record(&self, events: Vec<(OperationId, Event)>) -> Option<Vec<Applied>> {
        loop {
            match self.outcomes.apply(events.clone()).await {
                Ok(applied) => return Some(applied),
                Err(error) if matches!(error.kind, StoreErrorKind::Closed | StoreErrorKind::Fenced) => {
                    return None;
                }
                Err(error) => {
                    tracing::warn!(error = %error, events = events.len(), "outcomes cannot be stored yet");
                    tokio::time::sleep(RECORD_AGAIN).await;
                }
            }
        }
    }

    /// Records an execution; what stands then. `None`: it could not be stored.
    pub async fn record_execution(&self, record: InboxRecord) -> Option<Executed> {
        let stands = until_there_is_room(|| self.store.record(vec![record.clone()])).await;
        stands.and_then(|stands| stands.into_iter().next())
    }

    /// Sets a message aside for an operator; whether it was stored.
    pub async fn park(&self, parked: NewParked) -> bool {
        until_there_is_room(|| self.store.park(vec![parked.clone()])).await.is_some()
    }

    /// Where a service may tell an outcome later, with the token that entitles it.
    #[must_use]
    pub fn outcome_url(&self, operation_id: &str, answers: Answers) -> String {
        format!(
            "{}/operations/{operation_id}/outcome?token={}",
            self.base_url,
            self.outcome_tokens.token(operation_id, answers)
        )
    }
}

/// Writes what a service has done already: while the store has no room, this waits, and the delivery with it. Given
/// back, it would only be done again. `None` when the store refuses for another reason.
async fn until_there_is_room<T, F>(write: impl Fn() -> F) -> Option<T>
where
    F: Future<Output = sidegate_store::Result<T>>,
{
    loop {
        let error = match write().await {
            Ok(written) => return Some(written),
            Err(error) => error,
        };
        match error.kind {
            StoreErrorKind::DiskFull | StoreErrorKind::Overloaded => {
                tracing::warn!(error = %error, "what a service did cannot be stored yet");
                tokio::time::sleep(RECORD_AGAIN).await;
            }
            StoreErrorKind::Closed | StoreErrorKind::Fenced => return None,
            _ => {
                tracing::error!(error = %error, "what a service did cannot be stored: its message is given back");
                return None;
            }
        }
    }
}
