//! Holds requests back while enough is under way.

use std::cell::Cell;

use tokio::sync::Notify;

/// Open at first.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    shut: Cell<bool>,
    opened: Notify,
}

impl Gate {
    /// Returns when it is open.
    pub(crate) async fn passed(&self) {
        while self.shut.get() {
            self.opened.notified().await;
        }
    }

    /// Opens or shuts it.
    pub(crate) fn set_open(&self, open: bool) {
        self.shut.set(!open);
        if open {
            self.opened.notify_waiters();
        }
    }
}
