//! What a route does with a request: check everything that can be refused, then accept it.
//!
//! ```text
//! request → intake (limits, schema, templates) ─┬─ durable ──→ accept: store, dispatch, hold or 202
//!                                               ├─ transient → send and wait, no record
//! request ──────────────────────────────────────┴─ direct ───→ a call that streams through
//! ```

mod accept;
mod direct;
mod idempotency;
mod intake;
mod prefer;
mod transient;
mod values;

pub use accept::refused;
pub use direct::failed;
pub use prefer::Prefer;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use hyper::body::Incoming;
use sidegate_config::settings::Target;

use crate::app::Shared;
use crate::body::Body;
use crate::ingress::Peer;
use crate::names;
use crate::respond::{Code, Problem};
use crate::route::{Params, Route};

/// Serves one request of a route. Each way is a box of its own size: callers wait here by the ten thousand.
///
/// # Errors
/// Nothing was accepted; the problem says why, and whether asking again is safe.
pub fn serve<'a>(
    shared: &'a Shared,
    route: &'a Route,
    params: Params,
    request: Request<Incoming>,
    peer: Peer,
) -> Result<BoxFuture<'a, Result<Response<Body>, Problem>>, Problem> {
    if request.headers().contains_key(names::CALLBACK_URL) {
        return Err(Problem::new(
            Code::NotInThisVersion,
            "callbacks are not in this version: leave out `Callback-Url` and ask the operation's status",
        ));
    }
    if shared.drain.has_started() {
        return Err(Problem::new(
            Code::Draining,
            "the gateway is shutting down: ask again, another replica answers",
        ));
    }
    Ok(match (&route.settings.target, route.settings.durable) {
        (Target::Call { call, .. }, false) => {
            direct::serve(shared, route, call, params, request, peer).boxed()
        }
        (_, false) => transient::serve(shared, route, params, request).boxed(),
        (_, true) => accept::serve(shared, route, params, request).boxed(),
    })
}
