//! Brings durable messages into the journal, many at once and in order.
//!
//! One batch is under way at a time; what is published meanwhile makes the next one. So a message costs a fraction
//! of a commit under load. One that a consumer has in hand waits a moment before it is written: settled by then, it
//! never is. The task that writes lives as long as there is something in line. Once a message is in line it is
//! appended or settled, even when whoever published it has gone.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use sidegate_broker::{BrokerError, Message};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::error;
use crate::job::{Job, QueueCopy};
use crate::journal::{Append, Journal};
use crate::line::{Line, Next};
use crate::queue::Queue;
use crate::slip::Slip;

pub(crate) struct Writer {
    journal: Arc<dyn Journal>,
    /// How long a message in a consumer's hands is kept from the journal; zero: none is handed out before.
    wait_max: Duration,
    line: Mutex<Line>,
    /// The line has something to write now.
    due: Notify,
}

/// The task that writes. However it ends, nobody in line waits for ever and the next message starts a new one.
struct Writing {
    writer: Arc<Writer>,
    is_done: bool,
}

impl Writer {
    pub(crate) fn new(journal: Arc<dyn Journal>, wait_max: Duration) -> Self {
        Self { journal, wait_max, line: Mutex::default(), due: Notify::new() }
    }

    /// Gives each queue its copy, all or none, and returns when they are in the journal or done with. The queues
    /// have counted the message; it is not counted any more when this returns an error of effect `NotApplied`.
    pub(crate) async fn publish(
        self: &Arc<Self>,
        queues: Vec<Arc<Queue>>,
        message: Arc<Message>,
    ) -> Result<(), BrokerError> {
        let slip = Arc::new(Slip::new());
        self.line_up(queues, message, Arc::clone(&slip))?;
        slip.taken().await.map_err(|cause| error::not_journaled(&cause))
    }

    /// A message given back must be in the journal first.
    pub(crate) fn hurry(&self, slip: &Arc<Slip>) {
        let mut line = self.line.lock();
        line.hurry(slip);
        self.wake(&mut line);
    }

    fn line_up(
        self: &Arc<Self>,
        queues: Vec<Arc<Queue>>,
        message: Arc<Message>,
        slip: Arc<Slip>,
    ) -> Result<(), BrokerError> {
        let mut line = self.line.lock();
        if let Err(error) = line.check_room() {
            drop(line);
            queues.iter().for_each(|queue| queue.unreserve());
            return Err(error);
        }
        // A copy of an event is written for the services that are slow in any case, so none of them waits.
        let is_early = queues.len() == 1 && !self.wait_max.is_zero() && !line.is_failing;
        let mut wait = None;
        let mut copies = Vec::with_capacity(queues.len());
        for queue in queues {
            let admitted = queue.admit(&message, is_early.then_some(&slip));
            if let Some(before) = &admitted.follows {
                line.hurry(before);
            }
            wait = admitted.can_wait.then_some(self.wait_max);
            copies.push(QueueCopy { queue, place: admitted.place });
        }
        line.push(Job::new(copies, message, slip), wait.map(|wait| Instant::now() + wait));
        if !std::mem::replace(&mut line.is_writing, true) {
            tokio::spawn(Writing { writer: Arc::clone(self), is_done: false }.run());
        }
        self.wake(&mut line);
        Ok(())
    }

    fn wake(&self, line: &mut Line) {
        if line.must_wake() {
            self.due.notify_one();
        }
    }

    async fn write(&self, batch: Vec<Job>) {
        let copies: Vec<Append> = batch.iter().flat_map(Job::appends).collect();
        let expected = copies.len();
        let outcome = match self.journal.append(copies).await {
            Ok(positions) if positions.len() == expected => Ok(positions),
            Ok(_) => Err(error::journal_broken("answered with the wrong number of positions")),
            Err(error) => Err(error),
        };
        self.line.lock().is_failing = outcome.is_err();
        match outcome {
            Ok(positions) => {
                let mut positions = positions.into_iter();
                batch.into_iter().for_each(|job| job.written(&mut positions));
            }
            Err(error) => {
                let cause = Arc::new(error);
                batch.into_iter().for_each(|job| job.refused(&cause));
            }
        }
    }
}

impl Writing {
    async fn run(mut self) {
        loop {
            let next = self.writer.line.lock().next(Instant::now());
            match next {
                Next::Batch(batch) => self.writer.write(batch).await,
                Next::Wait(until) => tokio::select! {
                    () = tokio::time::sleep_until(until) => {}
                    () = self.writer.due.notified() => {}
                },
                Next::Nothing => break,
            }
        }
        self.is_done = true;
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        if !self.is_done {
            // Jobs that are dropped say so to whoever waits for them.
            let left = std::mem::take(&mut *self.writer.line.lock());
            drop(left);
        }
    }
}
