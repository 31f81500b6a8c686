//! The watermark against a model that remembers everything: whatever finishes in whatever order, and whenever the
//! partition changes hands, nothing unfinished is ever committed over.

use std::collections::BTreeSet;

use proptest::prelude::{Just, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};
use proptest::test_runner::TestCaseError;

use super::{Arrival, NOTE_BYTES_MAX, Watermark};

#[derive(Debug, Clone, Copy)]
enum Step {
    /// The next record of the log; some offsets hold none.
    Arrive {
        gap: i64,
    },
    Finish {
        nth: usize,
    },
    Commit,
    /// The owner dies, or lets go: what was committed last is what the next one starts from.
    ChangeHands,
}

/// A partition, its owner, and what was finished as far as anybody can know.
#[derive(Default)]
struct World {
    log: Vec<i64>,
    finished: BTreeSet<i64>,
    finished_at_commit: BTreeSet<i64>,
    in_hand: Vec<i64>,
    committed: Option<(i64, String)>,
    watermark: Watermark,
    read: usize,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (0_i64..3).prop_map(|gap| Step::Arrive { gap }),
        4 => any::<usize>().prop_map(|nth| Step::Finish { nth }),
        2 => Just(Step::Commit),
        1 => Just(Step::ChangeHands),
    ]
}

impl World {
    fn arrive(&mut self, gap: i64) -> Result<(), TestCaseError> {
        if self.read == self.log.len() {
            let last = self.log.last().copied().unwrap_or(-1);
            self.log.push(last + 1 + gap);
        }
        let offset = self.log[self.read];
        self.read += 1;
        match self.watermark.arrive(offset) {
            Arrival::New => self.in_hand.push(offset),
            Arrival::Finished => {
                prop_assert!(self.finished.contains(&offset), "{offset} is skipped, and was never run");
            }
            Arrival::Known => prop_assert!(false, "{offset} came once from this owner"),
        }
        Ok(())
    }

    fn finish(&mut self, nth: usize) {
        if self.in_hand.is_empty() {
            return;
        }
        let offset = self.in_hand.swap_remove(nth % self.in_hand.len());
        self.watermark.finish(offset);
        self.finished.insert(offset);
    }

    fn commit(&mut self) {
        self.committed = self.watermark.position().map(|position| (position, self.watermark.note()));
        self.finished_at_commit.clone_from(&self.finished);
    }

    fn change_hands(&mut self) {
        self.in_hand.clear();
        // What was finished after the last commit, nobody knows of.
        self.finished.clone_from(&self.finished_at_commit);
        let (position, watermark) = match &self.committed {
            Some((position, note)) => (*position, Watermark::resume(*position, note)),
            None => (0, Watermark::default()),
        };
        self.watermark = watermark;
        self.read = self.log.iter().take_while(|offset| **offset < position).count();
    }

    fn check(&self) -> Result<(), TestCaseError> {
        let Some(position) = self.watermark.position() else { return Ok(()) };
        for offset in self.log.iter().filter(|offset| **offset < position) {
            prop_assert!(
                self.finished.contains(offset),
                "position {position} passes {offset}, which is not finished"
            );
        }
        Ok(())
    }

    /// Reads the rest of the log as the next owner: what was finished at the commit is not run again.
    fn check_next_owner(&mut self) -> Result<(), TestCaseError> {
        self.commit();
        self.change_hands();
        while self.read < self.log.len() {
            let offset = self.log[self.read];
            self.arrive(0)?;
            let runs_again = self.in_hand.contains(&offset);
            prop_assert_eq!(
                runs_again,
                !self.finished_at_commit.contains(&offset),
                "{} runs exactly if it must",
                offset
            );
        }
        Ok(())
    }
}

proptest! {
    #[test]
    fn nothing_unfinished_is_committed_over_and_nothing_finished_runs_again(steps in proptest::collection::vec(step(), 0..200)) {
        let mut world = World::default();
        for step in steps {
            match step {
                Step::Arrive { gap } => world.arrive(gap)?,
                Step::Finish { nth } => world.finish(nth),
                Step::Commit => world.commit(),
                Step::ChangeHands => world.change_hands(),
            }
            world.check()?;
        }
        world.check_next_owner()?;
    }

    #[test]
    fn a_note_of_anybody_elses_changes_nothing(note in ".{0,40}") {
        if !note.starts_with("1;") {
            let mut watermark = Watermark::resume(7, &note);
            prop_assert_eq!(watermark.arrive(7), Arrival::New, "without a note of ours everything is new");
        }
    }
}

#[test]
fn the_position_is_the_lowest_offset_that_is_not_finished() {
    let mut watermark = Watermark::default();
    assert_eq!(watermark.position(), None, "nothing arrived, nothing to commit");
    for offset in 10..16 {
        assert_eq!(watermark.arrive(offset), Arrival::New);
    }
    for offset in [10, 12, 14, 15] {
        watermark.finish(offset);
    }
    assert_eq!(watermark.position(), Some(11), "11 is open");
    assert_eq!(watermark.note(), "1;5;0,2", "11 and 13 are open below 16");
    assert_eq!(watermark.lead(), 5, "so far is the newest from the position");
    watermark.finish(11);
    watermark.finish(13);
    assert_eq!(
        (watermark.position(), watermark.note()),
        (Some(16), String::new()),
        "one behind the last, not the last"
    );
}

#[test]
fn a_note_that_would_be_too_long_forgets_the_far_end() {
    let mut watermark = Watermark::default();
    for offset in 0..4_000 {
        watermark.arrive(offset);
    }
    for offset in (1..4_000).step_by(2) {
        watermark.finish(offset);
    }
    let note = watermark.note();
    assert!(note.len() < NOTE_BYTES_MAX + 20, "{} bytes would be refused by the broker", note.len());
    let mut next = Watermark::resume(0, &note);
    let states: Vec<Arrival> = (0..4_000).map(|offset| next.arrive(offset)).collect();
    assert_eq!(&states[..3], [Arrival::New, Arrival::Finished, Arrival::New], "the near end is remembered");
    assert_eq!(states[3_999], Arrival::New, "the far end runs again");
    assert!(states.iter().step_by(2).all(|state| *state == Arrival::New), "nothing open is skipped");
}

#[test]
fn a_log_that_begins_anew_is_read_from_its_beginning() {
    let mut watermark = Watermark::resume(500, "1;100;0");
    assert_eq!(
        watermark.arrive(0),
        Arrival::New,
        "the topic was made anew: offset 0 is not the one of before"
    );
    assert_eq!(watermark.position(), Some(0), "the position goes back with the log");
    assert_eq!(watermark.arrive(0), Arrival::Known, "in hand already");
    watermark.finish(0);
    assert_eq!(watermark.position(), Some(1));
    assert_eq!(watermark.arrive(550), Arrival::New, "the note was about the old log");
}
