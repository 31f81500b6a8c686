//! Settling: the server confirms what must not come again, and is only told of the rest.

use std::sync::Arc;
use std::time::Duration;

use async_nats::Subject;
use bytes::Bytes;
use sidegate_broker::{BoxFuture, BrokerError, ErrorKind, Message, Settle};
use tokio::sync::mpsc;

use crate::error;
use crate::hand::{GIVE_BACK, Mailbox};
use crate::link::{ANSWER_TIMEOUT, outbound};

const DONE: &[u8] = b"+ACK";
const NEVER_AGAIN: &[u8] = b"+TERM";
const IN_PROGRESS: &[u8] = b"+WPI";

/// A message of a stream, in hand.
pub(crate) struct StoredMessage {
    mailbox: Arc<Mailbox>,
    seq: u64,
}

impl StoredMessage {
    pub(crate) fn new(mailbox: Arc<Mailbox>, seq: u64) -> Self {
        Self { mailbox, seq }
    }

    fn subject(&self) -> Result<Subject, BrokerError> {
        self.mailbox.subject(self.seq).ok_or_else(error::closed)
    }

    /// `Ok`: the server says that it knows.
    async fn finish(&self, word: &'static [u8]) -> Result<(), BrokerError> {
        self.mailbox.link.ready().await?;
        let subject = self.mailbox.subject_to_finish(self.seq).ok_or_else(error::closed)?;
        let link = &self.mailbox.link;
        let answer = match link.ask(outbound(subject, Bytes::from_static(word))).await {
            Err(error)
                if error.kind == ErrorKind::Timeout && link.round_trip(ANSWER_TIMEOUT).await.is_ok() =>
            {
                // The server is well and says nothing: killed, it came back without the memory of this delivery.
                self.mailbox.let_go(self.seq);
                return Err(error::forgotten());
            }
            answer => answer?,
        };
        self.mailbox.let_go(self.seq);
        answer.map(drop).ok_or_else(error::consumer_gone)
    }

    async fn tell(&self, word: Bytes) -> Result<(), BrokerError> {
        let subject = self.subject()?;
        self.mailbox.link.ready().await?;
        self.mailbox.link.send(outbound(subject, word)).await
    }
}

impl Settle for StoredMessage {
    fn ack(&mut self) -> BoxFuture<'_, Result<(), BrokerError>> {
        Box::pin(self.finish(DONE))
    }

    fn retry(&mut self, after: Duration) -> BoxFuture<'_, Result<(), BrokerError>> {
        let word = if after.is_zero() {
            Bytes::from_static(GIVE_BACK)
        } else {
            Bytes::from(format!("-NAK {{\"delay\":{}}}", after.as_nanos()))
        };
        Box::pin(async {
            self.tell(word).await?;
            self.mailbox.let_go(self.seq);
            Ok(())
        })
    }

    fn reject(&mut self) -> BoxFuture<'_, Result<(), BrokerError>> {
        Box::pin(self.finish(NEVER_AGAIN))
    }

    fn extend(&mut self) -> BoxFuture<'_, Result<(), BrokerError>> {
        Box::pin(self.tell(Bytes::from_static(IN_PROGRESS)))
    }

    fn is_lost(&self) -> bool {
        !self.mailbox.holds(self.seq)
    }

    /// Where the server cannot be told now it notices by itself, when it has waited long enough.
    fn abandon(&mut self) {
        if let Some(subject) = self.mailbox.let_go(self.seq) {
            self.mailbox.link.send_now(outbound(subject, Bytes::from_static(GIVE_BACK)));
        }
    }
}

/// A message that no stream holds: there is nothing to tell the server.
pub(crate) struct DirectMessage;

impl Settle for DirectMessage {
    fn ack(&mut self) -> BoxFuture<'_, Result<(), BrokerError>> {
        done()
    }

    fn retry(&mut self, _after: Duration) -> BoxFuture<'_, Result<(), BrokerError>> {
        done()
    }

    fn reject(&mut self) -> BoxFuture<'_, Result<(), BrokerError>> {
        done()
    }

    fn extend(&mut self) -> BoxFuture<'_, Result<(), BrokerError>> {
        done()
    }

    fn abandon(&mut self) {}
}

fn done<'a>() -> BoxFuture<'a, Result<(), BrokerError>> {
    Box::pin(std::future::ready(Ok(())))
}

/// A message that comes again from this process.
pub(crate) struct Again {
    pub(crate) message: Arc<Message>,
    pub(crate) attempt: u32,
}

/// A reply that no stream holds. It can come again as long as its inbox lives.
pub(crate) struct DirectReply {
    message: Arc<Message>,
    attempt: u32,
    again: mpsc::Sender<Again>,
}

impl DirectReply {
    pub(crate) fn new(message: Arc<Message>, attempt: u32, again: mpsc::Sender<Again>) -> Self {
        Self { message, attempt, again }
    }

    fn next(&self) -> Again {
        Again { message: Arc::clone(&self.message), attempt: self.attempt.saturating_add(1) }
    }
}

impl Settle for DirectReply {
    fn ack(&mut self) -> BoxFuture<'_, Result<(), BrokerError>> {
        done()
    }

    fn retry(&mut self, after: Duration) -> BoxFuture<'_, Result<(), BrokerError>> {
        let (next, again) = (self.next(), self.again.clone());
        Box::pin(async move {
            tokio::spawn(async move {
                tokio::time::sleep(after).await;
                let _ = again.send(next).await;
            });
            Ok(())
        })
    }

    fn reject(&mut self) -> BoxFuture<'_, Result<(), BrokerError>> {
        done()
    }

    fn extend(&mut self) -> BoxFuture<'_, Result<(), BrokerError>> {
        done()
    }

    fn abandon(&mut self) {
        let _ = self.again.try_send(self.next());
    }
}
