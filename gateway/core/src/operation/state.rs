//! What is known of an operation, apart from its request and its answer.

use std::fmt;
use std::str::FromStr;

use crate::time::Timestamp;

/// Where an operation stands; the words of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Status {
    /// Stored; the broker or the service has not been reached yet.
    Pending = 0,
    /// The broker has taken responsibility for the message.
    Sent = 1,
    /// A service is known to work on it.
    Running = 2,
    /// Attempts ran out and the consumer leaves it to an operator.
    Parked = 3,
    /// Ended: the service did it.
    Succeeded = 4,
    /// Ended: the service said no, or attempts ran out.
    Failed = 5,
    /// Ended: no answer by the deadline.
    TimedOut = 6,
    /// Ended: its owner or an operator cancelled it.
    Cancelled = 7,
}

/// The text or number is not a status of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownStatus;

/// The hot part of an operation: small, and changed at every event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Where it stands.
    pub status: Status,
    /// Rises by one at every change; the entity tag and the SSE event id.
    pub revision: u32,
    /// How many calls to a service have begun, as far as this side knows.
    pub attempts: u32,
    /// When it ends as timed out if nothing else ended it.
    pub deadline: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// The status of the recorded answer, once there is one.
    pub answer_status: Option<u16>,
}

impl Status {
    /// Every status, in the order of the contract.
    pub const ALL: [Self; 8] = [
        Self::Pending,
        Self::Sent,
        Self::Running,
        Self::Parked,
        Self::Succeeded,
        Self::Failed,
        Self::TimedOut,
        Self::Cancelled,
    ];

    /// Whether this is an outcome: recorded once, never left.
    #[must_use]
    pub const fn is_end(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::TimedOut | Self::Cancelled)
    }

    /// The word clients see.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Sent => "sent",
            Self::Running => "running",
            Self::Parked => "parked",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
            Self::Cancelled => "cancelled",
        }
    }
}

impl State {
    /// A request just accepted.
    #[must_use]
    pub const fn accepted(now: Timestamp, deadline: Timestamp) -> Self {
        Self {
            status: Status::Pending,
            revision: 1,
            attempts: 0,
            deadline,
            updated_at: now,
            answer_status: None,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Status {
    type Err = UnknownStatus;
    fn from_str(text: &str) -> Result<Self, UnknownStatus> {
        Self::ALL.into_iter().find(|status| status.as_str() == text).ok_or(UnknownStatus)
    }
}

/// From the number a store keeps.
impl TryFrom<u8> for Status {
    type Error = UnknownStatus;
    fn try_from(number: u8) -> Result<Self, UnknownStatus> {
        Self::ALL.get(usize::from(number)).copied().ok_or(UnknownStatus)
    }
}

impl fmt::Display for UnknownStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<_> = Status::ALL.iter().map(|status| status.as_str()).collect();
        write!(f, "unknown status: expected one of {}", words.join(", "))
    }
}

impl std::error::Error for UnknownStatus {}
