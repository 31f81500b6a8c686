//! `GET /operations/{id}/events`: server-sent events of one operation, from now to its end.
//!
//! A stream holds one watch and no queue: a slow reader misses states in between, never the last one.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt as _};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Response};
use http_body::Frame;
use http_body_util::StreamBody;
use sidegate_core::OperationId;
use sidegate_store::Operation;
use tokio::sync::OwnedSemaphorePermit;

use super::document;
use crate::app::Shared;
use crate::body::Body;
use crate::respond::Problem;

/// How often a comment is sent while nothing happens, so that proxies and clients keep the connection.
const HEARTBEAT: Duration = Duration::from_secs(15);

struct EventStream {
    shared: Arc<Shared>,
    id: OperationId,
    /// The last revision that the client has seen, now or before it was cut off.
    seen: Option<u32>,
    ended: bool,
    _permit: OwnedSemaphorePermit,
}

/// Begins a stream.
pub(super) async fn serve(
    shared: &Arc<Shared>,
    id: OperationId,
    headers: &HeaderMap,
) -> Result<Response<Body>, Problem> {
    let first = super::find(shared, id).await?;
    let stream = EventStream {
        shared: Arc::clone(shared),
        id,
        seen: headers.get("last-event-id").and_then(|value| value.to_str().ok()?.parse().ok()),
        ended: false,
        _permit: shared.stream()?,
    };
    let body =
        StreamBody::new(stream.into_stream(first).map(|bytes| Ok::<_, std::io::Error>(Frame::data(bytes))));
    let mut response = Response::new(Body::stream(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

impl EventStream {
    fn into_stream(self, first: Operation) -> impl Stream<Item = Bytes> + Send {
        stream::unfold((self, Some(first)), |(mut this, mut pending)| async move {
            if this.ended {
                return None;
            }
            let bytes = match pending.take() {
                Some(operation) => this.render(&operation),
                None => this.next().await,
            };
            Some((bytes, (this, None)))
        })
    }

    async fn next(&mut self) -> Bytes {
        let shared = Arc::clone(&self.shared);
        let mut watch = shared.outcomes.watch(self.id);
        // What happened between the last event and this watch is in the store.
        match shared.store.operation(self.id).await {
            Ok(Some(operation)) if Some(operation.state.revision) != self.seen => {
                return self.render(&operation);
            }
            Ok(Some(_)) => {}
            Ok(None) | Err(_) => {
                self.ended = true;
                return Bytes::from_static(b": the operation cannot be read any more\n\n");
            }
        }
        tokio::select! {
            change = watch.changed() => self.render(&change.operation),
            () = tokio::time::sleep(HEARTBEAT) => Bytes::from_static(b":\n\n"),
            () = shared.drain.started() => {
                self.ended = true;
                Bytes::from_static(b"retry: 1000\n: the gateway is shutting down\n\n")
            }
        }
    }

    fn render(&mut self, operation: &Operation) -> Bytes {
        let revision = operation.state.revision;
        let mut text = String::new();
        if self.seen != Some(revision) {
            push_event(&mut text, "status", operation);
        }
        if operation.state.status.is_end() {
            push_event(&mut text, "end", operation);
            self.ended = true;
        }
        if text.is_empty() {
            text.push_str(":\n\n");
        }
        self.seen = Some(revision);
        text.into()
    }
}

fn push_event(text: &mut String, event: &str, operation: &Operation) {
    use std::fmt::Write as _;
    let data = document::json(operation, false);
    let _ = write!(
        text,
        "id: {}\nevent: {event}\ndata: {}\n\n",
        operation.state.revision,
        std::str::from_utf8(&data).unwrap_or("{}")
    );
}
