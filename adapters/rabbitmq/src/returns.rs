//! Which message was returned. The client library hands a returned message to whichever confirm is resolved next, so
//! that a confirm that carries one says nothing about its own message, and one that carries none may have lost its
//! own to another. Here each return is matched to its message by id and place, and a confirm counts when it is certain
//! that no return of its own is still to be seen.
//!
//! What that certainty rests on: the broker returns a message before it confirms it, and the library hands out
//! returns first in, first out, one to each confirm.
//!
//! 1. A confirm with nothing on it was resolved when no return waited: its own, if there was one, sits on a confirm
//!    resolved before it, and all of those have been noted when everything that was ready has been.
//! 2. A confirm that carries a stranger's return may have its own still waiting. A later confirm with nothing on it,
//!    or no message under way any more, shows that none waits.
//!
//! Pure: no channel, no clock.

use std::collections::HashMap;

use compact_str::CompactString;

/// A message id and where it was to go; two messages that share both are alike in every way that matters here.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Label {
    pub(crate) id: CompactString,
    pub(crate) place: CompactString,
}

/// What became of a message that was confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    Taken,
    /// The broker's words.
    Returned(String),
}

/// A confirm as it was resolved, and the return that it carries.
#[derive(Debug)]
pub(crate) struct Confirmed<T> {
    pub(crate) token: T,
    pub(crate) label: Label,
    pub(crate) carries: Option<(Label, String)>,
}

/// Confirms that are not decided yet, and returns not matched yet.
#[derive(Debug)]
pub(crate) struct Returns<T> {
    /// Noted since the last decision.
    fresh: Vec<Fresh<T>>,
    /// Carried a stranger's return.
    doubtful: Vec<(T, Label)>,
    unmatched: HashMap<Label, Vec<String>>,
}

#[derive(Debug)]
struct Fresh<T> {
    token: T,
    label: Label,
    /// It carried nothing.
    is_clean: bool,
}

impl<T> Default for Returns<T> {
    fn default() -> Self {
        Self { fresh: Vec::new(), doubtful: Vec::new(), unmatched: HashMap::new() }
    }
}

impl<T> Returns<T> {
    pub(crate) fn note(&mut self, Confirmed { token, label, carries }: Confirmed<T>) {
        let is_clean = carries.is_none();
        if let Some(returned) = carries {
            self.keep(returned);
        }
        self.fresh.push(Fresh { token, label, is_clean });
    }

    /// A return that came by another way than a confirm that is decided here.
    pub(crate) fn keep(&mut self, (label, words): (Label, String)) {
        self.unmatched.entry(label).or_default().push(words);
    }

    /// To be called when everything that is ready has been noted.
    pub(crate) fn decide(&mut self, is_idle: bool) -> Vec<(T, Verdict)> {
        let fresh = std::mem::take(&mut self.fresh);
        let mut decided = Vec::with_capacity(fresh.len());
        let none_waits = is_idle || fresh.iter().any(|confirmed| confirmed.is_clean);
        self.decide_doubtful(none_waits, &mut decided);
        for Fresh { token, label, is_clean } in fresh {
            match self.claim(&label) {
                Some(words) => decided.push((token, Verdict::Returned(words))),
                None if is_clean || is_idle => decided.push((token, Verdict::Taken)),
                None => self.doubtful.push((token, label)),
            }
        }
        decided
    }

    fn decide_doubtful(&mut self, none_waits: bool, decided: &mut Vec<(T, Verdict)>) {
        for (token, label) in std::mem::take(&mut self.doubtful) {
            match self.claim(&label) {
                Some(words) => decided.push((token, Verdict::Returned(words))),
                None if none_waits => decided.push((token, Verdict::Taken)),
                None => self.doubtful.push((token, label)),
            }
        }
    }

    fn claim(&mut self, label: &Label) -> Option<String> {
        let words = self.unmatched.get_mut(label)?;
        let claimed = words.pop();
        if words.is_empty() {
            self.unmatched.remove(label);
        }
        claimed
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, VecDeque};

    use compact_str::format_compact;

    use super::{Confirmed, Label, Returns, Verdict};

    const MESSAGES: usize = 40;
    const ROUNDS: u64 = 2_000;

    fn label(n: usize) -> Label {
        Label { id: format_compact!("m-{n}"), place: "queue".into() }
    }

    /// The library: a return is handed to the next confirm, whosever it is.
    struct Library {
        random: fastrand::Rng,
        unreturned: Vec<usize>,
        unconfirmed: Vec<usize>,
        waiting: VecDeque<usize>,
    }

    impl Library {
        fn new(seed: u64, returned: &BTreeSet<usize>) -> Self {
            Self {
                random: fastrand::Rng::with_seed(seed),
                unreturned: returned.iter().copied().collect(),
                unconfirmed: (0..MESSAGES).collect(),
                waiting: VecDeque::new(),
            }
        }

        /// The next confirm, of any message that need not be returned first.
        fn confirm(&mut self) -> Option<Confirmed<usize>> {
            while !self.unreturned.is_empty() && self.random.bool() {
                let at = self.random.usize(..self.unreturned.len());
                self.waiting.push_back(self.unreturned.swap_remove(at));
            }
            let ready: Vec<usize> =
                self.unconfirmed.iter().copied().filter(|n| !self.unreturned.contains(n)).collect();
            let token = *self.random.choice(&ready)?;
            self.unconfirmed.retain(|n| *n != token);
            let carries = self.waiting.pop_front().map(|n| (label(n), "NO_ROUTE".to_owned()));
            Some(Confirmed { token, label: label(token), carries })
        }
    }

    #[test]
    fn each_return_finds_its_message_however_the_confirms_are_shuffled() {
        for seed in 0..ROUNDS {
            let mut random = fastrand::Rng::with_seed(!seed);
            let returned: BTreeSet<usize> = (0..MESSAGES).filter(|_| random.u8(..4) == 0).collect();
            let mut library = Library::new(seed, &returned);
            let mut returns = Returns::default();
            let mut refused = BTreeSet::new();
            let mut decided = 0;
            while !library.unconfirmed.is_empty() {
                let mut batch: Vec<_> = (0..random.usize(1..6)).filter_map(|_| library.confirm()).collect();
                random.shuffle(&mut batch);
                batch.into_iter().for_each(|confirmed| returns.note(confirmed));
                for (token, verdict) in returns.decide(library.unconfirmed.is_empty()) {
                    decided += 1;
                    if verdict != Verdict::Taken {
                        refused.insert(token);
                    }
                }
            }
            assert_eq!(refused, returned, "round {seed}: exactly the returned messages are told as returned");
            assert_eq!(decided, MESSAGES, "round {seed}: every message is decided");
        }
    }

    #[test]
    fn a_confirm_on_its_own_is_decided_at_once() {
        let mut returns = Returns::default();
        returns.note(Confirmed { token: 1, label: label(1), carries: None });
        assert_eq!(returns.decide(false), [(1, Verdict::Taken)], "nothing waits, so nothing is waited for");
    }
}
