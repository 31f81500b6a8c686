//! A local service that does exactly what a test wants it to do with each connection.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sidegate_config::settings::Authority;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::soon;

/// What listens.
pub(crate) struct Service {
    pub(crate) authority: Authority,
    connections: Arc<AtomicUsize>,
    requests: Arc<AtomicUsize>,
}

/// One connection of it.
pub(crate) struct Connection {
    /// Which one, from 0.
    pub(crate) number: usize,
    stream: TcpStream,
    unread: Vec<u8>,
    requests: Arc<AtomicUsize>,
}

impl Service {
    /// Runs `serve` for each connection.
    pub(crate) async fn start<F, Fut>(serve: F) -> Self
    where
        F: Fn(Connection) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let (connections, requests) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (accepted, asked) = (Arc::clone(&connections), Arc::clone(&requests));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).expect("a socket option");
                let number = accepted.fetch_add(1, Ordering::SeqCst);
                let requests = Arc::clone(&asked);
                tokio::spawn(serve(Connection { number, stream, unread: Vec::new(), requests }));
            }
        });
        let authority = Authority { host: "127.0.0.1".into(), port, unix: false };
        Self { authority, connections, requests }
    }

    /// Answers every request with `ok`.
    pub(crate) async fn ok() -> Self {
        Self::start(|mut connection| async move {
            while connection.request().await.is_some() {
                connection.answer("ok").await;
            }
        })
        .await
    }

    /// Connections opened so far.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Requests that came so far, as far as their heads.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

impl Connection {
    /// The next request with a `Content-Length` or without a body: its head and its body. `None` at the end.
    pub(crate) async fn request(&mut self) -> Option<(String, String)> {
        let head = self.head().await?;
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length = length.map_or(0, |length| length.parse().expect("a length"));
        while self.unread.len() < length {
            self.read_more().await.then_some(())?;
        }
        let rest = self.unread.split_off(length);
        let body = std::mem::replace(&mut self.unread, rest);
        Some((head, String::from_utf8(body).expect("text")))
    }

    /// The head of the next request, as it came.
    pub(crate) async fn head(&mut self) -> Option<String> {
        loop {
            if let Some(at) = self.unread.windows(4).position(|window| window == b"\r\n\r\n") {
                let rest = self.unread.split_off(at + 4);
                let head = std::mem::replace(&mut self.unread, rest);
                self.requests.fetch_add(1, Ordering::SeqCst);
                return Some(String::from_utf8(head).expect("text"));
            }
            self.read_more().await.then_some(())?;
        }
    }

    /// Waits until at least one more byte comes; `None` when the other side closed.
    pub(crate) async fn more(&mut self) -> Option<String> {
        if self.unread.is_empty() {
            self.read_more().await.then_some(())?;
        }
        Some(String::from_utf8(std::mem::take(&mut self.unread)).expect("text"))
    }

    async fn read_more(&mut self) -> bool {
        self.stream.read_buf(&mut self.unread).await.is_ok_and(|bytes| bytes > 0)
    }

    /// 200 with this body.
    pub(crate) async fn answer(&mut self, body: &str) {
        self.write(&format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())).await;
    }

    /// Bytes as they are. That the other side has gone already is for the test to notice elsewhere.
    pub(crate) async fn write(&mut self, text: &str) {
        let _ = soon("writing", self.stream.write_all(text.as_bytes())).await;
    }

    /// Bytes as they are, for as long as it takes.
    pub(crate) async fn write_patiently(&mut self, text: &str) {
        let _ = self.stream.write_all(text.as_bytes()).await;
    }

    /// Waits for the other side to close.
    pub(crate) async fn closed(&mut self) {
        soon("the end of the connection", async { while self.read_more().await {} }).await;
    }
}
