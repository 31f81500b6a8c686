//! Receiving: what a consumer of a stream hands out when it is asked, and what comes directly.
//!
//! Messages of a stream are pulled, never more than there is room for, so that nothing is dropped for want of room
//! and nothing is with a replica that cannot get to it. The server sends heartbeats while it has nothing: when two
//! are missing, or what was asked for never comes, it is asked anew at another subject.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use async_nats::{Message, StatusCode, Subscriber};
use bytes::Bytes;
use futures_util::{FutureExt as _, StreamExt as _};
use sidegate_broker::{BoxFuture, Channel, Delivery, Inbox};
use tokio::time::Instant;

use crate::direct::Direct;
use crate::hand::{GIVE_BACK, Mailbox};
use crate::keeper;
use crate::link::{Link, outbound};
use crate::settle::StoredMessage;
use crate::wire::Wire;

/// The server gives up a request after this, and is asked again.
const PULL_EXPIRES: Duration = Duration::from_secs(30);
const HEARTBEAT: Duration = Duration::from_secs(5);
/// Two heartbeats are missing, and then some.
const SILENCE_MAX: Duration = Duration::from_secs(11);
/// After the server refused a request.
const REFUSED_PAUSE: Duration = Duration::from_millis(250);

/// A raw inbox: order, pauses and counts are added by whoever wraps it.
pub(crate) struct PullInbox {
    mailbox: Arc<Mailbox>,
    wire: Arc<Wire>,
    /// The subject that messages are asked for at.
    next_subject: String,
    /// The subject they come to.
    here: String,
    stored: Subscriber,
    direct: Option<Direct>,
    direct_first: bool,
    /// There is something to look after.
    is_stale: bool,
    /// The keeper's clock when somebody last asked for the next.
    tick: u64,
    /// So many ticks, and what came meanwhile may have gone to others.
    ticks_max: u64,
    epoch: u64,
    asked_at: Instant,
    heard_at: Instant,
    ask_after: Option<Instant>,
}

impl PullInbox {
    pub(crate) fn new(
        mailbox: Arc<Mailbox>,
        wire: Arc<Wire>,
        next_subject: String,
        (here, stored): (String, Subscriber),
        direct: Option<Direct>,
    ) -> Self {
        let (now, epoch, tick) = (Instant::now(), mailbox.link.epoch(), mailbox.ticks());
        let ticks_max = mailbox.ack_wait().as_millis() / keeper::tick(mailbox.ack_wait()).as_millis() / 2;
        Self {
            mailbox,
            wire,
            next_subject,
            here,
            stored,
            direct,
            direct_first: true,
            is_stale: true,
            tick,
            ticks_max: u64::try_from(ticks_max).unwrap_or(u64::MAX),
            epoch,
            asked_at: now,
            heard_at: now,
            ask_after: None,
        }
    }

    fn link(&self) -> &Arc<Link> {
        &self.mailbox.link
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Delivery>> {
        if self.has_ended() {
            return Poll::Ready(None);
        }
        self.skip_old();
        self.begin_anew();
        // In turns, so that neither waits for ever behind the other.
        self.direct_first = !self.direct_first;
        for direct in [self.direct_first, !self.direct_first] {
            let polled = if direct { self.poll_direct(cx) } else { self.poll_stored(cx) };
            if let Poll::Ready(delivery) = polled {
                return Poll::Ready(Some(delivery));
            }
        }
        self.mailbox.wake_by(cx.waker());
        // It may have happened before the waker was known.
        if self.has_ended() {
            return Poll::Ready(None);
        }
        if self.mailbox.take_news() | std::mem::take(&mut self.is_stale) {
            self.look_after();
        }
        Poll::Pending
    }

    fn has_ended(&self) -> bool {
        self.mailbox.is_closed() || self.link().is_closed()
    }

    /// Nobody asked for the next for long, as when a service is not well: what came meanwhile was kept from nobody,
    /// and is or will be with somebody else.
    fn skip_old(&mut self) {
        if self.is_behind() && self.mailbox.asked_for() > 0 {
            self.ask_anew_elsewhere();
        }
        self.tick = self.mailbox.ticks();
    }

    /// After the connection was made anew, and before anything is read that came over it: what the server sent between
    /// the two is lost, and the last request may still bring what comes behind that.
    fn begin_anew(&mut self) {
        let epoch = self.link().epoch();
        if epoch == self.epoch {
            return;
        }
        self.epoch = epoch;
        self.is_stale = true;
        self.ask_anew_here();
        if self.mailbox.wanted.channel != Channel::Reply {
            self.mailbox.shut();
        }
    }

    fn is_behind(&self) -> bool {
        self.mailbox.ticks() - self.tick > self.ticks_max
    }

    fn poll_direct(&mut self, cx: &mut Context<'_>) -> Poll<Delivery> {
        match &mut self.direct {
            Some(direct) => direct.poll_next(cx, &self.wire),
            None => Poll::Pending,
        }
    }

    fn poll_stored(&mut self, cx: &mut Context<'_>) -> Poll<Delivery> {
        while let Poll::Ready(Some(came)) = self.stored.poll_next_unpin(cx) {
            self.heard_at = Instant::now();
            self.is_stale = true;
            match came.status {
                Some(status) => self.status(status, &came),
                None => {
                    if let Some(delivery) = self.accept(came) {
                        return Poll::Ready(delivery);
                    }
                }
            }
        }
        Poll::Pending
    }

    /// `None`: it is in hand already, or before its time.
    fn accept(&self, came: Message) -> Option<Delivery> {
        let reply = came.reply.clone()?;
        let (attempt, seq) = place_of(&reply)?;
        if attempt == 1 && !self.mailbox.is_open() {
            // Left to the server like those that were lost, it comes again behind them.
            self.mailbox.shut();
            return None;
        }
        if !self.mailbox.take(seq, reply) {
            return None;
        }
        let message = Arc::new(self.wire.read(&self.mailbox.wanted.destination, came));
        let settle = StoredMessage::new(Arc::clone(&self.mailbox), seq);
        Some(Delivery::new(message, attempt, Box::new(settle)))
    }

    /// A request ended, or the server is alive.
    fn status(&mut self, status: StatusCode, came: &Message) {
        if status == StatusCode::IDLE_HEARTBEAT {
            return;
        }
        let left = came.headers.as_ref().and_then(|headers| headers.get("Nats-Pending-Messages"));
        let left = left.and_then(|left| left.as_str().parse().ok());
        // Without a number nothing of what was asked for comes.
        self.mailbox.asked_in_vain(left.unwrap_or(usize::MAX));
        if status == StatusCode::TIMEOUT {
            return;
        }
        self.ask_after = Some(Instant::now() + REFUSED_PAUSE);
        let is_gone = came.description.as_deref().is_some_and(|why| why.contains("Deleted"));
        if status == StatusCode::NO_RESPONDERS || is_gone {
            self.mailbox.ask_for_repair();
        }
    }

    /// Asks for messages where there is room, anew where the last request is lost.
    fn look_after(&mut self) {
        if self.mailbox.take_renewal() || self.is_forgotten() {
            tracing::warn!(destination = %self.mailbox.wanted.destination, "the server fell silent: messages are asked for anew");
            self.give_back_what_came();
            self.ask_anew_elsewhere();
        }
        self.ask();
    }

    /// The server does not know of the last request any more: it went with the connection.
    fn ask_anew_here(&mut self) {
        self.mailbox.asked_in_vain(usize::MAX);
        self.heard_at = Instant::now();
        self.ask_after = None;
    }

    fn is_forgotten(&self) -> bool {
        let is_silent = self.heard_at.elapsed() > SILENCE_MAX;
        let is_old = self.asked_at.elapsed() > PULL_EXPIRES + HEARTBEAT;
        self.link().is_connected() && self.mailbox.asked_for() > 0 && (is_silent || is_old)
    }

    /// Leaving the old subject ends the old requests, if the server still has them.
    fn ask_anew_elsewhere(&mut self) {
        let here = self.link().new_inbox();
        if let Some(stored) = self.link().subscribe_now(&here) {
            (self.here, self.stored) = (here, stored);
            self.ask_anew_here();
        }
    }

    fn ask(&mut self) {
        let room = self.mailbox.may_ask_for();
        if room == 0 || !self.mailbox.is_open() || !self.may_ask_again() {
            return;
        }
        let question = format!(
            "{{\"batch\":{room},\"expires\":{},\"idle_heartbeat\":{}}}",
            PULL_EXPIRES.as_nanos(),
            HEARTBEAT.as_nanos()
        );
        let mut message = outbound(self.next_subject.clone().into(), Bytes::from(question));
        message.reply = Some(self.here.clone().into());
        if self.link().send_now(message) {
            self.asked_at = Instant::now();
            if self.mailbox.asked_for() == 0 {
                self.heard_at = self.asked_at;
            }
            self.mailbox.asked(room);
        }
    }

    fn may_ask_again(&mut self) -> bool {
        if self.ask_after.is_some_and(|after| Instant::now() < after) {
            return false;
        }
        self.ask_after = None;
        true
    }

    /// It was not handed out.
    fn give_back_what_came(&mut self) {
        while let Some(Some(came)) = self.stored.next().now_or_never() {
            if let (None, Some(reply)) = (came.status, came.reply) {
                self.link().send_now(outbound(reply, Bytes::from_static(GIVE_BACK)));
            }
        }
    }
}

impl Inbox for PullInbox {
    fn next(&mut self) -> BoxFuture<'_, Option<Delivery>> {
        Box::pin(std::future::poll_fn(|cx| self.poll_next(cx)))
    }
}

impl Drop for PullInbox {
    fn drop(&mut self) {
        if !self.is_behind() {
            self.give_back_what_came();
        }
        self.mailbox.set_orphan();
    }
}

/// How often a message was delivered, and its place in the stream, from the subject where it is settled:
/// `$JS.ACK.{stream}.{consumer}.{delivered}.{stream seq}.…`, or with `{domain}.{account}` before the stream.
fn place_of(reply: &str) -> Option<(u32, u64)> {
    const WORDS_WITH_DOMAIN: usize = 11;
    let mut words = reply.strip_prefix("$JS.ACK.")?.split('.');
    let skipped = if reply.split('.').count() >= WORDS_WITH_DOMAIN { 4 } else { 2 };
    let delivered = words.nth(skipped)?.parse().ok()?;
    let seq = words.next()?.parse().ok()?;
    Some((delivered, seq))
}

#[cfg(test)]
mod tests {
    use super::place_of;

    #[test]
    fn attempt_and_place_are_read_from_both_forms_of_the_subject() {
        assert_eq!(place_of("$JS.ACK.orders.shop.3.17.21.1700000000000000000.5"), Some((3, 17)));
        assert_eq!(place_of("$JS.ACK.hub.acc1.orders.shop.3.17.21.1700000000000000000.5.r"), Some((3, 17)));
        assert_eq!(place_of("_INBOX.x"), None);
    }
}
