//! The thread of one consumer: fetches while there is room, commits what is finished, and stays in its group whatever the
//! services do. Nobody waits for it to end: letting go of a consumer blocks for as long as its brokers are gone.

use std::sync::Arc;
use std::time::{Duration, Instant};

use compact_str::CompactString;
use rdkafka::Message as _;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode as Code};
use rdkafka::message::BorrowedMessage;
use sidegate_broker::{ErrorKind, Names};
use tokio::sync::watch;

use crate::context::Ears;
use crate::error::reason;
use crate::holdings::{Arrived, Duty, Holdings};
use crate::member::{Member, Standing};
use crate::position::{self, NewGroup, partitions_of};
use crate::wire::incoming;

/// Positions are written so soon after they change; after a failure, so much later.
const COMMIT_EVERY: Duration = Duration::from_millis(20);
const COMMIT_AGAIN_AFTER: Duration = Duration::from_millis(500);
/// How long a poll waits when nothing is in hand: as long as closing may take to be noticed.
const IDLE_POLL: Duration = Duration::from_millis(100);
/// Full for so long, fetching is paused: paused partitions forget what was fetched ahead.
const PAUSE_AFTER: Duration = Duration::from_millis(200);
/// What was handed out by an inbox that is gone may be settled for so long.
const DRAIN_MAX: Duration = Duration::from_secs(30);
/// A consumer that broke is made anew after so long.
const ANEW_AFTER: Duration = Duration::from_millis(500);
/// So often a reader of its own partitions looks whether there are more of them.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// So many records are taken at once at most.
const BATCH_MAX: usize = 256;

/// What to read, as whom.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) topic: CompactString,
    /// What messages say that they came from.
    pub(crate) destination: CompactString,
    pub(crate) group: String,
    pub(crate) held_max: usize,
    pub(crate) share: Share,
}

/// Which partitions are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Share {
    /// Those that the group gives.
    OfGroup(NewGroup),
    /// All of them; of replies that were written for one partition, only those for this one, where it is known.
    All { own: Option<i32> },
}

/// The thread's state.
pub(crate) struct Reader {
    pub(crate) plan: Plan,
    pub(crate) ears: Ears,
    pub(crate) names: Arc<Names>,
    pub(crate) holdings: Arc<Holdings>,
    pub(crate) standing: watch::Sender<Standing>,
    /// Becomes true when the consumer is gone.
    pub(crate) done: watch::Sender<bool>,
}

/// How serving ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// There is nothing left to do.
    Left,
    /// This consumer is of no use any more.
    Broken,
}

/// One consumer being served.
struct Session<'a> {
    reader: &'a Reader,
    consumer: BaseConsumer<Member>,
    batch: Vec<Arrived>,
    commit_at: Instant,
    full_since: Option<Instant>,
    is_paused: bool,
    draining_since: Option<Instant>,
    look_at: Instant,
    partitions: usize,
    latest_trouble: Option<Code>,
}

/// Whatever happens to the thread, its inbox ends and nobody waits for it.
struct Farewell<'a>(&'a Reader);

impl Drop for Farewell<'_> {
    fn drop(&mut self) {
        self.0.holdings.close();
        self.0.done.send_replace(true);
    }
}

impl Reader {
    /// The thread.
    pub(crate) fn run(self) {
        let _farewell = Farewell(&self);
        while self.holdings.duty() != Duty::Leave {
            let consumer = match self.consumer() {
                Ok(consumer) => consumer,
                Err(error) => {
                    self.standing.send_replace(Standing::Failed(ErrorKind::Rejected, reason(&error)));
                    return;
                }
            };
            let mut session = Session::new(&self, consumer);
            let end = session.serve();
            session.leave();
            if end == End::Left {
                return;
            }
            std::thread::sleep(ANEW_AFTER);
        }
    }

    fn consumer(&self) -> KafkaResult<BaseConsumer<Member>> {
        let clients = &self.ears.clients;
        let new_group = match self.plan.share {
            Share::OfGroup(new_group) => new_group,
            Share::All { .. } => NewGroup::End,
        };
        let member = Member::new(
            self.ears.clone(),
            self.plan.topic.clone(),
            Arc::clone(&self.holdings),
            new_group,
            clients.options().handover,
            self.standing.clone(),
        );
        clients.consumer(&self.plan.group, self.plan.held_max.max(BATCH_MAX)).create_with_context(member)
    }
}

impl<'a> Session<'a> {
    fn new(reader: &'a Reader, consumer: BaseConsumer<Member>) -> Self {
        let now = Instant::now();
        Self {
            reader,
            consumer,
            batch: Vec::with_capacity(BATCH_MAX),
            commit_at: now,
            full_since: None,
            is_paused: false,
            draining_since: None,
            look_at: now + LOOK_EVERY,
            partitions: 0,
            latest_trouble: None,
        }
    }

    fn holdings(&self) -> &Holdings {
        &self.reader.holdings
    }

    fn member(&self) -> &Member {
        self.consumer.context()
    }

    fn serve(&mut self) -> End {
        if let Err(error) = self.begin() {
            self.trouble(&error);
            return End::Broken;
        }
        loop {
            let duty = self.holdings().duty();
            self.member().release(&self.consumer);
            self.commit_if_due();
            let went_well = match duty {
                Duty::Leave => return End::Left,
                Duty::Fetch => self.fetch(),
                Duty::Wait => self.wait(),
                Duty::Drain if self.is_drained_enough() => return End::Left,
                Duty::Drain => self.stay(),
            };
            if !went_well || self.member().is_broken() || self.has_grown() {
                return End::Broken;
            }
        }
    }

    fn begin(&mut self) -> KafkaResult<()> {
        let topic = self.reader.plan.topic.as_str();
        match self.reader.plan.share {
            Share::OfGroup(_) => self.consumer.subscribe(&[topic]),
            Share::All { .. } => {
                let partitions = partitions_of(&self.consumer, topic)?;
                self.partitions = partitions.len();
                let mut list = position::list(topic, &partitions);
                self.member().take_on(&self.consumer, &mut list)?;
                self.consumer.assign(&list)?;
                self.reader.standing.send_replace(Standing::Assigned);
                Ok(())
            }
        }
    }

    /// Waits for the first record, then takes all that are there already.
    fn fetch(&mut self) -> bool {
        self.full_since = None;
        self.resume();
        let wait = if self.holdings().is_busy() { COMMIT_EVERY } else { IDLE_POLL };
        let most = self.holdings().room().min(BATCH_MAX);
        let went_well = self.poll(wait, most);
        if !self.batch.is_empty() {
            self.reader.holdings.arrive(self.batch.drain(..));
        }
        went_well
    }

    /// Full: first for a moment without giving up what was fetched ahead, then paused, so that polling can go on.
    fn wait(&mut self) -> bool {
        let since = *self.full_since.get_or_insert_with(Instant::now);
        if since.elapsed() < PAUSE_AFTER {
            self.holdings().wait_for_room(COMMIT_EVERY);
            return true;
        }
        self.stay()
    }

    /// In the group, and nothing more.
    fn stay(&mut self) -> bool {
        self.pause();
        let went_well = self.poll(COMMIT_EVERY, 1);
        // Fetched before the pause: one or two above the limit, and not again.
        if !self.batch.is_empty() {
            self.reader.holdings.arrive(self.batch.drain(..));
        }
        went_well
    }

    fn poll(&mut self, wait: Duration, most: usize) -> bool {
        let mut wait = wait;
        while self.batch.len() < most {
            match self.consumer.poll(wait) {
                Some(Ok(record)) => {
                    let arrived = self.reader.read(&record);
                    self.batch.push(arrived);
                }
                Some(Err(error)) => return self.trouble(&error),
                None => return true,
            }
            wait = Duration::ZERO;
        }
        true
    }

    fn pause(&mut self) {
        if !self.is_paused {
            self.is_paused = self.consumer.assignment().and_then(|all| self.consumer.pause(&all)).is_ok();
        }
    }

    fn resume(&mut self) {
        if self.is_paused {
            self.is_paused = self.consumer.assignment().and_then(|all| self.consumer.resume(&all)).is_err();
        }
    }

    fn commit_if_due(&mut self) {
        let now = Instant::now();
        if self.member().take_failure() {
            self.commit_at = now + COMMIT_AGAIN_AFTER;
        }
        if now >= self.commit_at && self.member().commit_soon(&self.consumer) {
            self.commit_at = now + COMMIT_EVERY;
        }
    }

    /// Whoever has deliveries of an inbox that is gone may keep them for a while, as long as settling can help.
    fn is_drained_enough(&mut self) -> bool {
        let since = *self.draining_since.get_or_insert_with(Instant::now);
        since.elapsed() > DRAIN_MAX || self.reader.ears.link.is_down()
    }

    /// A group notices new partitions by itself; who reads all has to look.
    fn has_grown(&mut self) -> bool {
        if self.partitions == 0 || Instant::now() < self.look_at {
            return false;
        }
        self.look_at = Instant::now() + LOOK_EVERY;
        partitions_of(&self.consumer, &self.reader.plan.topic).is_ok_and(|now| now.len() != self.partitions)
    }

    /// `false`: this consumer is of no use any more.
    fn trouble(&mut self, error: &KafkaError) -> bool {
        let code = error.rdkafka_error_code();
        let is_fatal = matches!(error, KafkaError::MessageConsumptionFatal(_));
        let is_about_link = matches!(
            code,
            Some(
                Code::AllBrokersDown | Code::BrokerTransportFailure | Code::OperationTimedOut | Code::Resolve
            )
        );
        if !is_about_link && (is_fatal || code != self.latest_trouble) {
            let (topic, group, reason) = (&*self.reader.plan.topic, &*self.reader.plan.group, reason(error));
            tracing::warn!(topic, group, reason, "cannot receive for now");
            self.latest_trouble = code;
        }
        self.fail_if_hopeless(code);
        !is_fatal
    }

    /// Who waits for the consumer to get in learns at once that it will not.
    fn fail_if_hopeless(&self, code: Option<Code>) {
        let Some(
            code @ (Code::GroupAuthorizationFailed
            | Code::TopicAuthorizationFailed
            | Code::InconsistentGroupProtocol
            | Code::UnsupportedVersion
            | Code::InvalidSessionTimeout),
        ) = code
        else {
            return;
        };
        self.reader.standing.send_if_modified(|standing| {
            let is_joining = *standing == Standing::Joining;
            if is_joining {
                *standing = Standing::Failed(ErrorKind::Rejected, code.to_string());
            }
            is_joining
        });
    }

    /// Writes what is finished, leaves the group, and lets go of the consumer, however long that takes.
    fn leave(self) {
        let marks = self.holdings().take_marks();
        self.member().end();
        self.member().commit_now(&self.consumer, &marks);
        self.holdings().let_go_of_all();
        drop(self.consumer);
    }
}

impl Reader {
    fn read(&self, record: &BorrowedMessage<'_>) -> Arrived {
        let read = incoming(record, &self.plan.destination, &self.names);
        let is_ours = match self.plan.share {
            Share::All { own: Some(own) } => read.partition.is_none_or(|partition| partition == own),
            _ => true,
        };
        Arrived {
            partition: record.partition(),
            offset: record.offset(),
            message: is_ours.then_some(read.message),
        }
    }
}
