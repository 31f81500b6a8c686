//! The admin plane: what an operator asks of a running gateway and can do to it. Never on the data plane's address.
//!
//! ```text
//! request → place (what is asked for) → guard (token, no foreign web page) → one function a place
//! ```
//!
//! Everything but `/live`, `/ready` and `/metrics` wants a token where the config has any. What changes something is
//! written to the log with the name of the token that did it.

mod brokers;
mod guard;
mod health;
mod metrics;
mod operations;
mod parked;
mod place;
mod query;
mod store;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use serde_json::{Value, json};

use crate::app::Shared;
use crate::body::Body;
use crate::describe;
use crate::ingress::{Handler, Peer};
use crate::respond::{Code, Problem};

use guard::{Guard, Operator};
use health::Probe;
use place::Place;

/// Serves operators.
pub struct AdminPlane {
    shared: Arc<Shared>,
    guard: Guard,
    probe: Probe,
}

impl AdminPlane {
    /// Over a running gateway.
    #[must_use]
    pub fn new(shared: Arc<Shared>) -> Self {
        let guard = Guard::new(&shared.gateway.admin_tokens);
        Self { shared, guard, probe: Probe::default() }
    }

    async fn serve(&self, request: Request<Incoming>) -> Result<Response<Body>, Problem> {
        let path = request.uri().path().to_owned();
        let place = Place::of(&path).ok_or_else(|| nothing_at(&path))?;
        if request.method() == Method::OPTIONS {
            return Ok(options(place.allow()));
        }
        if !place.serves(request.method()) {
            return Err(not_allowed(request.method(), place.allow()));
        }
        if place.is_open() {
            return Ok(self.answer_anybody(&place).await);
        }
        let operator = self.guard.check(request.headers(), place.changes())?;
        if place.changes() {
            self.act(&place, &operator, request).await
        } else {
            self.read(&place, &request).await
        }
    }

    async fn answer_anybody(&self, place: &Place<'_>) -> Response<Body> {
        match place {
            Place::Ready => health::ready(&self.shared, &self.probe).await,
            Place::Metrics => metrics::serve(&self.shared).await,
            _ => health::live(),
        }
    }

    async fn read(&self, place: &Place<'_>, request: &Request<Incoming>) -> Result<Response<Body>, Problem> {
        let (shared, query) = (&self.shared, request.uri().query());
        let document = match place {
            Place::Routes => routes(shared),
            Place::Brokers => brokers::list(shared).await,
            Place::Config => (**shared.shown.load()).clone(),
            Place::Operations => operations::list(shared, query).await?,
            Place::Operation(id) => operations::show(shared, id).await?,
            Place::Parked => parked::list(shared, query).await?,
            Place::ParkedMessage(id) => parked::show(shared, *id).await?,
            _ => index(shared),
        };
        Ok(answer(&document))
    }

    async fn act(
        &self,
        place: &Place<'_>,
        operator: &Operator,
        request: Request<Incoming>,
    ) -> Result<Response<Body>, Problem> {
        let shared = &self.shared;
        let document = match place {
            Place::Cancel(id) => operations::cancel(shared, id, operator).await?,
            Place::Redrive(id) => parked::redrive(shared, *id, operator).await?,
            Place::Discard(id) => parked::discard(shared, *id, operator).await?,
            Place::Backup => store::backup(shared, request, operator).await?,
            _ => return Err(not_in_this_version()),
        };
        Ok(answer(&document))
    }
}

impl Handler for AdminPlane {
    async fn handle(&self, request: Request<Incoming>, _peer: Peer) -> Response<Body> {
        Box::pin(self.serve(request)).await.unwrap_or_else(Problem::into_response)
    }
}

fn index(shared: &Shared) -> Value {
    json!({
        "gateway": shared.gateway.name,
        "version": env!("CARGO_PKG_VERSION"),
        "links": Place::INDEX,
    })
}

fn routes(shared: &Shared) -> Value {
    let table = shared.routes.load();
    let routes: Vec<Value> = table.routes().iter().map(|route| describe::route(&route.settings)).collect();
    let consumers = shared.consumers.list();
    let consumers = consumers.iter().map(|consumer| {
        let mut document = describe::consumer(&consumer.settings);
        document["takes_messages"] = consumer.takes_messages().into();
        document
    });
    json!({ "items": routes, "next": null, "consumers": consumers.collect::<Vec<_>>() })
}

fn answer(document: &Value) -> Response<Body> {
    json_response(StatusCode::OK, document)
}

fn json_response(status: StatusCode, document: &Value) -> Response<Body> {
    let mut response = Response::new(Body::from(document.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn options(allow: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    response
}

fn nothing_at(path: &str) -> Problem {
    let shown: String = path.chars().take(200).collect();
    Problem::new(Code::NotFound, format!("the admin plane has nothing at `{shown}`: `/` lists what it has"))
}

fn not_allowed(method: &Method, allow: &'static str) -> Problem {
    let mut problem =
        Problem::new(Code::MethodNotAllowed, format!("`{method}` is not served here: {allow} are"));
    problem.allow = Some(allow.into());
    problem
}

fn not_in_this_version() -> Problem {
    Problem::new(
        Code::NotInThisVersion,
        "retry, skip and resolve are for sagas, which are not in this version",
    )
}
