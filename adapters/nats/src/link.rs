//! The connection: its state, and sending over it with a deadline round everything.
//!
//! The client library connects again by itself, for ever, and makes its subscriptions anew before it sends anything
//! else. What it must not be trusted with is waiting: while there is no connection it keeps commands in a queue of
//! 2,048, and then blocks for as long as the outage lasts. So nothing is handed to it while the connection is down,
//! and what does not fit into its queue at once is given up after a while.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_nats::client::traits::Publisher as _;
use async_nats::connection::State;
use async_nats::message::OutboundMessage;
use async_nats::{Client, Message, Statistics, StatusCode, Subject, Subscriber};
use bytes::Bytes;
use futures_util::FutureExt as _;
use sidegate_broker::{BrokerError, LinkState};
use tokio::time::Instant;

use crate::confirm::{Confirms, Missed};
use crate::error;
use crate::watch::{Phase, Watch};

/// The server answers a message, a question or a settlement within this, or it counts as lost.
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// The first caller waits so long for the connection that is being made at the start.
const FIRST_CONNECT_WAIT: Duration = Duration::from_secs(1);

/// The connection, shared by everything in the adapter.
pub(crate) struct Link {
    client: Client,
    watch: Arc<Watch>,
    confirms: Arc<Confirms>,
    statistics: Arc<Statistics>,
    started: Instant,
    unconfirmed: AtomicU64,
}

impl Link {
    pub(crate) fn new(client: Client, watch: Arc<Watch>) -> Self {
        let confirms = Arc::new(Confirms::new(&client.new_inbox()));
        watch.tell(&confirms);
        let statistics = client.statistics();
        let (started, unconfirmed) = (Instant::now(), AtomicU64::new(0));
        Self { client, watch, confirms, statistics, started, unconfirmed }
    }

    pub(crate) fn watch(&self) -> &Watch {
        &self.watch
    }

    pub(crate) fn confirms(&self) -> &Arc<Confirms> {
        &self.confirms
    }

    pub(crate) fn place(&self) -> &str {
        &self.watch.place
    }

    pub(crate) fn message_bytes_max(&self) -> usize {
        self.client.max_payload()
    }

    /// Rises with each connection made.
    pub(crate) fn epoch(&self) -> u64 {
        self.statistics.connects.load(Ordering::Acquire)
    }

    pub(crate) fn is_connected(&self) -> bool {
        !self.watch.is_closed() && self.client.connection_state() == State::Connected
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.watch.is_closed()
    }

    pub(crate) fn new_inbox(&self) -> String {
        self.client.new_inbox()
    }

    pub(crate) fn state(&self) -> LinkState {
        LinkState {
            connected: self.is_connected(),
            reconnects: self.epoch().saturating_sub(1),
            unconfirmed: self.unconfirmed.load(Ordering::Relaxed),
        }
    }

    /// A message is on its way until this is dropped.
    pub(crate) fn on_its_way(&self) -> OnItsWay<'_> {
        self.unconfirmed.fetch_add(1, Ordering::Relaxed);
        OnItsWay(self)
    }

    /// Events may be left out; the connection's own state is right.
    pub(crate) fn reconcile(&self) {
        let (state, phase) = (self.client.connection_state(), self.watch.phase());
        match (state, phase) {
            (State::Connected, Phase::Starting | Phase::Down) => self.watch.up(),
            (State::Disconnected, Phase::Up) => self.watch.down(),
            (_, Phase::Starting) if self.started.elapsed() > FIRST_CONNECT_WAIT => self.watch.late(),
            _ => {}
        }
    }

    /// Whether anything can be sent, at once; at the start the connection is waited for.
    pub(crate) async fn ready(&self) -> Result<(), BrokerError> {
        if self.is_connected() {
            return Ok(());
        }
        let left = FIRST_CONNECT_WAIT.saturating_sub(self.started.elapsed());
        if !self.watch.was_connected() && !left.is_zero() {
            let _ = tokio::time::timeout(left, self.watch.started()).await;
        }
        self.check()
    }

    fn check(&self) -> Result<(), BrokerError> {
        self.check_open()?;
        if self.is_connected() { Ok(()) } else { Err(self.unreachable()) }
    }

    fn unreachable(&self) -> BrokerError {
        error::unreachable(self.place(), self.watch.last_error().as_deref())
    }

    /// Hands a message to the client library. `Ok`: it is on its way, or lost with the connection.
    pub(crate) async fn send(&self, message: OutboundMessage) -> Result<(), BrokerError> {
        let mut sending = pin!(self.client.publish_message(message));
        // There is room in the queue but for bursts: no timer then.
        let sent = match sending.as_mut().now_or_never() {
            Some(sent) => sent,
            None => tokio::time::timeout(ANSWER_TIMEOUT, sending)
                .await
                .map_err(|_| error::not_written(self.place(), ANSWER_TIMEOUT))?,
        };
        sent.map_err(|error| error::not_sent(error, self.message_bytes_max()))
    }

    /// The same where nobody can wait; `false`: there is no connection, or no room in the queue.
    pub(crate) fn send_now(&self, message: OutboundMessage) -> bool {
        self.is_connected() && matches!(self.client.publish_message(message).now_or_never(), Some(Ok(())))
    }

    /// Sends and waits for the answer. `None`: nobody listens at the subject.
    pub(crate) async fn ask(&self, message: OutboundMessage) -> Result<Option<Message>, BrokerError> {
        self.ask_within(message, ANSWER_TIMEOUT).await
    }

    pub(crate) async fn ask_within(
        &self,
        message: OutboundMessage,
        within: Duration,
    ) -> Result<Option<Message>, BrokerError> {
        let (reply, expected) = self.confirms.expect(within);
        self.check_open()?;
        self.send(OutboundMessage { reply: Some(reply), ..message }).await?;
        self.heard(expected.answer().await, within)
    }

    /// Who waits from now on is told when it is closed.
    fn check_open(&self) -> Result<(), BrokerError> {
        if self.is_closed() { Err(error::closed()) } else { Ok(()) }
    }

    /// Sends to a place that need not answer, and asks the server itself whether it has it. `None`: nobody listens
    /// there.
    pub(crate) async fn tell(&self, message: OutboundMessage) -> Result<Option<Message>, BrokerError> {
        let (reply, expected) = self.confirms.expect(ANSWER_TIMEOUT);
        self.check_open()?;
        self.send(OutboundMessage { reply: Some(reply.clone()), ..message }).await?;
        // What one connection sends is taken in order: when this one comes back, the server has taken the first.
        self.send(outbound(reply, Bytes::new())).await?;
        self.heard(expected.answer().await, ANSWER_TIMEOUT)
    }

    /// Whether the server answers at all.
    pub(crate) async fn round_trip(&self, within: Duration) -> Result<(), BrokerError> {
        let (reply, expected) = self.confirms.expect(within);
        self.send(outbound(reply, Bytes::new())).await?;
        self.heard(expected.answer().await, within).map(drop)
    }

    fn heard(
        &self,
        answer: Result<Message, Missed>,
        within: Duration,
    ) -> Result<Option<Message>, BrokerError> {
        match answer {
            Ok(message) if message.status == Some(StatusCode::NO_RESPONDERS) => Ok(None),
            Ok(message) => Ok(Some(message)),
            Err(Missed::Late) => Err(error::no_answer(self.place(), within)),
            Err(Missed::ConnectionLost) => Err(error::lost(self.place())),
        }
    }

    pub(crate) async fn subscribe(&self, subject: &str) -> Result<Subscriber, BrokerError> {
        self.subscribed(self.client.subscribe(subject.to_owned())).await
    }

    pub(crate) async fn subscribe_shared(
        &self,
        subject: String,
        group: String,
    ) -> Result<Subscriber, BrokerError> {
        self.subscribed(self.client.queue_subscribe(subject, group)).await
    }

    /// The same where nobody can wait.
    pub(crate) fn subscribe_now(&self, subject: &str) -> Option<Subscriber> {
        self.client.subscribe(subject.to_owned()).now_or_never()?.ok()
    }

    async fn subscribed(
        &self,
        subscribing: impl Future<Output = Result<Subscriber, async_nats::SubscribeError>>,
    ) -> Result<Subscriber, BrokerError> {
        let subscribed = tokio::time::timeout(ANSWER_TIMEOUT, subscribing).await;
        let subscribed = subscribed.map_err(|_| error::not_written(self.place(), ANSWER_TIMEOUT))?;
        subscribed.map_err(|error| error::rejected("the subscription was refused").with_source(error))
    }

    /// Nothing is sent or handed out from now on.
    pub(crate) fn close(&self) {
        self.watch.close();
    }

    /// Waits for what is on its way.
    pub(crate) async fn settled(&self, grace: Duration) {
        const LOOK_EVERY: Duration = Duration::from_millis(5);
        let until = Instant::now() + grace;
        while self.unconfirmed.load(Ordering::Relaxed) > 0 && Instant::now() < until {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Ends the connection after what was sent; the client library refuses everything from then on.
    pub(crate) async fn drain(&self, within: Duration) {
        let _ = tokio::time::timeout(within, self.round_trip(within)).await;
        let _ = tokio::time::timeout(within, self.client.drain()).await;
    }

    /// Nobody answers any more.
    pub(crate) fn silence(&self) {
        self.close();
        self.confirms.connection_lost();
    }
}

/// See [`Link::on_its_way`].
pub(crate) struct OnItsWay<'a>(&'a Link);

impl Drop for OnItsWay<'_> {
    fn drop(&mut self) {
        self.0.unconfirmed.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A message without headers and reply subject.
pub(crate) fn outbound(subject: Subject, payload: Bytes) -> OutboundMessage {
    OutboundMessage { subject, reply: None, payload, headers: None }
}
