//! The ledger between a broker and a consumer that do whatever they like in whatever order: cuts, pauses, drops.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use compact_str::format_compact;
use parking_lot::Mutex;
use proptest::prelude::{Just, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};
use proptest::test_runner::TestCaseError;
use sidegate_broker::{BoxFuture, BrokerError, Delivery, Message, Settle};
use tokio::time::Instant;

use crate::Window;
use crate::ledger::{Ledger, Returned, Taken};

type Checked = Result<(), TestCaseError>;

const WINDOW: Window = Window { prefetch: 3, held_max: 6 };

#[derive(Debug, Clone, Copy)]
enum Step {
    Publish {
        key: Option<u8>,
    },
    /// The same message once more, as after a confirm that was lost.
    PublishAgain {
        nth: usize,
    },
    Arrive,
    HandOut,
    Ack {
        nth: usize,
    },
    Pause {
        nth: usize,
        ms: u64,
    },
    Drop {
        nth: usize,
    },
    /// The broker takes back whatever is unsettled, and sends it again in its old order.
    Cut,
    Wait {
        ms: u64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => any::<Option<u8>>().prop_map(|key| Step::Publish { key: key.map(|key| key % 3) }),
        1 => any::<usize>().prop_map(|nth| Step::PublishAgain { nth }),
        8 => Just(Step::Arrive),
        6 => Just(Step::HandOut),
        4 => any::<usize>().prop_map(|nth| Step::Ack { nth }),
        2 => (any::<usize>(), 0_u64..40).prop_map(|(nth, ms)| Step::Pause { nth, ms }),
        1 => any::<usize>().prop_map(|nth| Step::Drop { nth }),
        1 => Just(Step::Cut),
        2 => (0_u64..30).prop_map(|ms| Step::Wait { ms }),
    ]
}

/// What the broker has of a message; the number is its place in the broker's order.
#[derive(Debug, Clone)]
struct Published {
    number: usize,
    message: Arc<Message>,
}

/// The broker's side of all deliveries.
#[derive(Default)]
struct Broker {
    waiting: VecDeque<Published>,
    unsettled: BTreeMap<u64, Published>,
    settled: BTreeSet<usize>,
    given_back: Vec<usize>,
    tags: u64,
}

/// One raw delivery.
struct Tag {
    tag: u64,
    broker: Arc<Mutex<Broker>>,
}

impl Tag {
    fn done(&self) -> BoxFuture<'_, Result<(), BrokerError>> {
        let mut broker = self.broker.lock();
        if let Some(published) = broker.unsettled.remove(&self.tag) {
            broker.settled.insert(published.number);
        }
        Box::pin(std::future::ready(Ok(())))
    }
}

impl Settle for Tag {
    fn ack(&mut self) -> BoxFuture<'_, Result<(), BrokerError>> {
        self.done()
    }
    fn retry(&mut self, _after: Duration) -> BoxFuture<'_, Result<(), BrokerError>> {
        self.done()
    }
    fn reject(&mut self) -> BoxFuture<'_, Result<(), BrokerError>> {
        self.done()
    }
    fn extend(&mut self) -> BoxFuture<'_, Result<(), BrokerError>> {
        self.done()
    }
    fn is_lost(&self) -> bool {
        !self.broker.lock().unsettled.contains_key(&self.tag)
    }
    fn abandon(&mut self) {
        let mut broker = self.broker.lock();
        if let Some(published) = broker.unsettled.remove(&self.tag) {
            broker.given_back.push(published.number);
            broker.take_again(published);
        }
    }
}

impl Broker {
    fn take_again(&mut self, published: Published) {
        let at = self.waiting.partition_point(|other| other.number < published.number);
        self.waiting.insert(at, published);
    }

    fn cut(&mut self) {
        for published in std::mem::take(&mut self.unsettled).into_values() {
            self.take_again(published);
        }
    }
}

struct World {
    ledger: Ledger,
    broker: Arc<Mutex<Broker>>,
    published: Vec<Published>,
    in_hand: Vec<Taken>,
    started: Instant,
    now_ms: u64,
}

impl World {
    fn new() -> Self {
        Self {
            ledger: Ledger::new(WINDOW),
            broker: Arc::default(),
            published: Vec::new(),
            in_hand: Vec::new(),
            started: Instant::now(),
            now_ms: 0,
        }
    }

    fn now(&self) -> Instant {
        self.started + Duration::from_millis(self.now_ms)
    }

    fn apply(&mut self, step: Step) -> Checked {
        match step {
            Step::Publish { key } => self.publish(key),
            Step::PublishAgain { nth } => self.publish_again(nth),
            Step::Arrive => self.arrive(),
            Step::HandOut => self.hand_out()?,
            Step::Ack { nth } => self.ack(nth),
            Step::Pause { nth, ms } => self.take_back(nth, Some(ms)),
            Step::Drop { nth } => self.drop_unsettled(nth),
            Step::Cut => self.broker.lock().cut(),
            Step::Wait { ms } => self.now_ms += ms,
        }
        drop(self.ledger.take_given_back());
        prop_assert!(self.in_hand.len() <= WINDOW.prefetch, "no more are in hand than may be");
        prop_assert!(self.ledger.known() <= WINDOW.held_max + 1, "no more are held than may be");
        Ok(())
    }

    fn publish(&mut self, key: Option<u8>) {
        let number = self.published.len();
        let mut message = Message::new(format_compact!("m-{number}"), "orders", Bytes::new());
        message.key = key.map(|key| format_compact!("k-{key}"));
        self.send(Arc::new(message));
    }

    fn publish_again(&mut self, nth: usize) {
        if !self.published.is_empty() {
            let published = &self.published[nth % self.published.len()];
            self.send(Arc::clone(&published.message));
        }
    }

    fn send(&mut self, message: Arc<Message>) {
        let published = Published { number: self.published.len(), message };
        self.published.push(published.clone());
        self.broker.lock().waiting.push_back(published);
    }

    fn arrive(&mut self) {
        if !self.ledger.outlook(|| self.started).wants_more {
            return;
        }
        let mut broker = self.broker.lock();
        let Some(published) = broker.waiting.pop_front() else { return };
        let tag = broker.tags;
        broker.tags += 1;
        let message = Arc::clone(&published.message);
        broker.unsettled.insert(tag, published);
        drop(broker);
        let settle = Tag { tag, broker: Arc::clone(&self.broker) };
        self.ledger.arrive(Delivery::new(message, 1, Box::new(settle)));
    }

    fn hand_out(&mut self) -> Checked {
        let now = self.now();
        let outlook = self.ledger.outlook(|| now);
        let Some(taken) = self.ledger.take() else { return Ok(()) };
        prop_assert!(outlook.may_go, "what goes out was announced");
        let message = Arc::clone(&taken.raw.message);
        prop_assert!(!taken.raw.is_lost(), "what cannot be settled is not handed out");
        self.check_order(&message)?;
        let twice = self.in_hand.iter().any(|other| other.raw.message.id == message.id);
        prop_assert!(!twice, "a message is in hand once");
        self.in_hand.push(taken);
        Ok(())
    }

    /// Each earlier publishing of the key, other than of the same message, is settled at the broker.
    fn check_order(&self, message: &Message) -> Checked {
        let Some(key) = &message.key else { return Ok(()) };
        let broker = self.broker.lock();
        let first = self.published.iter().position(|published| published.message.id == message.id);
        let before = self.published.iter().take(first.unwrap_or_default());
        let mut before = before.filter(|published| published.message.key.as_ref() == Some(key));
        let unsettled = before.find(|published| !broker.settled.contains(&published.number));
        prop_assert!(unsettled.is_none(), "{} overtakes {unsettled:?}", message.id);
        Ok(())
    }

    fn pick(&mut self, nth: usize) -> Option<Taken> {
        let count = self.in_hand.len();
        (count > 0).then(|| self.in_hand.swap_remove(nth % count))
    }

    /// A lost one cannot be acknowledged: it is let go.
    fn ack(&mut self, nth: usize) {
        use futures_util::FutureExt as _;
        let Some(Taken { index, raw, .. }) = self.pick(nth) else { return };
        assert!(raw.ack().now_or_never().is_some(), "nothing is waited for");
        self.ledger.finish(index);
    }

    fn take_back(&mut self, nth: usize, pause_ms: Option<u64>) {
        let Some(Taken { index, raw, .. }) = self.pick(nth) else { return };
        let due = pause_ms.map(|ms| self.now() + Duration::from_millis(ms));
        let is_lost = false;
        assert!(self.ledger.take_back(index, Returned { raw, is_lost, due }).is_ok(), "the ledger is open");
    }

    fn drop_unsettled(&mut self, nth: usize) {
        let count = self.in_hand.len();
        if count > 0 && self.in_hand[nth % count].raw.is_lost() {
            self.ack(nth);
        } else {
            self.take_back(nth, None);
        }
    }

    /// The consumer goes on and nobody disturbs it any more.
    fn finish_all(&mut self) -> Checked {
        let rounds_max = self.published.len() * 8 + 64;
        for _ in 0..rounds_max {
            for step in [Step::Arrive, Step::Wait { ms: 40 }, Step::HandOut, Step::Ack { nth: 0 }] {
                self.apply(step)?;
            }
        }
        Ok(())
    }
}

proptest! {
    #[test]
    fn nothing_is_lost_or_overtaken_whatever_happens(steps in proptest::collection::vec(step(), 1..160)) {
        let mut world = World::new();
        for step in steps {
            world.apply(step)?;
        }
        world.finish_all()?;
        let broker = world.broker.lock();
        let all: BTreeSet<usize> = (0..world.published.len()).collect();
        prop_assert_eq!(&broker.settled, &all, "every message is settled in the end");
        prop_assert!(broker.unsettled.is_empty() && broker.waiting.is_empty(), "and settled once");
        prop_assert_eq!(world.ledger.known(), 0, "what is settled is forgotten");
        prop_assert_eq!(world.ledger.lanes(), 0, "no lane outlives its messages");
    }

    #[test]
    fn an_undisturbed_message_goes_out_once(keys in proptest::collection::vec(any::<Option<u8>>(), 1..60)) {
        let mut world = World::new();
        for key in &keys {
            world.publish(key.map(|key| key % 3));
        }
        for round in 0..keys.len() * 2 {
            world.apply(Step::Arrive)?;
            world.apply(Step::HandOut)?;
            for taken in &world.in_hand {
                prop_assert_eq!(taken.attempt, 1, "nobody asked for another attempt");
            }
            world.apply(Step::Ack { nth: round })?;
        }
        world.finish_all()?;
        let tags = world.broker.lock().tags;
        prop_assert_eq!(tags, keys.len() as u64, "each came from the broker once");
    }

    #[test]
    fn an_attempt_counts_one_more_each_time(pauses in proptest::collection::vec(any::<bool>(), 1..12)) {
        let mut world = World::new();
        world.publish(Some(1));
        world.apply(Step::Arrive)?;
        for (n, pause) in pauses.into_iter().enumerate() {
            world.apply(Step::HandOut)?;
            prop_assert_eq!(world.in_hand[0].attempt as usize, n + 1, "one more than before");
            world.apply(if pause { Step::Pause { nth: 0, ms: 5 } } else { Step::Drop { nth: 0 } })?;
            world.apply(Step::Wait { ms: 5 })?;
        }
    }

    #[test]
    fn closing_gives_back_all_that_waits_in_order(
        steps in proptest::collection::vec(step(), 1..80),
        order in any::<usize>(),
    ) {
        let mut world = World::new();
        for step in steps.into_iter().filter(|step| !matches!(step, Step::Cut | Step::PublishAgain { .. })) {
            world.apply(step)?;
        }
        world.ledger.close();
        drop(world.ledger.take_given_back());
        let waited = std::mem::take(&mut world.broker.lock().given_back);
        prop_assert!(waited.is_sorted(), "the oldest goes back first: {waited:?}");
        while !world.in_hand.is_empty() {
            world.apply(Step::Ack { nth: order })?;
        }
        prop_assert_eq!(world.ledger.known(), 0, "nothing is kept");
        let broker = world.broker.lock();
        prop_assert!(broker.unsettled.is_empty(), "nothing is held from the broker: {:?}", broker.unsettled);
    }
}
