//! A bare reverse proxy: streams both ways over kept connections. No deadline, no header rule, no bound: everything
//! that a proxy for real use adds is missing on purpose.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, ready};

use anyhow::{Context, Result};
use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::net::TcpStream;

type Sender = SendRequest<Incoming>;

/// Connections that wait for their next request; as many as there ever were at once.
struct Pool {
    backend: SocketAddr,
    idle: Mutex<Vec<Sender>>,
}

/// A response's body that gives its connection back when it ended.
struct Returning {
    body: Incoming,
    loan: Option<(Sender, Arc<Pool>)>,
}

pub(crate) async fn serve(backend: SocketAddr) -> Result<Infallible> {
    let pool = Arc::new(Pool { backend, idle: Mutex::default() });
    super::serve(move |request| forward(Arc::clone(&pool), request)).await
}

async fn forward(pool: Arc<Pool>, request: Request<Incoming>) -> Result<Response<Returning>> {
    let mut sender = pool.take().await?;
    let response = sender.send_request(request).await.context("the backend did not answer")?;
    let is_ended = response.body().is_end_stream();
    Ok(response.map(|body| {
        let mut body = Returning { body, loan: Some((sender, pool)) };
        if is_ended {
            body.give_back();
        }
        body
    }))
}

impl Pool {
    async fn take(&self) -> Result<Sender> {
        while let Some(mut sender) = self.pop() {
            // Its connection may still be busy with the end of the last response, or be closed.
            if sender.ready().await.is_ok() {
                return Ok(sender);
            }
        }
        self.connect().await
    }

    fn pop(&self) -> Option<Sender> {
        self.idle.lock().pop()
    }

    async fn connect(&self) -> Result<Sender> {
        let socket = TcpStream::connect(self.backend).await.context("the backend does not listen")?;
        socket.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(socket)).await?;
        tokio::spawn(connection);
        Ok(sender)
    }
}

impl Returning {
    fn give_back(&mut self) {
        if let Some((sender, pool)) = self.loan.take() {
            pool.idle.lock().push(sender);
        }
    }
}

impl Body for Returning {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut TaskContext<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if frame.is_none() || self.body.is_end_stream() {
            self.give_back();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
