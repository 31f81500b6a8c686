//! Bytes on a connection, for what no HTTP client would send.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A server that keeps the connection open has said what it had to say by then.
const SILENCE: Duration = Duration::from_secs(2);

/// What came back until the connection was closed or silent.
#[derive(Debug, Clone)]
pub struct Raw {
    /// Every byte, as text.
    pub text: String,
    /// Whether the server closed the connection.
    pub closed: bool,
}

impl Raw {
    pub(crate) async fn exchange(address: SocketAddr, bytes: &[u8]) -> Self {
        let mut stream = TcpStream::connect(address).await.expect("the gateway listens");
        // The server may have refused and closed before it has read everything.
        let _ = stream.write_all(bytes).await;
        let mut received = Vec::new();
        let mut piece = [0; 4096];
        let closed = loop {
            match tokio::time::timeout(SILENCE, stream.read(&mut piece)).await {
                Err(_) => break false,
                Ok(Ok(0) | Err(_)) => break true,
                Ok(Ok(length)) => received.extend_from_slice(&piece[..length]),
            }
        };
        Self { text: String::from_utf8_lossy(&received).into_owned(), closed }
    }

    /// The status of each answer on the connection, in their order.
    #[must_use]
    pub fn statuses(&self) -> Vec<u16> {
        let lines = self.text.split("HTTP/1.1 ").skip(1);
        lines.filter_map(|rest| rest.get(..3)?.parse().ok()).collect()
    }
}
