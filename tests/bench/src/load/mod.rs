//! The load generator: as light as it can be on one thread, because it shares the cores with what it measures.
//!
//! Closed loop: each connection sends its next request when it has the last answer, so a slow answer lowers the load
//! instead of queueing behind it. Latencies are therefore those of a service at its limit, not of one with room.
//! Open loop: requests come at their own pace, and latencies are those of a service with room.

pub(crate) mod connection;
pub(crate) mod crowd;
pub(crate) mod gate;
pub(crate) mod latency;
pub(crate) mod pace;
pub(crate) mod request;
mod response;

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use futures_util::future::try_join_all;
use tokio::task::JoinSet;

use connection::Connection;
use gate::Gate;
use latency::Latency;
use pace::{Pace, Schedule};

/// What is sent, to whom, and for how long.
#[derive(Debug, Clone)]
pub(crate) struct Load {
    pub(crate) address: SocketAddr,
    /// Encoded requests, sent in turn.
    pub(crate) requests: Arc<[Bytes]>,
    pub(crate) connections: u16,
    pub(crate) pace: Pace,
    /// The only status that counts as an answer; any other ends the run as failed.
    pub(crate) expected: u16,
}

/// When a run ends.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Until {
    /// So long after it began.
    For(Duration),
    /// After so many requests.
    Count(u64),
}

/// What a run may do besides counting.
#[derive(Debug, Clone, Default)]
pub(crate) struct Extras {
    /// Requests wait while it is shut.
    pub(crate) gate: Option<Rc<Gate>>,
    /// Collects one `operation-id` in so many.
    pub(crate) ids_every: Option<u64>,
}

/// What came out.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) latency: Latency,
    pub(crate) elapsed: Duration,
    /// The ids that were asked for.
    pub(crate) ids: Vec<String>,
}

/// What the connections of a run share.
struct Run {
    load: Load,
    extras: Extras,
    /// Absent in a closed loop.
    schedule: Option<Schedule>,
    end: Option<Instant>,
    tally: RefCell<Tally>,
}

#[derive(Debug)]
struct Tally {
    /// Requests that may still be sent.
    left: u64,
    sent: u64,
    latency: Latency,
    ids: Vec<String>,
}

impl Load {
    /// Runs on this thread until the end, and returns when every request is answered. Must be called within a
    /// `LocalSet`.
    ///
    /// # Errors
    /// A connection broke, or an answer was not the expected one.
    pub(crate) async fn run(&self, until: Until) -> Result<Measured> {
        self.run_with(until, Extras::default()).await
    }

    /// The same with extras.
    ///
    /// # Errors
    /// As for [`Load::run`].
    pub(crate) async fn run_with(&self, until: Until, extras: Extras) -> Result<Measured> {
        let connections = (0..self.connections).map(|_| Connection::open(self.address));
        let connections = try_join_all(connections).await.context("the load generator cannot connect")?;
        let started = Instant::now();
        let run = Rc::new(Run::new(self.clone(), until, extras, started)?);
        let mut clients = JoinSet::new();
        clients.spawn_local(keep_pace(Rc::clone(&run)));
        for connection in connections {
            clients.spawn_local(client(Rc::clone(&run), connection));
        }
        while let Some(ended) = clients.join_next().await {
            ended.context("a client of the load generator panicked")??;
        }
        drop(clients);
        let elapsed = started.elapsed();
        let tally = run.tally.replace(Tally::new(0));
        Ok(Measured { latency: tally.latency, elapsed, ids: tally.ids })
    }
}

async fn client(run: Rc<Run>, mut connection: Connection) -> Result<()> {
    loop {
        if let Some(gate) = &run.extras.gate {
            gate.passed().await;
        }
        if let Some(schedule) = &run.schedule {
            schedule.turn().await;
        }
        let Some(number) = run.next() else { return Ok(()) };
        let request = &run.load.requests[number % run.load.requests.len()];
        let started = run.schedule.as_ref().map_or_else(Instant::now, |schedule| schedule.due_at(number));
        let status = connection.exchange(request).await.context("a connection broke")?;
        run.record(started, status, number, &connection)?;
    }
}

async fn keep_pace(run: Rc<Run>) -> Result<()> {
    let Some(schedule) = &run.schedule else { return Ok(()) };
    let count = run.tally.borrow().left;
    schedule.keep(count, run.load.connections).await.context("the load generator has no timer")
}

impl Run {
    fn new(load: Load, until: Until, extras: Extras, started: Instant) -> Result<Self> {
        let (end, left) = match (until, load.pace) {
            (Until::Count(count), _) => (None, count),
            (Until::For(duration), Pace::Closed) => (Some(started + duration), u64::MAX),
            // All that are due in that time are sent, however late: leaving some out would flatter.
            (Until::For(duration), Pace::PerSecond(rate)) => (None, due_within(duration, rate)),
        };
        let schedule = match load.pace {
            Pace::Closed => None,
            Pace::PerSecond(rate) => Some(Schedule::begin(rate).context("the load generator has no timer")?),
        };
        Ok(Self { load, extras, schedule, end, tally: RefCell::new(Tally::new(left)) })
    }

    /// The number of the next request, if there is to be one.
    fn next(&self) -> Option<usize> {
        let mut tally = self.tally.borrow_mut();
        if tally.left == 0 || self.end.is_some_and(|end| Instant::now() >= end) {
            return None;
        }
        tally.left -= 1;
        tally.sent += 1;
        usize::try_from(tally.sent - 1).ok()
    }

    fn record(&self, started: Instant, status: u16, number: usize, connection: &Connection) -> Result<()> {
        if status != self.load.expected {
            let body = String::from_utf8_lossy(connection.body());
            bail!("request {number} was answered {status}, not {}: {body}", self.load.expected);
        }
        let mut tally = self.tally.borrow_mut();
        tally.latency.record(started.elapsed());
        if self.extras.ids_every.is_some_and(|every| (number as u64).is_multiple_of(every)) {
            tally.ids.push(connection.operation_id().context("an answer has no operation-id")?);
        }
        Ok(())
    }
}

/// How many requests are due in a time.
fn due_within(duration: Duration, per_second: u32) -> u64 {
    let thousandths = duration.as_millis() * u128::from(per_second);
    u64::try_from(thousandths / 1_000).unwrap_or(u64::MAX)
}

impl Tally {
    fn new(left: u64) -> Self {
        Self { left, sent: 0, latency: Latency::new(), ids: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::task::LocalSet;

    use super::gate::Gate;
    use super::pace::Pace;
    use super::request::get;
    use super::{Extras, Load, Until};

    /// Answers each request on each connection with `answer`.
    async fn server(answer: &'static str) -> std::net::SocketAddr {
        server_after(Duration::ZERO, answer).await
    }

    /// The same, but the first answer of each connection comes only after `pause`.
    async fn server_after(pause: Duration, answer: &'static str) -> std::net::SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut buffer, mut pause) = ([0; 1024], pause);
                    while socket.read(&mut buffer).await.is_ok_and(|bytes| bytes > 0) {
                        tokio::time::sleep(std::mem::take(&mut pause)).await;
                        socket.write_all(answer.as_bytes()).await.expect("the client reads");
                    }
                });
            }
        });
        address
    }

    fn load(address: std::net::SocketAddr) -> Load {
        Load { address, requests: [get("/")].into(), connections: 4, pace: Pace::Closed, expected: 200 }
    }

    #[tokio::test]
    async fn a_run_counts_every_answer_once() {
        let address = server("HTTP/1.1 200 OK\r\nOperation-Id: abc\r\nContent-Length: 2\r\n\r\nok").await;
        let extras = Extras { ids_every: Some(10), gate: Some(Rc::new(Gate::default())) };
        let run = LocalSet::new();
        let measured =
            run.run_until(load(address).run_with(Until::Count(100), extras)).await.expect("it runs");
        assert_eq!(measured.latency.count(), 100, "as many answers as requests were asked for");
        assert_eq!(measured.ids, ["abc"; 10], "one id in ten");
    }

    #[tokio::test]
    async fn a_run_ends_in_time() {
        let address = server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        let until = Until::For(Duration::from_millis(50));
        let measured = LocalSet::new().run_until(load(address).run(until)).await.expect("it runs");
        assert!(measured.latency.count() > 4, "connections are used again");
        assert!(measured.elapsed >= Duration::from_millis(50), "it measures as long as it was told");
    }

    #[tokio::test]
    async fn an_unexpected_answer_fails_the_run() {
        let address = server("HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy").await;
        let failed = LocalSet::new().run_until(load(address).run(Until::Count(10))).await;
        let message = format!("{:#}", failed.expect_err("refusals must never count as throughput"));
        assert!(message.contains("answered 503, not 200: busy"), "it shows what came: {message}");
    }
    #[tokio::test]
    async fn an_open_loop_sends_when_requests_are_due_and_not_before() {
        let address = server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        let load = Load { pace: Pace::PerSecond(1_000), ..load(address) };
        let until = Until::For(Duration::from_millis(100));
        let measured = LocalSet::new().run_until(load.run(until)).await.expect("it runs");
        assert_eq!(measured.latency.count(), 100, "as many as are due in the time, however fast the answers");
        assert!(measured.elapsed >= Duration::from_millis(100), "never ahead of the time: {measured:?}");
    }

    #[tokio::test]
    async fn an_open_loop_counts_a_pause_in_every_request_that_it_delayed() {
        let pause = Duration::from_millis(200);
        let address = server_after(pause, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        let (connections, until) = (1, Until::Count(400));
        let open = Load { connections, pace: Pace::PerSecond(1_000), ..load(address) };
        let measured = LocalSet::new().run_until(open.run(until)).await.expect("it runs");
        let (most, quarter) = (measured.latency.at(1.0), measured.latency.at(0.75));
        assert!(most >= pause, "the first waited for all of it: {most:?}");
        assert!(
            quarter >= pause / 4,
            "a quarter was due while the server had half of it before it: {quarter:?}"
        );

        let closed = Load { connections, ..load(address) };
        let measured = LocalSet::new().run_until(closed.run(until)).await.expect("it runs");
        let quarter = measured.latency.at(0.75);
        assert!(quarter < pause / 4, "a closed loop hides it, which is why there are both: {quarter:?}");
    }
}
