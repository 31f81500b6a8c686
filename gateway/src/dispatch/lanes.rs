//! The wake-ups of the lanes. A hint may be lost or come twice; the outbox is read all the same.

use std::collections::HashMap;
use std::sync::Arc;

use compact_str::CompactString;
use parking_lot::RwLock;
use sidegate_store::Store;
use tokio::sync::Notify;

/// One bell for each lane.
#[derive(Default)]
pub struct Lanes {
    bells: RwLock<HashMap<CompactString, Arc<Notify>>>,
}

/// Somebody stores a request and will wake its lane. If he goes away before, which takes nothing back, the lane is
/// woken for him.
pub struct Storing<'a> {
    lanes: &'a Lanes,
    store: &'a Arc<dyn Store>,
    lane: &'a str,
    is_answered: bool,
}

impl Lanes {
    /// Something was stored in a lane.
    pub fn wake(&self, lane: &str) {
        if let Some(bell) = self.bells.read().get(lane) {
            bell.notify_one();
        }
    }

    /// To be held from before a request is stored until the store has answered.
    pub fn storing<'a>(&'a self, lane: &'a str, store: &'a Arc<dyn Store>) -> Storing<'a> {
        Storing { lanes: self, store, lane, is_answered: false }
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

impl Storing<'_> {
    /// The store has answered.
    pub fn answered(mut self) {
        self.is_answered = true;
    }
}

impl Drop for Storing<'_> {
    fn drop(&mut self) {
        if self.is_answered {
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let (store, bell) = (Arc::clone(self.store), self.lanes.bell(self.lane));
        runtime.spawn(async move {
            // Whatever is written after the request is answered after it is there.
            let _ = store.probe().await;
            bell.notify_one();
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use sidegate_store::{MemoryStore, Options, Store};
    use tokio::time::timeout;

    use super::Lanes;

    fn store() -> Arc<dyn Store> {
        Arc::new(MemoryStore::new(Options::new(10, |_| ())).expect("a store in memory needs nothing"))
    }

    #[tokio::test(start_paused = true)]
    async fn a_lane_is_woken_for_a_caller_who_leaves_while_the_store_commits() {
        let (lanes, store) = (Lanes::default(), store());
        let bell = lanes.bell("broker/main");
        drop(lanes.storing("broker/main", &store));
        let woken = timeout(Duration::from_millis(500), bell.notified()).await;
        assert!(woken.is_ok(), "what he asked for is stored, and must not wait for the next look");
    }

    #[tokio::test(start_paused = true)]
    async fn a_lane_is_left_alone_when_the_store_has_answered() {
        let (lanes, store) = (Lanes::default(), store());
        let bell = lanes.bell("broker/main");
        lanes.storing("broker/main", &store).answered();
        let woken = timeout(Duration::from_millis(500), bell.notified()).await;
        assert!(woken.is_err(), "a refusal wakes nobody");
    }
}
