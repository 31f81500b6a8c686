//! The first words of each protocol, spoken by hand: enough to tell a server that answers from one that does not.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// What a client says first, and how the answer to it begins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Greeting {
    pub(crate) says: &'static [u8],
    pub(crate) hears: &'static [u8],
}

pub(crate) const NATS: Greeting = Greeting { says: b"", hears: b"INFO {" };
pub(crate) const REDIS: Greeting = Greeting { says: b"PING\r\n", hears: b"+PONG\r\n" };
/// Answered by `connection.start`.
pub(crate) const RABBIT: Greeting = Greeting { says: b"AMQP\x00\x00\x09\x01", hears: b"\x01\x00\x00" };
/// `ApiVersions` of version 0, correlation id 7, no client id; the answer's length differs by version.
pub(crate) const KAFKA: Greeting =
    Greeting { says: b"\0\0\0\x0a\0\x12\0\0\0\0\0\x07\xff\xff", hears: b"\0\0" };

/// Whether the server answers within a second.
pub(crate) async fn answers(address: SocketAddr, greeting: Greeting) -> bool {
    timeout(Duration::from_secs(1), greet(address, greeting)).await.is_ok_and(|greeted| greeted)
}

async fn greet(address: SocketAddr, greeting: Greeting) -> bool {
    let Ok(mut stream) = TcpStream::connect(address).await else { return false };
    let mut answer = vec![0; greeting.hears.len()];
    stream.write_all(greeting.says).await.is_ok()
        && stream.read_exact(&mut answer).await.is_ok()
        && answer == greeting.hears
}
