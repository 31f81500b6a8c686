//! A server and its life: what the four brokers have in common.

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, timeout};

use crate::log::Log;
use crate::missing::Missing;
use crate::plan::Plan;
use crate::run::Run;
use crate::tls::Certificates;

const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// Longer than any server's own grace.
const STOP: Duration = Duration::from_secs(30);

/// A broker as a process of its own: its address, and the switches of its life.
///
/// Its port and its data stay the same over any number of kills and restarts. It ends when this value is dropped, and
/// also when the test process dies without dropping anything.
pub struct Server {
    run: Mutex<Option<Run>>,
    starts: AtomicU32,
    plan: Plan,
}

/// One server for all tests of a process, kept in a static.
pub(crate) type Shared<S> = OnceCell<Result<S, Missing>>;

/// The server of a process, started by whoever asks first.
pub(crate) async fn shared<S>(
    cell: &'static Shared<S>,
    start: impl Future<Output = Result<S, Missing>>,
) -> Result<&'static S, Missing> {
    cell.get_or_init(|| start).await.as_ref().map_err(Clone::clone)
}

impl Server {
    /// Prepares away from the runtime, for a preparation may run programs, and returns when the server serves.
    pub(crate) async fn start(
        prepare: impl FnOnce() -> Result<Plan, Missing> + Send + 'static,
    ) -> Result<Self, Missing> {
        let plan = spawn_blocking(prepare).await.unwrap_or_else(|error| match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(error) => panic!("the preparation of a server was given up: {error}"),
        })?;
        let server = Self { run: Mutex::new(None), starts: AtomicU32::new(0), plan };
        server.start_again().await;
        Ok(server)
    }

    /// The URL of the server, without any login: `nats://127.0.0.1:20001`, with TLS `tls://localhost:20001`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.plan.url
    }

    /// Where it listens: for a proxy to stand before it.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.plan.port.address()
    }

    /// The port of [`Server::address`].
    #[must_use]
    pub fn port(&self) -> u16 {
        self.plan.port.number()
    }

    /// The files of its authority and of a client; `None` without TLS.
    #[must_use]
    pub fn certificates(&self) -> Option<&Certificates> {
        self.plan.home.certificates.as_ref()
    }

    /// The folder with its configuration and data.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.plan.home.path()
    }

    /// SIGKILL, and gone when this returns. Nothing happens when it is down already.
    pub fn kill(&self) {
        drop(self.lock().take());
    }

    /// SIGTERM, and gone when this returns. Nothing happens when it is down already.
    ///
    /// # Panics
    /// When it does not end.
    pub async fn stop(&self) {
        self.resume();
        self.with_run(Run::terminate);
        let deadline = Instant::now() + STOP;
        while self.is_running() {
            assert!(Instant::now() < deadline, "{} did not stop\n{}", self.plan.name, self.log_tail());
            sleep(LOOK_AGAIN).await;
        }
        self.kill();
    }

    /// Starts it on the same port and data; returns when it serves.
    ///
    /// # Panics
    /// When it runs already, or does not serve in time.
    pub async fn start_again(&self) {
        let number = self.starts.fetch_add(1, Ordering::Relaxed);
        let log = Log::at(self.folder().join(format!("log-{number}.txt")));
        {
            let mut run = self.lock();
            assert!(run.is_none(), "{} runs already; stop or kill it first", self.plan.name);
            *run = Some(Run::start(&self.plan, log));
        }
        self.serves().await;
    }

    /// Stops it with SIGTERM and starts it again; returns when it serves.
    ///
    /// # Panics
    /// When one of them fails.
    pub async fn restart(&self) {
        self.stop().await;
        self.start_again().await;
    }

    /// SIGSTOP: connections stay open and nobody answers. Stopped when this returns.
    ///
    /// # Panics
    /// When it is not running.
    pub fn pause(&self) {
        assert!(self.is_running(), "{} is not running", self.plan.name);
        self.with_run(Run::pause);
    }

    /// SIGCONT. Nothing happens when it is not paused.
    pub fn resume(&self) {
        self.with_run(Run::resume);
    }

    /// Whether its process is there, paused or not.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.lock().as_mut().is_some_and(Run::is_running)
    }

    /// The server's process; `None` when it is down.
    #[must_use]
    pub fn process_id(&self) -> Option<u32> {
        self.lock().as_ref().map(Run::id)
    }

    /// The end of what the latest run has logged.
    #[must_use]
    pub fn log_tail(&self) -> String {
        self.lock().as_ref().map_or_else(|| "(it is down)".to_owned(), |run| run.log().tail())
    }

    pub(crate) fn plan(&self) -> &Plan {
        &self.plan
    }

    async fn serves(&self) {
        let deadline = Instant::now() + self.plan.patience;
        let name = self.plan.name;
        while !self.is_ready().await {
            assert!(self.is_running(), "{name} ended while it started\n{}", self.log_tail());
            assert!(Instant::now() < deadline, "{name} does not serve in time\n{}", self.log_tail());
            sleep(LOOK_AGAIN).await;
        }
    }

    async fn is_ready(&self) -> bool {
        let says_so = self.lock().as_ref().is_some_and(|run| run.log().contains(self.plan.ready));
        let connect = timeout(Duration::from_secs(1), TcpStream::connect(self.address()));
        says_so && matches!(connect.await, Ok(Ok(_)))
    }

    fn with_run(&self, act: fn(&Run)) {
        if let Some(run) = self.lock().as_ref() {
            act(run);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Run>> {
        // A test that failed while it held this has not left anything half done.
        self.run.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the end of the log of {} at {}:\n{}", self.plan.name, self.plan.url, self.log_tail());
        }
        self.kill();
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} at {}", self.plan.name, self.plan.url)
    }
}
