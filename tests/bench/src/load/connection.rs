//! One keep-alive connection: writes a request, reads its answer to the end.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail};
use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::response::{Framing, Head, chunk};

const BUFFER_BYTES: usize = 8 * 1024;

/// A connection with at most one request under way.
#[derive(Debug)]
pub(crate) struct Connection {
    socket: TcpStream,
    /// Read and not yet used.
    buffer: BytesMut,
    /// The last answer's body.
    body: BytesMut,
    operation_id: Option<String>,
}

impl Connection {
    /// # Errors
    /// Nobody listens.
    pub(crate) async fn open(address: SocketAddr) -> std::io::Result<Self> {
        let socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        let buffer = BytesMut::with_capacity(BUFFER_BYTES);
        Ok(Self { socket, buffer, body: BytesMut::new(), operation_id: None })
    }

    /// Sends an encoded request and returns the status of its answer, which was read to its end.
    ///
    /// # Errors
    /// The connection broke, or the answer is not HTTP.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> Result<u16> {
        self.send(request).await?;
        self.receive().await
    }

    /// # Errors
    /// The connection broke.
    pub(crate) async fn send(&mut self, request: &[u8]) -> Result<()> {
        self.socket.write_all(request).await.context("a request could not be sent")
    }

    async fn receive(&mut self) -> Result<u16> {
        let head = self.head().await?;
        self.body.clear();
        match head.framing {
            Framing::Length(length) => self.take(length).await?,
            Framing::Chunked => while self.take_chunk().await? {},
        }
        self.operation_id = head.operation_id;
        Ok(head.status)
    }

    /// The last answer's body.
    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }

    /// The last answer's `operation-id`.
    pub(crate) fn operation_id(&self) -> Option<String> {
        self.operation_id.clone()
    }

    async fn head(&mut self) -> Result<Head> {
        loop {
            if let Some((head, bytes)) = Head::parse(&self.buffer)? {
                let _ = self.buffer.split_to(bytes);
                return Ok(head);
            }
            self.fill().await?;
        }
    }

    async fn take(&mut self, bytes: usize) -> Result<()> {
        while self.buffer.len() < bytes {
            self.fill().await?;
        }
        let piece = self.buffer.split_to(bytes);
        self.body.extend_from_slice(&piece);
        Ok(())
    }

    /// Takes one chunk; `false` after the last.
    async fn take_chunk(&mut self) -> Result<bool> {
        loop {
            let Some((line_bytes, data_bytes)) = chunk(&self.buffer)? else {
                self.fill().await?;
                continue;
            };
            let _ = self.buffer.split_to(line_bytes);
            self.take(data_bytes).await?;
            self.skip_line_end().await?;
            return Ok(data_bytes > 0);
        }
    }

    async fn skip_line_end(&mut self) -> Result<()> {
        while self.buffer.len() < 2 {
            self.fill().await?;
        }
        if &self.buffer.split_to(2)[..] == b"\r\n" {
            Ok(())
        } else {
            bail!("a chunk does not end where it said")
        }
    }

    async fn fill(&mut self) -> Result<()> {
        self.buffer.reserve(BUFFER_BYTES);
        match self.socket.read_buf(&mut self.buffer).await.context("an answer could not be read")? {
            0 => bail!("the connection was closed before the answer ended"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Connection;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    /// What the client makes of `answer` when it comes in pieces of `piece_bytes`, twice on one connection.
    async fn exchanged(answer: &'static str, piece_bytes: usize) -> Vec<(u16, String)> {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.expect("a client");
            socket.set_nodelay(true).expect("a socket option");
            let mut request = [0; 4];
            while socket.read_exact(&mut request).await.is_ok() {
                for piece in answer.as_bytes().chunks(piece_bytes) {
                    socket.write_all(piece).await.expect("the client reads");
                    tokio::task::yield_now().await;
                }
            }
        });
        let mut connection = Connection::open(address).await.expect("a connection");
        let mut seen = Vec::new();
        for _ in 0..2 {
            let status = connection.exchange(b"ping").await.expect("an answer");
            seen.push((status, String::from_utf8_lossy(connection.body()).into_owned()));
        }
        seen
    }

    #[tokio::test]
    async fn answers_are_read_to_their_end_however_they_come() {
        let with_length = "HTTP/1.1 202 Accepted\r\ncontent-length: 5\r\n\r\nhello";
        let chunked =
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n";
        for piece_bytes in [1, 7, 1_000] {
            assert_eq!(
                exchanged(with_length, piece_bytes).await,
                [(202, "hello".into()), (202, "hello".into())]
            );
            assert_eq!(exchanged(chunked, piece_bytes).await, [(200, "hello".into()), (200, "hello".into())]);
        }
    }

    #[tokio::test]
    async fn an_answer_without_a_body_is_complete_after_its_head() {
        let nothing = "HTTP/1.1 204 No Content\r\n\r\n";
        assert_eq!(exchanged(nothing, 1_000).await, [(204, String::new()), (204, String::new())]);
    }
}
