//! Load on a route whose operations end later: acceptance is held back while too many are open, so that what is
//! measured is the whole operation and not how long a queue can grow.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};

use crate::gateway::{Gateway, Operations};
use crate::load::gate::Gate;
use crate::load::{Extras, Load, Measured, Until};
use crate::process::usage::Usage;

/// Operations open at once: enough to fill every batch on the way, little beside what is accepted in a second.
const OPEN_MAX: u64 = 4_000;
/// How often the gateway is asked how far it is.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Without any progress for so long, it will not come to an end.
const STALLED: Duration = Duration::from_secs(60);

/// How far the gateway is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Progress {
    /// Since the load began.
    pub(crate) at: Duration,
    /// Operations that succeeded since then.
    pub(crate) ended: u64,
    /// What the gateway used since its start.
    pub(crate) usage: Usage,
}

/// What came out.
#[derive(Debug)]
pub(crate) struct Done {
    /// The acceptances.
    pub(crate) measured: Measured,
    /// How far it was when the last request had been accepted.
    pub(crate) accepted: Progress,
}

/// Runs `load` on `route`, tells `observe` how far it is, and returns when every operation ended.
///
/// # Errors
/// The load or `observe` failed, an operation did not succeed, or it does not come to an end.
pub(crate) async fn until_ended(
    gateway: &mut Gateway,
    route: &str,
    load: &Load,
    until: Until,
    extras: Extras,
    mut observe: impl FnMut(Progress) -> Result<()>,
) -> Result<Done> {
    let gate = Rc::new(Gate::default());
    let extras = Extras { gate: Some(Rc::clone(&gate)), ..extras };
    let all_sent = Cell::new(false);
    let requests = async {
        let measured = load.run_with(until, extras).await;
        all_sent.set(true);
        measured
    };
    let watched = async {
        let mut watch = Watch::begin(gateway, route).await?;
        let mut accepted = None;
        loop {
            // Asked before looking: what is seen then includes everything that was sent.
            let is_all = all_sent.get();
            let (operations, progress) = watch.look().await?;
            observe(progress)?;
            gate.set_open(operations.open() < OPEN_MAX);
            let at_last = if is_all { *accepted.get_or_insert(progress) } else { progress };
            if is_all && operations.open() == 0 {
                return Ok(at_last);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    let (measured, accepted) = tokio::try_join!(requests, watched)?;
    Ok(Done { measured, accepted })
}

struct Watch<'a> {
    gateway: &'a mut Gateway,
    route: &'a str,
    started: Instant,
    before: Operations,
    last_change: (Instant, u64),
}

impl<'a> Watch<'a> {
    async fn begin(gateway: &'a mut Gateway, route: &'a str) -> Result<Self> {
        let before = gateway.admin.operations(route).await?;
        let started = Instant::now();
        Ok(Self { gateway, route, started, before, last_change: (started, 0) })
    }

    async fn look(&mut self) -> Result<(Operations, Progress)> {
        let operations = self.gateway.admin.operations(self.route).await?;
        let lost = operations.unsuccessful;
        ensure!(lost == 0, "{lost} operations did not succeed:\n{}", self.gateway.log());
        let (at, ended) = (self.started.elapsed(), operations.succeeded - self.before.succeeded);
        self.insist_on_progress(operations, ended)?;
        Ok((operations, Progress { at, ended, usage: self.gateway.usage()? }))
    }

    fn insist_on_progress(&mut self, operations: Operations, ended: u64) -> Result<()> {
        if ended != self.last_change.1 {
            self.last_change = (Instant::now(), ended);
        }
        if self.last_change.0.elapsed() > STALLED {
            bail!("{} operations stay open without progress:\n{}", operations.open(), self.gateway.log());
        }
        Ok(())
    }
}
