//! Taking messages. A transient one is in its queue when the future is polled once: no journal, no other task. A
//! durable one is too, and gets in line for the journal.

use std::sync::Arc;

use sidegate_broker::{BrokerError, Channel, Message, Outbound, Receipt};

use crate::connect::Connection;
use crate::error;
use crate::item::{Item, Keeping};
use crate::queue::Queue;
use crate::writer::Writer;

impl Connection {
    pub(crate) async fn send(&self, outbound: Outbound) -> Result<Receipt, BrokerError> {
        self.check_open()?;
        let bytes = outbound.message.weight_bytes();
        if bytes > self.shared.limits.message_bytes_max {
            return Err(error::too_large(bytes, &self.shared.limits));
        }
        match &self.shared.writer {
            Some(writer) if outbound.durable => self.send_durable(writer, outbound).await?,
            _ => self.send_transient(&outbound, bytes)?,
        }
        Ok(Receipt::default())
    }

    fn send_transient(&self, outbound: &Outbound, bytes: usize) -> Result<(), BrokerError> {
        let topology = &self.shared.topology;
        if outbound.channel == Channel::Event {
            return copy_transient(&topology.bound(&outbound.message.destination), outbound, bytes);
        }
        topology.queue(&outbound.message.destination)?.push_transient(transient(outbound, bytes))
    }

    async fn send_durable(&self, writer: &Arc<Writer>, outbound: Outbound) -> Result<(), BrokerError> {
        let destination = &outbound.message.destination;
        let queues = match outbound.channel {
            Channel::Event => self.shared.topology.bound(destination),
            Channel::Command | Channel::Reply => vec![self.shared.topology.queue(destination)?],
        };
        if queues.is_empty() {
            return Ok(());
        }
        let _underway = self.publishing.try_read().map_err(|_| error::closed())?;
        reserve_all(&queues)?;
        writer.publish(queues, outbound.message).await
    }
}

fn transient(outbound: &Outbound, bytes: usize) -> Item {
    Item {
        message: Arc::<Message>::clone(&outbound.message),
        bytes,
        keeping: Keeping::Memory,
        attempt: 0,
        // Without a journal durable messages come here too, and those are never dropped.
        expires_at_ms: outbound.expires_at_ms.filter(|_| !outbound.durable),
        due: None,
    }
}

/// All or none, as far as concurrent publishers leave the room that was found.
fn copy_transient(queues: &[Arc<Queue>], outbound: &Outbound, bytes: usize) -> Result<(), BrokerError> {
    for queue in queues {
        queue.check_room(&transient(outbound, bytes))?;
    }
    queues.iter().try_for_each(|queue| queue.push_transient(transient(outbound, bytes)))
}

fn reserve_all(queues: &[Arc<Queue>]) -> Result<(), BrokerError> {
    for (index, queue) in queues.iter().enumerate() {
        if let Err(error) = queue.reserve() {
            queues[..index].iter().for_each(|reserved| reserved.unreserve());
            return Err(error);
        }
    }
    Ok(())
}
