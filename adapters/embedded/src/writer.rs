//! Brings durable messages into the journal, many at once and in order.
//!
//! One batch is under way at a time; what is published meanwhile makes the next one. So a message costs a fraction
//! of a commit under load, waits for no timer when there is none, and enters its queue in the order of positions.
//! The task that writes lives as long as there is something to write. Once a message is in line it is appended,
//! even when whoever published it has gone.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use sidegate_broker::{BrokerError, Effect, Message};
use tokio::sync::oneshot;

use crate::error;
use crate::journal::{Append, Journal};
use crate::queue::Queue;

const BATCH_MESSAGES_MAX: usize = 512;
const BATCH_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Messages in line, beyond which publishing is refused.
const LINE_MESSAGES_MAX: usize = 16_384;

pub(crate) struct Writer {
    journal: Arc<dyn Journal>,
    line: Mutex<Line>,
}

#[derive(Default)]
struct Line {
    jobs: VecDeque<Job>,
    is_writing: bool,
}

/// One message and the queues that get a copy, which have counted it.
struct Job {
    queues: Vec<Arc<Queue>>,
    message: Arc<Message>,
    done: oneshot::Sender<Result<(), BrokerError>>,
}

/// The task that writes. However it ends, nobody in line waits for ever and the next message starts a new one.
struct Writing {
    writer: Arc<Writer>,
    is_done: bool,
}

impl Writer {
    pub(crate) fn new(journal: Arc<dyn Journal>) -> Self {
        Self { journal, line: Mutex::default() }
    }

    /// Appends one copy for each queue, all or none. The queues have counted the message; it is theirs when this
    /// returns `Ok`, and not counted any more when it returns an error.
    pub(crate) async fn append(
        self: &Arc<Self>,
        queues: Vec<Arc<Queue>>,
        message: Arc<Message>,
    ) -> Result<(), BrokerError> {
        let (done, outcome) = oneshot::channel();
        self.line_up(Job { queues, message, done })?;
        outcome.await.unwrap_or_else(|_| Err(error::journal_broken("ended before it answered")))
    }

    fn line_up(self: &Arc<Self>, job: Job) -> Result<(), BrokerError> {
        let mut line = self.line.lock();
        if line.jobs.len() >= LINE_MESSAGES_MAX {
            drop(line);
            job.queues.iter().for_each(|queue| queue.unreserve());
            return Err(error::journal_busy(LINE_MESSAGES_MAX));
        }
        line.jobs.push_back(job);
        if !std::mem::replace(&mut line.is_writing, true) {
            tokio::spawn(Writing { writer: Arc::clone(self), is_done: false }.run());
        }
        Ok(())
    }

    /// The next batch; `None` when there is nothing to write, and then nobody is writing any more.
    fn next_batch(&self) -> Option<Vec<Job>> {
        let mut line = self.line.lock();
        let (mut messages, mut bytes) = (0, 0);
        let fits = |job: &&Job| {
            messages += job.queues.len();
            bytes += job.queues.len() * job.message.weight_bytes();
            messages <= BATCH_MESSAGES_MAX && bytes <= BATCH_BYTES_MAX
        };
        let count = line.jobs.iter().take_while(fits).count();
        let count = count.max(1).min(line.jobs.len());
        if count == 0 {
            line.is_writing = false;
            return None;
        }
        Some(line.jobs.drain(..count).collect())
    }

    async fn write(&self, batch: Vec<Job>) {
        let copies = batch.iter().flat_map(|job| {
            job.queues
                .iter()
                .map(|queue| Append { queue: queue.name.clone(), message: Arc::clone(&job.message) })
        });
        let copies: Vec<Append> = copies.collect();
        let expected = copies.len();
        match self.journal.append(copies).await {
            Ok(positions) if positions.len() == expected => appended(batch, positions),
            Ok(_) => failed(batch, error::journal_broken("answered with the wrong number of positions")),
            Err(error) => failed(batch, error),
        }
    }
}

impl Writing {
    async fn run(mut self) {
        while let Some(batch) = self.writer.next_batch() {
            self.writer.write(batch).await;
        }
        self.is_done = true;
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        if self.is_done {
            return;
        }
        let mut line = self.writer.line.lock();
        line.is_writing = false;
        let left = std::mem::take(&mut line.jobs);
        drop(line);
        failed(left, error::journal_broken("stopped while messages waited for it"));
    }
}

fn appended(batch: Vec<Job>, positions: Vec<u64>) {
    let mut positions = positions.into_iter();
    for job in batch {
        for (queue, position) in job.queues.iter().zip(&mut positions) {
            queue.appended(position, Arc::clone(&job.message));
        }
        // Nobody listens when the publisher was cancelled; the message is published all the same.
        let _ = job.done.send(Ok(()));
    }
}

fn failed(batch: impl IntoIterator<Item = Job>, error: BrokerError) {
    let cause = Arc::new(error);
    for job in batch {
        for queue in &job.queues {
            match cause.effect {
                Effect::NotApplied => queue.unreserve(),
                Effect::Unknown => queue.append_in_doubt(),
            }
        }
        let _ = job.done.send(Err(error::not_journaled(&cause)));
    }
}
