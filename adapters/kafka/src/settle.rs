//! A raw delivery. Settling only notes what happened: the position is committed by the consumer's thread a moment later.

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use compact_str::CompactString;
use sidegate_broker::{BoxFuture, BrokerError, Delivery, Message, Settle};

use crate::error::lost;
use crate::holdings::{Held, Holdings, Lost, Ticket};

struct RawSettle {
    holdings: Arc<Holdings>,
    topic: CompactString,
    ticket: Ticket,
    message: Arc<Message>,
    attempt: u32,
}

pub(crate) fn delivery(holdings: &Arc<Holdings>, topic: &CompactString, held: Held) -> Delivery {
    let Held { ticket, message, attempt } = held;
    let settle = RawSettle {
        holdings: Arc::clone(holdings),
        topic: topic.clone(),
        ticket,
        message: Arc::clone(&message),
        attempt,
    };
    Delivery::new(message, attempt, Box::new(settle))
}

impl RawSettle {
    fn finish(&self) -> BoxFuture<'static, Result<(), BrokerError>> {
        let result =
            self.holdings.finish(self.ticket).map_err(|Lost| lost(&self.topic, self.ticket.partition));
        Box::pin(ready(result))
    }

    fn give_back(&self) -> Result<(), Lost> {
        let attempt = self.attempt.saturating_add(1);
        self.holdings.give_back(Held { ticket: self.ticket, message: Arc::clone(&self.message), attempt })
    }
}

impl Settle for RawSettle {
    fn ack(&mut self) -> BoxFuture<'_, Result<(), BrokerError>> {
        self.finish()
    }

    /// Pauses are the order's work; here it is given back at once.
    fn retry(&mut self, _: Duration) -> BoxFuture<'_, Result<(), BrokerError>> {
        let result = self.give_back().map_err(|Lost| lost(&self.topic, self.ticket.partition));
        Box::pin(ready(result))
    }

    /// The log keeps what it has: rejected is finished.
    fn reject(&mut self) -> BoxFuture<'_, Result<(), BrokerError>> {
        self.finish()
    }

    /// A partition has no time limit on its messages, only an owner.
    fn extend(&mut self) -> BoxFuture<'_, Result<(), BrokerError>> {
        let can_finish = self.holdings.can_finish(self.ticket);
        let result = if can_finish { Ok(()) } else { Err(lost(&self.topic, self.ticket.partition)) };
        Box::pin(ready(result))
    }

    fn is_lost(&self) -> bool {
        self.holdings.is_lost(self.ticket)
    }

    fn abandon(&mut self) {
        // Lost: it comes again by itself.
        let _ = self.give_back();
    }
}
