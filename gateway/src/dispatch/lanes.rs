//! The wake-ups of the lanes. A hint may be lost or come twice; the outbox is read all the same.

use std::collections::HashMap;
use std::sync::Arc;

use compact_str::CompactString;
use parking_lot::RwLock;
use tokio::sync::Notify;

/// One bell for each lane.
#[derive(Default)]
pub struct Lanes {
    bells: RwLock<HashMap<CompactString, Arc<Notify>>>,
}

impl Lanes {
    /// Something was stored in a lane.
    pub fn wake(&self, lane: &str) {
        if let Some(bell) = self.bells.read().get(lane) {
            bell.notify_one();
        }
    }

    /// The bell of a lane, hung up where there is none yet.
    pub fn bell(&self, lane: &str) -> Arc<Notify> {
        if let Some(bell) = self.bells.read().get(lane) {
            return Arc::clone(bell);
        }
        Arc::clone(self.bells.write().entry(lane.into()).or_default())
    }

    /// Whether somebody dispatches this lane already; if not, the caller does from now on.
    pub fn take_over(&self, lane: &str) -> bool {
        let mut bells = self.bells.write();
        if bells.contains_key(lane) {
            return false;
        }
        bells.insert(lane.into(), Arc::default());
        true
    }
}
