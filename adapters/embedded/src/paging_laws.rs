//! Publishing, paging and consuming one queue in every order they can meet in: each message comes once, and in the
//! order of the journal.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use compact_str::format_compact;
use proptest::prelude::{Just, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};
use proptest::test_runner::TestCaseError;
use sidegate_broker::Message;

use crate::journal::Journaled;
use crate::limits::Limits;
use crate::queue::{Found, Queue};

const WINDOW: usize = 4;
const SEAT: u64 = 0;

#[derive(Debug, Clone)]
enum Step {
    /// A batch is committed; the queue has not heard of it.
    Commit { messages: usize },
    /// The writer tells the queue of its oldest batch.
    Announce,
    /// The pager asks for a page.
    Ask,
    /// The journal reads it, as committed by then.
    Read,
    /// The page reaches the queue.
    Page,
    /// A consumer takes a message and acknowledges it.
    Consume,
}

/// A page between the journal and the queue.
struct Page {
    messages: Vec<Journaled>,
    limit: usize,
}

struct World {
    queue: Arc<Queue>,
    /// Every message ever committed; its position is its index and one.
    journal: Vec<Arc<Message>>,
    unannounced: VecDeque<u64>,
    asked: Option<(u64, usize)>,
    page: Option<Page>,
    consumed: usize,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (1_usize..4).prop_map(|messages| Step::Commit { messages }),
        3 => Just(Step::Announce),
        2 => Just(Step::Ask),
        2 => Just(Step::Read),
        2 => Just(Step::Page),
        4 => Just(Step::Consume),
    ]
}

impl World {
    /// A queue that the last run left `stored` messages.
    fn new(stored: usize) -> Self {
        let limits = Limits { window_messages_max: WINDOW, ..Limits::default() };
        let queue = Arc::new(Queue::new("q".into(), limits, Arc::new(|| 0), None, stored));
        queue.joined();
        let journal = (0..stored).map(message).collect();
        Self { queue, journal, unannounced: VecDeque::new(), asked: None, page: None, consumed: 0 }
    }

    fn commit(&mut self, messages: usize) {
        for _ in 0..messages {
            self.queue.reserve().expect("far from a million");
            self.journal.push(message(self.journal.len()));
            self.unannounced.push_back(self.journal.len() as u64);
        }
    }

    fn announce(&mut self) {
        if let Some(position) = self.unannounced.pop_front() {
            self.queue.appended(position, Arc::clone(&self.journal[index(position)]));
        }
    }

    fn ask(&mut self) {
        if self.asked.is_none() && self.page.is_none() {
            self.asked = self.queue.next_page();
        }
    }

    fn read(&mut self) {
        if let Some((after, limit)) = self.asked.take() {
            let stored =
                (after + 1..=self.journal.len() as u64).filter(|position| index(*position) >= self.consumed);
            let messages = stored.take(limit).map(|position| self.journaled(position)).collect();
            self.page = Some(Page { messages, limit });
        }
    }

    fn page(&mut self) {
        if let Some(page) = self.page.take() {
            self.queue.paged(page.messages, page.limit);
        }
    }

    fn consume(&mut self) -> Result<(), TestCaseError> {
        if let Found::Message(taken) = self.queue.take(SEAT) {
            let expected = format_compact!("{}", self.consumed);
            prop_assert_eq!(&taken.message.id, &expected, "messages come once and in the journal's order");
            prop_assert!(self.queue.finish(taken.ticket, true), "a claim that stands can be ended");
            self.consumed += 1;
        }
        Ok(())
    }

    fn apply(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match step {
            Step::Commit { messages } => self.commit(*messages),
            Step::Announce => self.announce(),
            Step::Ask => self.ask(),
            Step::Read => self.read(),
            Step::Page => self.page(),
            Step::Consume => self.consume()?,
        }
        let held = self.queue.state.lock().window.durable().messages;
        prop_assert!(held <= WINDOW + 1, "the window holds {} of {} messages", held, WINDOW);
        Ok(())
    }

    /// Everybody finishes what they began, and the pager runs whenever it would.
    fn finish(mut self) -> Result<(), TestCaseError> {
        for _ in 0..2 * self.journal.len() + 2 {
            for step in [Step::Announce, Step::Ask, Step::Read, Step::Page, Step::Consume] {
                self.apply(&step)?;
            }
        }
        prop_assert_eq!(self.consumed, self.journal.len(), "every message that was committed comes");
        prop_assert_eq!(self.queue.waiting(), 0, "a queue that was emptied knows it");
        Ok(())
    }

    fn journaled(&self, position: u64) -> Journaled {
        let message = Arc::clone(&self.journal[index(position)]);
        Journaled { position, attempt: 0, ready_at_ms: 0, message }
    }
}

fn message(index: usize) -> Arc<Message> {
    Arc::new(Message::new(format_compact!("{index}"), "q", Bytes::new()))
}

fn index(position: u64) -> usize {
    usize::try_from(position).expect("a small number") - 1
}

proptest! {
    #[test]
    fn publishing_and_paging_may_meet_in_any_order(
        stored in 0_usize..10,
        is_restarted in any::<bool>(),
        steps in proptest::collection::vec(step(), 0..80),
    ) {
        let mut world = World::new(if is_restarted { stored } else { 0 });
        for step in steps {
            world.apply(&step)?;
        }
        world.finish()?;
    }
}
