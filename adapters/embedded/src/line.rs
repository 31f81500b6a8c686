//! What waits for the journal, and in which order it goes there. Pure but for the time, which is passed in.
//!
//! ```text
//! waiting   in a consumer's hands: written when its time is over, unless it is settled before
//! due       written with the next batch
//! ```

use std::collections::VecDeque;
use std::sync::Arc;

use sidegate_broker::BrokerError;
use tokio::time::Instant;

use crate::error;
use crate::job::Job;
use crate::slip::Slip;

const BATCH_MESSAGES_MAX: usize = 512;
const BATCH_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Messages in line, beyond which publishing is refused.
const LINE_MESSAGES_MAX: usize = 16_384;

#[derive(Default)]
pub(crate) struct Line {
    due: VecDeque<Job>,
    /// In the order of their times.
    waiting: VecDeque<(Instant, Job)>,
    /// A task writes, or waits until it has something to write.
    pub(crate) is_writing: bool,
    is_asleep: bool,
    /// The journal refused the last batch: until it takes one, nothing is handed out before it is there.
    pub(crate) is_failing: bool,
}

/// What the task that writes does next.
pub(crate) enum Next {
    Batch(Vec<Job>),
    Wait(Instant),
    /// The line is empty, and nobody is writing any more.
    Nothing,
}

impl Line {
    pub(crate) fn check_room(&self) -> Result<(), BrokerError> {
        let is_full = self.due.len() + self.waiting.len() >= LINE_MESSAGES_MAX;
        if is_full { Err(error::journal_busy(LINE_MESSAGES_MAX)) } else { Ok(()) }
    }

    /// Adds a message that is written after `until`, or with the next batch.
    pub(crate) fn push(&mut self, mut job: Job, until: Option<Instant>) {
        match until {
            Some(until) => {
                job.has_waited = true;
                self.waiting.push_back((until, job));
            }
            None => self.due.push_back(job),
        }
    }

    /// Ends a message's waiting, if it does wait.
    pub(crate) fn hurry(&mut self, slip: &Arc<Slip>) {
        let found = self.waiting.iter().position(|(_, job)| Arc::ptr_eq(job.slip(), slip));
        if let Some((_, job)) = found.and_then(|index| self.waiting.remove(index)) {
            self.due.push_back(job);
        }
    }

    /// Whether the task that writes sleeps over something that is due.
    pub(crate) fn must_wake(&mut self) -> bool {
        !self.due.is_empty() && std::mem::take(&mut self.is_asleep)
    }

    pub(crate) fn next(&mut self, now: Instant) -> Next {
        self.end_waiting(now);
        let batch = self.take_batch();
        if !batch.is_empty() {
            return Next::Batch(batch);
        }
        match self.waiting.front() {
            Some((until, _)) => {
                self.is_asleep = true;
                Next::Wait(*until)
            }
            None => {
                self.is_writing = false;
                Next::Nothing
            }
        }
    }

    /// Those whose time is over are due; those that were settled meanwhile are done with.
    fn end_waiting(&mut self, now: Instant) {
        self.is_asleep = false;
        while let Some((until, job)) = self.waiting.front() {
            let is_settled = job.slip().is_settled();
            if !is_settled && *until > now {
                return;
            }
            if let Some((_, job)) = self.waiting.pop_front()
                && !is_settled
            {
                self.due.push_back(job);
            }
        }
    }

    fn take_batch(&mut self) -> Vec<Job> {
        let mut batch = Vec::new();
        let (mut messages, mut bytes) = (0, 0);
        while let Some(job) = self.due.front() {
            messages += job.count();
            bytes += job.bytes();
            if !batch.is_empty() && (messages > BATCH_MESSAGES_MAX || bytes > BATCH_BYTES_MAX) {
                break;
            }
            if let Some(job) = self.due.pop_front()
                && job.slip().begin_writing()
            {
                batch.push(job);
            }
        }
        batch
    }
}
