//! A few words for the tests.

pub(crate) mod broker;
pub(crate) mod queue;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sidegate_broker::{Delivery, Inbox, Message};
use sidegate_order::{Window, ordered};
use tokio::time::timeout;

use queue::Queue;

/// What must happen happens within this.
const ARRIVAL: Duration = Duration::from_secs(60);
/// What has not come by then does not come.
const SILENCE: Duration = Duration::from_millis(20);

/// Many in hand, and many beside them.
pub(crate) const WIDE: Window = Window { prefetch: 16, held_max: 64 };

pub(crate) fn plain(id: &str) -> Arc<Message> {
    Arc::new(Message::new(id, "orders", Bytes::new()))
}

pub(crate) fn keyed(key: &str, id: &str) -> Arc<Message> {
    Arc::new(Message { key: Some(key.into()), ..Message::new(id, "orders", Bytes::new()) })
}

/// A queue, and an inbox on it that keeps order.
pub(crate) fn inbox(window: Window) -> (Arc<Queue>, Box<dyn Inbox>) {
    let queue = Arc::new(Queue::default());
    let inbox = ordered(Box::new(queue.subscribe(window.held_max)), window);
    (queue, inbox)
}

pub(crate) async fn next(inbox: &mut Box<dyn Inbox>) -> Delivery {
    timeout(ARRIVAL, inbox.next()).await.expect("a delivery in time").expect("an open inbox")
}

/// The next delivery, which must be this message on this attempt.
pub(crate) async fn take(inbox: &mut Box<dyn Inbox>, id: &str, attempt: u32) -> Delivery {
    let delivery = next(inbox).await;
    assert_eq!(delivery.message.id, id, "the message whose turn it is comes");
    assert_eq!(delivery.attempt, attempt, "the attempts of {id} are counted");
    delivery
}

pub(crate) async fn expect(inbox: &mut Box<dyn Inbox>, id: &str, attempt: u32) {
    ack(take(inbox, id, attempt).await).await;
}

pub(crate) async fn expect_nothing(inbox: &mut Box<dyn Inbox>, why: &str) {
    if let Ok(next) = timeout(SILENCE, inbox.next()).await {
        panic!("{why}, but the inbox gave {next:?}");
    }
}

pub(crate) async fn ack(delivery: Delivery) {
    delivery.ack().await.expect("an acknowledgement");
}

pub(crate) async fn retry(delivery: Delivery, after: Duration) {
    delivery.retry(after).await.expect("it is given back");
}
