//! OpenAPI 3.1 of the data plane: every route, and what can be asked about operations.

mod components;
mod operations;
mod routes;

#[cfg(test)]
mod tests;

use serde_json::{Map, Value, json};
use sidegate_config::Settings;
use sidegate_config::settings::Listen;

/// The whole document.
#[must_use]
pub fn document(settings: &Settings) -> Value {
    let durable = settings.routes.iter().any(|route| route.durable);
    let mut paths = Map::new();
    let schemas = routes::add(settings, &mut paths);
    if durable {
        operations::add(&mut paths);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": settings.gateway.name,
            "version": env!("CARGO_PKG_VERSION"),
            "summary": format!("What the gateway beside `{}` serves", settings.gateway.name),
        },
        "servers": [{ "url": server(&settings.gateway.listen) }],
        "tags": tags(durable),
        "paths": paths,
        "components": components::all(schemas),
    })
}

/// Where to reach it; a Unix socket and an address that means "every interface" are no URL of anything.
fn server(listen: &Listen) -> String {
    match listen {
        Listen::Tcp(address) if !address.ip().is_unspecified() => format!("http://{address}"),
        Listen::Tcp(_) | Listen::Unix(_) => "/".to_owned(),
    }
}

fn tags(durable: bool) -> Value {
    let routes = json!({ "name": "routes", "description": "The routes of the config" });
    let operations = json!({ "name": "operations", "description": "What became of an accepted request" });
    if durable { json!([routes, operations]) } else { json!([routes]) }
}

/// A reference into the document's own components.
fn reference(kind: &str, name: &str) -> Value {
    json!({ "$ref": format!("#/components/{kind}/{name}") })
}

/// A refusal with its own words.
fn refusal(description: &str) -> Value {
    json!({
        "description": description,
        "content": { "application/problem+json": { "schema": reference("schemas", "Problem") } },
    })
}
