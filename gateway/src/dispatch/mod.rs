//! From the store to the broker or the service: every stored request is read from the outbox, in the order of its
//! lane, and dispatched until its operation says that it is done.
//!
//! The outbox is the truth; a wake-up only says that there may be something. After a restart the lanes are read
//! from their beginning, which finds everything that was not finished.

mod broker;
mod calls;
mod lanes;

pub use lanes::Lanes;

use std::sync::Arc;

use compact_str::CompactString;

use crate::app::Shared;

/// Dispatches one lane until the gateway ends.
pub async fn run(shared: Arc<Shared>, lane: CompactString) {
    match lane.split_once('/') {
        Some(("broker", name)) => match shared.brokers.get(name) {
            Some(link) => broker::run(Arc::clone(&shared), &lane, Arc::clone(link)).await,
            None => tracing::error!(
                broker = name,
                "requests are stored for a broker that the config no longer names: they wait until their deadlines; \
                 name it again to send them"
            ),
        },
        Some(("call", route)) => calls::run(Arc::clone(&shared), &lane, route).await,
        _ => tracing::error!(lane = %lane, "requests are stored in a lane that this version does not know"),
    }
}
