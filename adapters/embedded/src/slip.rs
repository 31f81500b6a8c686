//! What becomes of one durable message between its publisher, its consumer and the journal.
//!
//! ```text
//! in line ─▶ writing ─▶ written          the journal was faster, or nobody took the message
//!    │          └─────▶ refused
//!    └─▶ settled                         its consumer was faster: nothing is written
//! ```
//!
//! Whoever takes a slip out of the line first decides: the writer by [`Slip::begin_writing`], the consumer by
//! [`Slip::settle`]. No end is ever left again.

use std::sync::Arc;

use parking_lot::Mutex;
use sidegate_broker::BrokerError;
use tokio::sync::Notify;

pub(crate) struct Slip {
    fate: Mutex<Fate>,
    /// The fate is an end.
    ended: Notify,
}

#[derive(Clone)]
enum Fate {
    InLine,
    Writing,
    Settled,
    /// The position of its first copy.
    Written(u64),
    Refused(Arc<BrokerError>),
}

impl Slip {
    pub(crate) fn new() -> Self {
        Self { fate: Mutex::new(Fate::InLine), ended: Notify::new() }
    }

    /// The writer takes it. False when it was settled before.
    pub(crate) fn begin_writing(&self) -> bool {
        let mut fate = self.fate.lock();
        let is_in_line = matches!(*fate, Fate::InLine);
        if is_in_line {
            *fate = Fate::Writing;
        }
        is_in_line
    }

    pub(crate) fn is_settled(&self) -> bool {
        matches!(*self.fate.lock(), Fate::Settled)
    }

    /// The journal has it.
    pub(crate) fn written(&self, position: u64) {
        self.end(Fate::Written(position));
    }

    /// The journal does not have it, or it is not known whether it has.
    pub(crate) fn refused(&self, why: Arc<BrokerError>) {
        self.end(Fate::Refused(why));
    }

    fn end(&self, end: Fate) {
        let mut fate = self.fate.lock();
        if matches!(*fate, Fate::InLine | Fate::Writing) {
            *fate = end;
            drop(fate);
            self.ended.notify_waiters();
        }
    }

    /// Its consumer is done with it. The position to remove, or `None`: there is nothing to remove, and there never
    /// will be. Waits while it is being written. [`Slip::tell_settled`] must follow.
    pub(crate) async fn settle(&self) -> Option<u64> {
        loop {
            let ended = self.ended.notified();
            {
                let mut fate = self.fate.lock();
                match *fate {
                    Fate::InLine => {
                        *fate = Fate::Settled;
                        return None;
                    }
                    Fate::Writing => {}
                    Fate::Written(position) => return Some(position),
                    Fate::Settled | Fate::Refused(_) => return None,
                }
            }
            ended.await;
        }
    }

    /// Tells the publisher of a [`Slip::settle`], once the message has left its queue: what is published next
    /// finds its key free.
    pub(crate) fn tell_settled(&self) {
        self.ended.notify_waiters();
    }

    /// Waits for the journal: the position, or `None` where it refused.
    pub(crate) async fn position(&self) -> Option<u64> {
        match self.outcome().await {
            Fate::Written(position) => Some(position),
            _ => None,
        }
    }

    /// Waits until somebody has taken responsibility for the message, or nobody will.
    pub(crate) async fn taken(&self) -> Result<(), Arc<BrokerError>> {
        match self.outcome().await {
            Fate::Refused(why) => Err(why),
            _ => Ok(()),
        }
    }

    async fn outcome(&self) -> Fate {
        loop {
            let ended = self.ended.notified();
            let fate = self.fate.lock().clone();
            if !matches!(fate, Fate::InLine | Fate::Writing) {
                return fate;
            }
            ended.await;
        }
    }
}
