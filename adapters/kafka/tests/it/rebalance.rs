//! Partitions that change hands: what is in hand is finished where it is, what is finished does not run again, and
//! nothing is lost.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions};
use rdkafka::client::DefaultClientContext;
use sidegate_broker::{Broker, Channel, Delivery, ErrorKind, Inbox, Message};
use sidegate_test_brokers::{Kafka, available};
use tokio::time::timeout;

use crate::support::{connect, hosts, listen, message, next, outbound, receive, send, unique, until};

async fn send_keyed(broker: &Arc<dyn Broker>, topic: &str, count: usize) {
    for n in 0..count {
        send(broker, Message { key: Some(format!("key-{n}").into()), ..message(topic, &format!("m-{n}")) })
            .await;
    }
}

async fn take(inbox: &mut dyn Inbox, count: usize) -> Vec<Delivery> {
    let mut taken = Vec::new();
    while taken.len() < count {
        taken.push(next(inbox).await);
    }
    taken
}

/// Everything that comes until nothing does.
async fn drain(inbox: &mut dyn Inbox) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    while let Ok(Some(delivery)) = timeout(Duration::from_secs(2), inbox.next()).await {
        ids.insert(delivery.message.id.to_string());
        delivery.ack().await.expect("settled");
    }
    ids
}

#[tokio::test]
async fn what_is_in_hand_is_finished_where_it_is_when_a_replica_joins() {
    let Some(kafka) = available(Kafka::shared().await) else { return };
    let prefix = unique("handover-");
    let options = [("partitions", "6"), ("handover", "30s"), ("group_prefix", prefix.as_str())];
    let (one, other) = (connect(kafka.url(), &options), connect(kafka.url(), &options));
    let topic = unique("handover");
    let mut inbox = receive(&one, &topic, "service").await;
    send_keyed(&one, &topic, 24).await;
    let in_hand = take(&mut *inbox, 24).await;

    let joining = tokio::spawn(async move { receive(&other, &topic, "service").await });
    let wanted_back = async || in_hand.iter().any(Delivery::is_lost);
    until("the join asks for partitions back; what is in hand of them is still ours to finish", wanted_back)
        .await;
    for delivery in in_hand {
        delivery.ack().await.expect("what is in hand may finish");
    }
    let mut elsewhere = joining.await.expect("the other replica joins");
    let again = drain(&mut *elsewhere).await;
    assert!(again.is_empty(), "everything was finished where it was, and came again: {again:?}");
}

#[tokio::test]
async fn a_partition_does_not_wait_for_ever_for_what_is_in_hand() {
    let Some(kafka) = available(Kafka::shared().await) else { return };
    let prefix = unique("handover-");
    let options = [("partitions", "2"), ("handover", "300ms"), ("group_prefix", prefix.as_str())];
    let (one, other) = (connect(kafka.url(), &options), connect(kafka.url(), &options));
    let topic = unique("handover");
    let mut inbox = receive(&one, &topic, "service").await;
    send_keyed(&one, &topic, 16).await;
    let in_hand = take(&mut *inbox, 16).await;

    let mut elsewhere = receive(&other, &topic, "service").await;
    let again = drain(&mut *elsewhere).await;
    assert!(
        !again.is_empty() && again.len() < 16,
        "one partition of two went to the other replica: {again:?}"
    );
    for delivery in in_hand {
        let id = delivery.message.id.to_string();
        assert_eq!(delivery.is_lost(), again.contains(&id), "{id}: who holds it can know");
        match delivery.ack().await {
            Ok(()) => {
                assert!(!again.contains(&id), "{id} is the other replica's: it must not be settled here");
            }
            Err(lost) => {
                assert_eq!(lost.error.kind, ErrorKind::Closed, "{id} went away: {lost}");
                assert!(again.contains(&id), "{id} came to the other replica");
            }
        }
    }
}

#[tokio::test]
async fn what_is_finished_behind_an_unfinished_one_does_not_run_again_at_the_next_owner() {
    let Some(kafka) = available(Kafka::shared().await) else { return };
    let prefix = unique("notes-");
    let options = [("partitions", "1"), ("group_prefix", prefix.as_str())];
    let (one, other) = (connect(kafka.url(), &options), connect(kafka.url(), &options));
    let topic = unique("notes");
    let mut inbox = receive(&one, &topic, "service").await;
    send_keyed(&one, &topic, 10).await;
    let mut unfinished = Vec::new();
    for (n, delivery) in take(&mut *inbox, 10).await.into_iter().enumerate() {
        if matches!(n, 0 | 4) {
            unfinished.push(delivery);
        } else {
            delivery.ack().await.expect("settled");
        }
    }
    one.close(Duration::from_secs(5)).await;
    let mut elsewhere = receive(&other, &topic, "service").await;
    let again = drain(&mut *elsewhere).await;
    let expected: BTreeSet<String> = ["m-0", "m-4"].map(str::to_owned).into();
    assert_eq!(
        again, expected,
        "only what was not finished comes again, although the position stood before it all"
    );
    drop(unfinished);
}

#[tokio::test]
async fn a_delivery_that_outlives_its_inbox_is_settled_and_committed() {
    let Some(kafka) = available(Kafka::shared().await) else { return };
    let prefix = unique("outlives-");
    let broker = connect(kafka.url(), &[("partitions", "1"), ("group_prefix", prefix.as_str())]);
    let topic = unique("outlives");
    let mut inbox = receive(&broker, &topic, "service").await;
    send(&broker, message(&topic, "in-hand")).await;
    let in_hand = next(&mut *inbox).await;
    drop(inbox);
    // Long after the consumer could have left.
    tokio::time::sleep(Duration::from_millis(500)).await;
    in_hand.ack().await.expect("a gateway that drains finishes what it has");
    let mut after = receive(&broker, &topic, "service").await;
    let again = drain(&mut *after).await;
    assert!(again.is_empty(), "it was settled: {again:?}");
}

#[tokio::test]
async fn a_partition_that_is_added_later_is_read_from_its_beginning() {
    let Some(kafka) = available(Kafka::shared().await) else { return };
    let prefix = unique("grown-");
    let options = [("group_prefix", prefix.as_str())];
    let broker = connect(kafka.url(), &options);
    let topic = unique("grown");
    connect(kafka.url(), &[("partitions", "1")]).prepare(Channel::Event, &topic).await.expect("made");
    let mut inbox = listen(&broker, Channel::Event, &topic, "service").await;
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", hosts(kafka.url())).create().expect("an admin");
    admin.create_partitions(&[NewPartitions::new(&topic, 4)], &AdminOptions::new()).await.expect("grown");
    // A sender that knows the new partitions at once, while the consumer does not.
    let sender = connect(kafka.url(), &options);
    for n in 0..16 {
        let keyed = Message { key: Some(format!("key-{n}").into()), ..message(&topic, &format!("m-{n}")) };
        sender.publish(outbound(Channel::Event, keyed)).await.expect("taken");
    }
    let ids: BTreeSet<String> =
        take(&mut *inbox, 16).await.iter().map(|delivery| delivery.message.id.to_string()).collect();
    assert_eq!(ids.len(), 16, "none of the events in the new partitions is missed: {ids:?}");
}

#[tokio::test]
async fn another_subscription_of_the_same_service_takes_nothing_away() {
    let Some(kafka) = available(Kafka::shared().await) else { return };
    let prefix = unique("several-");
    let broker = connect(kafka.url(), &[("handover", "200ms"), ("group_prefix", prefix.as_str())]);
    let (first, second) = (unique("first"), unique("second"));
    let mut inbox = receive(&broker, &first, "service").await;
    send_keyed(&broker, &first, 12).await;
    let in_hand = take(&mut *inbox, 12).await;
    let _other = receive(&broker, &second, "service").await;
    // Long after partitions would have been asked back and taken away.
    tokio::time::sleep(Duration::from_secs(2)).await;
    for delivery in in_hand {
        delivery.ack().await.expect("a group with another topic keeps what it has");
    }
}

#[tokio::test]
async fn the_newer_group_protocol_shares_the_work_too() {
    const MESSAGES: usize = 60;
    let Some(kafka) = available(Kafka::shared().await) else { return };
    let prefix = unique("newer-");
    let options = [("group.protocol", "consumer"), ("group_prefix", prefix.as_str())];
    let (one, other) = (connect(kafka.url(), &options), connect(kafka.url(), &options));
    let topic = unique("newer");
    let mut here = receive(&one, &topic, "service").await;
    send_keyed(&one, &topic, MESSAGES / 2).await;
    let mut there = receive(&other, &topic, "service").await;
    send_keyed(&one, &topic, MESSAGES / 2).await;
    let mut arrived = 0;
    while arrived < MESSAGES {
        let delivery = tokio::select! {
            delivery = next(&mut *here) => delivery,
            delivery = next(&mut *there) => delivery,
        };
        delivery.ack().await.expect("a partition that moves lets finish what is in hand");
        arrived += 1;
    }
    let (here, there) = tokio::join!(drain(&mut *here), drain(&mut *there));
    assert!(here.is_empty() && there.is_empty(), "each came once: {here:?} {there:?}");
}
