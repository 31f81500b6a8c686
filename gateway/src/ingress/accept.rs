//! The loop that takes connections, one slot each; without a free slot they wait in the system's backlog.

use std::io::{self, ErrorKind};
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Duration, Instant, sleep, timeout_at};

use super::drain::Open;
use super::{Handler, Listener, Plane, connection};
use crate::call::{Peer, Socket};

/// After the drain has started: whoever connected just before, or does so before the news is round, is served.
const BACKLOG_GRACE: Duration = Duration::from_millis(250);

/// The pauses after failures to accept that a next try will not mend at once, such as too many open files.
const PAUSE_MIN: Duration = Duration::from_millis(5);
const PAUSE_MAX: Duration = Duration::from_secs(1);

struct Accepted {
    socket: Socket,
    peer: Peer,
    slot: OwnedSemaphorePermit,
}

/// Accepts and serves until the drain starts. What is returned counts as open for the drain from now on.
pub(super) fn until_drained<H: Handler>(
    listener: Listener,
    plane: Arc<Plane<H>>,
) -> impl Future<Output = ()> + Send + use<H> {
    let open = plane.drain.open();
    let slots = Arc::new(Semaphore::new(plane.connections_max.clamp(1, Semaphore::MAX_PERMITS)));
    async move {
        loop {
            tokio::select! {
                accepted = accept(&listener, &slots) => spawn(accepted, &plane),
                () = plane.drain.started() => break,
            }
        }
        let end = Instant::now() + BACKLOG_GRACE;
        while let Ok(accepted) = timeout_at(end, accept(&listener, &slots)).await {
            spawn(accepted, &plane);
        }
        drop(listener);
        drop(open);
    }
}

fn spawn<H: Handler>(accepted: Accepted, plane: &Arc<Plane<H>>) {
    let Accepted { socket, peer, slot } = accepted;
    let held: (Open, _, _) = (plane.drain.open(), plane.counters.count_accepted(), slot);
    let plane = Arc::clone(plane);
    tokio::spawn(async move {
        connection::serve(socket, peer, &plane).await;
        drop(held);
    });
}

/// The next connection, as soon as there is room for it. Cancel-safe.
async fn accept(listener: &Listener, slots: &Arc<Semaphore>) -> Accepted {
    let mut pause = PAUSE_MIN;
    loop {
        // The semaphore is never closed; were it, this would be the end of accepting, not a panic.
        let Ok(slot) = Arc::clone(slots).acquire_owned().await else { return std::future::pending().await };
        match listener.accept().await {
            Ok((socket, peer)) => return Accepted { socket, peer, slot },
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                listener.counters().count_accept_error();
                if pause == PAUSE_MIN {
                    tracing::warn!(listen = %listener.local(), %error, "cannot accept connections, trying on");
                }
                sleep(pause).await;
                pause = (pause * 2).min(PAUSE_MAX);
            }
        }
    }
}

/// The client gave up while it waited; the next one is not concerned.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionRefused
            | ErrorKind::Interrupted
    )
}
