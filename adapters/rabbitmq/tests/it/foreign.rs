//! Programs without Sidegate take part by the protocol's own properties, in both directions.

use lapin::BasicProperties;
use lapin::options::BasicConsumeOptions;
use lapin::types::{AMQPValue, FieldTable};
use sidegate_broker::{Channel, Message, Names, Settings};
use sidegate_test_brokers::{Rabbit, available};

use crate::support::plain::{self, Plain, text};
use crate::support::{ack, connect, listen, message, next, publish, settings, unique};

#[tokio::test]
async fn a_foreign_worker_answers_with_nothing_but_the_correlation_id() {
    let Some(server) = available(Rabbit::shared().await) else { return };
    let broker = connect(settings(server.address(), &[]));
    let (destination, place) = (unique("orders"), unique("answers"));
    let mut asking = listen(&broker, Channel::Reply, &place, 8).await;
    let question = Message { reply_to: Some(place.clone()), ..message(&destination, "m-1") };
    publish(&broker, Channel::Command, question).await.expect("taken");
    let worker = Plain::at(server.address()).await;
    let request = plain::next(&mut worker.consume(&destination).await).await;
    let properties = &request.properties;
    assert_eq!(text(properties.message_id()), Some("m-1"), "the message's id is a native property");
    assert_eq!(text(properties.correlation_id()), Some("m-1"), "so is what to give back");
    assert_eq!(text(properties.reply_to()), Some(place.as_str()), "and where to");
    let answer = BasicProperties::default().with_correlation_id("m-1".into());
    worker.publish(&place, answer, b"done").await;
    let reply = next(&mut asking).await;
    assert_eq!(reply.message.correlation_id.as_deref(), Some("m-1"), "the answer finds its question");
    assert_eq!(
        (reply.message.id.as_str(), &reply.message.body[..]),
        ("", &b"done"[..]),
        "and is as it was sent"
    );
    ack(reply).await;
}

#[tokio::test]
async fn a_foreign_asker_gets_its_own_correlation_id_back_at_its_own_queue() {
    let Some(server) = available(Rabbit::shared().await) else { return };
    let broker = connect(settings(server.address(), &[]));
    let destination = unique("orders");
    let mut working = listen(&broker, Channel::Command, &destination, 8).await;
    let asker = Plain::at(server.address()).await;
    let own = asker.own_queue().await;
    let mut answers = asker.consume(own.as_str()).await;
    let question = BasicProperties::default().with_correlation_id("c-77".into()).with_reply_to(own.clone());
    asker.publish(&destination, question, b"{}").await;
    let request = next(&mut working).await;
    assert_eq!(request.message.id, "", "it gave its message no id");
    assert_eq!(request.message.correlation_id.as_deref(), Some("c-77"), "but a name of its own");
    let place = request.message.reply_to.clone().expect("where to answer");
    let reply = Message { correlation_id: Some("c-77".into()), ..message(&place, "r-1") };
    publish(&broker, Channel::Reply, reply).await.expect("an exclusive queue takes answers");
    ack(request).await;
    let answer = plain::next(&mut answers).await;
    assert_eq!(text(answer.properties.correlation_id()), Some("c-77"), "it comes back as it was");
}

#[tokio::test]
async fn a_foreign_asker_may_use_direct_reply_to() {
    let Some(server) = available(Rabbit::shared().await) else { return };
    let broker = connect(settings(server.address(), &[]));
    let destination = unique("orders");
    let mut working = listen(&broker, Channel::Command, &destination, 8).await;
    let asker = Plain::at(server.address()).await;
    let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
    let pseudo = "amq.rabbitmq.reply-to";
    let answers = asker.channel.basic_consume(pseudo.into(), "".into(), options, FieldTable::default()).await;
    let mut answers = answers.expect("a consumer of one's own replies");
    let question = BasicProperties::default().with_correlation_id("c-1".into()).with_reply_to(pseudo.into());
    asker.publish(&destination, question, b"{}").await;
    let request = next(&mut working).await;
    let place = request.message.reply_to.clone().expect("where to answer");
    let reply = Message { correlation_id: Some("c-1".into()), ..message(&place, "r-1") };
    publish(&broker, Channel::Reply, reply).await.expect("the pseudo-queue takes answers");
    ack(request).await;
    let answer = crate::support::within("an answer", futures_util::StreamExt::next(&mut answers)).await;
    let answer = answer.expect("an open consumer").expect("an answer");
    assert_eq!(text(answer.properties.correlation_id()), Some("c-1"), "the asker knows its question");
}

#[tokio::test]
async fn an_answer_to_a_place_that_is_gone_is_refused_for_good() {
    let Some(server) = available(Rabbit::shared().await) else { return };
    let broker = connect(settings(server.address(), &[]));
    let refused = publish(&broker, Channel::Reply, message(&unique("gone"), "r-1")).await;
    let error = refused.expect_err("nobody waits there any more");
    assert_eq!(error.kind, sidegate_broker::ErrorKind::Rejected, "trying again would never end: {error}");
}

#[tokio::test]
async fn renamed_headers_are_spoken_and_understood() {
    let Some(server) = available(Rabbit::shared().await) else { return };
    let names = Names::new([
        ("correlation-id".into(), "spring_correlation".into()),
        ("reply-to".into(), "spring_reply".into()),
    ]);
    let broker = connect(Settings { names, ..settings(server.address(), &[]) });
    let destination = unique("orders");
    let mut working = listen(&broker, Channel::Command, &destination, 8).await;
    let asker = Plain::at(server.address()).await;
    let own = asker.own_queue().await;
    let mut headers = FieldTable::default();
    headers.insert("spring_correlation".into(), AMQPValue::LongString(vec![0xff, 0x00, 0x80].into()));
    headers.insert("spring_reply".into(), AMQPValue::LongString(own.as_str().into()));
    asker.publish(&destination, BasicProperties::default().with_headers(headers), b"{}").await;
    let request = next(&mut working).await;
    let place = request.message.reply_to.clone().expect("read from the header of that name");
    let reply = Message { correlation_id: request.message.correlation_id.clone(), ..message(&place, "r-1") };
    publish(&broker, Channel::Reply, reply).await.expect("taken");
    ack(request).await;
    let answer = plain::next(&mut asker.consume(own.as_str()).await).await;
    let headers = answer.properties.headers().clone().expect("headers");
    let given_back = headers.inner().get("spring_correlation");
    let expected = AMQPValue::LongString(vec![0xff, 0x00, 0x80].into());
    assert_eq!(given_back, Some(&expected), "a binary correlation id is given back byte for byte");
}
