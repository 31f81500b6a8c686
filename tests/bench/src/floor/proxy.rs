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
use hyper::client::conn::http1::SendRequest;
use hyper::{Request, Response};

use super::pool::Pool;

type Loan = (SendRequest<Incoming>, Arc<Pool<Incoming>>);

/// A response's body that gives its connection back when it ended.
struct Returning {
    body: Incoming,
    loan: Option<Loan>,
}

pub(crate) async fn serve(backend: SocketAddr) -> Result<Infallible> {
    let pool = Arc::new(Pool::to(backend));
    super::serve(move |request| forward(Arc::clone(&pool), request)).await
}

async fn forward(pool: Arc<Pool<Incoming>>, request: Request<Incoming>) -> Result<Response<Returning>> {
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

impl Returning {
    fn give_back(&mut self) {
        if let Some((sender, pool)) = self.loan.take() {
            pool.give_back(sender);
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
