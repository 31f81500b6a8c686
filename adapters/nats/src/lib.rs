//! The broker port on NATS: JetStream for what must be durable, native request and reply for what need not.
//!
//! ```text
//! options, address   what the config says, checked
//! connect            a client that connects in the background, for ever
//! watch, link        the connection's state, and sending with a deadline round everything
//! confirm            who waits for an answer of the server
//! names, wire        what destinations and headers are called on NATS
//! api, topology      JetStream's API; streams and consumers, made when absent, never changed
//! publish            into a stream and confirmed, or straight to whoever listens
//! asks               which of the two places of a direct command works
//! subscribe          an inbox: what is pulled from a stream, and what comes directly
//! inbox, direct      the two sources of it
//! hand, settle       messages in hand: kept from others, and settled
//! keeper             what is done every now and then, in one task
//! probe              what an operator should know
//! ```
//!
//! # What is known to go wrong with NATS and its client, and why it does not here
//!
//! - *A request that times out stays in the client's memory for ever (async-nats #1617).* Its requests are not used;
//!   answers come to a subscription of our own, and whoever gives up takes its entry along (`confirm`, tested).
//! - *After a lost connection a publisher waits its whole timeout.* All who wait are told at once, with an unknown
//!   effect, and publish again under the same message id.
//! - *While there is no connection the client queues 2,048 commands and then blocks.* Nothing is handed to it then;
//!   what does not fit at once has a deadline (tested with a server that stands still).
//! - *A full subscription drops messages.* Messages of streams are pulled, never more than there is room for. Direct
//!   commands can be dropped, beyond 65,536 that nobody took: those need not be durable, and their callers time out.
//! - *A consumer falls silent after the server restarted (nats-server #4736, #5679).* Two heartbeats missing, or
//!   messages waiting that do not come: they are asked for anew at another subject.
//! - *The server redelivers what a slow consumer has in hand.* It is told of every message in hand in time; what comes
//!   all the same is known by its place in the stream and not handed out twice.
//! - *A message that ran out of deliveries vanishes.* Our consumers have no such limit; a foreign one is warned of.
//! - *JetStream confirms before it syncs to the disk.* That cannot be asked from a client: [`probe`](Broker::probe)
//!   warns of streams with one replica unless the operator says that the server syncs always.
//! - *A client that is gone, where the server has not noticed.* Until its ping (two minutes by default) or 30 s, when
//!   the request ends, the server hands messages to it, and takes each back after `ack_wait`: late, and of one key maybe
//!   out of order, but not lost. A shorter `ping_interval` in the server's config shortens it.
//! - *Headers that are no UTF-8 break the connection* in the client library. Nothing of ours writes them; a stream that
//!   holds such a message of another program breaks the connection at each attempt to deliver it.
//! - *The client library cannot be stopped while it is disconnected.* After `close` it looks for a server once a minute,
//!   and ends when it finds one.

mod options;
mod address;
mod connect;
mod watch;
mod link;
mod confirm;
mod names;
mod wire;
mod api;
mod topology;
mod publish;
mod asks;
mod subscribe;
mod inbox;
mod direct;
mod hand;
mod settle;
mod keeper;
mod probe;
mod error;
mod broker;

use std::sync::Arc;

use sidegate_broker::{Broker, BrokerError, Capabilities, Settings};

/// Connects in the background, and again whenever the connection is lost. A server that cannot be reached is no
/// error here: publishing and subscribing say so until it can.
///
/// The URL is `nats://`, `tls://` or `nats+tls://`, with user and password or a token where needed, and several hosts
/// joined by commas.
///
/// # Errors
/// What is wrong for good: the URL, an option, or a file that it names.
pub async fn connect(settings: Settings) -> Result<Arc<dyn Broker>, BrokerError> {
    Ok(Arc::new(broker::Nats::connect(&settings).await?))
}

/// What NATS with JetStream can do. A connected broker tells more exactly how large a message may be.
#[must_use]
pub const fn capabilities() -> Capabilities {
    const DEFAULT_PAYLOAD_BYTES_MAX: usize = 1024 * 1024;
    Capabilities {
        durable: true,
        serializes_keys: false,
        counts_attempts: true,
        delays_retry: true,
        between_processes: true,
        message_bytes_max: DEFAULT_PAYLOAD_BYTES_MAX,
    }
}
