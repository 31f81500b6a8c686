//! Workers and askers without Sidegate, on a plain NATS client.

use std::sync::Arc;

use async_nats::HeaderMap;
use async_nats::jetstream;
use bytes::Bytes;
use futures_util::StreamExt as _;
use sidegate_broker::{Broker, Channel, ErrorKind, Inbox, Message, Outbound};

use crate::support::{
    World, ack, command, direct, expect_nothing, message, next, publish, receive, reply, subscribe, within,
};

const PLACE: &str = "sidegate.replies.shop.1";

async fn asker(broker: &Arc<dyn Broker>) -> Box<dyn Inbox> {
    subscribe(broker, Channel::Reply, PLACE).await
}

fn question(destination: &str, id: &str) -> Message {
    Message { reply_to: Some(PLACE.into()), ..message(destination, id) }
}

async fn expect_answer(asker: &mut Box<dyn Inbox>, id: &str, body: &str) {
    let answer = next(asker).await;
    assert_eq!(answer.message.correlation_id.as_deref(), Some(id), "it answers this question");
    assert_eq!(answer.message.body, body, "with what the worker said");
    ack(answer).await;
}

/// As `Message::header`, of a reply that says nobody got the question.
async fn expect_undelivered(asker: &mut Box<dyn Inbox>, id: &str) {
    let answer = next(asker).await;
    assert_eq!(answer.message.correlation_id.as_deref(), Some(id), "it is about this question");
    assert_eq!(answer.message.header("sidegate-progress"), Some("undelivered"), "nobody got it");
    ack(answer).await;
}

/// Answers natively, as every NATS client does.
async fn worker_at(world: &World, subject: &'static str) -> tokio::task::JoinHandle<()> {
    let client = world.foreign().await;
    let mut requests = client.subscribe(subject).await.expect("a subscription");
    client.flush().await.expect("a connection");
    // The server has it when it answers something that came later.
    let probe = client.new_inbox();
    let _ = client.request(probe, Bytes::new()).await;
    tokio::spawn(async move {
        while let Some(request) = requests.next().await {
            let place = request.reply.expect("a request says where to answer");
            client.publish(place, "done by hand".into()).await.expect("a connection");
        }
    })
}

#[tokio::test]
async fn a_worker_of_a_stream_answers_at_the_reply_to_with_the_correlation_id() {
    let Some(mut world) = World::new().await else { return };
    let broker = world.connect(&[]).await;
    let mut asking = asker(&broker).await;
    publish(&broker, command(question("orders", "op-1"))).await.expect("a command is taken");

    let client = world.foreign().await;
    let stream = jetstream::new(client.clone()).get_stream("sidegate-orders").await.expect("it was made");
    let config =
        jetstream::consumer::pull::Config { durable_name: Some("worker".into()), ..Default::default() };
    let consumer = stream.create_consumer(config).await.expect("a consumer of its own");
    let mut messages = consumer.messages().await.expect("a stream of messages");
    let request = within("the command", messages.next()).await.expect("open").expect("a message");
    let asked = request.headers.clone().expect("headers");
    let header =
        |name: &str| asked.get(name).unwrap_or_else(|| panic!("{name} is there")).as_str().to_owned();
    assert_eq!(header("Nats-Msg-Id"), "op-1", "one id for a message");
    let mut headers = HeaderMap::new();
    headers.insert("correlation-id", header("correlation-id"));
    client.publish_with_headers(header("reply-to"), headers, "done".into()).await.expect("a connection");
    request.ack().await.expect("an acknowledgement");

    expect_answer(&mut asking, "op-1", "done").await;
}

#[tokio::test]
async fn an_asker_that_names_a_place_in_a_header_is_answered_there_even_outside_of_any_stream() {
    let Some(mut world) = World::new().await else { return };
    let broker = world.connect(&[]).await;
    let mut worker = receive(&broker, "orders").await;
    let client = world.foreign().await;
    let mut answers = client.subscribe("their.answers").await.expect("a subscription");
    let mut headers = HeaderMap::new();
    headers.insert("reply-to", "their.answers");
    headers.insert("correlation-id", "their own name");
    client.publish_with_headers("orders", headers, "please".into()).await.expect("a connection");

    let request = next(&mut worker).await;
    assert_eq!(request.message.id, "", "a foreign asker may give no id");
    assert_eq!(
        request.message.reply_to.as_deref(),
        Some("their.answers"),
        "the header wins over the server's own"
    );
    let answer =
        Message { correlation_id: request.message.correlation_id.clone(), ..message("their.answers", "r-1") };
    publish(&broker, reply(answer.clone(), true)).await.expect("somebody listens there");
    ack(request).await;

    let heard = within("the answer", answers.next()).await.expect("open");
    assert_eq!(heard.payload, "body of r-1");
    let headers = heard.headers.expect("headers");
    let correlation_id = headers.get("correlation-id").expect("it is given back").as_str();
    assert_eq!(correlation_id, "their own name", "as it came");

    drop(answers);
    client.flush().await.expect("a connection");
    let _ = client.request(client.new_inbox(), Bytes::new()).await;
    let error = publish(&broker, reply(answer, true)).await.expect_err("nobody listens there any more");
    assert_eq!(error.kind, ErrorKind::Rejected, "trying again would be of no use: {error}");
}

#[tokio::test]
async fn an_asker_that_requests_natively_is_answered_natively() {
    let Some(mut world) = World::new().await else { return };
    let broker = world.connect(&[]).await;
    let mut worker = receive(&broker, "prices").await;
    let client = world.foreign().await;
    let asking =
        tokio::spawn(async move { client.request("sidegate.direct.prices", "how much".into()).await });
    let request = next(&mut worker).await;
    assert_eq!(request.message.body, "how much");
    assert_eq!(request.message.destination, "prices", "as the consumer knows it");
    let place = request.message.reply_to.clone().expect("the native reply subject");
    publish(&broker, reply(message(&place, "r-1"), true)).await.expect("it waits");
    ack(request).await;
    let answer = within("the answer", asking).await.expect("no panic").expect("an answer");
    assert_eq!(answer.payload, "body of r-1");
}

#[tokio::test]
async fn a_worker_that_answers_natively_is_found_at_the_direct_subject_and_at_the_plain_one() {
    let Some(mut world) = World::new().await else { return };
    let broker = world.connect(&[]).await;
    let mut asking = asker(&broker).await;
    let at_direct = worker_at(&world, "sidegate.direct.prices").await;
    let at_plain = worker_at(&world, "rates").await;
    for (destination, ids) in [("prices", ["p-1", "p-2"]), ("rates", ["r-1", "r-2"])] {
        for id in ids {
            publish(&broker, direct(question(destination, id))).await.expect("it is on its way");
            expect_answer(&mut asking, id, "done by hand").await;
        }
    }
    at_direct.abort();
    at_plain.abort();
}

#[tokio::test]
async fn an_asker_learns_at_once_that_nobody_listens_and_finds_a_worker_that_comes_later() {
    let Some(mut world) = World::new().await else { return };
    let broker = world.connect(&[]).await;
    let mut asking = asker(&broker).await;
    let ask = async |id: &str| publish(&broker, direct(question("prices", id))).await.expect("on its way");
    ask("early").await;
    expect_undelivered(&mut asking, "early").await;

    let mut worker = receive(&broker, "prices").await;
    ask("served").await;
    let request = next(&mut worker).await;
    assert_eq!(request.message.id, "served", "who listens now gets it");
    let place = request.message.reply_to.clone().expect("the native reply subject");
    publish(&broker, reply(message(&place, "r-1"), false)).await.expect("it waits");
    expect_answer(&mut asking, "served", "body of r-1").await;
    ack(request).await;

    drop(worker);
    ask("gone").await;
    expect_undelivered(&mut asking, "gone").await;
    let mut worker = receive(&broker, "prices").await;
    expect_nothing(&mut worker, "what nobody got was not stored: its asker was told so").await;
}

#[tokio::test]
async fn a_worker_that_goes_away_is_replaced_by_one_at_the_other_place() {
    let Some(mut world) = World::new().await else { return };
    let broker = world.connect(&[]).await;
    let mut asking = asker(&broker).await;
    let at_direct = worker_at(&world, "sidegate.direct.rates").await;
    let ask = async |id: &str| publish(&broker, direct(question("rates", id))).await.expect("on its way");
    ask("first").await;
    expect_answer(&mut asking, "first", "done by hand").await;
    at_direct.abort();
    let _ = at_direct.await;
    let at_plain = worker_at(&world, "rates").await;
    // The one that finds the place empty is told so; the next ones look at both.
    ask("second").await;
    let told = next(&mut asking).await;
    assert_eq!(told.message.correlation_id.as_deref(), Some("second"));
    ack(told).await;
    ask("third").await;
    expect_answer(&mut asking, "third", "done by hand").await;
    at_plain.abort();
}

#[tokio::test]
async fn renamed_headers_are_what_other_programs_see() {
    let Some(mut world) = World::new().await else { return };
    let mut settings = world.settings(&[]);
    let renamed = [("correlation-id".into(), "kafka_correlationId".into())];
    settings.names = sidegate_broker::Names::new(renamed);
    let broker = sidegate_nats::connect(settings).await.expect("settings that are right");
    let client = world.foreign().await;
    let mut heard = client.subscribe("orders").await.expect("a subscription");
    client.flush().await.expect("a connection");
    let outbound = Outbound { channel: Channel::Event, ..command(question("orders", "op-1")) };
    publish(&broker, outbound).await.expect("an event is taken");
    let heard = within("the event", heard.next()).await.expect("open");
    let headers = heard.headers.expect("headers");
    let name = headers.get("kafka_correlationId").expect("under its other name");
    assert_eq!(name.as_str(), "op-1");
}
