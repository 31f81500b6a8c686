//! A client that says exactly what a test wants it to say.

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};

use super::soon;

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// One connection.
pub(crate) struct Client {
    stream: Box<dyn Stream>,
    unread: Vec<u8>,
}

/// A response, taken apart no further than tests need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Status line and headers, lower case.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// The `code` of a problem document.
    pub(crate) fn code(&self) -> String {
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json"),
            "a refusal explains itself: {self:?}"
        );
        let problem: serde_json::Value = serde_json::from_str(&self.body).expect("a problem document");
        problem["code"].as_str().expect("a problem has a code").to_owned()
    }

    /// Whether this is the last one on its connection, as far as it says.
    pub(crate) fn closes(&self) -> bool {
        self.header("connection") == Some("close")
    }
}

impl Client {
    pub(crate) async fn tcp(address: std::net::SocketAddr) -> Self {
        let stream = soon("connecting", TcpStream::connect(address)).await.expect("the edge listens");
        stream.set_nodelay(true).expect("a socket option");
        Self { stream: Box::new(stream), unread: Vec::new() }
    }

    pub(crate) async fn unix(path: &std::path::Path) -> Self {
        let stream = soon("connecting", UnixStream::connect(path)).await.expect("the edge listens");
        Self { stream: Box::new(stream), unread: Vec::new() }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        soon("sending", self.stream.write_all(bytes.as_ref())).await.expect("the other side takes it");
    }

    /// Sends what the other side takes before it closes.
    pub(crate) async fn send_as_much_as_is_taken(&mut self, piece: &[u8], times: usize) {
        soon("sending", async {
            for _ in 0..times {
                if self.stream.write_all(piece).await.is_err() {
                    return;
                }
            }
        })
        .await;
    }

    /// The next response; it must come whole.
    pub(crate) async fn answer(&mut self) -> Answer {
        self.next_answer().await.expect("a response, not the end of the connection")
    }

    /// The next response, or `None` when the connection ends before it.
    pub(crate) async fn next_answer(&mut self) -> Option<Answer> {
        let head = self.take_through(b"\r\n\r\n").await?.to_ascii_lowercase();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status line");
        let mut answer = Answer { status, head, body: String::new() };
        answer.body = match (answer.header("content-length"), answer.header("transfer-encoding")) {
            (Some(length), _) => self.take(length.parse().expect("a length")).await?,
            (None, Some("chunked")) => self.take_chunks().await?,
            (None, _) => String::new(),
        };
        Some(answer)
    }

    /// The head of the next response, where no body follows.
    pub(crate) async fn head(&mut self) -> String {
        self.take_through(b"\r\n\r\n").await.expect("a response").to_ascii_lowercase()
    }

    /// Whatever still comes before the other side closes.
    pub(crate) async fn rest(&mut self) -> String {
        while self.read_more().await {}
        String::from_utf8(std::mem::take(&mut self.unread)).expect("text")
    }

    /// Waits for the other side to close without another word.
    pub(crate) async fn closed(&mut self) {
        assert_eq!(self.rest().await, "", "nothing comes before the connection closes");
    }

    async fn take_chunks(&mut self) -> Option<String> {
        let mut body = String::new();
        loop {
            let size = self.take_through(b"\r\n").await?;
            let size = usize::from_str_radix(size.trim(), 16).expect("a chunk's size");
            let chunk = self.take(size + 2).await?;
            if size == 0 {
                return Some(body);
            }
            body.push_str(&chunk[..size]);
        }
    }

    async fn take_through(&mut self, mark: &[u8]) -> Option<String> {
        loop {
            if let Some(at) = self.unread.windows(mark.len()).position(|window| window == mark) {
                return self.take(at + mark.len()).await;
            }
            if !self.read_more().await {
                return None;
            }
        }
    }

    async fn take(&mut self, bytes: usize) -> Option<String> {
        while self.unread.len() < bytes {
            if !self.read_more().await {
                return None;
            }
        }
        let rest = self.unread.split_off(bytes);
        Some(String::from_utf8(std::mem::replace(&mut self.unread, rest)).expect("text"))
    }

    /// `false` at the end, whether in peace or by a reset.
    async fn read_more(&mut self) -> bool {
        soon("reading", self.stream.read_buf(&mut self.unread)).await.is_ok_and(|bytes| bytes > 0)
    }
}
