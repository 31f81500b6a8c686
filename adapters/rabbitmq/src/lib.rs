//! The broker port on RabbitMQ: AMQP 0-9-1 and quorum queues. From RabbitMQ 3.10 on, and on 4.
//!
//! ```text
//! options, url, tls, secret   what the config says, checked before anything connects
//! connect                     two connections: one publishes, one consumes
//! link ─▶ transport           each kept by a supervisor of its own, made again when lost
//! topology                    queues and exchanges, made when absent, never changed
//! publish ─▶ confirms ─▶ returns
//!                             one task owns the confirming channel; which message was returned
//! subscribe ─▶ station ─▶ settle
//!                             a consumer on its channel; what it brought is settled there
//! wire, values                a message as AMQP has it
//! probe, inspect, version     what an operator should know; the settings of a queue that exists; which server it is
//! ```
//!
//! # What it promises
//! - `publish` of a durable message returns when the broker confirmed it: a quorum queue has it on the disks of a
//!   majority. A command or reply that no queue takes is refused, not dropped.
//! - `ack` returns when the broker has processed it. AMQP has no answer to an acknowledgement, so a question is asked
//!   behind it on the same channel, one for all that wait. A broker that is killed within milliseconds of it may
//!   deliver the message again.
//! - Order of keys, pauses and their count are kept in this process (`sidegate_order`): replicas that compete for one
//!   queue do not see each other's keys.
//!
//! # Options
//! | option | default | |
//! |---|---|---|
//! | `user`, `password`, `password_file` | the URL's, else `guest` | the file is read again for each connection |
//! | `sasl_mechanism` | `PLAIN` | or `AMQPLAIN`, or `EXTERNAL`: the client certificate says who asks |
//! | `ca`, `cert`, `key` | what the system trusts | PEM files, read again for each connection |
//! | `heartbeat_s` | 10 | a connection silent for twice as long is lost |
//! | `connect_timeout_ms`, `publish_timeout_ms` | 5000 | per step of connecting; per publish and per declaration |
//! | `message_bytes_max` | 16 MiB | lowered by itself when the server takes less |
//! | `delivery_limit` | 1000000 | so that the gateway parks a poisonous message, and RabbitMQ 4 (default 20) does not drop it |
//! | `queue_messages_max`, `queue_bytes_max` | none | a full queue refuses |
//! | `replicas` | the cluster's | how many nodes hold a new queue |
//! | `reply_expires_ms` | a day | how long a replica's replies are kept when it does not come back |
//! | `hold_max_ms` | 25 minutes | below the server's `consumer_timeout` (30 minutes) |
//!
//! # Known traps, and what became of them
//! | trap | here |
//! |---|---|
//! | the library does not recover channels, and gives up connections | its recovery is off; own supervisor |
//! | a handshake or close that hangs leaves a thread | the socket is ours, and is shut down |
//! | a host `[::1]` is taken for `localhost` | the URL is read here |
//! | two rustls providers make the first TLS connection panic | ring is named explicitly |
//! | without `confirm_select` a confirm is there at once | such a confirm is a failure |
//! | a returned message sits on another message's confirm | matched by id and place (`returns`) |
//! | two tasks on one channel get each other's confirms | one task publishes (`confirms`) |
//! | an abandoned confirm is stored for ever | that task keeps each until it is resolved |
//! | the frames of unsent messages are stored without bound | at most 2048 under way, 1024 in line |
//! | a quorum queue without a leader blocks, at the broker, the channel that publishes to it | 16 channels share the destinations; one that is stuck is given up for a new one |
//! | `connection.blocked` stops all writes silently | known as `Full` once told; every publish has a deadline; acknowledgements are on another connection |
//! | `ack` says `Ok(false)` on an ended channel | an error, and the delivery is known as lost |
//! | a name of more than 255 bytes panics | refused, or moved to a header |
//! | headers larger than a frame end the connection | refused as `TooLarge` |
//! | a message above the server's limit ends the channel for all | refused; the limit is learnt |
//! | a delivery unsettled for 30 minutes ends the channel | given back before |
//! | a quorum queue deleted and made again within milliseconds keeps its old consumers, and gives them nothing (3.10) | not cured: do not delete a queue in use |
//! | a quorum queue made less than a second before RabbitMQ 3.10 is killed is left without a leader | not cured: the broker's; delete the queue |
//! | `basic.nack` counts no attempt from RabbitMQ 4.3 on | `basic.reject` gives back what was handed out |
//! | a queue's dead letters fill up with what was parked | a reject is an acknowledgement: the gateway has it |
//! | a direct reply-to is no queue: a mandatory message to it is returned | not mandatory there |
//! | a per-message time to live drops what still must be answered | never set |
//! | a property that is not UTF-8 ends the connection that reads it | not cured: the library cannot read it. Such a message must be removed by hand, see the log |
//! | messages prefetched when a connection is lost count an attempt | the broker's count; documented |

mod backoff;
mod confirms;
mod connect;
mod error;
mod inspect;
mod link;
mod options;
mod probe;
mod publish;
mod returns;
mod secret;
mod settle;
mod station;
mod subscribe;
mod tls;
mod topology;
mod transport;
mod url;
mod values;
mod version;
mod wire;

use std::sync::Arc;

use sidegate_broker::{Broker, BrokerError, Capabilities, Settings};

/// Begins to connect, in the background and for ever: a broker that is down is no error. Needs a tokio runtime.
///
/// # Errors
/// What is wrong for good: the URL, an option, a file that cannot be read.
pub fn connect(settings: Settings) -> Result<Arc<dyn Broker>, BrokerError> {
    let config = options::Config::new(settings)?;
    if config.url.is_tls {
        config.tls.load()?;
    }
    Ok(Arc::new(connect::Rabbit::new(config)))
}

/// What RabbitMQ can do, as this adapter uses it.
#[must_use]
pub const fn capabilities() -> Capabilities {
    Capabilities {
        durable: true,
        serializes_keys: false,
        counts_attempts: true,
        delays_retry: false,
        between_processes: true,
        message_bytes_max: options::MESSAGE_BYTES_MAX,
    }
}
