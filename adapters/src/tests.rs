//! What a `[broker.NAME]` table becomes.

#![cfg(feature = "embedded")]

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use sidegate_broker::{Channel, ErrorKind, Message, Outbound, Subscription};
use sidegate_config::settings;

use crate::{Parts, capabilities_of, connect, message_bytes_max};

fn parts() -> Parts {
    Parts { gateway: "orders".into(), replica: "r1".into(), journal: None, clock: Arc::new(|| 0) }
}

/// The broker of a config that has one table, of these lines.
fn broker(lines: &str) -> settings::Broker {
    let text = format!("[gateway]\nname = \"orders\"\n[broker.main]\n{lines}\n");
    let loaded = sidegate_config::parse(&text, "sidegate.toml", Path::new(""), &|_| None)
        .unwrap_or_else(|problems| panic!("{problems}"));
    loaded.settings.brokers["main"].clone()
}

/// One of each kind, none of which is there.
const REMOTES: [(&str, &str); 4] = [
    ("nats", "nats://u:hunter2@127.0.0.1:1"),
    ("rabbitmq", "amqp://u:hunter2@127.0.0.1:1"),
    ("kafka", "kafka://127.0.0.1:1"),
    ("redis", "redis://u:hunter2@127.0.0.1:1"),
];

#[tokio::test]
async fn a_broker_from_settings_delivers_what_it_is_given() {
    let broker = connect(&broker("url = \"embedded:\""), parts()).await.expect("it needs nothing");
    let message = Arc::new(Message::new("m-1", "orders", Bytes::new()));
    let outbound = Outbound { channel: Channel::Command, message, durable: false, expires_at_ms: None };
    broker.publish(outbound).await.expect("an empty broker takes a message");
    let subscription = Subscription {
        channel: Channel::Command,
        destination: "orders".into(),
        service: "orders".into(),
        prefetch: 1,
    };
    let mut inbox = broker.subscribe(subscription).await.expect("a subscription");
    let delivery = inbox.next().await.expect("an open inbox");
    assert_eq!(delivery.message.id, "m-1", "the message comes out of the broker it went into");
}

#[tokio::test]
async fn client_options_reach_the_adapter_and_are_checked_by_it() {
    let known = broker("url = \"embedded:\"\nclient = { message_bytes_max = \"1000\" }");
    let connected = connect(&known, parts()).await.expect("a known option");
    assert_eq!(connected.capabilities().message_bytes_max, 1_000, "the option sets the limit");
    for url in ["embedded:"].into_iter().chain(built_in().map(|(_, url)| url)) {
        let unknown = broker(&format!("url = \"{url}\"\nclient = {{ compressoin = \"zstd\" }}"));
        let error = connect(&unknown, parts()).await.expect_err("an option that the adapter does not know");
        assert_eq!(error.kind, ErrorKind::Rejected, "a wrong option does not pass by itself: {error}");
        assert!(error.to_string().contains("compressoin"), "{url}: the option is named: {error}");
    }
}

#[tokio::test]
async fn how_large_a_message_may_be_is_known_before_anything_connects() {
    for (feature, url) in built_in().chain([("embedded", "embedded:")]) {
        for lines in ["", "client = { message_bytes_max = \"2000\" }"] {
            let settings =
                broker(&format!("url = \"{url}\"\n{}", if feature == "nats" { "" } else { lines }));
            let known = message_bytes_max(&settings);
            let connected = connect(&settings, parts()).await.expect(url);
            let told = (feature != "nats").then_some(connected.capabilities().message_bytes_max);
            assert_eq!(known, told, "{url} {lines}: what the config is checked against is what holds");
            connected.close(std::time::Duration::ZERO).await;
        }
    }
}

#[test]
fn a_config_is_checked_against_what_the_broker_can_do() {
    let capabilities = capabilities_of(&broker("url = \"embedded:\"").url).expect("this build has it");
    assert!(capabilities.durable, "in a store that survives, the embedded broker does too");
    assert!(!capabilities.between_processes, "it lives in one process");
    for (_, url) in built_in() {
        let capabilities =
            capabilities_of(&broker(&format!("url = \"{url}\"")).url).expect("this build has it");
        assert!(capabilities.between_processes && capabilities.durable, "{url}: {capabilities:?}");
    }
}

#[tokio::test]
async fn a_broker_that_is_down_is_connected_to_later_and_its_password_is_never_told() {
    for (_, url) in built_in() {
        let connected = connect(&broker(&format!("url = \"{url}\"")), parts()).await.expect(url);
        let health = connected.probe().await;
        let problem = health.problem.clone().expect("nobody listens there");
        assert!(!format!("{problem}{connected:?}{health:?}").contains("hunter2"), "{url}: {problem}");
        assert!(!connected.state().connected, "{url} is not connected");
        connected.close(std::time::Duration::from_secs(1)).await;
    }
}

#[tokio::test]
async fn a_build_without_an_adapter_says_which_feature_brings_it() {
    for (feature, url) in REMOTES.into_iter().filter(|(feature, _)| !is_built_in(feature)) {
        let settings = broker(&format!("url = \"{url}\""));
        let refused = connect(&settings, parts()).await.expect_err("there is no adapter for it");
        let known = capabilities_of(&settings.url).expect_err("a config is refused when it loads");
        for error in [refused, known] {
            assert!(error.to_string().contains(&format!("cargo feature `{feature}`")), "{error}");
            assert_eq!(error.kind, ErrorKind::Rejected, "and not tried again");
        }
    }
}

fn built_in() -> impl Iterator<Item = (&'static str, &'static str)> {
    REMOTES.into_iter().filter(|(feature, _)| is_built_in(feature))
}

fn is_built_in(feature: &str) -> bool {
    match feature {
        "nats" => cfg!(feature = "nats"),
        "rabbitmq" => cfg!(feature = "rabbitmq"),
        "kafka" => cfg!(feature = "kafka"),
        _ => cfg!(feature = "redis"),
    }
}
