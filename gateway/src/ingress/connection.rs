//! The life of one connection: the protocol does its work, the watch says when it is enough.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper::body::Body as _;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, sleep_until};

use super::phase::{Progress, Tracked};
use super::watch::{Stop, Watch};
use super::wire::Wire;
use super::{Handler, Peer, Plane, Timeout, farewell, service};
use crate::call::Socket;
use crate::wakes::Wakes;

/// How the protocol's part of a connection ended.
#[derive(Debug)]
pub(super) enum End {
    /// By itself: the client is done, or one side wanted to close.
    Done,
    /// It broke, or what came is not HTTP.
    Broken(hyper::Error),
    /// It took too long.
    TimedOut(Timeout),
    /// Nobody waited for anything when the gateway began to drain.
    Drained,
}

/// Serves a connection until its end.
pub(super) async fn serve<H: Handler>(socket: Socket, peer: Peer, plane: &Plane<H>) {
    let progress = Arc::new(Progress::default());
    let service = service_fn(|request: http::Request<hyper::body::Incoming>| {
        progress.request(!request.body().is_end_stream());
        let progress = Arc::clone(&progress);
        async move {
            let response = service::answer(plane, request, peer).await;
            Ok::<_, Infallible>(response.map(|body| Tracked::new(body, progress)))
        }
    });
    let wire = TokioIo::new(Wire::new(socket, Arc::clone(&progress)));
    let mut connection = plane.http.serve_connection(wire, service);
    let timer = pin!(sleep_until(Instant::now() + plane.timeouts.first_byte));
    let mut watch = Watch::new(&progress, plane.timeouts, &plane.drain, timer);
    let mut started = pin!(plane.drain.started());
    let (wakes, mut is_listening) = (Wakes::new(), false);
    let mut step = |cx: &mut Context<'_>| {
        if !is_listening {
            // Once is enough to be woken, in this task for good; after that the flag tells, without a lock.
            is_listening = true;
            let _ = started.as_mut().poll(cx);
        }
        loop {
            if let Poll::Ready(result) = Pin::new(&mut connection).poll(cx) {
                return Poll::Ready(result.map_or_else(End::Broken, |()| End::Done));
            }
            match watch.stop() {
                Stop::Go => return watch.poll_timeout(cx).map(End::TimedOut),
                Stop::Now => return Poll::Ready(End::Drained),
                Stop::AfterResponse => Pin::new(&mut connection).graceful_shutdown(),
            }
        }
    };
    let end = poll_fn(|cx| wakes.poll(cx, &mut step)).await;
    let wire = connection.into_parts().io.into_inner();
    farewell::part(wire, end, plane).await;
}
