//! The embedded broker's messages.

use super::samples::{at, queued_message};
use super::{Subject, open};
use crate::{NewQueued, Queued};

pub async fn messages_are_read_as_they_were_sent_and_in_that_order(subject: &impl Subject) {
    let store = open(subject);
    let bare = NewQueued {
        key: None,
        correlation_id: None,
        reply_to: None,
        content_type: None,
        headers: Vec::new(),
        ..queued_message("a", 3)
    };
    let messages = vec![queued_message("a", 2), queued_message("a", 1), bare];
    let positions = store.enqueue(messages.clone()).await.unwrap();
    let expected: Vec<_> = positions
        .iter()
        .zip(messages)
        .map(|(position, message)| Queued {
            position: *position,
            attempt: 0,
            ready_at: Default::default(),
            message,
        })
        .collect();
    assert_eq!(
        store.queued("a", 0, 10).await.unwrap(),
        expected,
        "complete, and in the order of their coming"
    );
    assert_eq!(
        store.queued("a", positions[0], 1).await.unwrap(),
        expected[1..2],
        "reading goes on after a position"
    );
    assert_eq!(store.queued("b", 0, 10).await.unwrap(), [], "an unknown queue is empty");
}

pub async fn positions_rise_over_all_queues(subject: &impl Subject) {
    let store = open(subject);
    let batch = (0..6).map(|number| queued_message(["a", "b"][(number % 2) as usize], number)).collect();
    let mut positions = store.enqueue(batch).await.unwrap();
    store.dequeue(positions.clone()).await.unwrap();
    positions.extend(store.enqueue(vec![queued_message("a", 7)]).await.unwrap());
    assert!(positions.is_sorted_by(|one, next| one < next), "never used twice, though the queue was emptied");
    assert!(positions[0] > 0, "0 means the beginning");
}

pub async fn a_removed_message_does_not_come_back(subject: &impl Subject) {
    let store = open(subject);
    let positions = store.enqueue((0..4).map(|number| queued_message("a", number)).collect()).await.unwrap();
    store.postpone(positions[1], 1, at(50)).await.unwrap();
    store.dequeue(vec![positions[1], positions[2]]).await.unwrap();
    let left: Vec<_> = store.queued("a", 0, 10).await.unwrap().iter().map(|queued| queued.position).collect();
    assert_eq!(left, [positions[0], positions[3]]);
}

pub async fn removing_what_is_not_there_is_fine(subject: &impl Subject) {
    let store = open(subject);
    let position = store.enqueue(vec![queued_message("a", 1)]).await.unwrap()[0];
    store.dequeue(vec![position + 1_000]).await.unwrap();
    store.dequeue(vec![position, position]).await.unwrap();
    store.dequeue(vec![position]).await.expect("it is already so");
}

pub async fn a_postponed_message_keeps_its_attempt_and_its_moment(subject: &impl Subject) {
    let store = open(subject);
    let positions = store.enqueue(vec![queued_message("a", 1), queued_message("a", 2)]).await.unwrap();
    store.postpone(positions[0], 1, at(50)).await.unwrap();
    store.postpone(positions[0], 2, at(80)).await.unwrap();
    let queued = store.queued("a", 0, 10).await.unwrap();
    assert_eq!((queued[0].attempt, queued[0].ready_at), (2, at(80)), "the latest counts");
    assert_eq!(queued[0].message, queued_message("a", 1), "the message is as it was, and in its place");
    assert_eq!(queued[1].attempt, 0, "its neighbour was not touched");
}

pub async fn postponing_what_is_not_there_changes_nothing(subject: &impl Subject) {
    let store = open(subject);
    store.postpone(17, 3, at(50)).await.expect("it may just have been settled");
    assert_eq!(store.queue_lengths().await.unwrap(), []);
}

pub async fn lengths_are_told_of_queues_that_hold_messages(subject: &impl Subject) {
    let store = open(subject);
    let batch = vec![queued_message("b", 1), queued_message("a", 2), queued_message("b", 3)];
    let positions = store.enqueue(batch).await.unwrap();
    assert_eq!(store.queue_lengths().await.unwrap(), [("a".into(), 1), ("b".into(), 2)]);
    store.dequeue(vec![positions[1]]).await.unwrap();
    assert_eq!(store.queue_lengths().await.unwrap(), [("b".into(), 2)]);
}

pub async fn a_binding_is_remembered_once(subject: &impl Subject) {
    let store = open(subject);
    for (destination, queue) in
        [("orders", "bill"), ("orders", "audit"), ("orders", "bill"), ("news", "audit")]
    {
        store.bind(destination, queue).await.unwrap();
    }
    let expected = [("news", "audit"), ("orders", "audit"), ("orders", "bill")];
    assert_eq!(
        store.bindings().await.unwrap(),
        expected.map(|(destination, queue)| (destination.into(), queue.into()))
    );
}
