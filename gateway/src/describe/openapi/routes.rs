//! Each route of the config as a path item.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use sidegate_config::Settings;
use sidegate_config::settings::{IdempotencyMode, ReplyMode, Route, Schema, Target};
use sidegate_core::Template;
use sidegate_core::template::Place;

use super::super::labels::Labels;
use super::{reference, refusal};

/// Identifiers that the document uses itself.
const RESERVED: [&str; 7] = [
    "Operation",
    "Problem",
    "getOperation",
    "cancelOperation",
    "getOperationResult",
    "watchOperation",
    "putOperationOutcome",
];

/// Adds every route to `paths`; gives back the schemas that their bodies refer to.
pub(super) fn add(settings: &Settings, paths: &mut Map<String, Value>) -> Map<String, Value> {
    let mut labels = Labels::without(&RESERVED);
    let mut schemas = Map::new();
    for route in &settings.routes {
        let label = labels.unique(&route.name);
        let item = paths.entry(path(route)).or_insert_with(|| json!({}));
        item[method(route)] = operation(route, &label);
        if let Some(schema) = &route.schema {
            schemas.insert(label, resource(schema, &route.name));
        }
    }
    schemas
}

/// OpenAPI knows no parameter over several segments: `{*rest}` stands as `{rest}`, and its description tells.
fn path(route: &Route) -> String {
    match &route.rest {
        Some(rest) => route.path.replace(&format!("{{*{rest}}}"), &format!("{{{rest}}}")),
        None => route.path.to_string(),
    }
}

/// The methods that a path item knows; any other stands as an extension.
fn method(route: &Route) -> String {
    let method = route.method.as_str().to_lowercase();
    let known =
        ["get", "put", "post", "delete", "options", "head", "patch", "trace"].contains(&method.as_str());
    if known { method } else { format!("x-{method}") }
}

fn operation(route: &Arc<Route>, label: &str) -> Value {
    let mut operation = json!({
        "operationId": label,
        "tags": ["routes"],
        "summary": summary(route),
        "description": description(route),
        "parameters": parameters(route),
        "responses": responses(route),
    });
    if !matches!(route.method.as_str(), "GET" | "HEAD" | "DELETE" | "OPTIONS" | "TRACE")
        || route.schema.is_some()
    {
        operation["requestBody"] = request_body(route, label);
    }
    operation
}

fn summary(route: &Route) -> String {
    match &route.target {
        Target::Send { destination, .. } => format!("Sends the command `{}`", destination.source()),
        Target::Publish { destination, .. } => format!("Publishes the event `{}`", destination.source()),
        Target::Call { call, .. } => format!("Calls `{} {}`", call.method.source(), call.path.source()),
    }
}

fn description(route: &Route) -> String {
    let timeout_s = route.timeout.as_secs_f64();
    match (route.reply, route.hold) {
        (ReplyMode::Wait, None) => {
            format!("The caller is held for up to {timeout_s} s, until the answer is there.")
        }
        (ReplyMode::Wait, Some(hold)) => format!(
            "The caller is held for up to {} s; then 202, and the outcome is there within {timeout_s} s.",
            hold.as_secs_f64()
        ),
        (ReplyMode::Poll, _) => format!("202 at once; the outcome is there within {timeout_s} s."),
        (ReplyMode::None, _) => "202 at once; done as soon as the broker has the message.".to_owned(),
    }
}

fn parameters(route: &Route) -> Vec<Value> {
    let mut parameters = path_parameters(route);
    parameters.extend(template_parameters(route));
    if route.durable {
        parameters.push(reference("parameters", "Prefer"));
    }
    let key = match route.idempotency {
        IdempotencyMode::Optional if route.durable => Some("IdempotencyKey"),
        IdempotencyMode::Required => Some("IdempotencyKeyRequired"),
        IdempotencyMode::Optional | IdempotencyMode::Off => None,
    };
    parameters.extend(key.map(|key| reference("parameters", key)));
    if route.correlation.is_none() {
        parameters.push(reference("parameters", "CorrelationId"));
    }
    parameters
}

fn path_parameters(route: &Route) -> Vec<Value> {
    let in_braces = route.path.split('{').skip(1).filter_map(|piece| piece.split('}').next());
    in_braces
        .map(|name| match name.strip_prefix('*') {
            None => parameter(name, "path", true, None),
            Some(rest) => parameter(rest, "path", true, Some("The rest of the path, its slashes included")),
        })
        .collect()
}

/// What the route's templates read besides the path and the body.
fn template_parameters(route: &Route) -> Vec<Value> {
    let required = [route.key.as_ref(), route.correlation.as_ref()].into_iter().flatten();
    let required: BTreeSet<Asked> = required.flat_map(Template::places).filter_map(Asked::of).collect();
    let all = target_template(&route.target).places().filter_map(Asked::of).chain(required.iter().cloned());
    let all: BTreeSet<Asked> = all.collect();
    all.iter().map(|asked| parameter(&asked.name, asked.place, required.contains(asked), None)).collect()
}

fn target_template(target: &Target) -> &Template {
    match target {
        Target::Send { destination, .. } | Target::Publish { destination, .. } => destination,
        Target::Call { call, .. } => &call.path,
    }
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Asked {
    place: &'static str,
    name: String,
}

impl Asked {
    fn of(place: &Place) -> Option<Self> {
        match place {
            Place::Query(name) => Some(Self { place: "query", name: name.to_string() }),
            Place::Header(name) => Some(Self { place: "header", name: name.to_string() }),
            _ => None,
        }
    }
}

fn parameter(name: &str, place: &str, required: bool, description: Option<&str>) -> Value {
    let mut parameter =
        json!({ "name": name, "in": place, "required": required, "schema": { "type": "string" } });
    if let Some(description) = description {
        parameter["description"] = description.into();
    }
    parameter
}

fn request_body(route: &Route, label: &str) -> Value {
    match &route.schema {
        Some(_) => json!({
            "required": true,
            "content": { "application/json": { "schema": reference("schemas", label) } },
        }),
        None => json!({ "description": "Travels byte for byte", "content": { "*/*": {} } }),
    }
}

/// The route's schema as a resource of its own, so that `#/…` in it keeps meaning itself and not this document.
fn resource(schema: &Schema, route: &str) -> Value {
    let mut document = (*schema.document).clone();
    if let Value::Object(members) = &mut document {
        let id = format!("urn:sidegate:schema:{}", super::super::labels::label(route));
        members.entry("$id").or_insert_with(|| id.into());
    }
    document
}

fn responses(route: &Route) -> Value {
    let mut responses = Map::new();
    if route.durable {
        responses.insert("202".to_owned(), reference("responses", "Accepted"));
    }
    if route.durable && route.reply != ReplyMode::Wait && route.idempotency != IdempotencyMode::Off {
        responses.insert("200".to_owned(), reference("responses", "Ended"));
    }
    if route.reply == ReplyMode::Wait {
        let answer = "The service's own answer, its errors too: `Sidegate-Error-Source` tells whose they are";
        responses.insert("default".to_owned(), json!({ "description": answer, "content": { "*/*": {} } }));
    }
    for (status, description) in refusals(route) {
        responses.insert(status.to_owned(), refusal(description));
    }
    Value::Object(responses)
}

/// What the gateway itself may answer, as far as this route can come to it.
fn refusals(route: &Route) -> Vec<(&'static str, &'static str)> {
    let held = route.reply == ReplyMode::Wait;
    let to_the_end = held && route.hold.is_none();
    let can_be_unprocessable = route.schema.is_some()
        || route.key.is_some()
        || route.correlation.is_some()
        || route.idempotency != IdempotencyMode::Off;
    let all = [
        (true, "400", "The request, its JSON or one of its headers cannot be read"),
        (true, "408", "The body did not arrive in time"),
        (true, "413", "The body is larger than the limit"),
        (route.schema.is_some(), "415", "The media type cannot be checked against the schema"),
        (can_be_unprocessable, "422", "Readable, but not what the route needs"),
        (true, "431", "The headers are larger or more than the limit"),
        (held, "502", "The service could not be reached, or all attempts failed"),
        (true, "503", "Not now; `Retry-After` says when"),
        (to_the_end, "504", "No answer came in time"),
        (route.durable, "507", "There is no room to store the request"),
    ];
    all.into_iter().filter(|(can_happen, ..)| *can_happen).map(|(_, status, text)| (status, text)).collect()
}
