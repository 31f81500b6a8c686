//! What a protocol does not do by itself, kept in this process: order per key, pauses before another attempt, and
//! their count.
//!
//! ```text
//! raw inbox ──▶ ledger ──▶ at most `prefetch` in hand ──▶ ack, reject ──▶ raw delivery
//!               │  ▲                                 │
//!               │  └──── retry, or dropped ──────────┘   kept here, unsettled at the broker
//!               └ behind its key, or in a pause: at most `held_max` known in all
//!
//! inbox    takes from the raw side, waits for room, pauses and news
//! ledger   which message may go out next; pure, without locks or I/O
//! lane     what must not overtake what
//! settle   a delivery in hand: to the raw side, or back into the ledger
//! ```
//!
//! An adapter subscribes with its client library, hands out raw deliveries as they come, and gives its inbox to
//! [`ordered`]. Order is kept among the messages that one inbox knows; what two processes hold is not known here.
//!
//! Nothing runs in the background: a message moves when somebody asks for the next or settles one.

mod inbox;
mod lane;
mod ledger;
mod settle;

#[cfg(test)]
mod ledger_laws;

use sidegate_broker::Inbox;

/// How many messages an inbox deals with at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// How many may be in the caller's hands unsettled; at least 1.
    pub prefetch: usize,
    /// How many may be known here: in hand, behind their key, or in a pause. The raw side's own prefetch should be
    /// the same. At least `prefetch`.
    pub held_max: usize,
}

/// An inbox that keeps order per key, pauses and attempts over one that only receives and settles.
///
/// - A message goes out when no earlier one of its key is known here unsettled. Messages without a key wait for
///   nobody, except that one which is known here twice (by its id) goes out once at a time.
/// - A message that comes again stands next to its first delivery, before later ones of its key.
/// - `retry`, or a delivery dropped unsettled, does not reach the broker: the message waits here, its key with it, and
///   comes again as the next attempt. Attempts made here are added to the broker's own count.
/// - When the inbox is dropped or the raw side ends, all that waits goes back to the broker, oldest first. What stands
///   behind a message still in hand follows when that one is settled, so that nobody gets it earlier. A delivery
///   that outlives the inbox is settled at the broker.
///
/// What it asks of the raw side: `next` is cancel-safe. `retry` and a dropped delivery give the message back to the
/// broker. A raw delivery stays the broker's to keep alive while it is unsettled, however long it is held here. Where
/// it cannot be settled any more (its connection was lost) settling fails as
/// [`Closed`](sidegate_broker::ErrorKind::Closed), and
/// [`is_lost`](sidegate_broker::Settle::is_lost) should tell before anybody tries: then the message is not handed out
/// again from here, and the copy that the broker sends takes over its place, its pause and its count.
///
/// The raw side is also asked while there is no room, to learn of its end. If it then brings a message although it
/// has as many unsettled as it should, as after a lost connection, that one is kept too, and no more.
#[must_use]
pub fn ordered(raw: Box<dyn Inbox>, window: Window) -> Box<dyn Inbox> {
    Box::new(inbox::OrderedInbox::new(raw, window))
}

impl Window {
    /// A sensible one for a prefetch: room for as many behind their keys and in pauses, and for some if that is few.
    #[must_use]
    pub const fn of(prefetch: usize) -> Self {
        const ASIDE_MIN: usize = 64;
        let prefetch = if prefetch == 0 { 1 } else { prefetch };
        let aside = if prefetch < ASIDE_MIN { ASIDE_MIN } else { prefetch };
        Self { prefetch, held_max: prefetch.saturating_add(aside) }
    }
}
