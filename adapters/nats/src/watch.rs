//! How the connection does, as the client library's events tell it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use async_nats::Event;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::confirm::Confirms;
use crate::hand::Mailbox;

const LOST: &str = "the connection to NATS was lost";
const BACK: &str = "the connection to NATS is back";
const NOT_YET: &str = "NATS cannot be reached yet";
const COMPLAINT: &str = "NATS reports an error";
const DROPPED: &str = "messages that need not be durable were dropped: they come faster than they are taken";
const ABOUT_TO_STOP: &str = "the NATS server is about to stop";
const COMPLAINT_PAUSE: Duration = Duration::from_secs(10);

/// What the client library's events change.
pub(crate) struct Watch {
    /// The URL without secrets.
    pub(crate) place: String,
    phase: watch::Sender<Phase>,
    was_connected: AtomicBool,
    is_closed: AtomicBool,
    last_error: Mutex<Option<String>>,
    lost_at: Mutex<Option<Instant>>,
    /// Complaints that may come in floods are told now and then.
    complained_at: Mutex<Option<Instant>>,
    confirms: Mutex<Option<Arc<Confirms>>>,
    mailboxes: Mutex<Vec<Weak<Mailbox>>>,
}

/// What the connection went through last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Starting,
    Up,
    Down,
    Closed,
}

impl Watch {
    pub(crate) fn new(place: String) -> Self {
        Self {
            place,
            phase: watch::Sender::new(Phase::Starting),
            was_connected: AtomicBool::new(false),
            is_closed: AtomicBool::new(false),
            last_error: Mutex::new(None),
            lost_at: Mutex::new(None),
            complained_at: Mutex::new(None),
            confirms: Mutex::new(None),
            mailboxes: Mutex::default(),
        }
    }

    /// Who is told when the connection is lost.
    pub(crate) fn tell(&self, confirms: &Arc<Confirms>) {
        *self.confirms.lock() = Some(Arc::clone(confirms));
    }

    pub(crate) fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    pub(crate) fn last_error(&self) -> Option<String> {
        self.last_error.lock().clone()
    }

    /// Until it is known whether the first connection can be made.
    pub(crate) async fn started(&self) {
        let _ = self.phase.subscribe().wait_for(|phase| *phase != Phase::Starting).await;
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    pub(crate) fn was_connected(&self) -> bool {
        self.was_connected.load(Ordering::Acquire)
    }

    /// An event of the client library. It tells by a bounded queue of its own and may leave some out, so
    /// [`Link::reconcile`] looks after it.
    pub(crate) fn event(&self, event: &Event) {
        match event {
            Event::Connected => self.up(),
            Event::Disconnected => self.down(),
            Event::ClientError(problem) => *self.last_error.lock() = Some(problem.to_string()),
            Event::ServerError(problem) => {
                *self.last_error.lock() = Some(problem.to_string());
                if self.may_complain() {
                    tracing::warn!(place = %self.place, error = %problem, "{COMPLAINT}");
                }
            }
            Event::SlowConsumer(_) if self.may_complain() => {
                tracing::warn!(place = %self.place, "{DROPPED}");
            }
            Event::LameDuckMode => tracing::info!(place = %self.place, "{ABOUT_TO_STOP}"),
            Event::SlowConsumer(_) | Event::Draining | Event::Closed => {}
        }
    }

    fn may_complain(&self) -> bool {
        let mut complained_at = self.complained_at.lock();
        let may = complained_at.is_none_or(|at| at.elapsed() >= COMPLAINT_PAUSE);
        if may {
            *complained_at = Some(Instant::now());
        }
        may
    }

    pub(crate) fn up(&self) {
        self.was_connected.store(true, Ordering::Release);
        *self.last_error.lock() = None;
        if self.turn(Phase::Up)
            && let Some(lost_at) = self.lost_at.lock().take()
        {
            let down_ms = u64::try_from(lost_at.elapsed().as_millis()).unwrap_or(u64::MAX);
            tracing::info!(place = %self.place, down_ms, "{BACK}");
        }
        self.wake_mailboxes();
    }

    pub(crate) fn down(&self) {
        if self.turn(Phase::Down) {
            *self.lost_at.lock() = Some(Instant::now());
            tracing::warn!(place = %self.place, "{LOST}");
        }
        if let Some(confirms) = &*self.confirms.lock() {
            confirms.connection_lost();
        }
    }

    /// `false`: it was there already, or is closed for good.
    fn turn(&self, to: Phase) -> bool {
        self.phase.send_if_modified(|phase| {
            let turns = *phase != to && *phase != Phase::Closed;
            if turns {
                *phase = to;
            }
            turns
        })
    }

    /// The first connection takes its time.
    pub(crate) fn late(&self) {
        if self.turn(Phase::Down) {
            *self.lost_at.lock() = Some(Instant::now());
            let error = self.last_error.lock().clone().unwrap_or_default();
            tracing::warn!(place = %self.place, error, "{NOT_YET}");
        }
    }

    pub(crate) fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
        self.phase.send_replace(Phase::Closed);
        self.wake_mailboxes();
    }

    pub(crate) fn wake_mailboxes(&self) {
        for mailbox in self.mailboxes() {
            mailbox.wake();
        }
    }

    pub(crate) fn mailboxes(&self) -> Vec<Arc<Mailbox>> {
        let mut mailboxes = self.mailboxes.lock();
        mailboxes.retain(|mailbox| mailbox.strong_count() > 0);
        mailboxes.iter().filter_map(Weak::upgrade).collect()
    }

    pub(crate) fn register(&self, mailbox: &Arc<Mailbox>) {
        self.mailboxes.lock().push(Arc::downgrade(mailbox));
    }
}
