//! What the gateway says of itself on its admin plane.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::load::connection::Connection;
use crate::load::request::get;

/// How long it may take to get ready.
const READY_TIMEOUT: Duration = Duration::from_secs(60);
/// How often it is asked meanwhile; far below what is measured.
const READY_EVERY: Duration = Duration::from_millis(1);

/// A connection to the admin plane.
#[derive(Debug)]
pub(crate) struct Admin(Connection);

/// A route's operations since the gateway started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Operations {
    pub(crate) accepted: u64,
    pub(crate) succeeded: u64,
    /// Ended otherwise: in a measurement a mistake.
    pub(crate) unsuccessful: u64,
}

impl Admin {
    pub(super) async fn connect(address: SocketAddr) -> Result<Self> {
        Ok(Self(Connection::open(address).await.context("the admin plane does not listen")?))
    }

    pub(super) async fn wait_until_ready(&mut self) -> Result<()> {
        let until = Instant::now() + READY_TIMEOUT;
        while self.0.exchange(&get("/ready")).await? != 200 {
            if Instant::now() > until {
                bail!("{}", String::from_utf8_lossy(self.0.body()));
            }
            tokio::time::sleep(READY_EVERY).await;
        }
        Ok(())
    }

    /// What became of a route's operations.
    ///
    /// # Errors
    /// The gateway does not answer.
    pub(crate) async fn operations(&mut self, route: &str) -> Result<Operations> {
        let metrics = self.metrics().await?;
        let ended = sum(&metrics, "sidegate_operations_ended_total", &[("route", route)]);
        let labels = [("route", route), ("status", "succeeded")];
        let succeeded = sum(&metrics, "sidegate_operations_ended_total", &labels);
        let accepted = sum(&metrics, "sidegate_operations_accepted_total", &[("route", route)]);
        Ok(Operations { accepted, succeeded, unsuccessful: ended - succeeded })
    }

    /// How many callers a route holds at this moment.
    ///
    /// # Errors
    /// The gateway does not answer.
    pub(crate) async fn held(&mut self, route: &str) -> Result<u64> {
        Ok(sum(&self.metrics().await?, "sidegate_callers_held", &[("route", route)]))
    }

    /// How many operations are accepted and not yet at their broker.
    ///
    /// # Errors
    /// The gateway does not answer.
    pub(crate) async fn pending(&mut self) -> Result<u64> {
        Ok(sum(&self.metrics().await?, "sidegate_operations_pending", &[]))
    }

    /// How many messages the broker took responsibility for since the gateway started.
    ///
    /// # Errors
    /// The gateway does not answer.
    pub(crate) async fn published(&mut self) -> Result<u64> {
        let labels = [("broker", "main"), ("result", "ok")];
        Ok(sum(&self.metrics().await?, "sidegate_messages_published_total", &labels))
    }

    async fn metrics(&mut self) -> Result<String> {
        match self.0.exchange(&get("/metrics")).await? {
            200 => Ok(String::from_utf8_lossy(self.0.body()).into_owned()),
            status => bail!("/metrics was answered {status}"),
        }
    }
}

impl Operations {
    /// Accepted and not ended.
    pub(crate) const fn open(self) -> u64 {
        self.accepted.saturating_sub(self.succeeded + self.unsuccessful)
    }
}

/// The sum of a metric's samples that have these labels, in OpenMetrics text; a sample that is not there yet is 0.
fn sum(metrics: &str, name: &str, labels: &[(&str, &str)]) -> u64 {
    let wanted: Vec<String> = labels.iter().map(|(label, value)| format!("{label}=\"{value}\"")).collect();
    let samples = metrics.lines().filter_map(|line| {
        let rest = line.strip_prefix(name)?;
        let (found, value) = match rest.strip_prefix('{') {
            Some(labelled) => labelled.rsplit_once("} ")?,
            None => ("", rest.strip_prefix(' ')?),
        };
        let has = |label: &String| found.split(',').any(|found| found == label);
        wanted.iter().all(has).then(|| value.parse::<u64>().ok())?
    });
    samples.sum()
}

#[cfg(test)]
mod tests {
    use super::sum;

    #[test]
    fn samples_are_found_by_name_and_labels() {
        let metrics = "# TYPE a counter\na_total{route=\"x\",status=\"s\"} 3\na_total{route=\"x\",status=\"f\"} 4\n\
                       a_total{route=\"xy\",status=\"s\"} 50\nab_total{route=\"x\"} 600\nbare 8\n# EOF\n";
        assert_eq!(
            sum(metrics, "a_total", &[("route", "x")]),
            7,
            "all samples of the route, and of no other"
        );
        assert_eq!(sum(metrics, "a_total", &[("route", "x"), ("status", "f")]), 4);
        assert_eq!(sum(metrics, "bare", &[]), 8, "some have no labels");
        assert_eq!(sum(metrics, "a_total", &[("route", "z")]), 0, "what never happened is 0");
    }
}
