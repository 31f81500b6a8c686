//! The laws of the port, each on a server of its own.

use std::sync::Arc;
use std::time::Duration;

use sidegate_broker::{BoxFuture, Broker};
use sidegate_conformance::{Bounded, Harness, Missing, Patience, conformance_suite};

use crate::support::{ARRIVAL, SILENCE, World};

/// Room for the bounded broker.
const MESSAGES_MAX: usize = 20;

struct NatsHarness {
    world: Option<World>,
    broker: Option<Arc<dyn Broker>>,
}

impl NatsHarness {
    const fn new() -> Self {
        Self { world: None, broker: None }
    }

    fn world(&mut self) -> &mut World {
        self.world.as_mut().expect("fresh comes first")
    }
}

impl Harness for NatsHarness {
    fn fresh(&mut self) -> BoxFuture<'_, Result<Arc<dyn Broker>, Missing>> {
        Box::pin(async {
            let mut world = World::start("").await.map_err(|missing| Missing(missing.to_string()))?;
            let broker = world.connect(&[]).await;
            self.broker = Some(Arc::clone(&broker));
            self.world = Some(world);
            Ok(broker)
        })
    }

    fn second_connection(&mut self) -> BoxFuture<'_, Arc<dyn Broker>> {
        Box::pin(async { self.world().connect(&[]).await })
    }

    /// Killed: what it had not written is lost.
    fn restart(&mut self) -> BoxFuture<'_, Arc<dyn Broker>> {
        Box::pin(async {
            let world = self.world();
            world.server.kill();
            world.server.start_again().await;
            let broker = Arc::clone(self.broker.as_ref().expect("fresh comes first"));
            crate::support::until("connecting again", || broker.state().connected).await;
            broker
        })
    }

    fn cut(&mut self) -> BoxFuture<'_, bool> {
        Box::pin(async {
            self.world().proxy.cut().await;
            true
        })
    }

    fn bounded(&mut self) -> BoxFuture<'_, Option<Bounded>> {
        Box::pin(async {
            let messages_max = MESSAGES_MAX.to_string();
            let broker = self.world().connect(&[("messages_max", &messages_max)]).await;
            Some(Bounded { broker, messages_max: MESSAGES_MAX })
        })
    }

    fn patience(&self) -> Patience {
        Patience { arrival: ARRIVAL, silence: SILENCE, pause: Duration::from_millis(400) }
    }
}

conformance_suite!(NatsHarness::new());
