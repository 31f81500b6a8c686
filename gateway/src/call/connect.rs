//! A connection to a service, and the exchanges over it.
//!
//! It moves on only while somebody uses it, in the task of who does: no second task has to be woken for each step of an
//! exchange. What happens to an idle one is seen when it is looked at.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body as _, Frame};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use sidegate_config::settings::Authority;
use tokio::net::{TcpStream, UnixStream};

use super::socket::Socket;
use crate::body::{Body, BodyError};
use crate::wakes::Wakes;

/// An open connection.
pub(super) struct Connection {
    sender: SendRequest<Body>,
    /// `None` once it ended.
    protocol: Option<Box<http1::Connection<TokioIo<Socket>, Body>>>,
    wakes: Wakes,
}

/// Connects.
pub(super) async fn connect(authority: &Authority) -> Result<Connection, BodyError> {
    let socket = open(authority).await?;
    let (sender, protocol) = http1::handshake(TokioIo::new(socket)).await?;
    Ok(Connection { sender, protocol: Some(Box::new(protocol)), wakes: Wakes::new() })
}

async fn open(authority: &Authority) -> io::Result<Socket> {
    if authority.unix {
        return UnixStream::connect(authority.host.as_str()).await.map(Socket::from);
    }
    TcpStream::connect((authority.host.as_str(), authority.port)).await.map(Socket::from)
}

impl Connection {
    /// Sends a request and waits for the answer's head. Dropped before that, the connection is of no more use.
    pub(super) async fn exchange(
        &mut self,
        request: Request<Body>,
    ) -> Result<Response<Incoming>, TrySendError<Request<Body>>> {
        let Self { sender, protocol, wakes } = self;
        let mut answer = pin!(sender.try_send_request(request));
        let mut step = |cx: &mut Context<'_>| {
            advance(protocol, cx);
            answer.as_mut().poll(cx)
        };
        poll_fn(|cx| wakes.poll(cx, &mut step)).await
    }

    /// The next piece of the answer's body.
    pub(super) fn poll_frame(
        &mut self,
        body: &mut Incoming,
        cx: &Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Self { protocol, wakes, .. } = self;
        wakes.poll(cx, |cx| {
            // Asking comes first: nothing is read that nobody asked for.
            if let Poll::Ready(frame) = Pin::new(&mut *body).poll_frame(cx) {
                return Poll::Ready(frame);
            }
            advance(protocol, cx);
            Pin::new(&mut *body).poll_frame(cx)
        })
    }

    /// Whether it can take a request at once.
    pub(super) fn is_at_rest(&mut self) -> bool {
        advance(&mut self.protocol, &mut Context::from_waker(Waker::noop()));
        self.sender.is_ready()
    }

    /// Returns when it can take a request; `false`: never.
    pub(super) async fn comes_to_rest(&mut self) -> bool {
        let Self { sender, protocol, wakes } = self;
        let mut step = |cx: &mut Context<'_>| {
            advance(protocol, cx);
            sender.poll_ready(cx)
        };
        poll_fn(|cx| wakes.poll(cx, &mut step)).await.is_ok()
    }

    /// Whether it ended, as far as anybody looked.
    pub(super) fn is_closed(&self) -> bool {
        self.protocol.is_none() || self.sender.is_closed()
    }
}

/// Whoever waits for an answer is told of an error by the protocol; the words here are for a closer look only.
fn advance(protocol: &mut Option<Box<http1::Connection<TokioIo<Socket>, Body>>>, cx: &mut Context<'_>) {
    let Some(running) = protocol else { return };
    if let Poll::Ready(result) = Pin::new(&mut **running).poll(cx) {
        *protocol = None;
        if let Err(error) = result {
            tracing::debug!(%error, "the connection to a service broke");
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("is_closed", &self.is_closed()).finish_non_exhaustive()
    }
}
