//! A message is on its way at once, and noticed at once: nobody waits for a batch to fill or a poll to end.

use std::time::Duration;

use sidegate_broker::{Channel, Message};
use sidegate_test_brokers::{Kafka, available};
use tokio::time::Instant;

use crate::support::{connect, listen, message, next, outbound, receive, send, unique};

/// With a core to itself the median is about two milliseconds. A thread that is not woken when a record comes would
/// make it a hundred or more on any machine.
const MEDIAN_MAX: Duration = Duration::from_millis(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_is_held_gets_its_answer_in_milliseconds() {
    const ROUND_TRIPS: usize = 200;
    let Some(kafka) = available(Kafka::shared().await) else { return };
    let (asking, answering) = (connect(kafka.url(), &[]), connect(kafka.url(), &[]));
    let (topic, place) = (unique("ask"), format!("sidegate.replies.{}.a1", unique("speed")));
    let mut replies = listen(&asking, Channel::Reply, &place, "speed").await;
    let mut requests = receive(&answering, &topic, &unique("worker")).await;
    tokio::spawn(async move {
        while let Some(request) = requests.next().await {
            let to = request.message.reply_to.clone().expect("where to answer");
            let reply =
                Message { correlation_id: request.message.correlation_id.clone(), ..message(&to, "reply") };
            answering.publish(outbound(Channel::Reply, reply)).await.expect("the answer is taken");
            request.ack().await.expect("settled");
        }
    });
    let mut spans = Vec::new();
    for n in 0..ROUND_TRIPS {
        let began = Instant::now();
        let question =
            Message { reply_to: Some(place.as_str().into()), ..message(&topic, &format!("q-{n}")) };
        send(&asking, question).await;
        next(&mut *replies).await.ack().await.expect("settled");
        spans.push(began.elapsed());
    }
    spans.sort_unstable();
    let (median, p90) = (spans[ROUND_TRIPS / 2], spans[ROUND_TRIPS * 9 / 10]);
    println!("round trip over kafka: p50 {median:?}, p90 {p90:?}");
    assert!(median < MEDIAN_MAX, "the median of {ROUND_TRIPS} round trips is {median:?}");
}
