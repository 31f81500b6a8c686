//! The window against a model that looks at everything: whatever happens in whatever order, the message that goes
//! out is the oldest that may.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use compact_str::format_compact;
use proptest::prelude::{Just, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};
use proptest::test_runner::TestCaseError;
use sidegate_broker::Message;
use tokio::time::Instant;

use crate::item::{Item, Keeping};
use crate::window::{Ticket, Window};

const SEATS: u64 = 2;

#[derive(Debug, Clone, Copy)]
enum Step {
    Push { key: Option<u8>, is_durable: bool, expires_at_ms: Option<u64> },
    Take { seat: u64 },
    Finish { nth: usize },
    GiveBack { nth: usize, pause_ms: Option<u64> },
    ReleaseSeat { seat: u64 },
    Wait { ms: u64 },
    DropExpired,
}

/// What the model knows of a message.
#[derive(Debug)]
struct Known {
    id: usize,
    key: Option<u8>,
    is_durable: bool,
    expires_at_ms: Option<u64>,
    attempt: u32,
    due_ms: u64,
    claim: Option<(Ticket, u64)>,
}

struct World {
    window: Window,
    known: Vec<Known>,
    pushed: usize,
    started: Instant,
    now_ms: u64,
}

fn step() -> impl Strategy<Value = Step> {
    let expiry = prop_oneof![3 => Just(None), 1 => (0_u64..60).prop_map(Some)];
    prop_oneof![
        4 => (any::<Option<u8>>(), any::<bool>(), expiry).prop_map(|(key, is_durable, expires_at_ms)| Step::Push {
            key: key.map(|key| key % 3),
            is_durable,
            expires_at_ms,
        }),
        4 => (0..SEATS).prop_map(|seat| Step::Take { seat }),
        2 => any::<usize>().prop_map(|nth| Step::Finish { nth }),
        2 => (any::<usize>(), any::<Option<u8>>())
            .prop_map(|(nth, pause)| Step::GiveBack { nth, pause_ms: pause.map(|ms| u64::from(ms % 40)) }),
        1 => (0..SEATS).prop_map(|seat| Step::ReleaseSeat { seat }),
        2 => (0_u64..30).prop_map(|ms| Step::Wait { ms }),
        1 => Just(Step::DropExpired),
    ]
}

impl World {
    fn new() -> Self {
        Self { window: Window::default(), known: Vec::new(), pushed: 0, started: Instant::now(), now_ms: 0 }
    }

    fn now(&self) -> Instant {
        self.started + Duration::from_millis(self.now_ms)
    }

    fn push(&mut self, key: Option<u8>, is_durable: bool, expires_at_ms: Option<u64>) {
        let id = self.pushed;
        self.pushed += 1;
        let mut message = Message::new(format_compact!("{id}"), "queue", Bytes::new());
        message.key = key.map(|key| format_compact!("key-{key}"));
        self.window.push(Item {
            message: Arc::new(message),
            bytes: id + 1,
            keeping: if is_durable { Keeping::Journal(id as u64) } else { Keeping::Memory },
            attempt: 0,
            expires_at_ms,
            due: None,
        });
        self.known.push(Known { id, key, is_durable, expires_at_ms, attempt: 0, due_ms: 0, claim: None });
    }

    /// The oldest that may go out; expired ones that are met on the way are gone.
    fn expected(&mut self) -> Option<usize> {
        loop {
            let index = (0..self.known.len()).find(|index| self.may_go_out(*index))?;
            if self.known[index].expires_at_ms.is_none_or(|at_ms| at_ms >= self.now_ms) {
                return Some(index);
            }
            self.known.remove(index);
        }
    }

    fn may_go_out(&self, index: usize) -> bool {
        let message = &self.known[index];
        let is_first =
            message.key.is_none() || self.known[..index].iter().all(|other| other.key != message.key);
        message.claim.is_none() && message.due_ms <= self.now_ms && is_first
    }

    fn take(&mut self, seat: u64) -> Result<(), TestCaseError> {
        self.window.wake_due(self.now());
        let now_ms = self.now_ms;
        let taken = self.window.take(seat, &|| now_ms);
        let expected = self.expected();
        let got = taken.as_ref().map(|taken| taken.message.id.clone());
        let wanted = expected.map(|index| format_compact!("{}", self.known[index].id));
        prop_assert_eq!(got, wanted, "the oldest message that may go out goes out");
        if let (Some(taken), Some(index)) = (taken, expected) {
            let known = &mut self.known[index];
            known.attempt += 1;
            prop_assert_eq!(taken.attempt, known.attempt, "each handing-out counts");
            known.claim = Some((taken.ticket, seat));
        }
        Ok(())
    }

    /// The nth of those that are handed out.
    fn claimed(&self, nth: usize) -> Option<(usize, Ticket)> {
        let claimed: Vec<_> = self
            .known
            .iter()
            .enumerate()
            .filter_map(|(index, known)| Some((index, known.claim?.0)))
            .collect();
        claimed.get(nth.checked_rem(claimed.len())?).copied()
    }

    fn finish(&mut self, nth: usize) -> Result<(), TestCaseError> {
        if let Some((index, ticket)) = self.claimed(nth) {
            prop_assert!(self.window.finish(ticket).is_some(), "a claim that stands can be ended");
            prop_assert!(self.window.finish(ticket).is_none(), "and once only");
            self.known.remove(index);
        }
        Ok(())
    }

    fn give_back(&mut self, nth: usize, pause_ms: Option<u64>) -> Result<(), TestCaseError> {
        if let Some((index, ticket)) = self.claimed(nth) {
            let due_ms = self.now_ms + pause_ms.unwrap_or(0);
            let due = pause_ms.map(|ms| self.now() + Duration::from_millis(ms));
            prop_assert_eq!(self.window.release(ticket, due), true, "a claim that stands can be given back");
            prop_assert_eq!(self.window.holds(ticket), false, "and is worthless then");
            (self.known[index].due_ms, self.known[index].claim) = (due_ms, None);
        }
        Ok(())
    }

    fn release_seat(&mut self, seat: u64) -> Result<(), TestCaseError> {
        let mut held = 0;
        for known in
            self.known.iter_mut().filter(|known| known.claim.is_some_and(|(_, holder)| holder == seat))
        {
            (known.claim, known.due_ms) = (None, 0);
            held += 1;
        }
        prop_assert_eq!(
            self.window.release_seat(seat),
            held,
            "all that the seat held is released, and no more"
        );
        Ok(())
    }

    fn drop_expired(&mut self) {
        self.window.drop_expired(self.now_ms);
        let now_ms = self.now_ms;
        self.known
            .retain(|known| known.claim.is_some() || known.expires_at_ms.is_none_or(|at_ms| at_ms >= now_ms));
    }

    fn apply(&mut self, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Push { key, is_durable, expires_at_ms } => self.push(key, is_durable, expires_at_ms),
            Step::Take { seat } => self.take(seat)?,
            Step::Finish { nth } => self.finish(nth)?,
            Step::GiveBack { nth, pause_ms } => self.give_back(nth, pause_ms)?,
            Step::ReleaseSeat { seat } => self.release_seat(seat)?,
            Step::Wait { ms } => self.now_ms += ms,
            Step::DropExpired => self.drop_expired(),
        }
        self.compare_loads()
    }

    fn compare_loads(&self) -> Result<(), TestCaseError> {
        let load = |is_durable| {
            let counted = self.known.iter().filter(move |known| known.is_durable == is_durable);
            (counted.clone().count(), counted.map(|known| known.id + 1).sum::<usize>())
        };
        let (durable, transient) = (self.window.durable(), self.window.transient());
        prop_assert_eq!((durable.messages, durable.bytes), load(true), "durable messages are counted");
        prop_assert_eq!((transient.messages, transient.bytes), load(false), "transient messages are counted");
        prop_assert_eq!(self.window.is_empty(), self.known.is_empty(), "an empty window knows it");
        Ok(())
    }
}

proptest! {
    #[test]
    fn the_oldest_message_that_may_go_out_goes_out(steps in proptest::collection::vec(step(), 0..120)) {
        let mut world = World::new();
        for step in steps {
            world.apply(step)?;
        }
    }
}
