//! One direction of one connection.
//!
//! Reading and writing are apart, so that a delay costs time and not throughput.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use crate::faults::{Direction, Faults};
use crate::network::Network;

const CHUNK_BYTES: usize = 16 * 1024;
/// On their way at once; after that the sender is held back, as it is by a full window.
const CHUNKS_MAX: usize = 64;

struct Chunk {
    read: Instant,
    bytes: Vec<u8>,
}

/// Carries until the sender has nothing more to say.
pub(crate) async fn carry(
    from: impl AsyncRead + Unpin,
    to: impl AsyncWrite + Unpin,
    direction: Direction,
    network: &Network,
) -> io::Result<()> {
    let (sender, chunks) = mpsc::channel(CHUNKS_MAX);
    let outlet = Outlet { to, direction, network, faults: network.faults(), has_swallowed: false };
    tokio::try_join!(take(from, sender), outlet.hand_on(chunks)).map(drop)
}

async fn take(mut from: impl AsyncRead + Unpin, chunks: mpsc::Sender<Chunk>) -> io::Result<()> {
    loop {
        let mut bytes = Vec::with_capacity(CHUNK_BYTES);
        if from.read_buf(&mut bytes).await? == 0 {
            return Ok(());
        }
        if chunks.send(Chunk { read: Instant::now(), bytes }).await.is_err() {
            return Ok(());
        }
    }
}

struct Outlet<'a, W> {
    to: W,
    direction: Direction,
    network: &'a Network,
    faults: watch::Receiver<Faults>,
    /// Something is missing in what the client has read.
    has_swallowed: bool,
}

impl<W: AsyncWrite + Unpin> Outlet<'_, W> {
    async fn hand_on(mut self, mut chunks: mpsc::Receiver<Chunk>) -> io::Result<()> {
        loop {
            let chunk = tokio::select! {
                chunk = chunks.recv() => chunk,
                () = self.swallowing_is_over() => return Err(gap()),
            };
            let Some(chunk) = chunk else { break };
            self.arrive(chunk).await?;
        }
        self.passes().await;
        self.to.shutdown().await
    }

    async fn arrive(&mut self, chunk: Chunk) -> io::Result<()> {
        let delay = self.faults.borrow().delay;
        sleep_until(chunk.read + delay).await;
        self.passes().await;
        let faults = *self.faults.borrow();
        if self.direction == Direction::ToServer {
            return self.to.write_all(&chunk.bytes).await;
        }
        if faults.swallow_answers {
            self.has_swallowed = true;
            self.network.answer_lost();
            return Ok(());
        }
        if self.has_swallowed || fastrand::f64() < faults.lose_answers {
            self.network.answer_lost();
            return Err(gap());
        }
        self.to.write_all(&chunk.bytes).await
    }

    /// The black hole is over, or there was none.
    async fn passes(&mut self) {
        // An error means that the proxy is gone: then nothing is in the way.
        let _ = self.faults.wait_for(|faults| !faults.black_hole).await;
    }

    /// Never, when nothing was swallowed.
    async fn swallowing_is_over(&mut self) {
        if !self.has_swallowed {
            return std::future::pending().await;
        }
        let _ = self.faults.wait_for(|faults| !faults.swallow_answers).await;
    }
}

/// With a gap in the stream the connection is of no more use to a client; a network does not leave one either.
fn gap() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionReset, "bytes of this connection were lost")
}
