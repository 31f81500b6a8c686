//! The broker port on Apache Kafka.
//!
//! ```text
//! options   what the config may say, and what it may not      url       where the brokers are
//! client    the librdkafka configurations made of both        context   its log lines and errors
//! link      is the cluster there? one thread that finds out
//! connect   the `Broker`: publish, subscribe, prepare, probe, close
//! topology  topics: made when absent, never changed           address   where replies go
//! publish   one idempotent producer, confirmed by all replicas
//! wire      a `Message` and its record, both ways
//! subscribe one consumer per subscription ──▶ reader   its thread: polls, commits, pauses
//!                                             member   its place in the group: partitions come and go
//!                                             holdings what is in hand here, shared with the inbox
//!                                             watermark which offset may be committed
//! settle    a raw delivery; `sidegate-order` keeps the order of keys above it
//! probe     health, lag, unsafe settings                      error     librdkafka's codes, in the port's words
//! ```
//!
//! # What holds
//!
//! - `publish` is `Ok` when all in-sync replicas have the record (`acks=all`, idempotent producer). Kafka promises by
//!   replication, not by fsync: with one replica a crash of the machine can lose what was confirmed, and
//!   [`probe`](sidegate_broker::Broker::probe) says so.
//! - A partition has one owner in a group, and a key one partition, so that a key's messages are in one process; there
//!   `sidegate-order` hands out one at a time. Other keys of the partition go on.
//! - Committed is the lowest offset that is not finished, a few milliseconds after it was. What was finished behind it
//!   travels as a note in the commit's metadata, so that the next owner does not run it again.
//! - When a partition goes to another replica, its messages in hand may finish first (`handover`), then its position is
//!   committed, then it is let go. After that settling is an error, and the messages come to the new owner.
//! - An event's position is committed when a group first gets the topic: what is published later is delivered, however
//!   long the service is away (up to the retention of topic and offsets).
//!
//! # Known traps of librdkafka and rust-rdkafka, and where each is caught
//!
//! | trap | here |
//! |---|---|
//! | offsets stored and committed by themselves before the work is done | both off and refused as options (`options`) |
//! | the position is one number, but messages finish out of order | `watermark`, tested as a pure state machine |
//! | `store_offset` adds one, `store_offsets` does not | neither is used: positions are committed as they are meant |
//! | a commit after the partition was lost | `holdings` knows what is owned now; nothing else is ever committed |
//! | dropping a consumer blocks for as long as the broker is gone | each has a thread of its own; nobody joins it |
//! | dropping a producer throws away what it holds | `close` flushes first, the rest fails as `Unknown` |
//! | a group that is new skips or replays | commands from the beginning; events from a position committed at once |
//! | a partition whose position could not be fetched is not read, without a word | positions are fetched here, and insisted on (`position`) |
//! | retention drops what nobody has read yet | told in the log at the next start, and before by `probe` |
//! | a fatal error of the idempotent producer ends it | it is replaced by a new one (`publish`) |
//! | `poll` returns early after a rebalance or a commit | `None` never counts as time that has passed |
//! | `max.poll.interval.ms`: who works long is thrown out | the thread polls all the time; full means paused |
//! | a full consumer waits a second before it fetches again | `fetch.queue.backoff.ms` is 10 |
//! | 64 MiB are fetched ahead, 1 GiB buffered | bounded (`client`) |
//! | a topic appears because somebody asked for it | `allow.auto.create.topics` is off in every client |
//! | a header's name, or a foreign commit's metadata, that is not UTF-8 panics in rust-rdkafka | `wire::survive` |
//! | an `AdminClient` never reads its main queue, where log lines gather | its log level is the lowest |
//! | several topics in one group: each consumer that comes moves everything | cooperative assignment only |
//!
//! # What it costs, and what it does not do
//!
//! A round trip of a request and its reply takes about two milliseconds: records leave at once (`linger.ms = 0`) and gather
//! only while requests are under way; fetches wait at the cluster, and return with the first record.
//!
//! A subscription is a consumer of its own: some threads and connections of librdkafka. A key keeps its order as long as
//! the number of partitions of its topic stays; Kafka moves keys when it grows. Transactions are not used: a repeated
//! message is known by its id. A pause before a retry is kept here and ends with the inbox.

mod options;
mod url;

mod client;
mod context;
mod error;
mod link;

mod address;
mod connect;
mod publish;
mod topology;
mod wire;

mod holdings;
mod member;
mod position;
mod reader;
mod settle;
mod subscribe;
mod watermark;

mod probe;

use std::sync::Arc;

use sidegate_broker::{Broker, BrokerError, Capabilities, Settings};

/// Connects in the background, and stays connected: a cluster that is down is not an error. The URL is
/// `kafka://h1:9092,h2:9092` or `kafka+tls://…`, with a user and a password where needed.
///
/// # Errors
/// What is wrong for good: the URL, an option, a certificate that cannot be read.
pub fn connect(settings: Settings) -> Result<Arc<dyn Broker>, BrokerError> {
    connect::open(settings)
}

/// What a cluster can do with the default options.
#[must_use]
pub const fn capabilities() -> Capabilities {
    connect::capabilities(options::MESSAGE_BYTES_MAX)
}
