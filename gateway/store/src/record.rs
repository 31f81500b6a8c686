//! How an operation's record changes: the bookkeeping that every store does alike, around the core's decision.

use sidegate_core::operation::{Event, EventKind, State};

use crate::{NewOperation, Operation, Outcome, TimelineEntry};

/// The longest timeline that is kept.
const TIMELINE_ENTRIES_MAX: usize = 32;
/// How many of the first entries survive when a timeline is full.
const TIMELINE_FIRST_ENTRIES: usize = 4;

impl Operation {
    /// The record of a request just accepted.
    pub(crate) fn accepted(new: &NewOperation) -> Self {
        Self {
            id: new.id,
            route: new.route.as_str().into(),
            principal: new.principal.clone(),
            correlation_id: new.correlation_id.clone(),
            created_at: new.created_at,
            state: State::accepted(new.created_at, new.deadline),
            expires_at: None,
            outcome: None,
            redrive_of: new.redrive_of,
            timeline: vec![TimelineEntry { at: new.created_at, kind: EventKind::Accepted }],
        }
    }

    /// Takes on the state that the core made of `event`.
    pub(crate) fn advance(&mut self, state: State, event: &Event, retention_ms: u64) {
        self.note(TimelineEntry { at: state.updated_at, kind: event.kind() });
        if state.status.is_end() {
            self.expires_at = Some(state.updated_at + retention_ms);
            self.outcome = event.answer().map(|answer| Outcome {
                status: answer.status,
                content_type: answer.header("content-type").map(Into::into),
                body_bytes: answer.body.len() as u64,
            });
        }
        self.state = state;
    }

    /// Whether this is what the business calls `correlation_id`; without a name of its own an operation answers to
    /// its id.
    pub(crate) fn is_called(&self, correlation_id: &str) -> bool {
        match &self.correlation_id {
            Some(own) => own == correlation_id,
            None => self.id.encode().as_str() == correlation_id,
        }
    }

    fn note(&mut self, entry: TimelineEntry) {
        if self.timeline.len() == TIMELINE_ENTRIES_MAX {
            self.timeline.remove(TIMELINE_FIRST_ENTRIES);
        }
        self.timeline.push(entry);
    }
}

#[cfg(test)]
mod tests {
    use sidegate_core::operation::{Event, EventKind, State};
    use sidegate_core::{OperationId, Timestamp};

    use super::{TIMELINE_ENTRIES_MAX, TIMELINE_FIRST_ENTRIES};
    use crate::{NewOperation, Operation, Request, RequestKind};

    fn operation() -> Operation {
        let request = Request {
            kind: RequestKind::Send,
            lane: "broker/main".into(),
            target: "orders.create".into(),
            key: None,
            method: "POST".into(),
            path: "/orders".into(),
            headers: Vec::new(),
            body: bytes::Bytes::new(),
        };
        Operation::accepted(&NewOperation {
            id: OperationId::from_parts(1, [0; 16]),
            route: "create-order".into(),
            principal: None,
            correlation_id: None,
            created_at: Timestamp::from_unix_ms(1),
            deadline: Timestamp::from_unix_ms(1_000),
            retention_ms: 10,
            idempotency: None,
            redrive_of: None,
            request,
        })
    }

    #[test]
    fn a_long_timeline_keeps_its_first_and_its_latest_entries() {
        let mut operation = operation();
        for at_ms in 2..=100 {
            let state = State { updated_at: Timestamp::from_unix_ms(at_ms), ..operation.state.clone() };
            operation.advance(state, &Event::Started, 10);
        }
        let moments: Vec<u64> = operation.timeline.iter().map(|entry| entry.at.unix_ms()).collect();
        assert_eq!(moments.len(), TIMELINE_ENTRIES_MAX, "a timeline is bounded");
        assert_eq!(moments[..TIMELINE_FIRST_ENTRIES], [1, 2, 3, 4], "how it began is kept");
        assert_eq!(moments[TIMELINE_ENTRIES_MAX - 1], 100, "the latest is kept");
        assert_eq!(operation.timeline[0].kind, EventKind::Accepted);
    }
}
