//! From a message to Redis's word that it has it: the id of the entry.

use std::sync::atomic::Ordering;
use std::time::Duration;

use redis::{Cmd, cmd, pipe};
use sidegate_broker::{BrokerError, Channel, Message, Outbound, Receipt};

use crate::link::Link;
use crate::{entry, error};

const PUBLISHING: &str = "adding to a stream of Redis";

/// With `appendfsync always` Redis answers when the entry is on its disk. A message that need not be durable goes the
/// same way: a stream is what its consumer reads.
pub(crate) async fn publish(link: &Link, outbound: Outbound) -> Result<Receipt, BrokerError> {
    let Outbound { channel, message, .. } = outbound;
    check_size(link, &message)?;
    let _counted = link.publishing();
    if channel == Channel::Command {
        check_room(link, &message.destination).await?;
    }
    let add = add(link, channel, &message);
    let id: Option<String> = match channel {
        Channel::Command | Channel::Event => link.run(PUBLISHING, &add).await?,
        Channel::Reply => add_for_a_while(link, add, &message.destination).await?,
    };
    let id = id.ok_or_else(|| error::absent(&message.destination))?;
    remember_time(link, &id);
    Ok(Receipt { position: Some(id.into()) })
}

fn add(link: &Link, channel: Channel, message: &Message) -> Cmd {
    let mut add = cmd("XADD");
    add.arg(message.destination.as_str());
    // The place of a reply is its asker's to make: it may read it without Sidegate, and from the first entry on.
    if !link.create && channel != Channel::Reply {
        add.arg("NOMKSTREAM");
    }
    if channel == Channel::Event
        && let Some(oldest_ms) = oldest_event_ms(link)
    {
        add.arg("MINID").arg("~").arg(oldest_ms);
    }
    add.arg("*");
    entry::write(&mut add, message, &link.names);
    add
}

/// By Redis's own clock, as far as it was heard: entries that are too old go when later ones come.
fn oldest_event_ms(link: &Link) -> Option<u64> {
    let age_ms = u64::try_from(link.options.event_age.as_millis()).unwrap_or(u64::MAX);
    link.redis_now_ms.load(Ordering::Relaxed).checked_sub(age_ms)
}

/// The id of an entry begins with its Unix milliseconds.
fn remember_time(link: &Link, id: &str) {
    if let Some(ms) = id.split('-').next().and_then(|ms| ms.parse().ok()) {
        link.redis_now_ms.fetch_max(ms, Ordering::Relaxed);
    }
}

/// Nobody but its asker knows when a place for replies is of no more use, and askers may be gone for good.
async fn add_for_a_while(link: &Link, add: Cmd, stream: &str) -> Result<Option<String>, BrokerError> {
    let mut both = pipe();
    both.atomic().add_command(add).add_command(expire(stream, link.options.reply_age)).ignore();
    let (id,) = link.run_all(PUBLISHING, &both).await?;
    Ok(id)
}

pub(crate) fn expire(stream: &str, after: Duration) -> Cmd {
    let mut expire = cmd("EXPIRE");
    expire.arg(stream).arg(after.as_secs());
    expire
}

fn check_size(link: &Link, message: &Message) -> Result<(), BrokerError> {
    let (bytes, bytes_max) = (message.weight_bytes(), link.options.message_bytes_max);
    if bytes > bytes_max { Err(error::too_large(bytes, bytes_max)) } else { Ok(()) }
}

/// Senders that look at the same time may go over the bound by as many as they are.
async fn check_room(link: &Link, stream: &str) -> Result<(), BrokerError> {
    let Some(messages_max) = link.options.stream_messages_max else { return Ok(()) };
    let held: usize = link.run("counting a stream of Redis", cmd("XLEN").arg(stream)).await?;
    if held >= messages_max { Err(error::full(stream, messages_max)) } else { Ok(()) }
}

/// An absent stream is made by its first entry, and a command's group reads from the first on: there is nothing to
/// make, only to see that nothing else is in the way.
pub(crate) async fn prepare(link: &Link, channel: Channel, stream: &str) -> Result<(), BrokerError> {
    let found: String = link.run("looking for a stream of Redis", cmd("TYPE").arg(stream)).await?;
    match found.as_str() {
        "stream" => Ok(()),
        "none" if link.create || channel == Channel::Reply => Ok(()),
        "none" => Err(error::absent(stream)),
        other => Err(error::not_a_stream(stream, other)),
    }
}
