//! The judge: whether what was promised is what happened.
//!
//! Every accepted order ends with exactly one outcome, the same for whoever looks; a success was executed; all
//! executions of an order carry one `Idempotency-Key`, which no other order has; an answer is one the service gave.

use std::collections::BTreeMap;
use std::fmt;

use crate::history::Order;

/// The judgement of a [`History`](crate::History).
#[derive(Debug, Default)]
pub struct Verdict {
    /// What was broken; empty where all is well.
    pub problems: Vec<Problem>,
    /// Orders that were given an operation.
    pub accepted: usize,
    /// Executions by the service.
    pub executions: usize,
    /// Executions beyond the first of an order: allowed, and what the key is for.
    pub repeated: usize,
}

/// A broken promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// Accepted, and not known any more.
    Lost(String),
    /// Accepted, and never ended.
    Unfinished(String),
    /// Two different outcomes were seen.
    TwoOutcomes(String),
    /// One idempotency key became two operations.
    TwoOperations(String),
    /// Executions of one order carried different keys.
    TwoKeys(String),
    /// Two orders were executed under one key.
    SharedKey(String),
    /// Reported as succeeded, and the service never saw it.
    NotExecuted(String),
    /// The answer is none that the service gave for it.
    ForeignAnswer(String),
}

impl Verdict {
    pub(crate) fn of(orders: &BTreeMap<String, Order>) -> Self {
        let mut verdict = Self::default();
        for (name, order) in orders {
            verdict.accepted += usize::from(!order.ids.is_empty());
            verdict.executions += order.answers.len();
            verdict.repeated += order.answers.len().saturating_sub(1);
            verdict.problems.extend(problems(name, order));
        }
        verdict.problems.extend(shared_keys(orders));
        verdict
    }

    /// Whether every promise was kept.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }

    /// How many accepted orders are gone.
    #[must_use]
    pub fn lost(&self) -> usize {
        self.problems.iter().filter(|problem| matches!(problem, Problem::Lost(_))).count()
    }
}

type Broken = fn(String) -> Problem;

fn problems(name: &str, order: &Order) -> Vec<Problem> {
    let accepted = !order.ids.is_empty();
    let succeeded = order.outcomes.iter().any(|(status, _)| status == "succeeded");
    let foreign =
        |(status, answer): &(String, String)| status == "succeeded" && !order.answers.contains(answer);
    let lost = order.missing;
    let found: [(bool, Broken); 7] = [
        (lost, Problem::Lost),
        (accepted && !lost && order.outcomes.is_empty(), Problem::Unfinished),
        (order.outcomes.len() > 1, Problem::TwoOutcomes),
        (order.ids.len() > 1, Problem::TwoOperations),
        (order.keys.len() > 1, Problem::TwoKeys),
        (succeeded && order.answers.is_empty(), Problem::NotExecuted),
        (!order.answers.is_empty() && order.outcomes.iter().any(foreign), Problem::ForeignAnswer),
    ];
    found.into_iter().filter(|(broken, _)| *broken).map(|(_, problem)| problem(name.to_owned())).collect()
}

fn shared_keys(orders: &BTreeMap<String, Order>) -> Vec<Problem> {
    let mut owners: BTreeMap<&str, usize> = BTreeMap::new();
    for key in orders.values().flat_map(|order| &order.keys) {
        *owners.entry(key).or_default() += 1;
    }
    let shared = owners.into_iter().filter(|(_, owners)| *owners > 1);
    shared.map(|(key, _)| Problem::SharedKey(key.to_owned())).collect()
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN_MAX: usize = 20;
        let Self { problems, accepted, executions, repeated } = self;
        writeln!(
            f,
            "{accepted} accepted, {executions} executions, {repeated} of them again, {} problems",
            problems.len()
        )?;
        problems.iter().take(SHOWN_MAX).try_for_each(|problem| writeln!(f, "  {problem:?}"))
    }
}

#[cfg(test)]
mod tests {
    use super::Problem;
    use crate::{History, Told};

    fn accepted(id: &str) -> Told {
        Told::Accepted { id: id.to_owned() }
    }

    fn ended(id: &str, status: &str, answer: &str) -> Told {
        Told::Ended { id: id.to_owned(), status: status.to_owned(), answer: answer.to_owned() }
    }

    fn problems(happen: impl FnOnce(&History)) -> Vec<Problem> {
        let history = History::default();
        happen(&history);
        history.verdict().problems
    }

    #[test]
    fn one_outcome_executed_twice_under_one_key_is_sound() {
        let found = problems(|history| {
            history.told("a", accepted("1"));
            history.executed("a", "key", "first");
            history.executed("a", "key", "second");
            history.told("a", ended("1", "succeeded", "second"));
            history.told("a", ended("1", "succeeded", "second"));
        });
        assert_eq!(found, [], "at least once under one key is what is promised");
    }

    #[test]
    fn an_order_that_is_gone_is_lost_until_it_is_found_again() {
        let gone = Told::NotFound { id: "1".to_owned() };
        let lost = problems(|history| {
            history.told("a", accepted("1"));
            history.told("a", gone.clone());
        });
        assert_eq!(lost, [Problem::Lost("a".to_owned())], "accepted and unknown is a loss");
    }

    #[test]
    fn an_order_without_an_end_is_unfinished() {
        let found = problems(|history| history.told("a", accepted("1")));
        assert_eq!(found, [Problem::Unfinished("a".to_owned())], "everything accepted must end");
    }

    #[test]
    fn two_answers_to_one_order_are_two_outcomes() {
        let found = problems(|history| {
            history.executed("a", "key", "first");
            history.executed("a", "key", "second");
            history.told("a", ended("1", "succeeded", "first"));
            history.told("a", ended("1", "succeeded", "second"));
        });
        assert_eq!(found, [Problem::TwoOutcomes("a".to_owned())], "an outcome is recorded once");
    }

    #[test]
    fn two_operations_of_one_key_are_noticed() {
        let found = problems(|history| {
            history.executed("a", "key", "done");
            history.told("a", ended("1", "succeeded", "done"));
            history.told("a", ended("2", "succeeded", "done"));
        });
        assert_eq!(found, [Problem::TwoOperations("a".to_owned())], "one key is one operation");
    }

    #[test]
    fn keys_that_change_or_are_shared_are_noticed() {
        let found = problems(|history| {
            history.executed("a", "key-1", "done");
            history.executed("a", "key-2", "done");
            history.executed("b", "key-2", "done");
        });
        let expected = [Problem::TwoKeys("a".to_owned()), Problem::SharedKey("key-2".to_owned())];
        assert_eq!(found, expected, "a service can only tell repeats apart by the key");
    }

    #[test]
    fn a_success_without_an_execution_and_an_answer_of_somebody_else_are_noticed() {
        let found = problems(|history| {
            history.told("a", ended("1", "succeeded", "made up"));
            history.executed("b", "key", "the answer");
            history.told("b", ended("2", "succeeded", "another answer"));
        });
        let expected = [Problem::NotExecuted("a".to_owned()), Problem::ForeignAnswer("b".to_owned())];
        assert_eq!(found, expected, "an answer comes from the service");
    }
}
