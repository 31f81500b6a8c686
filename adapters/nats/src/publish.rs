//! Handing messages over: into a stream and confirmed, or straight to whoever listens.
//!
//! ```text
//! command, durable      ─▶ the stream of its destination, confirmed
//! command, not durable  ─▶ a core message with a native reply subject: nothing is awaited, nobody is timed
//! event                 ─▶ the stream of its destination, confirmed if durable
//! reply                 ─▶ where the request said: the native place of a direct command: nothing is awaited;
//!                          under `sidegate.replies.` there is a stream, confirmed if durable;
//!                          anywhere else a core message, and the server says whether anybody is there
//! ```

use std::sync::Arc;

use async_nats::message::OutboundMessage;
use compact_str::format_compact;
use sidegate_broker::{BrokerError, Channel, ErrorKind, Message, Outbound, Receipt};

use crate::api::{self, ApiError, Stored};
use crate::asks::Asks;
use crate::link::Link;
use crate::topology::Topology;
use crate::wire::{Needs, Wire};
use crate::{error, names};

pub(crate) struct Publisher {
    pub(crate) link: Arc<Link>,
    pub(crate) topology: Arc<Topology>,
    pub(crate) asks: Arc<Asks>,
    pub(crate) wire: Arc<Wire>,
}

impl Publisher {
    /// A command that need not be durable, for whoever listens now.
    pub(crate) async fn ask(&self, message: &Message) -> Result<Receipt, BrokerError> {
        self.link.ready().await?;
        let route = self.asks.route(&message.destination)?;
        let headers = self.wire.write(message, Needs::of_native_request(message))?;
        let mut outbound = OutboundMessage {
            subject: names::nowhere(),
            reply: None,
            payload: message.body.clone(),
            headers,
        };
        if let Some(place) = &message.reply_to {
            let id = message.correlation_id.as_ref().unwrap_or(&message.id);
            outbound.reply = Some(names::inbox_of(place, id).into());
            self.asks.aim(&mut outbound, id, &route);
        } else {
            outbound.subject = route.best();
        }
        self.link.send(outbound).await?;
        Ok(Receipt::default())
    }

    /// The answer to such a command: whoever waits for it is there, or asks again.
    pub(crate) async fn answer(&self, message: &Message) -> Result<Receipt, BrokerError> {
        self.link.ready().await?;
        names::checked(&message.destination)?;
        let outbound = self.outbound(message, Needs::of_native_reply())?;
        self.link.send(outbound).await?;
        Ok(Receipt::default())
    }

    /// Everything else.
    pub(crate) async fn publish(&self, outbound: Outbound) -> Result<Receipt, BrokerError> {
        let Outbound { channel, message, durable, .. } = outbound;
        self.link.ready().await?;
        let _on_its_way = self.link.on_its_way();
        let is_core = channel == Channel::Reply && !message.destination.starts_with(names::REPLIES);
        if is_core {
            self.reply(&message, durable).await
        } else {
            self.store(channel, &message, durable).await
        }
    }

    /// An answer to somebody without Sidegate, at a place of its own.
    async fn reply(&self, message: &Message, durable: bool) -> Result<Receipt, BrokerError> {
        names::checked(&message.destination)?;
        let outbound = self.outbound(message, of_reply(message))?;
        if !durable {
            self.link.send(outbound).await?;
            return Ok(Receipt::default());
        }
        match self.link.tell(outbound).await? {
            // A stream of the asker's own may have taken it, or refused it.
            Some(answer) if !answer.payload.is_empty() => {
                receipt(&message.destination, &answer.payload).or_else(tolerate)
            }
            Some(_) => Ok(Receipt::default()),
            None => Err(error::nobody_there(&message.destination)),
        }
    }

    async fn store(
        &self,
        channel: Channel,
        message: &Message,
        durable: bool,
    ) -> Result<Receipt, BrokerError> {
        let destination = &message.destination;
        let needs = if channel == Channel::Reply { of_reply(message) } else { Needs::all(message) };
        // Twice: the stream that is known may have been deleted.
        for _ in 0..2 {
            self.topology.stream(channel, destination).await?;
            let outbound = self.outbound(message, needs)?;
            if !durable {
                self.link.send(outbound).await?;
                return Ok(Receipt::default());
            }
            if let Some(answer) = self.link.ask(outbound).await? {
                return receipt(destination, &answer.payload);
            }
            self.topology.forget(destination);
        }
        Err(error::no_jetstream(self.link.place()))
    }

    fn outbound(&self, message: &Message, needs: Needs<'_>) -> Result<OutboundMessage, BrokerError> {
        Ok(OutboundMessage {
            subject: message.destination.as_str().into(),
            reply: None,
            payload: message.body.clone(),
            headers: self.wire.write(message, needs)?,
        })
    }
}

fn of_reply(message: &Message) -> Needs<'_> {
    Needs { reply_to: None, ..Needs::all(message) }
}

/// What JetStream says to a message.
fn receipt(subject: &str, answer: &[u8]) -> Result<Receipt, BrokerError> {
    match api::read::<Stored>("a message", answer) {
        Ok(stored) => Ok(Receipt { position: Some(format_compact!("{}", stored.seq)) }),
        Err(ApiError::Refused(refusal)) => Err(error::not_stored(subject, &refusal)),
        Err(ApiError::Failed(error)) => Err(error),
    }
}

/// Whoever got the answer said something that is not JetStream's.
fn tolerate(error: BrokerError) -> Result<Receipt, BrokerError> {
    if error.kind == ErrorKind::Unexpected { Ok(Receipt::default()) } else { Err(error) }
}
