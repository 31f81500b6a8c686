//! What is known to go wrong on NATS, each with the server doing it.

use async_nats::jetstream;
use sidegate_broker::{Channel, Message, Outbound};

use crate::support::{World, ack, command, direct, message, next, publish, receive, subscribe, within};

#[tokio::test]
async fn a_consumer_and_a_stream_that_somebody_deleted_are_made_again() {
    let Some(mut world) = World::new().await else { return };
    let broker = world.connect(&[]).await;
    let mut worker = receive(&broker, "orders").await;
    let jetstream = jetstream::new(world.foreign().await);
    let stream = jetstream.get_stream("sidegate-orders").await.expect("it was made");
    stream.delete_consumer("shop").await.expect("it was made too");
    publish(&broker, command(message("orders", "op-1"))).await.expect("the stream is there");
    let delivery = next(&mut worker).await;
    assert_eq!(delivery.message.id, "op-1", "a consumer was made again");
    ack(delivery).await;

    jetstream.delete_stream("sidegate-orders").await.expect("it was there");
    publish(&broker, command(message("orders", "op-2"))).await.expect("a stream is made again");
    let delivery = next(&mut worker).await;
    assert_eq!(delivery.message.id, "op-2", "and its consumer");
    ack(delivery).await;
}

#[tokio::test]
async fn a_key_made_of_anything_never_breaks_the_protocol() {
    let Some(mut world) = World::new().await else { return };
    let broker = world.connect(&[]).await;
    let mut worker = receive(&broker, "orders").await;
    let attack = "a\r\n\r\nPUB orders 6\r\nattack\r\n";
    for outbound in [command, direct] {
        let sent = Message {
            key: Some(attack.into()),
            correlation_id: Some(attack.into()),
            reply_to: Some("sidegate.replies.shop.1".into()),
            ..message("orders", &format!("id of {}", attack.len()))
        };
        publish(&broker, outbound(sent.clone())).await.expect("any text travels");
        let delivery = next(&mut worker).await;
        assert_eq!(delivery.message.key.as_deref(), Some(attack), "as it was sent");
        assert_eq!(delivery.message.correlation_id.as_deref(), Some(attack), "as it was sent");
        ack(delivery).await;
    }
}

#[tokio::test]
async fn replies_to_ids_of_any_letters_find_their_question() {
    let Some(mut world) = World::new().await else { return };
    let broker = world.connect(&[]).await;
    let place = "sidegate.replies.shop.1";
    let mut asking = subscribe(&broker, Channel::Reply, place).await;
    let mut worker = receive(&broker, "orders").await;
    for id in ["op.step.do.1", "with blanks", "a*b>c", "Zoë"] {
        let question = Message { reply_to: Some(place.into()), ..message("orders", id) };
        publish(&broker, direct(question)).await.expect("it is on its way");
        let request = next(&mut worker).await;
        let to = request.message.reply_to.clone().expect("a native reply subject");
        let answer = Outbound { channel: Channel::Reply, ..direct(message(&to, "r")) };
        publish(&broker, answer).await.expect("it is on its way");
        ack(request).await;
        let answer = next(&mut asking).await;
        assert_eq!(answer.message.correlation_id.as_deref(), Some(id), "the id comes back as it was");
        ack(answer).await;
    }
}

#[tokio::test]
async fn a_flood_of_messages_is_taken_as_fast_as_it_is_worked_off_and_none_is_lost() {
    const MESSAGES: usize = 2_000;
    let Some(mut world) = World::new().await else { return };
    let broker = world.connect(&[]).await;
    let publishing = (0..MESSAGES).map(|n| broker.publish(command(message("orders", &format!("op-{n}")))));
    let taken = within("publishing all at once", futures_util::future::join_all(publishing)).await;
    assert!(taken.iter().all(Result::is_ok), "they are confirmed side by side");
    let mut worker = receive(&broker, "orders").await;
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..MESSAGES {
        let delivery = next(&mut worker).await;
        assert!(seen.insert(delivery.message.id.clone()), "each comes once");
        ack(delivery).await;
    }
}
