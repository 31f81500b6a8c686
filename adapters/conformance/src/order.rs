//! Messages of one key keep their order; others do not wait for them.

use std::collections::HashMap;

use compact_str::CompactString;
use sidegate_broker::Channel;

use crate::trial::{MANY, Trial, ack, either, keyed, retry, unique};

const KEYS: [&str; 3] = ["a", "b", "c"];
const MESSAGES_PER_KEY: usize = 12;

pub(crate) async fn messages_of_one_key_arrive_in_order(trial: &mut Trial) {
    let destination = unique("ordered");
    let mut consumer = trial.receive(&destination, 8).await;
    for n in 0..MESSAGES_PER_KEY {
        for key in KEYS {
            trial.publish(keyed(&destination, key, &format!("{key}-{n}"))).await;
        }
    }
    let mut next: HashMap<CompactString, usize> = HashMap::new();
    for _ in 0..KEYS.len() * MESSAGES_PER_KEY {
        let delivery = consumer.next().await;
        let key = delivery.message.key.clone().expect("the key arrives with the message");
        let n = next.entry(key.clone()).or_default();
        assert_eq!(delivery.message.id, format!("{key}-{n}"), "messages of key {key} arrive in their order");
        *n += 1;
        ack(delivery).await;
    }
}

pub(crate) async fn a_key_has_one_unsettled_message_at_a_time_in_one_inbox(trial: &mut Trial) {
    let destination = unique("serial");
    let mut consumer = trial.receive(&destination, MANY).await;
    trial.send_keyed(&destination, "k", &["k-1", "k-2", "k-3"]).await;
    for id in ["k-1", "k-2", "k-3"] {
        let unsettled = consumer.next().await;
        assert_eq!(unsettled.message.id, id, "the key's messages come one after the other");
        consumer.expect_nothing("the key's next message waits while one is unsettled").await;
        ack(unsettled).await;
    }
}

pub(crate) async fn a_key_has_one_unsettled_message_at_a_time(trial: &mut Trial) {
    let destination = unique("serial");
    let other_replica = trial.second_connection().await;
    let mut one = trial.receive(&destination, MANY).await;
    let mut other = trial.listen(&other_replica, Channel::Command, &destination, "service", MANY).await;
    trial.send_keyed(&destination, "k", &["k-1", "k-2", "k-3"]).await;
    for id in ["k-1", "k-2", "k-3"] {
        let unsettled = either(&mut one, &mut other).await;
        assert_eq!(unsettled.message.id, id, "the key's messages come one after the other");
        one.expect_nothing("the key's next message waits while one is unsettled").await;
        other.expect_nothing("the key's next message waits while one is unsettled elsewhere").await;
        ack(unsettled).await;
    }
}

pub(crate) async fn other_keys_go_on_while_one_waits(trial: &mut Trial) {
    let destination = unique("aside");
    let mut consumer = trial.receive(&destination, MANY).await;
    trial.send_keyed(&destination, "slow", &["slow-1", "slow-2"]).await;
    let unsettled = consumer.next().await;
    assert_eq!(unsettled.message.id, "slow-1", "the first message comes first");
    trial.send_keyed(&destination, "quick", &["quick-1", "quick-2"]).await;
    consumer.expect("quick-1").await;
    consumer.expect("quick-2").await;
    ack(unsettled).await;
    consumer.expect("slow-2").await;
}

pub(crate) async fn a_key_waits_while_its_first_message_is_given_back(trial: &mut Trial) {
    let destination = unique("patient");
    let mut consumer = trial.receive(&destination, MANY).await;
    trial.send_keyed(&destination, "k", &["k-1", "k-2"]).await;
    let first = consumer.next().await;
    assert_eq!(first.message.id, "k-1", "the first message comes first");
    retry(first, trial.patience.pause).await;
    consumer.expect("k-1").await;
    consumer.expect("k-2").await;
}
