//! A connection that is kept: made in the background, and made again for ever when it is lost.
//!
//! Crash only: nothing of a lost connection is repaired. Whoever used it sees it end and takes what is there next;
//! channels, queues and consumers are made anew on it.
//!
//! There are two of these, because a broker short of memory stops reading from a connection that publishes. Were the
//! acknowledgements on the same one, the queues could not drain, and the shortage would never end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use futures_util::StreamExt as _;
use lapin::{Channel, Event};
use parking_lot::Mutex;
use sidegate_broker::BrokerError;
use tokio::sync::{OnceCell, watch};
use tokio::time::{Instant, sleep, timeout};

use crate::backoff::Backoff;
use crate::error;
use crate::options::Config;
use crate::publish::Outlets;
use crate::topology::Known;
use crate::transport::{self, Line};
use crate::version::Server;

/// How long a caller waits for the very first connection; later ones fail at once, and are tried again by whoever
/// keeps the message.
const FIRST_CONNECTION_WAIT: Duration = Duration::from_secs(1);
/// A connection that lived shorter does not count as one that works.
const STEADY_AFTER: Duration = Duration::from_secs(1);
/// A broker that came back lets its queues find their leaders first. One that is asked for something meanwhile may never
/// get one (seen with RabbitMQ 3.10 after `kill -9`).
const ELECTIONS: Duration = Duration::from_millis(1_500);
/// Not every end of a connection is told as an event.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// One connection that is kept.
pub(crate) struct Link {
    pub(crate) config: Arc<Config>,
    /// What it is for, in logs and at the broker.
    role: &'static str,
    view: watch::Sender<View>,
    reconnects: AtomicU64,
    is_started: AtomicBool,
    pub(crate) unconfirmed: Arc<AtomicU64>,
}

/// How long it has been lost.
#[derive(Clone, Copy)]
struct Away {
    since: Instant,
    /// An attempt failed meanwhile: the broker itself was away, not only the way to it.
    was_refused: bool,
}

/// How it is now.
#[derive(Clone)]
pub(crate) enum View {
    /// The first attempt is not over.
    Starting,
    Up(Arc<Session>),
    /// Why.
    Down(Arc<str>),
    Closed,
}

/// One connection while it lasts, and what was made on it.
pub(crate) struct Session {
    pub(crate) config: Arc<Config>,
    pub(crate) line: Line,
    pub(crate) known: Known,
    pub(crate) outlets: Outlets,
    /// Asked once, when somebody wants to know.
    pub(crate) server: OnceCell<Option<Server>>,
    blocked: Mutex<Option<String>>,
}

impl Link {
    pub(crate) fn new(config: &Arc<Config>, role: &'static str) -> Arc<Self> {
        Arc::new(Self {
            config: Arc::clone(config),
            role,
            view: watch::Sender::new(View::Starting),
            reconnects: AtomicU64::new(0),
            is_started: AtomicBool::new(false),
            unconfirmed: Arc::default(),
        })
    }

    /// Begins to connect; again does nothing.
    pub(crate) fn start(self: &Arc<Self>) {
        if !self.is_started.swap(true, Ordering::AcqRel) {
            tokio::spawn(Arc::clone(self).keep());
        }
    }

    pub(crate) fn is_started(&self) -> bool {
        self.is_started.load(Ordering::Acquire)
    }

    pub(crate) fn reconnects(&self) -> u64 {
        self.reconnects.load(Ordering::Relaxed)
    }

    pub(crate) fn view(&self) -> View {
        self.view.borrow().clone()
    }

    /// The connection now; waits a little for the first.
    pub(crate) async fn session(&self) -> Result<Arc<Session>, BrokerError> {
        let mut views = self.view.subscribe();
        let first =
            timeout(FIRST_CONNECTION_WAIT, views.wait_for(|view| !matches!(view, View::Starting))).await;
        let view =
            first.map_or_else(|_| View::Starting, |seen| seen.map_or(View::Closed, |view| view.clone()));
        match view {
            View::Up(session) => Ok(session),
            View::Starting => Err(error::unreachable(&self.config.shown, "still connecting")),
            View::Down(why) => Err(error::down(&why)),
            View::Closed => Err(error::closed()),
        }
    }

    /// The next connection, however long it takes; `None` when it was closed.
    pub(crate) async fn session_at_last(&self) -> Option<Arc<Session>> {
        let mut views = self.view.subscribe();
        let seen = views.wait_for(|view| matches!(view, View::Up(_) | View::Closed)).await.ok()?;
        if let View::Up(session) = &*seen { Some(Arc::clone(session)) } else { None }
    }

    /// Returns when it was closed.
    pub(crate) async fn closed(&self) {
        let _ = self.view.subscribe().wait_for(|view| matches!(view, View::Closed)).await;
    }

    pub(crate) fn is_closed(&self) -> bool {
        matches!(*self.view.borrow(), View::Closed)
    }

    /// For good. The connection that was there is returned, to be closed.
    pub(crate) fn close(&self) -> Option<Arc<Session>> {
        match self.view.send_replace(View::Closed) {
            View::Up(session) => Some(session),
            _ => None,
        }
    }

    async fn keep(self: Arc<Self>) {
        let mut backoff = Backoff::default();
        let mut away = None;
        while !self.is_closed() {
            let opened = tokio::select! {
                opened = transport::open(&self.config, self.role) => opened,
                () = self.closed() => return,
            };
            match opened {
                Ok(line) => {
                    self.let_elect(away).await;
                    self.live(line, &mut backoff, &mut away).await;
                }
                Err(error) => self.fail(&error, &mut away),
            }
            tokio::select! {
                () = sleep(backoff.next()) => {}
                () = self.closed() => {}
            }
        }
    }

    /// Where only the network was cut nobody was refused, and there is nothing to wait for.
    async fn let_elect(&self, away: Option<Away>) {
        if away.is_some_and(|away| away.was_refused) {
            tokio::select! {
                () = sleep(ELECTIONS) => {}
                () = self.closed() => {}
            }
        }
    }

    async fn live(&self, line: Line, backoff: &mut Backoff, away: &mut Option<Away>) {
        let session = Arc::new(Session::new(&self.config, line));
        if !self.change(View::Up(Arc::clone(&session))) {
            return session.line.close(Duration::from_millis(500)).await;
        }
        if let Some(Away { since, .. }) = away.take() {
            self.reconnects.fetch_add(1, Ordering::Relaxed);
            let away_ms = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
            tracing::info!(broker = %self.config.shown, connection = self.role, away_ms, "broker connection is back");
        }
        let up_since = Instant::now();
        let why = session.end().await;
        if up_since.elapsed() > STEADY_AFTER {
            backoff.reset();
        }
        let down = error::unreachable(&self.config.shown, &why).to_string();
        if self.change(View::Down(down.into())) {
            *away = Some(Away { since: Instant::now(), was_refused: false });
            tracing::warn!(broker = %self.config.shown, connection = self.role, reason = why, "broker connection was lost");
            session.line.close(Duration::ZERO).await;
        }
    }

    fn fail(&self, error: &BrokerError, away: &mut Option<Away>) {
        self.change(View::Down(error.to_string().as_str().into()));
        if away.is_none() {
            tracing::warn!(broker = %self.config.shown, connection = self.role, reason = %error, "broker connection cannot be made, and is tried again");
        }
        away.get_or_insert_with(|| Away { since: Instant::now(), was_refused: true }).was_refused = true;
    }

    /// `false`: it was closed, and stays so.
    fn change(&self, to: View) -> bool {
        self.view.send_if_modified(|view| {
            let is_open = !matches!(view, View::Closed);
            if is_open {
                *view = to;
            }
            is_open
        })
    }
}

impl Session {
    fn new(config: &Arc<Config>, line: Line) -> Self {
        Self {
            config: Arc::clone(config),
            line,
            known: Known::default(),
            outlets: Outlets::default(),
            server: OnceCell::new(),
            blocked: Mutex::default(),
        }
    }

    pub(crate) fn is_alive(&self) -> bool {
        self.line.connection.status().connected()
    }

    /// Why the broker takes no messages on this connection, while it does not.
    pub(crate) fn blocked(&self) -> Option<String> {
        self.blocked.lock().clone()
    }

    /// A channel of its own for a caller; [`Session::hang_up`] ends it.
    pub(crate) async fn channel(&self) -> Result<Channel, BrokerError> {
        let limit = self.config.publish_timeout;
        let opened = timeout(limit, self.line.connection.create_channel()).await;
        opened
            .map_err(|_| error::no_answer("open a channel", limit))?
            .map_err(|cause| error::call("open a channel", &cause))
    }

    /// Ends a channel without waiting for it. Never left to the library's drop: a close that fails there ends the
    /// whole connection.
    pub(crate) fn hang_up(channel: Channel) {
        const LIMIT: Duration = Duration::from_secs(5);
        tokio::spawn(async move {
            if channel.status().connected() {
                let _ = timeout(LIMIT, channel.close(200, "done".into())).await;
            }
        });
    }

    /// Waits for the end of the connection; why it ended.
    async fn end(&self) -> String {
        let connection = &self.line.connection;
        let mut events = std::pin::pin!(connection.events_listener());
        let mut why = "the connection ended".to_owned();
        while connection.status().connected() {
            match timeout(LOOK_EVERY, events.next()).await {
                Ok(Some(Event::ConnectionBlocked(reason))) => self.block(reason),
                Ok(Some(Event::ConnectionUnblocked)) => self.unblock(),
                Ok(Some(Event::Error(error))) => why = error::words(&error),
                Ok(_) | Err(_) => {}
            }
        }
        why
    }

    fn block(&self, reason: String) {
        tracing::warn!(broker = %self.config.shown, reason, "broker takes no messages at the moment");
        *self.blocked.lock() = Some(reason);
    }

    fn unblock(&self) {
        tracing::info!(broker = %self.config.shown, "broker takes messages again");
        *self.blocked.lock() = None;
    }
}
