//! Callers within this process: each begins its next call when its last one returned.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::task::JoinSet;

use crate::cli::{AskPlan, Callers};
use crate::load::latency::Latency;
use crate::measure::sample::{Sample, Used};
use crate::process::usage::Usage;

/// Runs them to their end and tells what they measured, and what this process used meanwhile.
///
/// # Errors
/// A call failed.
pub(super) async fn sample<F>(
    callers: Callers,
    call: impl Fn() -> F + Clone + Send + 'static,
) -> Result<Sample>
where
    F: Future<Output = Result<()>> + Send + 'static,
{
    let (before, started) = (Usage::of_this_process()?, Instant::now());
    let end = started + Duration::from_millis(callers.milliseconds);
    let mut all = JoinSet::new();
    for _ in 0..callers.clients {
        all.spawn(caller(call.clone(), end));
    }
    let mut latency = Latency::new();
    while let Some(ended) = all.join_next().await {
        latency.add(&ended.context("a caller panicked")??);
    }
    Ok(Sample::new(&latency, started.elapsed(), before, Usage::of_this_process()?))
}

/// The same of callers whom another process answers, with a warm-up before it, and what that process used meanwhile.
///
/// # Errors
/// A call failed, or the other process is gone.
pub(super) async fn sample_with_partner<F>(
    plan: &AskPlan,
    call: impl Fn() -> F + Clone + Send + 'static,
) -> Result<Sample>
where
    F: Future<Output = Result<()>> + Send + 'static,
{
    sample(plan.callers.warm_up(), call.clone()).await?;
    let before = Usage::of(plan.partner)?;
    let sample = sample(plan.callers, call).await?;
    let partner = Used::between(before, Usage::of(plan.partner)?);
    Ok(Sample { partner: Some(partner), ..sample })
}

async fn caller<F>(call: impl Fn() -> F, end: Instant) -> Result<Latency>
where
    F: Future<Output = Result<()>>,
{
    let mut latency = Latency::new();
    let mut started = Instant::now();
    while started < end {
        call().await?;
        let finished = Instant::now();
        latency.record(finished - started);
        started = finished;
    }
    Ok(latency)
}
