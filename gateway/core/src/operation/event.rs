//! What can happen to an operation.

use crate::answer::Answer;

/// Something that happened, or was asked for, from outside the state machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The broker took responsibility for the message, or a service did that was called and will answer later.
    Sent,
    /// A service began to work on it: a call went out, or a worker said it will answer later.
    Started,
    /// The definite answer: below 400 the operation succeeded, from 400 it failed.
    Answered(Answer),
    /// Attempts ran out and the policy is to fail; the answer tells why.
    Exhausted(Answer),
    /// Attempts ran out and the policy is to leave it to an operator.
    Parked,
    /// An operator gave the parked message another go.
    Resumed,
    /// Somebody entitled to it wants it to stop.
    Cancelled,
    /// The clock reached the deadline. Ignored before it did.
    DeadlinePassed,
}

/// The event's name, for timelines and logs; the number is what a store keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum EventKind {
    /// Accepted and stored.
    Accepted = 0,
    /// See [`Event::Sent`].
    Sent = 1,
    /// See [`Event::Started`].
    Started = 2,
    /// See [`Event::Answered`].
    Answered = 3,
    /// See [`Event::Exhausted`].
    Exhausted = 4,
    /// See [`Event::Parked`].
    Parked = 5,
    /// See [`Event::Resumed`].
    Resumed = 6,
    /// See [`Event::Cancelled`].
    Cancelled = 7,
    /// See [`Event::DeadlinePassed`].
    DeadlinePassed = 8,
}

impl Event {
    /// Which kind of event this is.
    #[must_use]
    pub const fn kind(&self) -> EventKind {
        match self {
            Self::Sent => EventKind::Sent,
            Self::Started => EventKind::Started,
            Self::Answered(_) => EventKind::Answered,
            Self::Exhausted(_) => EventKind::Exhausted,
            Self::Parked => EventKind::Parked,
            Self::Resumed => EventKind::Resumed,
            Self::Cancelled => EventKind::Cancelled,
            Self::DeadlinePassed => EventKind::DeadlinePassed,
        }
    }

    /// The answer this event brings, if it brings one.
    #[must_use]
    pub const fn answer(&self) -> Option<&Answer> {
        match self {
            Self::Answered(answer) | Self::Exhausted(answer) => Some(answer),
            _ => None,
        }
    }
}

impl EventKind {
    const ALL: [Self; 9] = [
        Self::Accepted,
        Self::Sent,
        Self::Started,
        Self::Answered,
        Self::Exhausted,
        Self::Parked,
        Self::Resumed,
        Self::Cancelled,
        Self::DeadlinePassed,
    ];

    /// The word in a timeline.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Sent => "sent",
            Self::Started => "started",
            Self::Answered => "answered",
            Self::Exhausted => "exhausted",
            Self::Parked => "parked",
            Self::Resumed => "resumed",
            Self::Cancelled => "cancelled",
            Self::DeadlinePassed => "deadline_passed",
        }
    }

    /// From the number a store keeps.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}
