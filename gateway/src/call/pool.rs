//! All services, and the one way to ask one.

use std::collections::HashMap;
use std::sync::Arc;

use http::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::{HeaderValue, Method, Request, Response, Uri, Version};
use http_body::Body as _;
use parking_lot::RwLock;
use sidegate_config::settings::{Authority, Limits};
use tokio::time::{Duration, Instant};

use super::body::CallBody;
use super::error::CallError;
use super::exchange::Progress;
use super::service::Service;
use crate::body::Body;

/// The bounds of a pool, each per service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolLimits {
    /// Connections at once, idle ones included; at least 1.
    pub connections_max: usize,
    /// For opening one.
    pub connect_timeout: Duration,
    /// An idle one is closed after so long, at the latest half of it later.
    pub idle_timeout: Duration,
}

impl From<&Limits> for PoolLimits {
    fn from(limits: &Limits) -> Self {
        Self {
            connections_max: limits.calls_max,
            connect_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(30),
        }
    }
}

/// Connections to every service that was ever asked; services come from the config, so there are few.
#[derive(Debug)]
pub struct Pool {
    services: RwLock<HashMap<Authority, Arc<Service>>>,
    limits: PoolLimits,
}

impl Pool {
    /// A pool without connections yet.
    #[must_use]
    pub fn new(limits: impl Into<PoolLimits>) -> Self {
        Self { services: RwLock::default(), limits: limits.into() }
    }

    /// Makes the call and returns when the answer's head is there; its body follows as it comes.
    ///
    /// `Host`, the version and how the body is framed are set here; other headers are sent as given. Waiting for a
    /// free connection, connecting and waiting for the head all end at `deadline`; the body has no deadline here.
    /// Dropping the future ends the call and closes its connection.
    ///
    /// # Errors
    /// There is no answer; [`CallError::sent`] says whether the service may have got the request.
    pub async fn request(
        &self,
        authority: &Authority,
        mut request: Request<Body>,
        deadline: Instant,
    ) -> Result<Response<CallBody>, CallError> {
        let service = self.service(authority);
        prepare(&mut request, service.host.clone());
        let mut progress = Progress::new();
        match tokio::time::timeout_at(deadline, service.exchange(request, &mut progress)).await {
            Ok(answered) => answered,
            Err(_) => Err(progress.timed_out(authority)),
        }
    }

    fn service(&self, authority: &Authority) -> Arc<Service> {
        if let Some(service) = self.services.read().get(authority) {
            return Arc::clone(service);
        }
        let mut services = self.services.write();
        let service =
            services.entry(authority.clone()).or_insert_with(|| Service::new(authority, self.limits));
        Arc::clone(service)
    }
}

/// What is this hop's own affair, whatever the request came with.
fn prepare(request: &mut Request<Body>, host: HeaderValue) {
    *request.version_mut() = Version::HTTP_11;
    if request.uri().authority().is_some() {
        *request.uri_mut() = origin_form(request.uri());
    }
    let says_empty = request.body().is_end_stream()
        && matches!(*request.method(), Method::POST | Method::PUT | Method::PATCH);
    let headers = request.headers_mut();
    headers.insert(HOST, host);
    // How long the body is, its type knows; a header of another origin could only disagree.
    headers.remove(CONTENT_LENGTH);
    headers.remove(TRANSFER_ENCODING);
    if says_empty {
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
}

fn origin_form(uri: &Uri) -> Uri {
    uri.path_and_query().cloned().map_or_else(Uri::default, Uri::from)
}
