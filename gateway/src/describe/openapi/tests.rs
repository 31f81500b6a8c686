//! Held to the specification's own schema, and to what a client must find in the document.

use serde_json::{Value, json};

use super::super::sample;
use super::document;

const OPENAPI: &str = include_str!("../../../testdata/specs/openapi-3.1.schema.json");

#[test]
fn the_document_is_what_openapi_3_1_asks_for() {
    let schema: Value = serde_json::from_str(OPENAPI).expect("the specification's schema is JSON");
    let validator = jsonschema::validator_for(&schema).expect("and a JSON Schema");
    let document = document(&sample::settings());
    let errors: Vec<String> =
        validator.iter_errors(&document).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "tools refuse a document that breaks the specification: {errors:#?}");

    let mut broken = document;
    broken["paths"]["/orders"]["post"]["responses"] = json!(7);
    assert!(!validator.is_valid(&broken), "a validator that accepts anything proves nothing");
}

#[test]
fn every_reference_leads_somewhere() {
    let document = document(&sample::settings());
    let mut references = Vec::new();
    collect(&document, &mut references);
    assert!(references.len() > 20, "the document is built of components");
    for reference in references.iter().filter(|reference| reference.starts_with("#/components/")) {
        assert!(document.pointer(&reference[1..]).is_some(), "`{reference}` leads nowhere");
    }
}

fn collect(value: &Value, references: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            references.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|value| collect(value, references));
        }
        Value::Array(items) => items.iter().for_each(|value| collect(value, references)),
        _ => {}
    }
}

#[test]
fn a_route_tells_its_body_its_headers_and_its_answers() {
    let document = document(&sample::settings());
    let create = &document["paths"]["/orders"]["post"];
    assert_eq!(create["operationId"], "create-order");
    assert_eq!(
        create["requestBody"]["content"]["application/json"]["schema"]["$ref"],
        "#/components/schemas/create-order"
    );
    let schema = &document["components"]["schemas"]["create-order"];
    assert_eq!(
        schema["$id"], "urn:sidegate:schema:create-order",
        "`#/$defs/line` must stay the schema's own"
    );
    let parameters = create["parameters"].to_string();
    assert!(parameters.contains("IdempotencyKeyRequired") && parameters.contains("Prefer"), "{parameters}");
    assert_eq!(create["responses"]["202"]["$ref"], "#/components/responses/Accepted");
    for status in ["400", "413", "415", "422", "503", "507"] {
        assert!(create["responses"][status].is_object(), "a client may get {status}");
    }
    assert!(create["responses"]["504"].is_null(), "nobody is held on a poll route");
}

#[test]
fn path_query_and_header_parameters_come_from_the_templates() {
    let document = document(&sample::settings());
    let files = &document["paths"]["/files/{rest}"]["get"];
    let named = |operation: &Value| -> Vec<String> {
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        let name = |p: &Value| Some(format!("{} {}", p["in"].as_str()?, p["name"].as_str()?));
        parameters.iter().filter_map(name).collect()
    };
    assert_eq!(named(files), ["path rest", "query version"]);
    assert!(files["requestBody"].is_null(), "a GET has no body to describe");
    assert!(files["responses"]["202"].is_null(), "a held call without a record never answers 202");
    let regional = &document["paths"]["/regions/{region}/orders"]["post"];
    assert_eq!(named(regional), ["path region", "header x-tenant"]);
}

#[test]
fn operations_can_be_asked_about_wherever_one_is_kept() {
    let document = document(&sample::settings());
    for (path, method) in [
        ("/operations/{id}", "get"),
        ("/operations/{id}", "delete"),
        ("/operations/{id}/result", "get"),
        ("/operations/{id}/events", "get"),
        ("/operations/{id}/outcome", "put"),
    ] {
        assert!(document["paths"][path][method].is_object(), "{method} {path} is served and not described");
    }
}
