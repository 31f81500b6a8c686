//! RabbitMQ under the conformance suite: one server for most laws, and one apart for those that restart it, which
//! they do one at a time.

use std::sync::Arc;
use std::time::Duration;

use sidegate_broker::{BoxFuture, Broker};
use sidegate_conformance::{Bounded, Harness, Law, Missing, Patience};
use sidegate_fault_proxy::Proxy;
use sidegate_test_brokers::{Rabbit, RabbitOptions};
use tokio::sync::{Mutex, MutexGuard, OnceCell};

use super::{connect, settings, until};

/// Room for the bounded broker. A quorum queue tells its publishers that it is full, so some are on their way.
const BOUNDED_MESSAGES: usize = 20;
const BOUNDED_SLACK: usize = 20;

static APART: OnceCell<Result<Rabbit, sidegate_test_brokers::Missing>> = OnceCell::const_new();
static TURN: Mutex<()> = Mutex::const_new(());

/// A small limit on messages and a short one on deliveries, both tried by tests of their own.
pub(crate) const APART_MESSAGE_BYTES_MAX: usize = 1_000_000;
const APART_CONFIG: &str = "max_message_size = 1000000\nconsumer_timeout = 4000\n";

/// The server that may be restarted, killed, paused and starved, for one test at a time.
pub(crate) struct Apart {
    pub(crate) server: &'static Rabbit,
    _turn: MutexGuard<'static, ()>,
}

impl Apart {
    pub(crate) async fn take() -> Result<Self, sidegate_test_brokers::Missing> {
        let turn = TURN.lock().await;
        let options = || RabbitOptions { config: APART_CONFIG.to_owned(), ..RabbitOptions::default() };
        let server = APART.get_or_init(|| Rabbit::start(options())).await;
        let server = server.as_ref().map_err(Clone::clone)?;
        if !server.is_running() {
            // A test that failed left it so.
            server.start_again().await;
        }
        server.resume();
        Ok(Self { server, _turn: turn })
    }
}

#[derive(Default)]
pub(crate) struct RabbitHarness {
    restarts: bool,
    /// Held while a law may restart it.
    apart: Option<Apart>,
    server: Option<&'static Rabbit>,
    proxy: Option<Proxy>,
    broker: Option<Arc<dyn Broker>>,
}

impl RabbitHarness {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    async fn open(&mut self) -> Result<Arc<dyn Broker>, sidegate_test_brokers::Missing> {
        let server = if self.restarts {
            self.apart.insert(Apart::take().await?).server
        } else {
            Rabbit::shared().await?
        };
        let proxy = Proxy::to(server.address()).await;
        let broker = connect(settings(proxy.address(), &[]));
        self.server = Some(server);
        self.proxy = Some(proxy);
        self.broker = Some(Arc::clone(&broker));
        Ok(broker)
    }

    fn address(&self) -> std::net::SocketAddr {
        self.proxy.as_ref().expect("fresh comes first").address()
    }
}

impl Harness for RabbitHarness {
    fn about_to_try(&mut self, law: &Law) {
        self.restarts = law.group == "reconnect";
    }

    fn fresh(&mut self) -> BoxFuture<'_, Result<Arc<dyn Broker>, Missing>> {
        Box::pin(async { self.open().await.map_err(|missing| Missing(missing.to_string())) })
    }

    fn second_connection(&mut self) -> BoxFuture<'_, Arc<dyn Broker>> {
        let broker = connect(settings(self.address(), &[]));
        Box::pin(std::future::ready(broker))
    }

    fn restart(&mut self) -> BoxFuture<'_, Arc<dyn Broker>> {
        Box::pin(async {
            let server = self.server.expect("fresh comes first");
            // Not killed: RabbitMQ 3.10 leaves a quorum queue without a leader when it is killed within a second of
            // making the queue, and the laws make theirs just before. `faults` kills it, with older queues.
            server.stop().await;
            let broker = Arc::clone(self.broker.as_ref().expect("fresh comes first"));
            until("the loss is seen", || !broker.state().connected).await;
            server.start_again().await;
            until("the adapter connects again", || broker.state().connected).await;
            broker
        })
    }

    fn cut(&mut self) -> BoxFuture<'_, bool> {
        Box::pin(async {
            self.proxy.as_ref().expect("fresh comes first").cut().await;
            true
        })
    }

    fn bounded(&mut self) -> BoxFuture<'_, Option<Bounded>> {
        let limit = BOUNDED_MESSAGES.to_string();
        let broker = connect(settings(self.address(), &[("queue_messages_max", &limit)]));
        let bounded = Bounded { broker, messages_max: BOUNDED_MESSAGES + BOUNDED_SLACK };
        Box::pin(std::future::ready(Some(bounded)))
    }

    fn patience(&self) -> Patience {
        Patience {
            // A law waits for its turn with the server that is restarted, too.
            arrival: Duration::from_secs(240),
            silence: Duration::from_millis(300),
            pause: Duration::from_millis(700),
        }
    }
}
