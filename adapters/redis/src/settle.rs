//! Settling: an entry in hand is acknowledged for good, or made ripe for whoever claims next.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use compact_str::CompactString;
use parking_lot::Mutex;
use redis::{Cmd, Pipeline, cmd, pipe};
use sidegate_broker::{BoxFuture, BrokerError, Channel, Settle};
use tokio::sync::Notify;

use crate::link::Link;
use crate::subscribe::Place;

/// What one subscription has in hand, shared by its reader and its deliveries.
pub(crate) struct Hand {
    pub(crate) link: Arc<Link>,
    pub(crate) place: Place,
    ids: Mutex<HashSet<CompactString>>,
    /// One was settled, so there is room.
    pub(crate) freed: Notify,
}

/// One entry in hand.
pub(crate) struct InHand {
    pub(crate) hand: Arc<Hand>,
    pub(crate) id: CompactString,
}

impl Hand {
    pub(crate) fn new(link: Arc<Link>, place: Place) -> Self {
        Self { link, place, ids: Mutex::default(), freed: Notify::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.ids.lock().len()
    }

    pub(crate) fn ids(&self) -> Vec<CompactString> {
        self.ids.lock().iter().cloned().collect()
    }

    /// `false` when it is in hand already.
    pub(crate) fn take(&self, id: &CompactString) -> bool {
        self.ids.lock().insert(id.clone())
    }

    fn free(&self, id: &CompactString) {
        self.ids.lock().remove(id);
        self.freed.notify_one();
    }

    /// Deletes what is done: only an event is there for others too.
    fn finish(&self, id: &str) -> Pipeline {
        let Place { stream, group, channel } = &self.place;
        let mut finish = pipe();
        finish.atomic().cmd("XACK").arg(&**stream).arg(&**group).arg(id).ignore();
        if *channel != Channel::Event {
            finish.cmd("XDEL").arg(&**stream).arg(id).ignore();
        }
        finish
    }

    /// Says when these were last heard of: now keeps them from other consumers, `claim_after` ago offers them.
    pub(crate) fn touch(&self, ids: &[CompactString], ago: Duration) -> Cmd {
        let mut claim = cmd("XCLAIM");
        claim.arg(&*self.place.stream).arg(&*self.place.group).arg(&*self.link.replica).arg(0);
        for id in ids {
            claim.arg(&**id);
        }
        claim.arg("IDLE").arg(u64::try_from(ago.as_millis()).unwrap_or(u64::MAX)).arg("JUSTID");
        claim
    }
}

impl InHand {
    async fn finish(&mut self) -> Result<(), BrokerError> {
        let finish = self.hand.finish(&self.id);
        self.hand.link.run_all::<()>("acknowledging an entry of Redis", &finish).await?;
        self.hand.free(&self.id);
        Ok(())
    }

    /// Ripe for claiming after a pause, as far as that is shorter than `claim_after`. Free first: our own reader may
    /// be the one who claims it.
    async fn give_back(&mut self, after: Duration) -> Result<(), BrokerError> {
        self.hand.free(&self.id);
        let ago = self.hand.link.options.claim_after.saturating_sub(after);
        let touch = self.hand.touch(std::slice::from_ref(&self.id), ago);
        self.hand.link.run::<()>("giving back an entry of Redis", &touch).await
    }

    async fn keep(&mut self) -> Result<(), BrokerError> {
        let touch = self.hand.touch(std::slice::from_ref(&self.id), Duration::ZERO);
        self.hand.link.run::<()>("keeping an entry of Redis", &touch).await
    }
}

impl Settle for InHand {
    fn ack(&mut self) -> BoxFuture<'_, Result<(), BrokerError>> {
        Box::pin(self.finish())
    }

    fn retry(&mut self, after: Duration) -> BoxFuture<'_, Result<(), BrokerError>> {
        Box::pin(self.give_back(after))
    }

    fn reject(&mut self) -> BoxFuture<'_, Result<(), BrokerError>> {
        Box::pin(self.finish())
    }

    fn extend(&mut self) -> BoxFuture<'_, Result<(), BrokerError>> {
        Box::pin(self.keep())
    }

    /// Closing gave back everything.
    fn is_lost(&self) -> bool {
        self.hand.link.is_closed()
    }

    /// Where Redis is away, the entry becomes ripe by itself.
    fn abandon(&mut self) {
        let mut given_back = Self { hand: Arc::clone(&self.hand), id: self.id.clone() };
        self.hand.link.runtime.spawn(async move { given_back.give_back(Duration::ZERO).await });
    }
}
