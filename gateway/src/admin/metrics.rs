//! `/metrics`: every number as OpenMetrics text.

use http::Response;
use http::header::{CONTENT_TYPE, HeaderValue};

use crate::app::Shared;
use crate::body::Body;
use crate::ingress::Timeout;
use crate::observe::{ConnectionStats, Scrape, names};

pub(super) async fn serve(shared: &Shared) -> Response<Body> {
    let store = shared.store.stats().await.unwrap_or_else(|error| {
        tracing::warn!(error = %error, "the store tells no numbers: its metrics show 0");
        sidegate_store::Stats::default()
    });
    for link in shared.brokers.values() {
        link.metrics.link(link.broker.state());
    }
    let counters = &shared.connections;
    let connections = ConnectionStats {
        open: counters.open(),
        accepted: counters.accepted(),
        refused: counters.refused(),
        accept_errors: counters.accept_errors(),
        panics: counters.panics(),
        timed_out: Timeout::ALL.map(|kind| (kind.as_str(), counters.timed_out(kind))).to_vec(),
    };
    let mut response = Response::new(Body::from(shared.metrics.encode(&Scrape { store, connections })));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(names::OPENMETRICS));
    response
}
