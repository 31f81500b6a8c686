//! A server behind a proxy, for those who kill it or cut its network. Starting one takes seconds of all cores, so that
//! all of them use one after the other, in a runtime that outlives theirs.

use std::time::Duration;

use sidegate_fault_proxy::Proxy;
use sidegate_test_brokers::{Kafka, KafkaOptions, Missing, Port};
use tokio::runtime::Handle;
use tokio::sync::{Mutex, MutexGuard, OnceCell};

static TURN: Mutex<()> = Mutex::const_new(());
static OWN: OnceCell<Own> = OnceCell::const_new();

struct Own {
    kafka: Kafka,
    proxy: Proxy,
    runtime: Handle,
}

/// Nobody else has the server for now.
pub(crate) struct Exclusive {
    own: &'static Own,
    _turn: MutexGuard<'static, ()>,
}

impl Exclusive {
    /// Waits for its turn. The server runs, and its network is sound.
    pub(crate) async fn take() -> Result<Self, Missing> {
        let turn = TURN.lock().await;
        let own = OWN.get_or_try_init(start).await?;
        let exclusive = Self { own, _turn: turn };
        exclusive.mend().await;
        Ok(exclusive)
    }

    /// What the one before has left broken.
    async fn mend(&self) {
        self.own.kafka.resume();
        self.own.proxy.swallow_answers(false);
        self.own.proxy.lose_answers(0.0);
        self.own.proxy.black_hole(false);
        self.own.proxy.delay(Duration::ZERO);
        if !self.own.kafka.is_running() {
            self.start_again().await;
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("kafka://{}", self.own.proxy.address())
    }

    pub(crate) fn kafka(&self) -> &'static Kafka {
        &self.own.kafka
    }

    pub(crate) fn proxy(&self) -> &'static Proxy {
        &self.own.proxy
    }

    pub(crate) async fn start_again(&self) {
        let started = self.own.runtime.spawn(self.own.kafka.start_again());
        started.await.expect("the server starts again");
    }

    pub(crate) async fn cut(&self) {
        self.own.runtime.spawn(self.own.proxy.cut()).await.expect("the proxy is there");
    }
}

async fn start() -> Result<Own, Missing> {
    let runtime = runtime();
    let started = runtime.spawn(async {
        let port = Port::free();
        let proxy = Proxy::to(port.address()).await;
        let options =
            KafkaOptions { port: Some(port), advertised: Some(proxy.address()), ..KafkaOptions::default() };
        Kafka::start(options).await.map(|kafka| (kafka, proxy))
    });
    let (kafka, proxy) = started.await.expect("starting a server does not panic")?;
    Ok(Own { kafka, proxy, runtime })
}

/// Of a thread that ends with the process.
fn runtime() -> Handle {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let handle = runtime.handle().clone();
    std::thread::spawn(move || runtime.block_on(std::future::pending::<()>()));
    handle
}
