//! Receiving: a consumer on a channel of its own, made again on the next connection when that one is lost.

use std::sync::Arc;
use std::time::Duration;

use compact_str::CompactString;
use futures_util::StreamExt as _;
use lapin::options::{
    BasicCancelOptions, BasicConsumeOptions, BasicNackOptions, BasicQosOptions, QueueDeclareOptions,
};
use lapin::types::{FieldTable, ShortString};
use lapin::{Channel as AmqpChannel, Consumer};
use sidegate_broker::{BoxFuture, BrokerError, Delivery, Inbox, Subscription};
use sidegate_order::Window;
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep, timeout};

use crate::backoff::Backoff;
use crate::error;
use crate::link::{Link, Session};
use crate::settle::Hold;
use crate::station::Station;
use crate::topology::{self, Trouble};
use crate::wire;

/// What a subscription is, kept to be made again.
#[derive(Clone)]
struct Order {
    link: Arc<Link>,
    subscription: Subscription,
    prefetch: u16,
}

/// One consumer while its channel lasts.
struct Intake {
    consumer: Consumer,
    station: Arc<Station>,
}

/// The raw inbox: as the broker delivers, in no order of keys.
struct Queue {
    order: Order,
    intake: Option<Intake>,
    /// Kept across calls of `next`, so that giving one up loses no progress and no consumer.
    reopening: Option<BoxFuture<'static, Option<Intake>>>,
    runtime: Handle,
}

pub(crate) async fn subscribe(
    link: &Arc<Link>,
    subscription: Subscription,
) -> Result<Box<dyn Inbox>, BrokerError> {
    if link.is_closed() {
        return Err(error::closed());
    }
    let window = Window::of(subscription.prefetch);
    let prefetch = u16::try_from(window.held_max).unwrap_or(u16::MAX);
    let order = Order { link: Arc::clone(link), subscription, prefetch };
    let session = link.session().await?;
    let intake = order.open(&session).await?;
    let queue = Queue { order, intake: Some(intake), reopening: None, runtime: Handle::current() };
    Ok(sidegate_order::ordered(Box::new(queue), window))
}

/// A consumer of this queue that died a moment ago: the broker gives back what it had in hand when it notices. A later
/// message of the same key must not overtake that. Where other replicas consume, their number says nothing, and the
/// wait is a short one.
async fn predecessor_is_gone(channel: &AmqpChannel, queue: &ShortString) -> Result<(), BrokerError> {
    const NOTICED_AFTER: Duration = Duration::from_secs(1);
    const LOOK_EVERY: Duration = Duration::from_millis(25);
    let until = Instant::now() + NOTICED_AFTER;
    loop {
        let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let declared = channel.queue_declare(queue.clone(), options, FieldTable::default()).await;
        let declared = declared.map_err(|cause| error::call(&format!("look at queue {queue}"), &cause))?;
        if declared.consumer_count() == 0 || Instant::now() >= until {
            return Ok(());
        }
        sleep(LOOK_EVERY).await;
    }
}

impl Order {
    async fn open(&self, session: &Session) -> Result<Intake, BrokerError> {
        let limit = session.config.publish_timeout;
        let channel = session.channel().await?;
        let opened = timeout(limit, self.consume(&channel, session)).await;
        let what = || format!("subscribe to {}", self.subscription.destination);
        match opened.unwrap_or_else(|_| Err(error::no_answer(&what(), limit).into())) {
            Ok(consumer) => {
                let station = Station::new(channel, self.prefetch, session.config.hold_max);
                Ok(Intake { consumer, station })
            }
            Err(trouble) => {
                Session::hang_up(channel);
                Err(trouble.explain(session).await)
            }
        }
    }

    async fn consume(&self, channel: &AmqpChannel, session: &Session) -> Result<Consumer, Trouble> {
        let queue =
            topology::prepare_subscription(channel, &session.config.queues, &self.subscription).await?;
        let bounded = channel.basic_qos(self.prefetch, BasicQosOptions::default()).await;
        bounded.map_err(|cause| error::call("bound the deliveries", &cause))?;
        predecessor_is_gone(channel, &queue).await?;
        let (options, arguments) = (BasicConsumeOptions::default(), FieldTable::default());
        let consumer = channel.basic_consume(queue, "".into(), options, arguments).await;
        let what = || format!("consume from {}", self.subscription.destination);
        consumer.map_err(|cause| error::call(&what(), &cause).into())
    }

    /// However long it takes; `None` when the connection was closed for good.
    async fn reopen(self) -> Option<Intake> {
        let mut backoff = Backoff::default();
        let mut is_told = false;
        loop {
            let session = self.link.session_at_last().await?;
            match self.open(&session).await {
                Ok(intake) => return Some(intake),
                Err(error) if session.is_alive() && !is_told => {
                    let destination = &self.subscription.destination;
                    tracing::warn!(%destination, reason = %error, "a subscription cannot be made again, and is tried again");
                    is_told = true;
                }
                Err(_) => {}
            }
            sleep(backoff.next()).await;
        }
    }
}

impl Queue {
    async fn receive(&mut self) -> Option<Delivery> {
        let link = Arc::clone(&self.order.link);
        loop {
            if link.is_closed() {
                return None;
            }
            let Some(intake) = &mut self.intake else {
                self.reopen().await?;
                continue;
            };
            let next = tokio::select! {
                biased;
                next = intake.consumer.next() => next,
                () = link.closed() => return None,
            };
            match next {
                // What an ended channel brought comes again by itself.
                Some(Ok(delivery)) if !delivery.acker.usable() => {}
                Some(Ok(delivery)) => return Some(self.order.deliver(&intake.station, delivery)),
                // The channel ended, or the broker cancelled the consumer: its queue was deleted.
                Some(Err(_)) | None => self.intake = None,
            }
        }
    }

    async fn reopen(&mut self) -> Option<()> {
        let order = &self.order;
        let reopening = self.reopening.get_or_insert_with(|| Box::pin(order.clone().reopen()));
        let opened = tokio::select! {
            opened = reopening => opened,
            () = order.link.closed() => None,
        };
        self.reopening = None;
        self.intake = opened;
        self.intake.is_some().then_some(())
    }
}

impl Order {
    fn deliver(&self, station: &Arc<Station>, mut delivery: lapin::message::Delivery) -> Delivery {
        let destination: &CompactString = &self.subscription.destination;
        let (message, attempt) = wire::incoming(&mut delivery, destination, &self.link.config.names);
        let hold = Hold::new(station, delivery.acker, delivery.delivery_tag, message.id.clone());
        Delivery::new(message, attempt, Box::new(hold))
    }
}

impl Inbox for Queue {
    fn next(&mut self) -> BoxFuture<'_, Option<Delivery>> {
        Box::pin(self.receive())
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        if let Some(intake) = self.intake.take() {
            self.runtime.spawn(intake.retire());
        }
    }
}

impl Intake {
    /// No more deliveries; what the library has in its buffer goes back. The channel stays for those in hand.
    async fn retire(mut self) {
        let tag = self.consumer.tag();
        let cancelled = self.station.channel().basic_cancel(tag, BasicCancelOptions::default()).await;
        if cancelled.is_err() {
            return;
        }
        while let Some(Ok(delivery)) = self.consumer.next().await {
            // It was never handed out: not an attempt.
            let _ =
                delivery.acker.nack(BasicNackOptions { requeue: true, ..BasicNackOptions::default() }).await;
        }
    }
}
