//! The answer finds the one who asked.

use compact_str::CompactString;
use sidegate_broker::{Channel, Delivery, Message};

use crate::trial::{Listener, MANY, Trial, ack, message, outbound, unique};

/// A worker without Sidegate: answers on reply-to with the request's message id, and that is all.
async fn answer(trial: &Trial, request: Delivery) {
    let place = request.message.reply_to.clone().expect("a request says where to answer");
    let reply_id = format!("reply-to-{}", request.message.id);
    let reply = Message { correlation_id: Some(request.message.id.clone()), ..message(&place, &reply_id) };
    trial.publish(outbound(Channel::Reply, reply)).await;
    ack(request).await;
}

async fn ask(trial: &Trial, destination: &str, id: &str, place: &CompactString) {
    let request = Message { reply_to: Some(place.clone()), ..message(destination, id) };
    trial.publish(outbound(Channel::Command, request)).await;
}

async fn asker(trial: &Trial, place: &str) -> Listener {
    trial.listen(&trial.broker, Channel::Reply, place, "asker", MANY).await
}

async fn expect_reply(asker: &mut Listener, id: &str) {
    let reply = asker.next().await;
    let correlation_id = reply.message.correlation_id.as_deref();
    assert_eq!(correlation_id, Some(id), "a reply gives the request's message id back as it came");
    assert_eq!(reply.message.body, format!("body of reply-to-{id}"), "the reply's body arrives");
    ack(reply).await;
}

pub(crate) async fn a_reply_reaches_the_place_that_its_asker_named(trial: &mut Trial) {
    let (destination, place) = (unique("ask"), unique("answers"));
    let mut asking = asker(trial, &place).await;
    let mut worker = trial.receive(&destination, 1).await;
    ask(trial, &destination, "question", &place).await;
    answer(trial, worker.next().await).await;
    expect_reply(&mut asking, "question").await;
}

pub(crate) async fn replies_to_two_askers_do_not_mix(trial: &mut Trial) {
    let (destination, here, there) = (unique("ask"), unique("here"), unique("there"));
    let (mut asking_here, mut asking_there) = (asker(trial, &here).await, asker(trial, &there).await);
    let mut worker = trial.receive(&destination, MANY).await;
    ask(trial, &destination, "from-here", &here).await;
    ask(trial, &destination, "from-there", &there).await;
    for _ in 0..2 {
        answer(trial, worker.next().await).await;
    }
    expect_reply(&mut asking_here, "from-here").await;
    expect_reply(&mut asking_there, "from-there").await;
    asking_here.expect_nothing("an asker gets its own replies only").await;
    asking_there.expect_nothing("an asker gets its own replies only").await;
}
