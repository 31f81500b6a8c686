//! Adapters that break one promise each: the control of the suite. A law that no broken adapter fails proves nothing.
//!
//! [`Broken`] stands before any harness. It must wrap a broker that keeps the laws and claims all that they
//! need; the embedded one does.

mod broker;
mod inbox;

use std::sync::Arc;

use sidegate_broker::{BoxFuture, Broker};

use crate::harness::{Bounded, Harness, Missing, Patience};
use crate::laws::Law;
use broker::{BrokenBroker, World};

/// Which promise is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Every tenth message is confirmed and lost.
    DropsEveryTenth,
    /// Every message is delivered twice.
    RepeatsMessages,
    /// Every other message is handed to the broker later than the next.
    IgnoresOrder,
    /// Headers are left behind.
    LosesHeaders,
    /// Header values keep what is ASCII.
    FlattensText,
    /// A reply does not say to what.
    LosesCorrelation,
    /// A request is called by its message id, whatever its asker calls it.
    RenamesRequests,
    /// A message id that was seen before is refused.
    RefusesRepeatedIds,
    /// What need not be durable is thrown away.
    DropsTransient,
    /// A command that nobody waits for is thrown away.
    DropsEarlyCommands,
    /// An event that its subscriber is not there for is thrown away.
    DropsMissedEvents,
    /// A new subscriber gets what was published before.
    ReplaysOldEvents,
    /// All services share one copy of an event.
    SharesEvents,
    /// Too large messages are confirmed and lost.
    SwallowsLargeMessages,
    /// Messages that a full broker refuses are confirmed and lost.
    SwallowsWhenFull,
    /// All replies go to the place of the first.
    MixesReplies,
    /// A key's messages go out at once.
    IgnoresKeys,
    /// All messages wait for one another as if they had one key.
    OneKeyForAll,
    /// More is handed out than was asked for.
    IgnoresPrefetch,
    /// Messages are taken ahead, and not given back when the inbox goes.
    HoardsMessages,
    /// An acknowledgement is not passed on.
    AcksNothing,
    /// A message is acknowledged when it is handed out.
    AcksEarly,
    /// A rejected message is given back.
    RejectsNothing,
    /// What is given back for later comes at once.
    IgnoresPauses,
    /// Every delivery is the first.
    ForgetsAttempts,
    /// A restart loses everything.
    ForgetsAtRestart,
    /// Closing does nothing.
    NeverCloses,
    /// Closing one connection closes all.
    ClosesAll,
}

/// A harness whose broker has a fault.
pub struct Broken {
    inner: Box<dyn Harness>,
    world: Arc<World>,
}

impl Broken {
    /// Gives a sound harness a fault.
    #[must_use]
    pub fn new(inner: Box<dyn Harness>, fault: Fault) -> Self {
        Self { inner, world: Arc::new(World::new(fault)) }
    }

    fn wrap(world: &Arc<World>, broker: Arc<dyn Broker>) -> Arc<dyn Broker> {
        world.connected(&broker);
        Arc::new(BrokenBroker::new(broker, Arc::clone(world)))
    }
}

impl Harness for Broken {
    fn about_to_try(&mut self, law: &Law) {
        self.inner.about_to_try(law);
    }

    fn fresh(&mut self) -> BoxFuture<'_, Result<Arc<dyn Broker>, Missing>> {
        Box::pin(async { self.inner.fresh().await.map(|broker| Self::wrap(&self.world, broker)) })
    }

    fn second_connection(&mut self) -> BoxFuture<'_, Arc<dyn Broker>> {
        Box::pin(async { Self::wrap(&self.world, self.inner.second_connection().await) })
    }

    fn restart(&mut self) -> BoxFuture<'_, Arc<dyn Broker>> {
        Box::pin(async {
            if self.world.fault != Fault::ForgetsAtRestart {
                return Self::wrap(&self.world, self.inner.restart().await);
            }
            match self.inner.fresh().await {
                Ok(empty) => Self::wrap(&self.world, empty),
                Err(Missing(what)) => panic!("a broker that was there is missing: {what}"),
            }
        })
    }

    fn cut(&mut self) -> BoxFuture<'_, bool> {
        self.inner.cut()
    }

    fn bounded(&mut self) -> BoxFuture<'_, Option<Bounded>> {
        Box::pin(async {
            let bounded = self.inner.bounded().await?;
            Some(Bounded { broker: Self::wrap(&self.world, bounded.broker), ..bounded })
        })
    }

    fn patience(&self) -> Patience {
        self.inner.patience()
    }
}
