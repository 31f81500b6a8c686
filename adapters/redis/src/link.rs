//! The connection that publishing and settling share: made in the background, watched, and made again when lost.
//! A reader has one of its own, because a read that waits holds up whatever stands behind it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use compact_str::CompactString;
use parking_lot::Mutex;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, FromRedisValue, Pipeline, RedisError};
use sidegate_broker::{BrokerError, LinkState, Names, Settings};
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::error;
use crate::options::Options;
use crate::subscribe::Place;

/// A command that is not answered after this may have happened or not.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// A Redis that says nothing for so long is not there, whatever its socket says.
const PING_EVERY: Duration = Duration::from_secs(1);
const PING_TIMEOUT: Duration = Duration::from_secs(3);
/// Who comes while the first connection is being made waits for it.
const START_PATIENCE: Duration = Duration::from_secs(1);
const BACK_OFF_FIRST: Duration = Duration::from_millis(100);
const BACK_OFF_MAX: Duration = Duration::from_secs(5);
/// Closing takes no longer, whatever Redis does.
const CLOSE_MAX: Duration = Duration::from_secs(4);

pub(crate) struct Link {
    client: Client,
    /// `HOST:PORT`.
    pub(crate) host: String,
    pub(crate) options: Options,
    pub(crate) names: Names,
    pub(crate) replica: CompactString,
    pub(crate) create: bool,
    /// Settling goes on in the background where a delivery is dropped, by whatever thread.
    pub(crate) runtime: Handle,
    /// What is received through this link, for [`crate::probe`].
    pub(crate) places: Mutex<Vec<Place>>,
    /// The last time that Redis gave an entry, Unix ms; 0 before the first.
    pub(crate) redis_now_ms: AtomicU64,
    connection: watch::Sender<Option<MultiplexedConnection>>,
    closed: watch::Sender<bool>,
    doubt: Notify,
    trouble: Mutex<String>,
    began: Instant,
    reconnects: AtomicU64,
    unconfirmed: AtomicU64,
}

/// Counts a command that is on its way, until it is dropped.
pub(crate) struct Unconfirmed<'a>(&'a AtomicU64);

impl Link {
    pub(crate) fn new(client: Client, options: Options, settings: Settings) -> Self {
        Self {
            host: client.get_connection_info().addr().to_string(),
            client,
            options,
            names: settings.names,
            replica: settings.replica,
            create: settings.create,
            runtime: Handle::current(),
            places: Mutex::default(),
            redis_now_ms: AtomicU64::new(0),
            connection: watch::Sender::new(None),
            closed: watch::Sender::new(false),
            doubt: Notify::new(),
            trouble: Mutex::new("it is being connected to".to_owned()),
            began: Instant::now(),
            reconnects: AtomicU64::new(0),
            unconfirmed: AtomicU64::new(0),
        }
    }

    /// A new connection; `answer_timeout` is for each of its commands.
    pub(crate) async fn open(&self, answer_timeout: Duration) -> Result<MultiplexedConnection, RedisError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(answer_timeout));
        self.client.get_multiplexed_async_connection_with_config(&config).await
    }

    /// Runs one command.
    pub(crate) async fn run<T: FromRedisValue>(&self, action: &str, command: &Cmd) -> Result<T, BrokerError> {
        let mut connection = self.connection().await?;
        command.query_async(&mut connection).await.map_err(|error| self.failed(action, error))
    }

    /// Runs several commands with one round trip.
    pub(crate) async fn run_all<T: FromRedisValue>(
        &self,
        action: &str,
        commands: &Pipeline,
    ) -> Result<T, BrokerError> {
        let mut connection = self.connection().await?;
        commands.query_async(&mut connection).await.map_err(|error| self.failed(action, error))
    }

    /// The connection of now, to share.
    pub(crate) async fn connection(&self) -> Result<MultiplexedConnection, BrokerError> {
        if self.is_closed() {
            return Err(error::closed());
        }
        let mut connection = self.connection.subscribe();
        let made = timeout_at(self.began + START_PATIENCE, connection.wait_for(Option::is_some)).await;
        drop(made);
        let current = connection.borrow().clone();
        current.ok_or_else(|| error::unreachable(&self.host, &self.trouble.lock()))
    }

    /// What a command on it came to; a connection that may be lost is looked at.
    pub(crate) fn failed(&self, action: &str, error: RedisError) -> BrokerError {
        if error.is_timeout() || error.is_unrecoverable_error() {
            self.doubt.notify_one();
        }
        error::failed(action, error)
    }

    /// Counts the message that its caller publishes.
    pub(crate) fn publishing(&self) -> Unconfirmed<'_> {
        self.unconfirmed.fetch_add(1, Ordering::Relaxed);
        Unconfirmed(&self.unconfirmed)
    }

    pub(crate) fn state(&self) -> LinkState {
        LinkState {
            connected: self.connection.borrow().is_some(),
            reconnects: self.reconnects.load(Ordering::Relaxed),
            unconfirmed: self.unconfirmed.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        *self.closed.borrow()
    }

    /// Turns true on closing, which waits until nobody holds one.
    pub(crate) fn closing(&self) -> watch::Receiver<bool> {
        self.closed.subscribe()
    }

    /// Tells every task to end.
    pub(crate) fn end(&self) {
        self.closed.send_replace(true);
    }

    pub(crate) async fn close(&self, grace: Duration) {
        let deadline = Instant::now() + CLOSE_MAX;
        let published_by = Instant::now() + grace.min(CLOSE_MAX / 2);
        self.end();
        while self.unconfirmed.load(Ordering::Relaxed) > 0 && Instant::now() < published_by {
            sleep(Duration::from_millis(5)).await;
        }
        let _readers_gave_back = timeout_at(deadline, self.closed.closed()).await;
        self.connection.send_replace(None);
    }
}

impl Drop for Unconfirmed<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Waits between attempts: longer each time, and never in step with other gateways.
pub(crate) struct BackOff(Duration);

impl BackOff {
    pub(crate) const fn new() -> Self {
        Self(BACK_OFF_FIRST)
    }

    pub(crate) async fn wait(&mut self) {
        sleep(self.0.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
        self.0 = (self.0 * 2).min(BACK_OFF_MAX);
    }
}

/// The one task of a link; ends when it is closed.
pub(crate) async fn keep_connected(link: std::sync::Arc<Link>) {
    let mut closing = link.closing();
    tokio::select! {
        () = connect_again_and_again(&link) => {}
        _ = closing.wait_for(|closed| *closed) => {}
    }
}

async fn connect_again_and_again(link: &Link) {
    let mut lost_at = None;
    loop {
        let connection = connect(link, lost_at.is_some()).await;
        link.connection.send_replace(Some(connection.clone()));
        if let Some(lost_at) = lost_at {
            link.reconnects.fetch_add(1, Ordering::Relaxed);
            let after_ms = Instant::elapsed(&lost_at).as_millis();
            tracing::info!(broker = %link.host, after_ms, "connected to Redis again");
        }
        let error = watch_over(link, connection).await;
        link.connection.send_replace(None);
        tracing::warn!(broker = %link.host, %error, "lost the connection to Redis");
        *link.trouble.lock() = error.to_string();
        lost_at = Some(Instant::now());
    }
}

/// The operator is told once: here, or when the connection was lost.
async fn connect(link: &Link, mut is_told: bool) -> MultiplexedConnection {
    let mut back_off = BackOff::new();
    loop {
        let error = match link.open(ANSWER_TIMEOUT).await {
            Ok(connection) => return connection,
            Err(error) => error,
        };
        if !std::mem::replace(&mut is_told, true) {
            tracing::warn!(broker = %link.host, %error, "cannot connect to Redis yet");
        }
        *link.trouble.lock() = error.to_string();
        back_off.wait().await;
    }
}

/// Returns why the connection is of no use any more.
async fn watch_over(link: &Link, mut connection: MultiplexedConnection) -> RedisError {
    loop {
        let _doubted = timeout(PING_EVERY, link.doubt.notified()).await;
        let ping = redis::cmd("PING");
        let answer = timeout(PING_TIMEOUT, ping.query_async::<()>(&mut connection)).await;
        match answer {
            Ok(Err(error)) if error.is_unrecoverable_error() => return error,
            Ok(_) => {}
            Err(_) => return std::io::Error::from(std::io::ErrorKind::TimedOut).into(),
        }
    }
}
