//! Is the cluster there? librdkafka tells when it is gone and never when it is back, so that a thread asks: at the
//! start, and whenever there is a suspicion, until there is an answer. It says so once in the log, either way.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use rdkafka::error::RDKafkaErrorCode as Code;
use sidegate_broker::{BrokerError, ErrorKind};
use tokio::sync::watch;

use crate::error::{closed, not_applied};

/// A cluster that does not answer for so long is away.
const ANSWER_MAX: Duration = Duration::from_secs(1);
const PAUSE_MIN_MS: u64 = 50;
const PAUSE_MAX_MS: u64 = 500;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nobody knows yet.
    Starting,
    Up,
    Down,
    Closed,
}

/// See the module's docs.
pub(crate) struct Link {
    shown: String,
    phase: watch::Sender<Phase>,
    reconnects: AtomicU64,
    suspicion: Mutex<Suspicion>,
    bell: Condvar,
}

#[derive(Debug, Default)]
struct Suspicion {
    is_raised: bool,
    /// All connections were gone, not only slow.
    was_cut: bool,
    /// The latest that librdkafka said about it.
    reason: String,
}

impl Link {
    pub(crate) fn new(shown: String) -> Self {
        Self {
            shown,
            phase: watch::Sender::new(Phase::Starting),
            reconnects: AtomicU64::new(0),
            suspicion: Mutex::new(Suspicion { is_raised: true, ..Suspicion::default() }),
            bell: Condvar::new(),
        }
    }

    /// The cluster's URL as in logs and errors.
    pub(crate) fn shown(&self) -> &str {
        &self.shown
    }

    pub(crate) fn is_up(&self) -> bool {
        *self.phase.borrow() == Phase::Up
    }

    /// Known to be away: nothing that waits for it comes to an end.
    pub(crate) fn is_down(&self) -> bool {
        *self.phase.borrow() == Phase::Down
    }

    fn is_closed(&self) -> bool {
        *self.phase.borrow() == Phase::Closed
    }

    pub(crate) fn reconnects(&self) -> u64 {
        self.reconnects.load(Ordering::Relaxed)
    }

    /// `Ok` while the cluster is there. At the start it waits until that is known: as long as the first answer may take.
    pub(crate) async fn ready(&self) -> Result<(), BrokerError> {
        if self.is_up() {
            return Ok(());
        }
        let mut phase = self.phase.subscribe();
        let known =
            phase.wait_for(|phase| *phase != Phase::Starting).await.map_or(Phase::Closed, |phase| *phase);
        match known {
            Phase::Up => Ok(()),
            Phase::Closed => Err(closed()),
            Phase::Starting | Phase::Down => Err(self.unreachable()),
        }
    }

    fn unreachable(&self) -> BrokerError {
        let reason = self.suspicion.lock().reason.clone();
        let because = if reason.is_empty() { String::new() } else { format!(": {reason}") };
        not_applied(ErrorKind::Unreachable, format!("kafka at {} cannot be reached{because}", self.shown))
    }

    /// Why it cannot be used now.
    pub(crate) fn problem(&self) -> Option<String> {
        match *self.phase.borrow() {
            Phase::Up => None,
            Phase::Closed => Some(closed().to_string()),
            Phase::Starting | Phase::Down => Some(self.unreachable().to_string()),
        }
    }

    /// What a client of librdkafka reports.
    pub(crate) fn heard(&self, code: Option<Code>, reason: &str) {
        tracing::debug!(broker = self.shown, reason, "kafka client reports trouble");
        let was_cut = code == Some(Code::AllBrokersDown);
        let is_about_link = was_cut
            || matches!(
                code,
                Some(
                    Code::BrokerTransportFailure
                        | Code::Authentication
                        | Code::SSL
                        | Code::Resolve
                        | Code::OperationTimedOut
                )
            );
        if is_about_link {
            self.suspect(was_cut, if was_cut { "" } else { reason });
        }
    }

    /// Something that should have been answered was not.
    pub(crate) fn suspect(&self, was_cut: bool, reason: &str) {
        let mut suspicion = self.suspicion.lock();
        suspicion.is_raised = true;
        suspicion.was_cut |= was_cut;
        if !reason.is_empty() {
            reason.clone_into(&mut suspicion.reason);
        }
        drop(suspicion);
        self.bell.notify_all();
    }

    pub(crate) fn close(&self) {
        self.phase.send_replace(Phase::Closed);
        self.bell.notify_all();
    }

    /// The thread: `ask` asks the cluster anything, and waits at most so long for the answer.
    pub(crate) fn watch(&self, ask: impl Fn(Duration) -> Result<(), String>) {
        while let Some(was_cut) = self.wait_for_suspicion() {
            let began = Instant::now();
            let before = *self.phase.borrow();
            if !self.ask_until_answered(&ask) {
                return;
            }
            self.back(before, was_cut, began.elapsed());
        }
    }

    /// Whether everything was cut; `None` when it is closed.
    fn wait_for_suspicion(&self) -> Option<bool> {
        let mut suspicion = self.suspicion.lock();
        while !suspicion.is_raised && !self.is_closed() {
            self.bell.wait_for(&mut suspicion, Duration::from_secs(1));
        }
        suspicion.is_raised = false;
        let was_cut = std::mem::take(&mut suspicion.was_cut);
        (!self.is_closed()).then_some(was_cut)
    }

    /// `false` when it was closed meanwhile. One question that fails at once is a connection that was just cut; a cluster
    /// is away when none is answered for a while.
    fn ask_until_answered(&self, ask: &impl Fn(Duration) -> Result<(), String>) -> bool {
        let began = Instant::now();
        let mut pause_ms = PAUSE_MIN_MS;
        loop {
            let patience = ANSWER_MAX.saturating_sub(began.elapsed());
            let is_patient = !patience.is_zero();
            let Err(why) = ask(if is_patient { patience } else { ANSWER_MAX }) else {
                return !self.is_closed();
            };
            if self.is_closed() {
                return false;
            }
            if began.elapsed() >= ANSWER_MAX {
                self.lost(&why);
            }
            let jittered_ms = pause_ms / 2 + fastrand::u64(0..=pause_ms / 2);
            self.pause(Duration::from_millis(jittered_ms));
            // Each question waits for a connection by itself: longer pauses would only answer later.
            pause_ms = (pause_ms * 2).min(PAUSE_MAX_MS);
        }
    }

    fn pause(&self, span: Duration) {
        let until = Instant::now() + span;
        let mut suspicion = self.suspicion.lock();
        while !self.is_closed() && !self.bell.wait_until(&mut suspicion, until).timed_out() {}
    }

    fn lost(&self, why: &str) {
        let mut suspicion = self.suspicion.lock();
        if suspicion.reason.is_empty() {
            why.clone_into(&mut suspicion.reason);
        }
        let reason = suspicion.reason.clone();
        drop(suspicion);
        let was_up = self.phase.send_if_modified(|phase| {
            let is_news = matches!(phase, Phase::Starting | Phase::Up);
            if is_news {
                *phase = Phase::Down;
            }
            is_news
        });
        if was_up {
            tracing::warn!(broker = self.shown, reason, "broker lost");
        }
    }

    fn back(&self, before: Phase, was_cut: bool, away: Duration) {
        let mut suspicion = self.suspicion.lock();
        suspicion.reason.clear();
        // What was heard before the answer is about the connection before it.
        suspicion.was_cut = false;
        drop(suspicion);
        let was_down = *self.phase.borrow() == Phase::Down;
        self.phase.send_if_modified(|phase| {
            let is_news = *phase != Phase::Closed && *phase != Phase::Up;
            if is_news {
                *phase = Phase::Up;
            }
            is_news
        });
        let was_up_before = before == Phase::Up;
        if was_up_before && (was_down || was_cut) {
            self.reconnects.fetch_add(1, Ordering::Relaxed);
        }
        if was_down {
            tracing::info!(broker = self.shown, away_ms = away.as_millis() as u64, "broker back");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    use super::*;

    /// A link whose cluster is there or not, as the test says.
    fn watched() -> (Arc<Link>, Arc<AtomicBool>, std::thread::JoinHandle<()>) {
        let link = Arc::new(Link::new("kafka://one:9092".to_owned()));
        let is_there = Arc::new(AtomicBool::new(true));
        let (watched, answers) = (Arc::clone(&link), Arc::clone(&is_there));
        let thread = std::thread::spawn(move || {
            watched
                .watch(|_| if answers.load(Ordering::SeqCst) { Ok(()) } else { Err("no answer".to_owned()) });
        });
        (link, is_there, thread)
    }

    async fn until(what: &str, holds: impl Fn() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(5);
        while !holds() {
            assert!(Instant::now() < deadline, "{what} within 5 seconds");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    #[tokio::test]
    async fn who_comes_before_the_first_answer_waits_for_it() {
        let (link, _, thread) = watched();
        assert!(link.ready().await.is_ok(), "the cluster answered");
        assert_eq!(link.reconnects(), 0, "the first connection is no reconnect");
        link.close();
        thread.join().expect("the thread ends when the link is closed");
        assert_eq!(link.ready().await.map_err(|error| error.kind), Err(ErrorKind::Closed));
    }

    #[tokio::test]
    async fn a_cluster_that_goes_and_comes_is_counted_once_and_refused_meanwhile() {
        let (link, is_there, thread) = watched();
        link.ready().await.expect("it is there");
        is_there.store(false, Ordering::SeqCst);
        link.heard(Some(Code::AllBrokersDown), "1/1 brokers are down");
        until("the link is down", || !link.is_up()).await;
        let error = link.ready().await.expect_err("it is away");
        assert_eq!(error.kind, ErrorKind::Unreachable, "it passes by itself: {error}");
        assert_eq!(error.effect, sidegate_broker::Effect::NotApplied, "nothing was sent");
        is_there.store(true, Ordering::SeqCst);
        until("the link is up again", || link.is_up()).await;
        assert_eq!(link.reconnects(), 1, "it was made again once");
        link.close();
        thread.join().expect("the thread ends");
    }

    #[tokio::test]
    async fn a_cut_that_nobody_noticed_is_a_reconnect_too() {
        let (link, _, thread) = watched();
        link.ready().await.expect("it is there");
        link.heard(Some(Code::AllBrokersDown), "1/1 brokers are down");
        until("the cut is counted", || link.reconnects() == 1).await;
        assert!(link.is_up(), "it answered at once");
        link.close();
        thread.join().expect("the thread ends");
    }
}
