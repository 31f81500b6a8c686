//! The connections to one service: how many may be used at once, and which are idle.
//!
//! A connection in use holds a slot. One is opened only when no idle one is left, so that idle and used ones
//! together never pass the bound.

use std::fmt;
use std::sync::{Arc, Weak};

use http::HeaderValue;
use parking_lot::Mutex;
use sidegate_config::settings::Authority;
use tokio::sync::Semaphore;
use tokio::time::{Duration, Instant};

use super::connect::{self, Connection};
use super::error::{CallError, CallErrorKind, Sent};
use super::pool::PoolLimits;
use crate::body::BodyError;

/// An idle connection that is still busy with its last exchange gets this long to come to rest.
const SETTLE_TIMEOUT: Duration = Duration::from_millis(50);

/// A connection used more recently was hardly closed by the service for being idle.
pub(super) const STALE_AFTER: Duration = Duration::from_millis(200);

/// One service and what leads to it.
pub(super) struct Service {
    pub(super) authority: Authority,
    /// The value of `Host`.
    pub(super) host: HeaderValue,
    limits: PoolLimits,
    slots: Semaphore,
    /// The longest idle first; taken from the other end, so that surplus connections grow old.
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    connection: Connection,
    since: Instant,
}

/// An idle connection, taken.
pub(super) struct Reused {
    pub(super) connection: Connection,
    pub(super) idle_for: Duration,
}

/// The right to use one connection; given back when dropped.
pub(super) struct Slot(Arc<Service>);

/// A connection in use. Dropped, it is closed.
pub(super) struct Lease {
    slot: Slot,
    connection: Connection,
}

impl Service {
    /// Prepares for calls to `authority`, and for forgetting connections that nobody needs any more.
    pub(super) fn new(authority: &Authority, limits: PoolLimits) -> Arc<Self> {
        let service = Arc::new(Self {
            authority: authority.clone(),
            host: host(authority),
            slots: Semaphore::new(limits.connections_max.clamp(1, Semaphore::MAX_PERMITS)),
            limits,
            idle: Mutex::default(),
        });
        tokio::spawn(sweep(Arc::downgrade(&service), service.limits.idle_timeout));
        service
    }

    /// Waits until one more connection may be used. First come, first served.
    pub(super) async fn slot(self: &Arc<Self>) -> Slot {
        // The semaphore lives as long as `self` and is never closed: there is no other outcome than a permit.
        if let Ok(permit) = self.slots.acquire().await {
            permit.forget();
        }
        Slot(Arc::clone(self))
    }

    /// A connection that can take a request at once, if there is one.
    pub(super) async fn reusable(&self) -> Option<Reused> {
        loop {
            let Idle { mut connection, since } = self.newest()?;
            if since.elapsed() > STALE_AFTER {
                hear_of_closing().await;
            }
            let is_ready = connection.is_at_rest()
                || tokio::time::timeout(SETTLE_TIMEOUT, connection.comes_to_rest()).await == Ok(true);
            if is_ready {
                return Some(Reused { connection, idle_for: since.elapsed() });
            }
        }
    }

    /// Takes the newest connection.
    fn newest(&self) -> Option<Idle> {
        let mut idle = self.idle.lock();
        let chosen = idle.pop()?;
        if chosen.since.elapsed() < self.limits.idle_timeout {
            return Some(chosen);
        }
        // All that are left have been idle even longer.
        idle.clear();
        None
    }

    /// Opens a connection.
    pub(super) async fn connect(&self) -> Result<Connection, CallError> {
        let failed =
            |why: BodyError| CallError::new(CallErrorKind::Connect, Sent::No, &self.authority).because(why);
        match tokio::time::timeout(self.limits.connect_timeout, connect::connect(&self.authority)).await {
            Ok(connected) => connected.map_err(failed),
            Err(_) => Err(failed(format!("no answer within {:?}", self.limits.connect_timeout).into())),
        }
    }

    fn forget_idle(&self) {
        let oldest = Instant::now().checked_sub(self.limits.idle_timeout);
        let is_of_use =
            |idle: &mut Idle| idle.connection.is_at_rest() && oldest.is_none_or(|oldest| idle.since > oldest);
        let mut idle = self.idle.lock();
        idle.retain_mut(is_of_use);
        idle.shrink_to_fit();
    }
}

/// Lets the runtime look at its sockets: a service that has closed already is noticed before a request that must not
/// be repeated is lost on it.
async fn hear_of_closing() {
    tokio::task::yield_now().await;
    tokio::task::yield_now().await;
}

/// Closes what nobody asks for any more, also when no call comes by to notice.
async fn sweep(service: Weak<Service>, idle_timeout: Duration) {
    loop {
        tokio::time::sleep(idle_timeout / 2).await;
        let Some(service) = service.upgrade() else { return };
        service.forget_idle();
    }
}

/// `Host` as RFC 9110, section 7.2, wants it; a Unix socket has no name, and `localhost` is what others send there.
fn host(authority: &Authority) -> HeaderValue {
    let name = match (authority.unix, authority.port) {
        (true, _) => "localhost".to_owned(),
        (false, 80) => authority.to_string().trim_end_matches(":80").to_owned(),
        (false, _) => authority.to_string(),
    };
    HeaderValue::try_from(name).unwrap_or_else(|_| HeaderValue::from_static("localhost"))
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.slots.add_permits(1);
    }
}

impl Lease {
    pub(super) const fn new(slot: Slot, connection: Connection) -> Self {
        Self { slot, connection }
    }

    pub(super) const fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    pub(super) fn service(&self) -> Arc<Service> {
        Arc::clone(&self.slot.0)
    }

    /// The exchange is over: somebody else may use the connection.
    pub(super) fn give_back(self) {
        let Self { slot, connection } = self;
        if !connection.is_closed() {
            slot.0.idle.lock().push(Idle { connection, since: Instant::now() });
        }
        // Only now: a waiting call finds the connection that it is woken for.
        drop(slot);
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service")
            .field("authority", &self.authority)
            .field("slots_free", &self.slots.available_permits())
            .field("idle", &self.idle.lock().len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Lease").field(&self.slot.0.authority).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::host;
    use sidegate_config::settings::Authority;

    #[test]
    fn the_host_is_the_authority_without_what_goes_without_saying() {
        let host = |name: &str, port, unix| {
            let authority = Authority { host: name.into(), port, unix };
            host(&authority).to_str().expect("it is ASCII").to_owned()
        };
        assert_eq!(host("inventory", 3000, false), "inventory:3000");
        assert_eq!(host("inventory", 80, false), "inventory", "80 is the port of http");
        assert_eq!(host("inventory", 8080, false), "inventory:8080");
        assert_eq!(host("::1", 3000, false), "[::1]:3000", "an IPv6 address stands in brackets");
        assert_eq!(host("/run/service.sock", 0, true), "localhost", "a path is not a host");
    }
}
