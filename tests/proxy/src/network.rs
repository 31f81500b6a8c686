//! What all connections of a proxy share.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::faults::Faults;
use crate::link;

pub(crate) struct Network {
    server: SocketAddr,
    faults: watch::Sender<Faults>,
    cuts: watch::Sender<u64>,
    links: Mutex<JoinSet<()>>,
    accepted: AtomicUsize,
    open: AtomicUsize,
    answers_lost: AtomicUsize,
}

/// Counts a connection for as long as it lives.
pub(crate) struct Open<'a>(&'a AtomicUsize);

impl Network {
    pub(crate) fn to(server: SocketAddr) -> Self {
        Self {
            server,
            faults: watch::Sender::default(),
            cuts: watch::Sender::default(),
            links: Mutex::default(),
            accepted: AtomicUsize::default(),
            open: AtomicUsize::default(),
            answers_lost: AtomicUsize::default(),
        }
    }

    pub(crate) fn server(&self) -> SocketAddr {
        self.server
    }

    pub(crate) fn faults(&self) -> watch::Receiver<Faults> {
        self.faults.subscribe()
    }

    pub(crate) fn set(&self, change: impl FnOnce(&mut Faults)) {
        self.faults.send_modify(change);
    }

    /// The black hole is over, or there was none.
    pub(crate) async fn passes(&self) {
        let _ = self.faults().wait_for(|faults| !faults.black_hole).await;
    }

    /// A client has connected.
    pub(crate) fn admit(self: &Arc<Self>, client: TcpStream) {
        self.accepted.fetch_add(1, Ordering::Relaxed);
        let mut links = self.links.lock();
        while links.try_join_next().is_some() {}
        links.spawn(link::run(client, Arc::clone(self), self.cuts.subscribe()));
    }

    /// Cuts what there is, and returns when it is closed. Taken first: what is admitted meanwhile is not waited for.
    pub(crate) async fn cut(&self) {
        let links = std::mem::take(&mut *self.links.lock());
        self.cuts.send_modify(|cuts| *cuts += 1);
        links.join_all().await;
    }

    /// The end, without a farewell.
    pub(crate) fn close(&self) {
        self.links.lock().abort_all();
    }

    pub(crate) fn opened(&self) -> Open<'_> {
        self.open.fetch_add(1, Ordering::Relaxed);
        Open(&self.open)
    }

    pub(crate) fn answer_lost(&self) {
        self.answers_lost.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_accepted(&self) -> usize {
        self.accepted.load(Ordering::Relaxed)
    }

    pub(crate) fn count_open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    pub(crate) fn count_answers_lost(&self) -> usize {
        self.answers_lost.load(Ordering::Relaxed)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
