//! Group commit: what is queued is written in one transaction and answered together after its commit.
//!
//! An idle writer commits the first command at once. Groups form by themselves: while one commit waits for the disk,
//! the next commands gather. One sync of the disk then pays for all of them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::Shared;
use super::job::Job;
use crate::sqlite::checkpoint::Checkpoint;
use crate::sqlite::ledger::Ledger;
use crate::sqlite::transaction::{Effects, Tx};
use crate::sqlite::trouble::{Trouble, disk_full};
use crate::{Options, StoreError};

/// Commands in one transaction.
const GROUP_MAX: usize = 256;
/// How long a group may go on taking in commands.
const GROUP_TIME_MAX: Duration = Duration::from_millis(2);
/// How long the fault tests' control has to be killed between answer and commit.
const UNSAFE_COMMIT_DELAY: Duration = Duration::from_millis(20);

type Group = Vec<Box<dyn Job>>;

/// The writer's thread.
pub(super) struct Groups {
    conn: Connection,
    ledger: Ledger,
    checkpoint: Checkpoint,
    shared: Arc<Shared>,
    options: Options,
}

/// The disk can not be trusted any more.
struct Broken;

impl Groups {
    pub(super) fn new(
        conn: Connection,
        ledger: Ledger,
        checkpoint: Checkpoint,
        shared: Arc<Shared>,
        options: Options,
    ) -> Self {
        Self { conn, ledger, checkpoint, shared, options }
    }

    /// Works until the queue is closed and empty, or the store is broken. A panic is a bug, and as fatal as a broken
    /// disk: nobody else would ever answer.
    pub(super) fn serve(mut self, queue: &Receiver<Box<dyn Job>>) {
        let worked = catch_unwind(AssertUnwindSafe(|| {
            while let Ok(first) = queue.recv() {
                self.commit_group(first, queue)?;
                self.checkpoint.after_commit(&self.conn).or_else(|error| self.break_down(&error))?;
            }
            self.checkpoint.end(&self.conn);
            Ok::<_, Broken>(())
        }));
        if worked.is_err() {
            let _ = self.break_down(&"the store's writer met a bug");
        }
    }

    fn commit_group(&mut self, first: Box<dyn Job>, queue: &Receiver<Box<dyn Job>>) -> Result<(), Broken> {
        let mut group = Vec::with_capacity(GROUP_MAX);
        group.push(first);
        self.shared.waiting.fetch_sub(1, Ordering::Relaxed);
        match self.transact(&mut group, Some(queue)) {
            Ok(()) => Ok(()),
            Err(trouble) => self.recover(group, trouble),
        }
    }

    /// One transaction over the group, which grows from the queue while it runs. Answers everybody when it succeeds.
    fn transact(&mut self, group: &mut Group, more: Option<&Receiver<Box<dyn Job>>>) -> Result<(), Trouble> {
        self.execute("BEGIN IMMEDIATE")?;
        let pending_max = self.options.pending_max;
        let effects = Effects::default();
        let mut tx = Tx { conn: &self.conn, ledger: &mut self.ledger, effects, pending_max };
        let begun = Instant::now();
        let mut done = 0;
        while let Some(job) = group.get_mut(done) {
            job.run(&mut tx)?;
            done += 1;
            if done == group.len() && done < GROUP_MAX && begun.elapsed() < GROUP_TIME_MAX {
                let next = more.and_then(|queue| queue.try_recv().ok());
                self.shared.waiting.fetch_sub(next.iter().len(), Ordering::Relaxed);
                group.extend(next);
            }
        }
        let effects = tx.effects;
        self.ledger.store(&self.conn)?;
        self.finish(group, effects)
    }

    fn finish(&self, group: &mut Group, effects: Effects) -> Result<(), Trouble> {
        if self.options.unsafe_ack_before_commit {
            self.publish(effects);
            group.drain(..).for_each(<dyn Job>::answer);
            std::thread::sleep(UNSAFE_COMMIT_DELAY);
            return self.execute("COMMIT");
        }
        self.execute("COMMIT")?;
        self.publish(effects);
        group.drain(..).for_each(<dyn Job>::answer);
        Ok(())
    }

    /// What others see changes after the commit and before anybody is answered.
    fn publish(&self, effects: Effects) {
        self.shared.commits.fetch_add(1, Ordering::Relaxed);
        self.shared.last_key.fetch_max(effects.last_key, Ordering::Release);
        self.shared.pending.store(self.ledger.pending, Ordering::Release);
        if !effects.outbox.is_empty() {
            self.shared.tail.change(effects.outbox);
        }
    }

    fn recover(&mut self, group: Group, trouble: Trouble) -> Result<(), Broken> {
        match trouble {
            // The group is dropped unanswered: whether it is on the disk is what nobody can say.
            Trouble::Fatal(error) => self.break_down(&error),
            Trouble::DiskFull(error) => {
                self.roll_back()?;
                group.into_iter().for_each(|job| job.refuse(disk_full(&error)));
                Ok(())
            }
            Trouble::Refused(error) | Trouble::Failed(error) => {
                self.roll_back()?;
                self.one_by_one(group, error)
            }
        }
    }

    /// A failing command must not fail its neighbours: each gets a transaction of its own. A lonely command has had
    /// its own already.
    fn one_by_one(&mut self, mut group: Group, error: StoreError) -> Result<(), Broken> {
        if group.len() == 1
            && let Some(alone) = group.pop()
        {
            alone.refuse(error);
            return Ok(());
        }
        for job in group {
            let mut alone = vec![job];
            if let Err(trouble) = self.transact(&mut alone, None) {
                self.recover(alone, trouble)?;
            }
        }
        Ok(())
    }

    fn roll_back(&mut self) -> Result<(), Broken> {
        // SQLite has rolled back by itself after some errors.
        let rolled_back =
            if self.conn.is_autocommit() { Ok(()) } else { self.conn.execute_batch("ROLLBACK") };
        rolled_back.and_then(|()| self.ledger.reload(&self.conn)).or_else(|error| self.break_down(&error))
    }

    fn execute(&self, sql: &'static str) -> Result<(), Trouble> {
        self.conn.prepare_cached(sql)?.execute([])?;
        Ok(())
    }

    /// Ends business: no more commands, and the gateway is told to end the process.
    fn break_down(&self, reason: &dyn std::fmt::Display) -> Result<(), Broken> {
        if self.shared.broken.swap(true, Ordering::AcqRel) {
            return Err(Broken);
        }
        (self.options.on_fatal)(&format!(
            "the store cannot say any more what is on the disk, so the gateway ends; what was answered is safe; \
             check the disk, then start it again: {reason}"
        ));
        Err(Broken)
    }
}
