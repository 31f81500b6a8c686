//! Something that a service waits for until the test lets it go on: slowness without a clock.

use tokio::sync::watch;

/// Shut when made; whoever waits goes on when it is opened. Clones are the same gate.
#[derive(Debug, Clone)]
pub struct Gate(watch::Sender<bool>);

impl Gate {
    /// A gate that is shut.
    #[must_use]
    pub fn shut() -> Self {
        Self(watch::Sender::new(false))
    }

    /// Lets everybody go on, now and later.
    pub fn open(&self) {
        self.0.send_replace(true);
    }

    pub(crate) async fn opened(&self) {
        // The sender lives as long as this value does.
        let _ = self.0.subscribe().wait_for(|open| *open).await;
    }
}
