//! From a subscription to an inbox: the group it reads as, and the task that reads for it.

use std::sync::Arc;

use compact_str::CompactString;
use redis::aio::MultiplexedConnection;
use redis::{Cmd, RedisResult, Value, cmd};
use sidegate_broker::{BoxFuture, BrokerError, Channel, Delivery, Inbox, Subscription};
use sidegate_order::{Window, ordered};
use tokio::sync::mpsc;

use crate::link::Link;
use crate::read::Reader;
use crate::{error, probe};

/// Where a subscription reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) stream: CompactString,
    pub(crate) group: CompactString,
    pub(crate) channel: Channel,
}

struct StreamInbox {
    link: Arc<Link>,
    deliveries: mpsc::Receiver<Delivery>,
}

pub(crate) async fn subscribe(
    link: &Arc<Link>,
    subscription: Subscription,
) -> Result<Box<dyn Inbox>, BrokerError> {
    let Subscription { channel, destination: stream, service: group, prefetch } = subscription;
    let place = Place { stream, group, channel };
    prepare_group(link, &place).await?;
    probe::remember(link, &place);
    let window = Window::of(prefetch);
    let (sender, deliveries) = mpsc::channel(window.held_max);
    let reader = Reader::new(Arc::clone(link), place, sender);
    tokio::spawn(reader.run(link.closing()));
    Ok(ordered(Box::new(StreamInbox { link: Arc::clone(link), deliveries }), window))
}

/// A group that is not to be made must be there.
async fn prepare_group(link: &Link, place: &Place) -> Result<(), BrokerError> {
    let mut connection = link.connection().await?;
    let prepared = if link.create || place.channel == Channel::Reply {
        make_group(&mut connection, place, place.first()).await
    } else {
        place.command("XPENDING").query_async::<Value>(&mut connection).await.map(drop)
    };
    prepared.map_err(|cause| match error::says(&cause, "NOGROUP") {
        true => error::no_group(&place.group, &place.stream),
        false => link.failed("preparing a group of Redis", cause),
    })
}

/// What is there is left as it is.
pub(crate) async fn make_group(
    connection: &mut MultiplexedConnection,
    place: &Place,
    from: &str,
) -> RedisResult<()> {
    let mut make = cmd("XGROUP");
    make.arg("CREATE").arg(&*place.stream).arg(&*place.group).arg(from).arg("MKSTREAM");
    match make.query_async(connection).await {
        Err(error) if error::says(&error, "BUSYGROUP") => Ok(()),
        made => made,
    }
}

impl Place {
    /// Commands and replies are read from the first that was ever sent, events from now on.
    pub(crate) const fn first(&self) -> &'static str {
        match self.channel {
            Channel::Command | Channel::Reply => "0",
            Channel::Event => "$",
        }
    }

    /// A command on this group.
    pub(crate) fn command(&self, name: &str) -> Cmd {
        let mut command = cmd(name);
        command.arg(&*self.stream).arg(&*self.group);
        command
    }
}

impl Inbox for StreamInbox {
    fn next(&mut self) -> BoxFuture<'_, Option<Delivery>> {
        Box::pin(async {
            let mut closing = self.link.closing();
            tokio::select! {
                biased;
                _ = closing.wait_for(|closed| *closed) => None,
                delivery = self.deliveries.recv() => delivery,
            }
        })
    }
}
