//! The task behind an inbox: it reads, keeps what is in hand fresh, and claims what others left.
//!
//! ```text
//! keep ─▶ room? ─▶ claim what is ripe ─▶ a predecessor's entries in hand of nobody? ─▶ read what is new ─┐
//!  ▲                                     └ wait, at most until they are ripe                            │
//!  └────────────────────────────────────────────────────────────────────────────────────────────────────┘
//! ```

use std::sync::Arc;
use std::time::Duration;

use compact_str::CompactString;
use redis::aio::MultiplexedConnection;
use redis::{RedisResult, Value, cmd, pipe};
use sidegate_broker::{Channel, Delivery};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, timeout};

use crate::entry::{self, Entry};
use crate::error;
use crate::link::{BackOff, Link};
use crate::publish::expire;
use crate::settle::{Hand, InHand};
use crate::subscribe::{Place, make_group};

/// A read waits no longer, so that closing and claiming are never far.
const BLOCK: Duration = Duration::from_millis(500);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// While a predecessor's entries are waited for.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

pub(crate) struct Reader {
    hand: Arc<Hand>,
    deliveries: mpsc::Sender<Delivery>,
    last_read: CompactString,
    /// Where XAUTOCLAIM goes on.
    cursor: String,
    claimed_at: Option<Instant>,
    kept_at: Instant,
}

impl Reader {
    /// As many may be in hand as the channel has room for.
    pub(crate) fn new(link: Arc<Link>, place: Place, deliveries: mpsc::Sender<Delivery>) -> Self {
        Self {
            last_read: place.first().into(),
            hand: Arc::new(Hand::new(link, place)),
            deliveries,
            cursor: "0-0".to_owned(),
            claimed_at: None,
            kept_at: Instant::now(),
        }
    }

    /// Until the link is closed, or the inbox gone and everything it gave settled.
    pub(crate) async fn run(mut self, mut closing: watch::Receiver<bool>) {
        let mut back_off = BackOff::new();
        while !self.is_over() {
            let served = tokio::select! {
                served = self.serve_once_connected(&mut back_off) => served,
                () = long_enough_after(&mut closing) => return,
            };
            match served {
                Ok(()) => {}
                Err(error) if self.deliveries.is_closed() => {
                    // What nobody keeps fresh becomes ripe by itself.
                    return tracing::debug!(%error, "left the rest of a closed inbox to Redis");
                }
                Err(error) => tracing::debug!(stream = %self.place().stream, %error, "reading again"),
            }
            back_off.wait().await;
        }
    }

    async fn serve_once_connected(&mut self, back_off: &mut BackOff) -> RedisResult<()> {
        let mut connection = self.hand.link.open(ANSWER_TIMEOUT).await?;
        *back_off = BackOff::new();
        match self.serve(&mut connection).await {
            // Somebody deleted the group, or its stream. Ids rise, in a new stream too: reading goes on where it was.
            Err(error) if error::says(&error, "NOGROUP") && self.hand.link.create => {
                make_group(&mut connection, self.place(), &self.last_read).await
            }
            served => served,
        }
    }

    async fn serve(&mut self, connection: &mut MultiplexedConnection) -> RedisResult<()> {
        let patient_until = Instant::now() + self.hand.link.options.claim_after + BLOCK;
        let mut is_first = true;
        self.keep(connection).await?;
        while !self.is_over() {
            self.keep_in_time(connection).await?;
            let Some(room) = self.room().await else { continue };
            self.claim_in_time(connection, room, is_first).await?;
            if is_first && Instant::now() < patient_until && self.has_predecessor(connection).await? {
                sleep(LOOK_AGAIN).await;
                continue;
            }
            is_first = false;
            self.read(connection, room).await?;
        }
        self.give_back_all(connection).await
    }

    fn place(&self) -> &Place {
        &self.hand.place
    }

    fn is_over(&self) -> bool {
        self.hand.link.is_closed() || (self.deliveries.is_closed() && self.hand.len() == 0)
    }

    /// How many more may be in hand; waits for a while where there are none, and where nobody wants any.
    async fn room(&self) -> Option<usize> {
        let room = self.deliveries.max_capacity().saturating_sub(self.hand.len());
        if room > 0 && !self.deliveries.is_closed() {
            return Some(room);
        }
        let _settled = timeout(BLOCK, self.hand.freed.notified()).await;
        None
    }

    async fn read(&mut self, connection: &mut MultiplexedConnection, room: usize) -> RedisResult<()> {
        let Place { stream, group, .. } = self.place();
        let mut read = cmd("XREADGROUP");
        read.arg("GROUP").arg(&**group).arg(&*self.hand.link.replica);
        read.arg("COUNT").arg(room).arg("BLOCK").arg(BLOCK.as_millis() as u64);
        read.arg("STREAMS").arg(&**stream).arg(">");
        for entry in entry::of_read(read.query_async(connection).await?) {
            self.last_read = entry.id.clone();
            self.hand_out(entry, 1);
        }
        Ok(())
    }

    /// A predecessor of this name died, or its connection was lost with an answer in it: its entries come first, as
    /// later ones of their keys must not overtake them.
    async fn has_predecessor(&self, connection: &mut MultiplexedConnection) -> RedisResult<bool> {
        let mut pending = self.place().command("XPENDING");
        pending.arg("-").arg("+").arg(self.deliveries.max_capacity() + 1).arg(&*self.hand.link.replica);
        let pending: Vec<(String, Value, Value, Value)> = pending.query_async(connection).await?;
        Ok(pending.len() > self.hand.len())
    }

    async fn keep_in_time(&mut self, connection: &mut MultiplexedConnection) -> RedisResult<()> {
        if self.kept_at.elapsed() < self.hand.link.options.claim_after / 3 {
            Ok(())
        } else {
            self.keep(connection).await
        }
    }

    async fn keep(&mut self, connection: &mut MultiplexedConnection) -> RedisResult<()> {
        self.kept_at = Instant::now();
        let ids = self.hand.ids();
        if !ids.is_empty() {
            self.hand.touch(&ids, Duration::ZERO).exec_async(connection).await?;
        }
        if self.place().channel == Channel::Reply {
            expire(&self.place().stream, self.hand.link.options.reply_age).exec_async(connection).await?;
        }
        Ok(())
    }

    async fn claim_in_time(
        &mut self,
        connection: &mut MultiplexedConnection,
        room: usize,
        at_once: bool,
    ) -> RedisResult<()> {
        if !at_once && self.claimed_at.is_some_and(|at| at.elapsed() < BLOCK) {
            return Ok(());
        }
        self.claimed_at = Some(Instant::now());
        let ripe_ms = self.hand.link.options.claim_after.as_millis() as u64;
        let mut claim = self.place().command("XAUTOCLAIM");
        claim.arg(&*self.hand.link.replica).arg(ripe_ms).arg(&self.cursor).arg("COUNT").arg(room);
        // Redis 7 adds which entries were deleted meanwhile.
        let (cursor, claimed, _deleted): (String, Value, Value) = claim.query_async(connection).await?;
        self.cursor = cursor;
        let claimed = entry::of_list(claimed);
        let attempts = self.attempts(connection, &claimed).await?;
        for (entry, attempt) in claimed.into_iter().zip(attempts) {
            self.hand_out(entry, attempt);
        }
        Ok(())
    }

    /// Redis counts how often it handed out an entry.
    async fn attempts(
        &self,
        connection: &mut MultiplexedConnection,
        claimed: &[Entry],
    ) -> RedisResult<Vec<u32>> {
        if claimed.is_empty() {
            return Ok(Vec::new());
        }
        let mut ask = pipe();
        for entry in claimed {
            let mut pending = self.place().command("XPENDING");
            pending.arg(&*entry.id).arg(&*entry.id).arg(1);
            ask.add_command(pending);
        }
        let counts: Vec<Vec<(String, String, u64, u32)>> = ask.query_async(connection).await?;
        Ok(counts.iter().map(|count| count.first().map_or(2, |(.., times)| *times)).collect())
    }

    /// What is in hand already was claimed from ourselves: Redis was away, and nobody could keep it fresh.
    fn hand_out(&self, entry: Entry, attempt: u32) {
        if !self.hand.take(&entry.id) {
            return;
        }
        let settle = InHand { hand: Arc::clone(&self.hand), id: entry.id.clone() };
        let message = entry.into_message(&self.place().stream, &self.hand.link.names);
        // There is room for all that may be in hand. Where the inbox is gone, what is dropped here is given back.
        let _ = self.deliveries.try_send(Delivery::new(Arc::new(message), attempt, Box::new(settle)));
    }

    async fn give_back_all(&self, connection: &mut MultiplexedConnection) -> RedisResult<()> {
        let ids = self.hand.ids();
        if ids.is_empty() {
            return Ok(());
        }
        self.hand.touch(&ids, self.hand.link.options.claim_after).exec_async(connection).await
    }
}

/// A read comes back by itself when the link is closing; where it does not, Redis is not there.
async fn long_enough_after(closing: &mut watch::Receiver<bool>) {
    let _ = closing.wait_for(|closed| *closed).await;
    sleep(BLOCK * 3).await;
}
