//! What comes without a stream: commands for whoever listens, and the answers to our own.

use std::sync::Arc;
use std::task::{Context, Poll};

use async_nats::{StatusCode, Subscriber};
use compact_str::CompactString;
use futures_util::StreamExt as _;
use sidegate_broker::Delivery;
use tokio::sync::mpsc;

use crate::asks::{Asker, Asks};
use crate::names;
use crate::settle::{Again, DirectMessage, DirectReply};
use crate::wire::Wire;

/// One side of it.
pub(crate) enum Direct {
    Commands { came: Subscriber, destination: CompactString },
    Replies(Replies),
}

/// The answers to commands that need not be durable.
pub(crate) struct Replies {
    came: Subscriber,
    /// The length of the subject that all of them share.
    prefix_bytes: usize,
    asks: Arc<Asks>,
    asker: Asker,
    again: mpsc::Receiver<Again>,
}

/// Answers that come again from this process, or are made by it.
const AGAIN_MAX: usize = 4_096;

impl Replies {
    pub(crate) fn new(came: Subscriber, place: &CompactString, asks: Arc<Asks>) -> Self {
        let (sender, again) = mpsc::channel(AGAIN_MAX);
        let prefix_bytes = names::inbox(place).len();
        let asker = Asker { place: place.clone(), again: sender };
        Self { came, prefix_bytes, asks, asker, again }
    }

    fn poll_next(&mut self, cx: &mut Context<'_>, wire: &Wire) -> Poll<Delivery> {
        while let Poll::Ready(Some(came)) = self.came.poll_next_unpin(cx) {
            if let Some(delivery) = self.read(came, wire) {
                return Poll::Ready(delivery);
            }
        }
        if let Poll::Ready(Some(Again { message, attempt })) = self.again.poll_recv(cx) {
            let settle = DirectReply::new(Arc::clone(&message), attempt, self.asker.again.clone());
            return Poll::Ready(Delivery::new(message, attempt, Box::new(settle)));
        }
        Poll::Pending
    }

    /// `None`: it is no answer, but the server's word that nobody listens.
    fn read(&self, came: async_nats::Message, wire: &Wire) -> Option<Delivery> {
        let id = CompactString::from(&*names::id_of(came.subject.get(self.prefix_bytes..)?));
        if came.status == Some(StatusCode::NO_RESPONDERS) {
            self.asks.unheard(&id, &self.asker);
            return None;
        }
        self.asks.answered(&id);
        let mut message = wire.read(&self.asker.place, came);
        message.correlation_id = Some(id);
        let message = Arc::new(message);
        let settle = DirectReply::new(Arc::clone(&message), 1, self.asker.again.clone());
        Some(Delivery::new(message, 1, Box::new(settle)))
    }
}

impl Direct {
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>, wire: &Wire) -> Poll<Delivery> {
        match self {
            Self::Replies(replies) => replies.poll_next(cx, wire),
            Self::Commands { came, destination } => match came.poll_next_unpin(cx) {
                Poll::Ready(Some(came)) => Poll::Ready(command(came, destination, wire)),
                _ => Poll::Pending,
            },
        }
    }
}

/// Whoever asks natively is answered at the native reply subject, unless a header says otherwise.
fn command(came: async_nats::Message, destination: &CompactString, wire: &Wire) -> Delivery {
    let reply = came.reply.as_ref().map(|reply| CompactString::from(reply.as_str()));
    let mut message = wire.read(destination, came);
    message.reply_to = message.reply_to.or(reply);
    Delivery::new(Arc::new(message), 1, Box::new(DirectMessage))
}
