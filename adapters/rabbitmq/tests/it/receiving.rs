//! Deliveries whose channel, connection or time runs out.

use sidegate_broker::{Channel, ErrorKind};
use sidegate_fault_proxy::Proxy;
use sidegate_test_brokers::{Rabbit, available};

use crate::support::harness::Apart;
use crate::support::plain::Plain;
use crate::support::{ack, connect, listen, next, send, settings, unique, until};

#[tokio::test]
async fn a_delivery_of_a_lost_connection_cannot_be_settled_and_comes_again() {
    let Some(server) = available(Rabbit::shared().await) else { return };
    let proxy = Proxy::to(server.address()).await;
    let broker = connect(settings(proxy.address(), &[]));
    let destination = unique("lost");
    let mut inbox = listen(&broker, Channel::Command, &destination, 8).await;
    send(&broker, &destination, "m-1").await;
    let old = next(&mut inbox).await;
    proxy.cut().await;
    until("the loss is seen", || old.is_lost()).await;
    let error = old.ack().await.expect_err("its channel is gone").error;
    assert_eq!(error.kind, ErrorKind::Closed, "the library's `Ok(false)` is an error here: {error}");
    let again = next(&mut inbox).await;
    assert_eq!((again.message.id.as_str(), again.attempt), ("m-1", 2), "it comes again, counted");
    ack(again).await;
    until("the second connection is counted", || broker.state().reconnects == 1).await;
}

#[tokio::test]
async fn a_delivery_held_too_long_goes_back_and_the_others_stay() {
    let Some(server) = available(Rabbit::shared().await) else { return };
    let broker = connect(settings(server.address(), &[("hold_max_ms", "1500")]));
    let destination = unique("held");
    let mut inbox = listen(&broker, Channel::Command, &destination, 8).await;
    send(&broker, &destination, "m-1").await;
    let mut old = next(&mut inbox).await;
    until("it is given back", || old.is_lost()).await;
    assert!(old.extend().await.is_err(), "whoever still works on it learns that it is not theirs any more");
    drop(old);
    let again = next(&mut inbox).await;
    assert_eq!(again.message.id, "m-1", "it comes again");
    send(&broker, &destination, "m-2").await;
    let other = next(&mut inbox).await;
    ack(again).await;
    ack(other).await;
}

#[tokio::test]
async fn an_inbox_survives_the_servers_own_limit_on_deliveries() {
    let Some(apart) = available(Apart::take().await) else { return };
    // How often a channel looks at the time; it does every minute otherwise.
    apart.server.ctl(&["eval", "application:set_env(rabbit, channel_tick_interval, 1000)."]).await;
    let broker = connect(settings(apart.server.address(), &[]));
    let destination = unique("overdue");
    let mut inbox = listen(&broker, Channel::Command, &destination, 8).await;
    send(&broker, &destination, "m-1").await;
    let old = next(&mut inbox).await;
    until("the server ends the channel", || old.is_lost()).await;
    drop(old);
    let again = next(&mut inbox).await;
    assert_eq!(again.message.id, "m-1", "the channel is made again, and the message comes again");
    ack(again).await;
    assert_eq!(broker.state().reconnects, 0, "the connection was not lost with the channel");
}

#[tokio::test]
async fn an_inbox_makes_its_queue_again_when_that_is_deleted() {
    let Some(server) = available(Rabbit::shared().await) else { return };
    let broker = connect(settings(server.address(), &[]));
    let (plain, destination) = (Plain::at(server.address()).await, unique("deleted"));
    let mut inbox = listen(&broker, Channel::Command, &destination, 8).await;
    plain.delete(&destination).await;
    let receiving = async {
        let delivery = next(&mut inbox).await;
        assert_eq!(delivery.message.id, "m-1", "the queue is made again, and consumed");
        ack(delivery).await;
    };
    let sending = async {
        plain.is_consumed(&destination).await;
        send(&broker, &destination, "m-1").await;
    };
    tokio::join!(receiving, sending);
}

#[tokio::test]
async fn what_was_prefetched_goes_to_others_when_an_inbox_is_dropped() {
    let Some(server) = available(Rabbit::shared().await) else { return };
    let broker = connect(settings(server.address(), &[]));
    let destination = unique("dropped");
    let mut inbox = listen(&broker, Channel::Command, &destination, 1).await;
    for id in ["m-1", "m-2", "m-3"] {
        send(&broker, &destination, id).await;
    }
    let in_hand = next(&mut inbox).await;
    drop(inbox);
    let mut another = listen(&broker, Channel::Command, &destination, 1).await;
    for id in ["m-2", "m-3"] {
        let delivery = next(&mut another).await;
        assert_eq!(delivery.message.id, id, "nothing stays with an inbox that is gone");
        ack(delivery).await;
    }
    ack(in_hand).await;
    let plain = Plain::at(server.address()).await;
    drop(another);
    assert!(plain.get(&destination).await.is_none(), "what was in hand could still be settled");
}
