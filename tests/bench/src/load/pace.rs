//! Open loop: requests are due at an even pace, answered or not. One that has to wait for a free connection, or for
//! this process, waits on its own account: its latency counts from the moment it was due. A pause of the server is
//! therefore seen in every request that it delayed, and not only in the few that were under way.

use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::Semaphore;

/// How requests follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// Each connection sends its next request when it has its answer.
    Closed,
    /// So many a second, evenly, over all connections together.
    PerSecond(u32),
}

/// When requests are due. Whoever has a connection to spare takes the next.
#[derive(Debug)]
pub(super) struct Schedule {
    first: Instant,
    every: Duration,
    /// Due and not yet taken.
    due: Semaphore,
    ticker: Ticker,
}

/// The system's timer instead of the runtime's, which knows milliseconds only and would send in bursts.
#[derive(Debug)]
struct Ticker(AsyncFd<OwnedFd>);

impl Schedule {
    /// Begins now.
    ///
    /// # Errors
    /// The system has no timer to spare.
    pub(super) fn begin(per_second: u32) -> io::Result<Self> {
        let every = Duration::from_secs(1) / per_second;
        let first = Instant::now() + every;
        Ok(Self { first, every, due: Semaphore::new(0), ticker: Ticker::start(every)? })
    }

    /// When the request of this number, from 0, is due.
    pub(super) fn due_at(&self, number: usize) -> Instant {
        self.first + self.every * u32::try_from(number).unwrap_or(u32::MAX)
    }

    /// Waits until another request is due, or until there will be none.
    pub(super) async fn turn(&self) {
        if let Ok(turn) = self.due.acquire().await {
            turn.forget();
        }
    }

    /// Gives out `count` turns as they are due, then lets go of the `waiting` that wait for one in vain.
    ///
    /// # Errors
    /// The timer cannot be read.
    pub(super) async fn keep(&self, count: u64, waiting: u16) -> io::Result<()> {
        let mut left = count;
        while left > 0 {
            let due = self.ticker.ticks().await?.min(left);
            self.due.add_permits(usize::try_from(due).unwrap_or(Semaphore::MAX_PERMITS));
            left -= due;
        }
        self.due.add_permits(waiting.into());
        Ok(())
    }
}

impl Ticker {
    #[expect(deprecated, reason = "its successor is unsafe code; an `OwnedFd` is what it is safe with")]
    fn start(every: Duration) -> io::Result<Self> {
        let timer =
            timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        let every = Timespec::try_from(every).map_err(io::Error::other)?;
        let times = Itimerspec { it_interval: every, it_value: every };
        timerfd_settime(&timer, TimerfdTimerFlags::empty(), &times)?;
        AsyncFd::with_interest(timer, Interest::READABLE).map(Self)
    }

    /// How many ticks there were since it was asked last; waits for one.
    async fn ticks(&self) -> io::Result<u64> {
        loop {
            let mut ready = self.0.readable().await?;
            let mut ticks = [0; size_of::<u64>()];
            if let Ok(read) = ready.try_io(|timer| Ok(rustix::io::read(timer, &mut ticks)?)) {
                read?;
                return Ok(u64::from_ne_bytes(ticks));
            }
        }
    }
}
