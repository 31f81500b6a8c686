//! The one place where an operation's status changes.

use super::event::Event;
use super::state::{State, Status};
use crate::time::Timestamp;

/// The state after an accepted event, and what its keeper must do in the same transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    /// The new state; its revision is one higher.
    pub state: State,
    /// The stored request is not needed any more: the broker has the message, or the operation ended.
    pub forget_request: bool,
    /// The event's answer is the operation's result and must be stored with the state.
    pub record_answer: bool,
}

/// Why an event changed nothing. None of these is an error of the operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The operation has its outcome; this came too late.
    Ended,
    /// It is already so (a repeated confirmation or start).
    Already,
    /// The deadline has not been reached.
    TooEarly,
    /// The event makes no sense in this status (resuming what is not parked).
    NotApplicable,
}

/// What `event` makes of an operation in `state` at `now`.
///
/// # Errors
/// A [`Refusal`] says why nothing changed.
pub fn apply(state: &State, event: &Event, now: Timestamp) -> Result<Transition, Refusal> {
    if state.status.is_end() {
        return Err(Refusal::Ended);
    }
    match event {
        Event::Sent => sent(state, now),
        Event::Started => Ok(started(state, now)),
        Event::Answered(answer) => {
            let end = if answer.is_success() { Status::Succeeded } else { Status::Failed };
            Ok(ended(state, end, Some(answer.status), now))
        }
        Event::Exhausted(answer) => Ok(ended(state, Status::Failed, Some(answer.status), now)),
        Event::Parked if state.status == Status::Parked => Err(Refusal::Already),
        Event::Parked => Ok(moved(state, Status::Parked, now)),
        Event::Resumed if state.status == Status::Parked => Ok(moved(state, Status::Running, now)),
        Event::Resumed => Err(Refusal::NotApplicable),
        Event::Cancelled => Ok(ended(state, Status::Cancelled, None, now)),
        Event::DeadlinePassed if now < state.deadline => Err(Refusal::TooEarly),
        Event::DeadlinePassed => Ok(ended(state, Status::TimedOut, None, now)),
    }
}

/// A worker may answer "I will tell you later" before the broker's confirmation reaches us, so a confirmation
/// never takes an operation back from `running` or `parked`; the request is not needed any more either way.
fn sent(state: &State, now: Timestamp) -> Result<Transition, Refusal> {
    match state.status {
        Status::Sent => Err(Refusal::Already),
        Status::Pending => Ok(Transition { forget_request: true, ..moved(state, Status::Sent, now) }),
        current => Ok(Transition { forget_request: true, ..moved(state, current, now) }),
    }
}

fn started(state: &State, now: Timestamp) -> Transition {
    let mut transition = moved(state, Status::Running, now);
    transition.state.attempts = state.attempts.saturating_add(1);
    transition
}

fn moved(state: &State, status: Status, now: Timestamp) -> Transition {
    let state =
        State { status, revision: state.revision.saturating_add(1), updated_at: now, ..state.clone() };
    Transition { state, forget_request: false, record_answer: false }
}

fn ended(state: &State, status: Status, answer_status: Option<u16>, now: Timestamp) -> Transition {
    let mut transition = moved(state, status, now);
    transition.state.answer_status = answer_status;
    Transition { forget_request: true, record_answer: answer_status.is_some(), ..transition }
}
