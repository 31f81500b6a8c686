//! The law of the broker port, on a real cluster of one node.
//!
//! Most laws share a server and keep apart by the names of their topics and groups. Those that restart it or cut its
//! network have one of their own, one at a time: it tells its clients to come through the proxy.

use std::sync::Arc;
use std::time::Duration;

use sidegate_broker::{BoxFuture, Broker};
use sidegate_conformance::{Harness, Law, Missing, Patience, conformance_suite};
use sidegate_test_brokers::Kafka;

use crate::exclusive::Exclusive;
use crate::support::{connect, unique, until_connected};

/// These expect messages without a key in the order they were sent, which only one partition promises.
const WITHOUT_KEYS: [&str; 4] = [
    "an_acknowledged_message_is_never_delivered_again",
    "a_rejected_message_is_never_delivered_again",
    "a_durable_message_survives_a_restart",
    "publishing_goes_on_after_the_connection_was_cut",
];

struct KafkaHarness {
    partitions: &'static str,
    has_own: bool,
    exclusive: Option<Exclusive>,
    url: String,
    group_prefix: String,
    broker: Option<Arc<dyn Broker>>,
}

fn missing(sidegate_test_brokers::Missing(what): sidegate_test_brokers::Missing) -> Missing {
    Missing(what)
}

impl KafkaHarness {
    fn new() -> Self {
        Self {
            partitions: "6",
            has_own: false,
            exclusive: None,
            url: String::new(),
            group_prefix: unique("law-").into(),
            broker: None,
        }
    }

    async fn start(&mut self) -> Result<(), Missing> {
        if self.has_own {
            let exclusive = Exclusive::take().await.map_err(missing)?;
            self.url = exclusive.url();
            self.exclusive = Some(exclusive);
        } else {
            self.url = Kafka::shared().await.map_err(missing)?.url().to_owned();
        }
        Ok(())
    }

    fn own(&self) -> &Exclusive {
        self.exclusive.as_ref().expect("a law that restarts or cuts has the server to itself")
    }

    fn connect(&self) -> Arc<dyn Broker> {
        connect(&self.url, &[("partitions", self.partitions), ("group_prefix", &self.group_prefix)])
    }
}

impl Harness for KafkaHarness {
    fn about_to_try(&mut self, law: &Law) {
        self.has_own = law.group == "reconnect";
        if WITHOUT_KEYS.contains(&law.name) {
            self.partitions = "1";
        }
    }

    fn fresh(&mut self) -> BoxFuture<'_, Result<Arc<dyn Broker>, Missing>> {
        Box::pin(async {
            self.start().await?;
            let broker = self.connect();
            self.broker = Some(Arc::clone(&broker));
            Ok(broker)
        })
    }

    fn second_connection(&mut self) -> BoxFuture<'_, Arc<dyn Broker>> {
        Box::pin(std::future::ready(self.connect()))
    }

    fn restart(&mut self) -> BoxFuture<'_, Arc<dyn Broker>> {
        Box::pin(async {
            self.own().kafka().kill();
            self.own().start_again().await;
            let broker = Arc::clone(self.broker.as_ref().expect("the law began with a connection"));
            until_connected(&broker).await;
            broker
        })
    }

    fn cut(&mut self) -> BoxFuture<'_, bool> {
        Box::pin(async {
            self.own().cut().await;
            true
        })
    }

    fn patience(&self) -> Patience {
        // All laws start at once on few cores, and a group whose member died waits for its session: ten seconds.
        Patience {
            arrival: Duration::from_secs(180),
            silence: Duration::from_secs(1),
            pause: Duration::from_millis(700),
        }
    }
}

conformance_suite!(KafkaHarness::new());
