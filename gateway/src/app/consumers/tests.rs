//! A consumer on a broker whose word makes it panic.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::Value;
use sidegate_broker::{
    BoxFuture, Broker, BrokerError, Capabilities, Channel, Delivery, Health, Inbox, Message, Outbound,
    Receipt, Settle, Subscription,
};
use sidegate_config::settings::Listen;
use tokio::sync::{Notify, watch};

use crate::app::{App, Link, Parts};
use crate::deliver::{self, Consumer};
use crate::describe::sample;

/// Holds one queue. Settling the message `bad` for the first time panics, as a bug of an adapter would.
#[derive(Debug, Clone, Default)]
struct Faulty(Arc<Queue>);

#[derive(Debug, Default)]
struct Queue {
    waiting: Mutex<VecDeque<(Arc<Message>, u32)>>,
    settled: Mutex<Vec<(String, u32)>>,
    news: Notify,
}

struct Claim {
    queue: Arc<Queue>,
    message: Arc<Message>,
    attempt: u32,
}

impl Faulty {
    fn put(&self, message: Message, attempt: u32) {
        self.0.waiting.lock().push_back((Arc::new(message), attempt));
        self.0.news.notify_one();
    }

    fn delivery(&self) -> Option<Delivery> {
        let (message, attempt) = self.0.waiting.lock().pop_front()?;
        let claim = Claim { queue: Arc::clone(&self.0), message: Arc::clone(&message), attempt };
        Some(Delivery::new(message, attempt, Box::new(claim)))
    }
}

impl Inbox for Faulty {
    fn next(&mut self) -> BoxFuture<'_, Option<Delivery>> {
        Box::pin(async {
            loop {
                match self.delivery() {
                    Some(delivery) => return Some(delivery),
                    None => self.0.news.notified().await,
                }
            }
        })
    }
}

impl Settle for Claim {
    fn ack(&mut self) -> BoxFuture<'_, Result<(), BrokerError>> {
        assert!(self.message.id != "bad" || self.attempt > 1, "a bug of the adapter");
        self.queue.settled.lock().push((self.message.id.to_string(), self.attempt));
        Box::pin(std::future::ready(Ok(())))
    }
    fn retry(&mut self, _after: Duration) -> BoxFuture<'_, Result<(), BrokerError>> {
        Box::pin(std::future::ready(Ok(())))
    }
    fn reject(&mut self) -> BoxFuture<'_, Result<(), BrokerError>> {
        self.ack()
    }
    fn extend(&mut self) -> BoxFuture<'_, Result<(), BrokerError>> {
        Box::pin(std::future::ready(Ok(())))
    }
    fn abandon(&mut self) {
        Faulty(Arc::clone(&self.queue)).put(Message::clone(&self.message), self.attempt + 1);
    }
}

impl Broker for Faulty {
    fn capabilities(&self) -> Capabilities {
        sidegate_embedded::capabilities(&sidegate_embedded::Limits::default(), false)
    }
    fn publish(&self, _outbound: Outbound) -> BoxFuture<'_, Result<Receipt, BrokerError>> {
        Box::pin(std::future::ready(Ok(Receipt::default())))
    }
    fn subscribe(&self, _subscription: Subscription) -> BoxFuture<'_, Result<Box<dyn Inbox>, BrokerError>> {
        Box::pin(std::future::ready(Ok(Box::new(self.clone()) as Box<dyn Inbox>)))
    }
    fn prepare<'a>(
        &'a self,
        _channel: Channel,
        _destination: &'a str,
    ) -> BoxFuture<'a, Result<(), BrokerError>> {
        Box::pin(std::future::ready(Ok(())))
    }
    fn probe(&self) -> BoxFuture<'_, Health> {
        Box::pin(std::future::ready(Health { problem: None, warnings: Vec::new(), waiting: Vec::new() }))
    }
    fn close(&self, _grace: Duration) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// The log, for a look.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Past its deadline: nobody is called for it, and it is settled at once.
fn late(id: &str) -> Message {
    let mut message = Message::new(id, "orders.create", bytes::Bytes::new());
    message.headers.push(("sidegate-deadline".into(), "1".into()));
    message
}

async fn gateway() -> App {
    let mut settings = sample::settings();
    let anywhere = || Listen::Tcp("127.0.0.1:0".parse().expect("an address"));
    (settings.gateway.listen, settings.gateway.admin) = (anywhere(), anywhere());
    App::start(settings, Value::Null, Parts::default()).await.expect("the gateway starts")
}

#[tokio::test]
async fn a_message_whose_handling_panics_comes_again_and_holds_up_nobody() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().json().with_writer(move || writer.clone()).finish();
    let _logging = tracing::subscriber::set_default(subscriber);

    let app = gateway().await;
    let queue = Faulty::default();
    queue.put(late("bad"), 1);
    queue.put(late("good"), 1);
    let metrics = app.shared.metrics.broker("faulty");
    let link = Link::new("faulty".into(), Arc::new(queue.clone()), "replies".into(), metrics);
    let mut settings = app.settings.consumers[0].as_ref().clone();
    settings.concurrency = 1;
    let metrics = app.shared.metrics.consumer("faulty");
    let consumer = Arc::new(Consumer::new(Arc::new(settings), Arc::new(link), metrics));
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(deliver::run(Arc::clone(&app.shared), consumer, stopped));

    let both = async {
        while queue.0.settled.lock().len() < 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), both)
        .await
        .expect("the one place was freed, both are settled");
    let mut settled = queue.0.settled.lock().clone();
    settled.sort();
    assert_eq!(settled, [("bad".to_owned(), 2), ("good".to_owned(), 1)], "nothing is lost by a bug");

    let _ = stop.send(true);
    running.await.expect("the consumer itself goes on and ends when it is told to");
    let log = String::from_utf8(log.0.lock().clone()).expect("text");
    let error = log.lines().find(|line| line.contains("\"ERROR\"")).expect("an operator must hear of it");
    assert!(
        error.contains("bad") && error.contains("a bug of the adapter"),
        "which message, and why: {error}"
    );
}
