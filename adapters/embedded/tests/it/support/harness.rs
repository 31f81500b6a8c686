//! The embedded broker under the conformance suite.

use std::sync::Arc;
use std::time::Duration;

use sidegate_broker::{BoxFuture, Broker};
use sidegate_conformance::{Bounded, Harness, Missing, Patience};
use sidegate_embedded::{Embedded, Journal, Limits};

use super::memory::MemoryJournal;
use super::{ARRIVAL, open};

/// Room for the bounded broker, and little enough for the largest message to be tried.
const BOUNDED_MESSAGES_MAX: usize = 20;
const MESSAGE_BYTES_MAX: usize = 1024 * 1024;

/// What the broker keeps over a restart.
pub(crate) trait Keep: Send + Sync {
    /// A new one, empty.
    fn renew(&mut self);
    /// Opens what is there; called again at each restart, when the broker that used it is gone.
    fn journal(&mut self) -> BoxFuture<'_, Option<Arc<dyn Journal>>>;
}

pub(crate) struct EmbeddedHarness<K> {
    keep: K,
    limits: Limits,
    open: Option<Embedded>,
}

/// No journal.
pub(crate) struct Nothing;

/// A journal in this process.
#[derive(Default)]
pub(crate) struct InMemory(Arc<MemoryJournal>);

impl Keep for Nothing {
    fn renew(&mut self) {}

    fn journal(&mut self) -> BoxFuture<'_, Option<Arc<dyn Journal>>> {
        Box::pin(std::future::ready(None))
    }
}

impl Keep for InMemory {
    fn renew(&mut self) {
        self.0 = Arc::default();
    }

    fn journal(&mut self) -> BoxFuture<'_, Option<Arc<dyn Journal>>> {
        let journal: Arc<dyn Journal> = Arc::<MemoryJournal>::clone(&self.0);
        Box::pin(std::future::ready(Some(journal)))
    }
}

impl<K: Keep> EmbeddedHarness<K> {
    pub(crate) fn on(keep: K) -> Self {
        Self {
            keep,
            limits: Limits { message_bytes_max: MESSAGE_BYTES_MAX, ..Limits::default() },
            open: None,
        }
    }

    /// Every message is in the journal before it is handed out.
    pub(crate) fn journal_first(keep: K) -> Self {
        let mut harness = Self::on(keep);
        harness.limits.settle_before_append_ms = 0;
        harness
    }

    async fn reopen(&mut self, limits: Limits) -> Arc<dyn Broker> {
        self.open = None;
        let embedded = open(self.keep.journal().await, limits).await;
        let connection = Arc::new(embedded.connect());
        self.open = Some(embedded);
        connection
    }
}

impl<K: Keep> Harness for EmbeddedHarness<K> {
    fn fresh(&mut self) -> BoxFuture<'_, Result<Arc<dyn Broker>, Missing>> {
        Box::pin(async {
            self.keep.renew();
            Ok(self.reopen(self.limits).await)
        })
    }

    fn second_connection(&mut self) -> BoxFuture<'_, Arc<dyn Broker>> {
        let embedded = self.open.as_ref().expect("fresh comes first");
        let connection: Arc<dyn Broker> = Arc::new(embedded.connect());
        Box::pin(std::future::ready(connection))
    }

    fn restart(&mut self) -> BoxFuture<'_, Arc<dyn Broker>> {
        Box::pin(self.reopen(self.limits))
    }

    fn bounded(&mut self) -> BoxFuture<'_, Option<Bounded>> {
        Box::pin(async {
            let limits = Limits {
                transient_messages_max: BOUNDED_MESSAGES_MAX,
                durable_messages_max: BOUNDED_MESSAGES_MAX,
                ..self.limits
            };
            let broker = self.reopen(limits).await;
            Some(Bounded { broker, messages_max: BOUNDED_MESSAGES_MAX })
        })
    }

    fn patience(&self) -> Patience {
        Patience { arrival: ARRIVAL, silence: Duration::from_millis(60), pause: Duration::from_millis(120) }
    }
}
