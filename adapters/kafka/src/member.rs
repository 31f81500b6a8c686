//! A consumer's place in its group: what happens when partitions come and go.
//!
//! Coming: the position and its note are read, so that what the owner before had finished is not run again. Going: nothing
//! more is handed out, what is in hand may finish for a while (the group waits for these partitions only), the position is
//! committed, and then they are let go. All of this happens on the consumer's thread, inside its polls or between them.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use compact_str::CompactString;
use parking_lot::Mutex;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerContext, RebalanceProtocol};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode as Code};
use rdkafka::topic_partition_list::TopicPartitionListElem;
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{ClientContext, Offset, TopicPartitionList};
use sidegate_broker::ErrorKind;
use tokio::sync::watch;

use crate::context::Ears;
use crate::error::reason;
use crate::holdings::{Holdings, Mark};
use crate::position::{self, NewGroup};

/// How far a consumer has come into its group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Standing {
    Joining,
    /// In the group, with nothing to read for now.
    Empty,
    Assigned,
    /// It will not get in.
    Failed(ErrorKind, String),
}

/// The context of a consumer.
pub(crate) struct Member {
    pub(crate) ears: Ears,
    pub(crate) topic: CompactString,
    pub(crate) holdings: Arc<Holdings>,
    pub(crate) new_group: NewGroup,
    pub(crate) handover: Duration,
    pub(crate) standing: watch::Sender<Standing>,
    leaving: Mutex<Option<Leaving>>,
    is_ending: AtomicBool,
    is_broken: AtomicBool,
    is_committing: AtomicBool,
    has_failed_to_commit: AtomicBool,
    notes_are_refused: AtomicBool,
}

/// Partitions that the group wants back.
struct Leaving {
    list: TopicPartitionList,
    partitions: Vec<i32>,
    until: Instant,
}

type Consumer = BaseConsumer<Member>;

impl Member {
    pub(crate) fn new(
        ears: Ears,
        topic: CompactString,
        holdings: Arc<Holdings>,
        new_group: NewGroup,
        handover: Duration,
        standing: watch::Sender<Standing>,
    ) -> Self {
        Self {
            ears,
            topic,
            holdings,
            new_group,
            handover,
            standing,
            leaving: Mutex::default(),
            is_ending: AtomicBool::new(false),
            is_broken: AtomicBool::new(false),
            is_committing: AtomicBool::new(false),
            has_failed_to_commit: AtomicBool::new(false),
            notes_are_refused: AtomicBool::new(false),
        }
    }

    /// From now on nothing is waited for.
    pub(crate) fn end(&self) {
        self.is_ending.store(true, Ordering::Relaxed);
    }

    /// This consumer is of no use any more.
    pub(crate) fn is_broken(&self) -> bool {
        self.is_broken.load(Ordering::Relaxed)
    }

    /// Starts to read these partitions where their group was.
    pub(crate) fn take_on(&self, consumer: &Consumer, list: &mut TopicPartitionList) -> KafkaResult<()> {
        let partitions = partitions_in(list);
        let starts = position::find(consumer, &self.topic, &partitions, self.new_group)?;
        self.warn_of_dropped(consumer, &starts);
        for mut element in list.elements() {
            let start = starts.get(&element.partition()).and_then(Option::as_ref);
            let (offset, watermark) = position::resume(start);
            element.set_offset(offset)?;
            self.holdings.take_on(element.partition(), watermark);
        }
        tracing::debug!(topic = self.topic.as_str(), ?partitions, "partitions assigned");
        Ok(())
    }

    /// Retention waits for nobody.
    fn warn_of_dropped(&self, consumer: &Consumer, starts: &HashMap<i32, Option<Mark>>) {
        let marks: Vec<&Mark> = starts.values().flatten().collect();
        let partitions: Vec<i32> = marks.iter().map(|mark| mark.partition).collect();
        let begins =
            position::edges(consumer, &self.topic, &partitions, Offset::Beginning).unwrap_or_default();
        let dropped =
            |mark: &&Mark| begins.get(&mark.partition).map_or(0, |begin| begin - mark.offset).max(0);
        let messages: i64 = marks.iter().map(dropped).sum();
        if messages > 0 {
            let topic = self.topic.as_str();
            tracing::error!(
                topic,
                messages,
                "messages were dropped by the topic's retention before they were read"
            );
        }
    }

    fn assigned(&self, consumer: &Consumer, list: &mut TopicPartitionList) {
        // Without a position nothing can be read: events of before must not be, and none after may be missed.
        if let Err(error) = self.take_on(consumer, list) {
            let (topic, reason) = (self.topic.as_str(), reason(&error));
            tracing::warn!(topic, reason, "the position of a group cannot be read: joining it again");
            self.is_broken.store(true, Ordering::Relaxed);
            return self.report("unassign", consumer.unassign());
        }
        let assigned =
            if is_cooperative(consumer) { consumer.incremental_assign(list) } else { consumer.assign(list) };
        self.report("assign", assigned);
        let has_any = consumer.assignment().is_ok_and(|all| all.count() > 0);
        self.standing.send_replace(if has_any { Standing::Assigned } else { Standing::Empty });
    }

    fn revoked(&self, consumer: &Consumer, list: &TopicPartitionList) {
        let partitions = partitions_in(list);
        let at_once = self.is_ending.load(Ordering::Relaxed) || consumer.assignment_lost();
        let until = Instant::now() + if at_once { Duration::ZERO } else { self.handover };
        self.holdings.announce_leave(&partitions);
        if !at_once {
            // What is fetched meanwhile would only be dropped.
            self.report("pause", consumer.pause(list));
        }
        tracing::debug!(topic = self.topic.as_str(), ?partitions, "partitions are wanted back");
        *self.leaving.lock() = Some(Leaving { list: list.clone(), partitions, until });
        self.release(consumer);
    }

    /// Lets go of what is wanted back, if nothing of it is in hand any more, or it took too long.
    pub(crate) fn release(&self, consumer: &Consumer) {
        let mut slot = self.leaving.lock();
        let Some(leaving) = &*slot else { return };
        let is_lost = consumer.assignment_lost();
        let is_ending = self.is_ending.load(Ordering::Relaxed);
        let is_waiting = self.holdings.held_of(&leaving.partitions) > 0 && Instant::now() < leaving.until;
        if is_waiting && !is_lost && !is_ending {
            return;
        }
        if !is_lost {
            self.commit_now(consumer, &self.holdings.take_marks_of(&leaving.partitions));
        }
        self.holdings.let_go(&leaving.partitions);
        let cooperative = is_cooperative(consumer);
        let released =
            if cooperative { consumer.incremental_unassign(&leaving.list) } else { consumer.unassign() };
        self.report("unassign", released);
        *slot = None;
    }

    /// Writes positions without waiting; one commit is under way at a time. `false`: not now.
    pub(crate) fn commit_soon(&self, consumer: &Consumer) -> bool {
        if self.is_committing.load(Ordering::Relaxed) {
            return false;
        }
        let marks = self.holdings.take_marks();
        if marks.is_empty() {
            return true;
        }
        match self.commit(consumer, &marks, CommitMode::Async) {
            Ok(()) => self.is_committing.store(true, Ordering::Relaxed),
            Err(error) => self.committed(Err(error)),
        }
        true
    }

    /// Writes positions and waits. What is not written runs again at the next owner's, which is all that can happen.
    pub(crate) fn commit_now(&self, consumer: &Consumer, marks: &[Mark]) {
        if marks.is_empty() || self.ears.link.is_down() {
            return;
        }
        if let Err(error) = self.commit(consumer, marks, CommitMode::Sync) {
            let (topic, reason) = (self.topic.as_str(), reason(&error));
            tracing::warn!(topic, reason, "a last commit failed: what is finished may run again");
        }
    }

    fn commit(&self, consumer: &Consumer, marks: &[Mark], mode: CommitMode) -> KafkaResult<()> {
        if self.notes_are_refused.load(Ordering::Relaxed) {
            let bare: Vec<Mark> = marks.iter().map(|mark| Mark { note: String::new(), ..*mark }).collect();
            return consumer.commit(&position::marked(&self.topic, &bare)?, mode);
        }
        consumer.commit(&position::marked(&self.topic, marks)?, mode)
    }

    fn committed(&self, result: KafkaResult<()>) {
        let Err(error) = result else { return };
        if error.rdkafka_error_code() == Some(Code::OffsetMetadataTooLarge) {
            self.notes_are_refused.store(true, Ordering::Relaxed);
        }
        tracing::debug!(
            topic = self.topic.as_str(),
            reason = reason(&error),
            "a commit failed and is made again"
        );
        self.has_failed_to_commit.store(true, Ordering::Relaxed);
        self.holdings.mark_again();
    }

    /// Whether the latest commit failed; asking forgets it.
    pub(crate) fn take_failure(&self) -> bool {
        self.has_failed_to_commit.swap(false, Ordering::Relaxed)
    }

    fn report(&self, what: &str, result: KafkaResult<()>) {
        if let Err(error) = result {
            tracing::warn!(topic = self.topic.as_str(), reason = reason(&error), "cannot {what} partitions");
        }
    }
}

fn is_cooperative(consumer: &Consumer) -> bool {
    matches!(consumer.rebalance_protocol(), RebalanceProtocol::Cooperative)
}

fn partitions_in(list: &TopicPartitionList) -> Vec<i32> {
    list.elements().iter().map(TopicPartitionListElem::partition).collect()
}

impl ConsumerContext for Member {
    /// In place of the default, so that letting go can wait for what is in hand while polling goes on.
    fn rebalance(&self, consumer: &Consumer, what: RDKafkaRespErr, list: &mut TopicPartitionList) {
        match what {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => self.assigned(consumer, list),
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS => self.revoked(consumer, list),
            _ => {
                self.holdings.let_go_of_all();
                self.report("unassign", consumer.unassign());
            }
        }
    }

    fn commit_callback(&self, result: KafkaResult<()>, _: &TopicPartitionList) {
        self.is_committing.store(false, Ordering::Relaxed);
        self.committed(result);
    }
}

impl ClientContext for Member {
    fn log(&self, level: RDKafkaLogLevel, fac: &str, log_message: &str) {
        self.ears.log(level, fac, log_message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.ears.error(error, reason);
    }
}
