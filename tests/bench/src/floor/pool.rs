//! Kept connections to one service, and nothing else: no bound, no deadline.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use hyper::body::Body;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::net::TcpStream;

/// Connections that wait for their next request; as many as there ever were at once.
pub(super) struct Pool<B> {
    service: SocketAddr,
    idle: Mutex<Vec<SendRequest<B>>>,
}

impl<B> Pool<B>
where
    B: Body<Data: Send, Error: std::error::Error + Send + Sync> + Send + 'static,
{
    pub(super) fn to(service: SocketAddr) -> Self {
        Self { service, idle: Mutex::default() }
    }

    pub(super) async fn take(&self) -> Result<SendRequest<B>> {
        while let Some(mut sender) = self.pop() {
            // Its connection may still be busy with the end of the last response, or be closed.
            if sender.ready().await.is_ok() {
                return Ok(sender);
            }
        }
        self.connect().await
    }

    pub(super) fn give_back(&self, sender: SendRequest<B>) {
        self.idle.lock().push(sender);
    }

    fn pop(&self) -> Option<SendRequest<B>> {
        self.idle.lock().pop()
    }

    async fn connect(&self) -> Result<SendRequest<B>> {
        let socket = TcpStream::connect(self.service).await.context("the service does not listen")?;
        socket.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(socket)).await?;
        tokio::spawn(connection);
        Ok(sender)
    }
}
