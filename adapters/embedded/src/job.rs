//! One durable message on its way to the journal, with the queues that get a copy.

use std::sync::Arc;

use sidegate_broker::{BrokerError, Effect, Message};

use crate::error;
use crate::journal::Append;
use crate::queue::Queue;
use crate::slip::Slip;
use crate::window::Place;

pub(crate) struct Job {
    copies: Vec<QueueCopy>,
    message: Arc<Message>,
    slip: Arc<Slip>,
    /// It was kept from the journal for a moment.
    pub(crate) has_waited: bool,
    is_answered: bool,
}

/// A copy for one queue, which has counted it.
pub(crate) struct QueueCopy {
    pub(crate) queue: Arc<Queue>,
    /// Where it stands in the queue's window; `None`: the pager brings it.
    pub(crate) place: Option<Place>,
}

impl Job {
    pub(crate) fn new(copies: Vec<QueueCopy>, message: Arc<Message>, slip: Arc<Slip>) -> Self {
        Self { copies, message, slip, has_waited: false, is_answered: false }
    }

    pub(crate) fn slip(&self) -> &Arc<Slip> {
        &self.slip
    }

    pub(crate) fn count(&self) -> usize {
        self.copies.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.copies.len() * self.message.weight_bytes()
    }

    pub(crate) fn appends(&self) -> impl Iterator<Item = Append> {
        self.copies
            .iter()
            .map(|copy| Append { queue: copy.queue.name.clone(), message: Arc::clone(&self.message) })
    }

    /// The journal has the copies; their positions come first in `positions`.
    pub(crate) fn written(mut self, positions: &mut impl Iterator<Item = u64>) {
        self.is_answered = true;
        let mut first = None;
        for (copy, position) in self.copies.iter().zip(positions) {
            copy.queue.written(copy.place, position, self.has_waited);
            first.get_or_insert(position);
        }
        self.slip.written(first.unwrap_or_default());
    }

    /// The journal does not have the copies, or may not have them.
    pub(crate) fn refused(mut self, cause: &Arc<BrokerError>) {
        self.refuse(cause);
    }

    fn refuse(&mut self, cause: &Arc<BrokerError>) {
        self.is_answered = true;
        let is_in_doubt = cause.effect == Effect::Unknown;
        let mut is_seen = false;
        for copy in &self.copies {
            is_seen |= copy.queue.refused(copy.place, is_in_doubt);
        }
        self.slip.refused(if is_seen {
            Arc::new(error::seen_all_the_same(cause))
        } else {
            Arc::clone(cause)
        });
    }
}

impl Drop for Job {
    /// The task that writes ended before it had an answer. Nobody waits for ever.
    fn drop(&mut self) {
        if !self.is_answered && !self.slip.is_settled() {
            self.refuse(&Arc::new(error::journal_broken("ended before it answered")));
        }
    }
}
