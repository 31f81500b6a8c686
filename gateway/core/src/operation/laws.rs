//! Properties of the state machine over random sequences of events, in simulated time.

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, prop_assert, prop_assert_eq, prop_oneof, proptest};

use super::{Event, Refusal, State, Status, apply};
use crate::answer::Answer;
use crate::time::Timestamp;

const DEADLINE_MS: u64 = 1_000;

fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        Just(Event::Sent),
        Just(Event::Started),
        (200_u16..600).prop_map(|status| Event::Answered(Answer::empty(status))),
        Just(Event::Exhausted(Answer::empty(502))),
        Just(Event::Parked),
        Just(Event::Resumed),
        Just(Event::Cancelled),
        Just(Event::DeadlinePassed),
    ]
}

/// Events with the pause before each.
fn any_history() -> impl Strategy<Value = Vec<(u64, Event)>> {
    vec((0_u64..200, any_event()), 0..40)
}

fn fresh() -> State {
    State::accepted(Timestamp::from_unix_ms(0), Timestamp::from_unix_ms(DEADLINE_MS))
}

/// Every state the history goes through, with the moment it was reached.
fn replay(history: &[(u64, Event)]) -> Vec<(Timestamp, State, Option<Event>)> {
    let mut now = Timestamp::from_unix_ms(0);
    let mut trace = vec![(now, fresh(), None)];
    for (pause_ms, event) in history {
        now = now + *pause_ms;
        let current = trace[trace.len() - 1].1.clone();
        if let Ok(transition) = apply(&current, event, now) {
            trace.push((now, transition.state, Some(event.clone())));
        }
    }
    trace
}

proptest! {
    #[test]
    fn an_operation_never_has_two_outcomes(history in any_history()) {
        let ends = replay(&history).iter().filter(|(_, state, _)| state.status.is_end()).count();
        prop_assert!(ends <= 1, "an outcome is recorded once");
    }

    #[test]
    fn nothing_leaves_an_end(history in any_history(), event in any_event()) {
        if let Some((now, last, _)) = replay(&history).last() && last.status.is_end() {
            prop_assert_eq!(apply(last, &event, *now + 10_000), Err(Refusal::Ended), "an end is never left");
        }
    }

    #[test]
    fn every_wait_ends_at_the_deadline(history in any_history()) {
        let (_, last, _) = replay(&history).pop().expect("a trace has at least its first state");
        if !last.status.is_end() {
            let at_deadline = apply(&last, &Event::DeadlinePassed, last.deadline).expect("an open operation times out");
            prop_assert_eq!(at_deadline.state.status, Status::TimedOut);
            prop_assert!(at_deadline.forget_request, "nobody will send it any more");
        }
    }

    #[test]
    fn no_operation_times_out_early(history in any_history()) {
        for (now, state, _) in replay(&history) {
            if state.status == Status::TimedOut {
                prop_assert!(now >= state.deadline, "timed out before the deadline");
            }
        }
    }

    #[test]
    fn revisions_rise_by_one_at_each_change(history in any_history()) {
        for pair in replay(&history).windows(2) {
            prop_assert_eq!(pair[1].1.revision, pair[0].1.revision + 1, "clients resume by revision");
        }
    }

    #[test]
    fn the_answer_is_kept_exactly_when_the_event_that_ended_it_brought_one(history in any_history()) {
        for (_, state, event) in replay(&history) {
            let brought = event.as_ref().and_then(Event::answer).map(|answer| answer.status);
            prop_assert_eq!(state.answer_status, brought, "outcome and answer belong together");
            if let (true, Some(status)) = (state.status.is_end(), brought) {
                let expected = if status < 400 { Status::Succeeded } else { Status::Failed };
                prop_assert_eq!(state.status, expected, "below 400 succeeded, from 400 failed");
            }
        }
    }

    #[test]
    fn a_confirmation_never_takes_progress_back(history in any_history()) {
        for pair in replay(&history).windows(2) {
            if matches!(pair[1].2, Some(Event::Sent)) && pair[0].1.status != Status::Pending {
                prop_assert_eq!(pair[1].1.status, pair[0].1.status, "a late broker confirmation is no step back");
            }
        }
    }
}
