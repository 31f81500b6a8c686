//! Held to the specification's own schema, and to what a worker's author must find in the document.

use serde_json::{Value, json};

use super::super::sample;
use super::document;

const ASYNCAPI: &str = include_str!("../../../testdata/specs/asyncapi-3.0.0.schema.json");

#[test]
fn the_document_is_what_asyncapi_3_0_asks_for() {
    let schema: Value = serde_json::from_str(ASYNCAPI).expect("the specification's schema is JSON");
    let validator = jsonschema::validator_for(&schema).expect("and a JSON Schema");
    let document = document(&sample::settings());
    let errors: Vec<String> =
        validator.iter_errors(&document).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "tools refuse a document that breaks the specification: {errors:#?}");

    let mut broken = document;
    broken["operations"]["create-order"]["action"] = json!("shout");
    assert!(!validator.is_valid(&broken), "a validator that accepts anything proves nothing");
}

#[test]
fn a_command_is_sent_to_its_channel_and_answered_where_it_says() {
    let document = document(&sample::settings());
    let send = &document["operations"]["create-order"];
    assert_eq!(send["action"], "send");
    assert_eq!(send["channel"]["$ref"], "#/channels/orders.create");
    assert_eq!(send["reply"]["address"]["location"], "$message.header#/reply-to");
    assert_eq!(document["channels"]["orders.create"]["address"], "orders.create");
    let payload = &document["components"]["messages"]["create-order"]["payload"];
    assert_eq!(payload["schema"]["type"], "object", "the message is what the route's schema says");
}

#[test]
fn a_route_and_a_consumer_of_one_destination_share_channel_and_message() {
    let document = document(&sample::settings());
    let receive = &document["operations"]["receive-create-order"];
    assert_eq!(receive["action"], "receive");
    assert_eq!(receive["channel"]["$ref"], "#/channels/orders.create");
    assert_eq!(receive["messages"][0]["$ref"], "#/channels/orders.create/messages/create-order");
}

#[test]
fn events_have_no_reply_and_templates_become_parameters() {
    let document = document(&sample::settings());
    assert!(document["operations"]["order-events"]["reply"].is_null(), "nobody answers an event");
    assert!(document["operations"]["receive-on-customer"]["reply"].is_null(), "nobody answers an event");
    let channel = document["channels"]
        .as_object()
        .and_then(|channels| channels.values().find(|channel| channel["parameters"].is_object()))
        .expect("the templated destination");
    assert_eq!(channel["address"], "orders.{path_region}.{header_x-tenant}");
    assert!(channel["parameters"]["path_region"].is_object(), "each expression in an address is a parameter");
}

#[test]
fn a_broker_between_processes_is_shown_with_its_protocol_and_without_its_password() {
    let config = "[gateway]\nname = \"orders\"\n[broker.log]\nurl = \"kafka+tls://k1:9093,k2:9093\"\n\
                  [broker.work]\nurl = \"amqp://shop:hunter2@mq:5672/orders\"\n";
    let loaded = sidegate_config::parse(config, "sidegate.toml", "".as_ref(), &|_| None).expect("a config");
    let servers = &document(&loaded.settings)["servers"];
    assert_eq!(servers["log"], json!({ "host": "k1:9093,k2:9093", "protocol": "kafka-secure" }));
    assert_eq!(
        servers["work"],
        json!({ "host": "mq:5672", "protocol": "amqp" }),
        "whoever reads it has no login"
    );
}
