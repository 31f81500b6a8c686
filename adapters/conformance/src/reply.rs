//! The answer finds the one who asked.

use std::sync::Arc;

use compact_str::CompactString;
use sidegate_broker::{Broker, Channel, Delivery, Message, Outbound};

use crate::trial::{Listener, MANY, Trial, ack, message, outbound, place_for_replies, unique};

/// The answer of a worker without Sidegate: on reply-to, with the request's correlation id or else its message id,
/// and that is all.
fn answer_to(request: &Message) -> Outbound {
    let place = request.reply_to.clone().expect("a request says where to answer");
    let correlation_id = request.correlation_id.as_ref().unwrap_or(&request.id);
    let reply_id = format!("reply-to-{correlation_id}");
    let reply = Message { correlation_id: Some(correlation_id.clone()), ..message(&place, &reply_id) };
    outbound(Channel::Reply, reply)
}

async fn answer(trial: &Trial, request: Delivery) {
    trial.publish(answer_to(&request.message)).await;
    ack(request).await;
}

/// By somebody who did not ask.
async fn answer_from(trial: &Trial, broker: &Arc<dyn Broker>, request: Delivery) {
    let sent = trial.try_publish(broker, answer_to(&request.message)).await;
    assert!(sent.is_ok(), "the broker must take an answer: {sent:?}");
    ack(request).await;
}

fn question(destination: &str, id: &str, place: &CompactString) -> Outbound {
    let request = Message { reply_to: Some(place.clone()), ..message(destination, id) };
    outbound(Channel::Command, request)
}

async fn asker(trial: &Trial, place: &str) -> Listener {
    trial.listen(&trial.broker, Channel::Reply, place, "asker", MANY).await
}

async fn expect_reply(asker: &mut Listener, id: &str) {
    let reply = asker.next().await;
    let correlation_id = reply.message.correlation_id.as_deref();
    assert_eq!(correlation_id, Some(id), "a reply says to what it is the answer, in the asker's words");
    assert_eq!(reply.message.body, format!("body of reply-to-{id}"), "the reply's body arrives");
    ack(reply).await;
}

pub(crate) async fn a_reply_reaches_the_place_that_its_asker_named(trial: &mut Trial) {
    let (destination, place) = (unique("ask"), place_for_replies("answers"));
    let elsewhere = trial.second_connection().await;
    let mut asking = asker(trial, &place).await;
    let mut worker = trial.listen(&elsewhere, Channel::Command, &destination, "service", 1).await;
    trial.publish(question(&destination, "question", &place)).await;
    answer_from(trial, &elsewhere, worker.next().await).await;
    expect_reply(&mut asking, "question").await;
}

pub(crate) async fn replies_to_two_askers_do_not_mix(trial: &mut Trial) {
    let destination = unique("ask");
    let (here, there) = (place_for_replies("here"), place_for_replies("there"));
    let (mut asking_here, mut asking_there) = (asker(trial, &here).await, asker(trial, &there).await);
    let mut worker = trial.receive(&destination, MANY).await;
    trial.publish(question(&destination, "from-here", &here)).await;
    trial.publish(question(&destination, "from-there", &there)).await;
    for _ in 0..2 {
        answer(trial, worker.next().await).await;
    }
    expect_reply(&mut asking_here, "from-here").await;
    expect_reply(&mut asking_there, "from-there").await;
    asking_here.expect_nothing("an asker gets its own replies only").await;
    asking_there.expect_nothing("an asker gets its own replies only").await;
}

pub(crate) async fn a_foreign_correlation_id_arrives_as_it_was_sent(trial: &mut Trial) {
    let (destination, place) = (unique("ask"), place_for_replies("foreign"));
    let mut asking = asker(trial, &place).await;
    let mut worker = trial.receive(&destination, 1).await;
    for (id, theirs) in [("with-an-id", "theirs-1"), ("", "theirs-2")] {
        let mut request = question(&destination, id, &place);
        Arc::make_mut(&mut request.message).correlation_id = Some(theirs.into());
        trial.publish(request).await;
        let request = worker.next().await;
        assert_eq!(request.message.id, id, "a message without an id is given none");
        let correlation_id = request.message.correlation_id.as_deref();
        assert_eq!(correlation_id, Some(theirs), "what an asker calls its request is the asker's to say");
        answer(trial, request).await;
        expect_reply(&mut asking, theirs).await;
    }
}

pub(crate) async fn a_reply_that_need_not_be_durable_reaches_its_asker(trial: &mut Trial) {
    let (destination, place) = (unique("ask"), place_for_replies("answers"));
    let mut asking = asker(trial, &place).await;
    let mut worker = trial.receive(&destination, MANY).await;
    for id in ["quick-1", "quick-2"] {
        trial.publish(Outbound { durable: false, ..question(&destination, id, &place) }).await;
        let request = worker.next().await;
        trial.publish(Outbound { durable: false, ..answer_to(&request.message) }).await;
        ack(request).await;
        expect_reply(&mut asking, id).await;
    }
}
