//! Which route a request is for.

mod table;

pub use table::{Found, Params, RouteTable};

use std::sync::Arc;

use sidegate_config::settings;
use sidegate_core::Template;
use sidegate_core::template::Place;

use crate::observe::{Metrics, RouteMetrics};

/// A route ready to serve: its settings, and what is made of them once instead of at each request.
pub struct Route {
    /// As the config says.
    pub settings: Arc<settings::Route>,
    /// The compiled schema of the body.
    pub validator: Option<jsonschema::Validator>,
    /// Whether the body must be JSON: a template reads it.
    pub reads_body: bool,
    /// The lane its requests are dispatched in.
    pub lane: compact_str::CompactString,
    /// Its numbers.
    pub metrics: Arc<RouteMetrics>,
}

impl Route {
    /// Compiles a route. The settings were validated when the config loaded.
    #[must_use]
    pub fn new(route: &Arc<settings::Route>, metrics: &Metrics) -> Self {
        let validator =
            route.schema.as_ref().and_then(|schema| jsonschema::validator_for(&schema.document).ok());
        Self {
            settings: Arc::clone(route),
            validator,
            reads_body: templates(route).any(|template| template.places().any(reads_body)),
            lane: lane(route),
            metrics: metrics.route(&route.name),
        }
    }
}

fn reads_body(place: &Place) -> bool {
    matches!(place, Place::Body(_))
}

fn templates(route: &settings::Route) -> impl Iterator<Item = &Template> {
    let target = match &route.target {
        settings::Target::Send { destination, .. } | settings::Target::Publish { destination, .. } => {
            destination
        }
        settings::Target::Call { call, .. } => &call.path,
    };
    [Some(target), route.key.as_ref(), route.correlation.as_ref()].into_iter().flatten()
}

fn lane(route: &settings::Route) -> compact_str::CompactString {
    match &route.target {
        settings::Target::Send { broker, .. } | settings::Target::Publish { broker, .. } => {
            compact_str::format_compact!("broker/{broker}")
        }
        settings::Target::Call { .. } => compact_str::format_compact!("call/{}", route.name),
    }
}
