//! Things to store. The same number gives the same thing, and things of different numbers differ.

use bytes::Bytes;
use sidegate_core::operation::Event;
use sidegate_core::{Answer, OperationId, Timestamp};

use crate::{
    Accepted, Applied, Executed, Idempotency, InboxRecord, NewOperation, NewParked, NewQueued, Operation,
    Request, RequestKind, Store,
};

pub const LANE: &str = "broker/main";
/// How long after its acceptance a sample is due.
pub const TIMEOUT_MS: u64 = 30_000;
pub const RETENTION_MS: u64 = 3_600_000;

/// The moment `ms` after the samples' beginning.
pub fn at(ms: u64) -> Timestamp {
    Timestamp::from_unix_ms(1_800_000_000_000 + ms)
}

pub fn id(number: u64) -> OperationId {
    OperationId::from_parts(OperationId::lowest_key_at(at(number)), [number.to_le_bytes()[0]; 16])
}

/// The same key with another token.
pub fn guessed_id(number: u64) -> OperationId {
    OperationId::from_parts(id(number).key(), [0xEE; 16])
}

pub fn request(number: u64) -> Request {
    Request {
        kind: RequestKind::Send,
        lane: LANE.into(),
        target: "orders.create".into(),
        key: Some(format!("customer-{number}").into()),
        method: "POST".into(),
        path: format!("/orders?number={number}").into(),
        headers: vec![("content-type".into(), "application/json".into()), ("x-tenant".into(), "a".into())],
        body: Bytes::from(format!("{{\"number\":{number}}}\u{0}\u{1}")),
    }
}

/// Accepted `number` milliseconds after the beginning.
pub fn operation(number: u64) -> NewOperation {
    NewOperation {
        id: id(number),
        route: "create-order".into(),
        principal: Some("web-shop".into()),
        correlation_id: Some(format!("order-{number}").into()),
        created_at: at(number),
        deadline: at(number + TIMEOUT_MS),
        retention_ms: RETENTION_MS,
        idempotency: None,
        redrive_of: Some(id(number + 1_000_000)),
        request: request(number),
    }
}

pub fn operations(numbers: std::ops::Range<u64>) -> Vec<NewOperation> {
    numbers.map(operation).collect()
}

pub fn in_lane(lane: &str, new: NewOperation) -> NewOperation {
    NewOperation { request: Request { lane: lane.into(), ..new.request }, ..new }
}

pub fn with_key(new: NewOperation, key: u8, asked: u8) -> NewOperation {
    NewOperation { idempotency: Some(Idempotency { scope: [key; 32], fingerprint: [asked; 32] }), ..new }
}

pub fn answer(status: u16) -> Answer {
    Answer {
        status,
        headers: vec![("content-type".into(), "text/plain".into()), ("x-made-by".into(), "näme".into())],
        body: Bytes::from_static(b"done\0\xff"),
    }
}

pub fn answered(status: u16) -> Event {
    Event::Answered(answer(status))
}

pub fn inbox_record(number: u64, executed: Executed) -> InboxRecord {
    InboxRecord {
        consumer: "create-order".into(),
        message_id: format!("message-{number}").into(),
        operation_id: format!("operation-{number}").into(),
        executed,
        expires_at: at(number + RETENTION_MS),
    }
}

pub fn awaiting() -> Executed {
    Executed::Awaiting {
        broker: "main".into(),
        reply_to: Some("replies.edge".into()),
        correlation_id: Some("theirs".into()),
        deadline: Some(at(TIMEOUT_MS)),
    }
}

pub fn executed(status: u16) -> Executed {
    Executed::Answered { answer: answer(status), exhausted: status == 502 }
}

pub fn parked_message(number: u64) -> NewParked {
    NewParked {
        consumer: "create-order".into(),
        broker: "main".into(),
        destination: "orders.create".into(),
        event: number % 2 == 1,
        message_id: format!("message-{number}").into(),
        key: Some("customer-1".into()),
        reply_to: Some("replies.edge".into()),
        correlation_id: Some("theirs".into()),
        content_type: Some("application/json".into()),
        headers: vec![("sidegate-operation".into(), "o".into())],
        body: Bytes::from(format!("body-{number}")),
        reason: "attempts ran out".to_owned(),
        last_answer: Some(answer(503)),
        attempts: 5,
        parked_at: at(number),
        expires_at: at(number + RETENTION_MS),
    }
}

pub fn queued_message(queue: &str, number: u64) -> NewQueued {
    NewQueued {
        queue: queue.into(),
        message_id: format!("message-{number}").into(),
        destination: "orders.create".into(),
        key: Some("customer-1".into()),
        correlation_id: Some("request-1".into()),
        reply_to: Some("replies.edge".into()),
        content_type: Some("application/json".into()),
        headers: vec![("traceparent".into(), "00-1-2-01".into())],
        body: Bytes::from(format!("body-{number}")),
    }
}

/// Accepts one that must be new.
pub async fn accept(store: &dyn Store, new: NewOperation) -> Operation {
    let accepted = store.accept(vec![new]).await.expect("the store accepts");
    match accepted.into_iter().next() {
        Some(Accepted::New(operation)) => operation,
        other => panic!("a new operation is expected, not {other:?}"),
    }
}

/// Applies one event `ms` after the beginning.
pub async fn apply(store: &dyn Store, id: OperationId, event: Event, ms: u64) -> Applied {
    let applied = store.apply(vec![(id, event)], at(ms)).await.expect("the store writes");
    applied.into_iter().next().expect("one event, one result")
}

/// Applies an event that must change the operation.
pub async fn change(store: &dyn Store, id: OperationId, event: Event, ms: u64) -> Operation {
    match apply(store, id, event, ms).await {
        Applied::Changed(operation) => operation,
        other => panic!("a change is expected, not {other:?}"),
    }
}
