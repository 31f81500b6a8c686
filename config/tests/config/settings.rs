//! What a config means: the defaults that depend on each other, and what calls and paths become.

use std::path::Path;
use std::time::Duration;

use sidegate_config::settings::{
    Authority, Broker, BrokerUrl, Call, Consumer, Listen, ReplyMode, Route, StoreUrl, Target,
};
use sidegate_config::{Loaded, Settings, parse};

fn loaded(text: &str) -> Loaded {
    let environment = |name: &str| (name == "ACCOUNTS").then(|| "accounts:3001".to_owned());
    let text = format!("[gateway]\nname = \"bank\"\n[broker.main]\nurl = \"embedded:\"\n{text}");
    parse(&text, "sidegate.toml", Path::new("/etc/sidegate"), &environment)
        .unwrap_or_else(|problems| panic!("{problems}"))
}

fn settings(text: &str) -> Settings {
    loaded(text).settings
}

fn route(text: &str) -> Route {
    Route::clone(&settings(&format!("[[route]]\nhttp = \"POST /x/{{id}}\"\n{text}")).routes[0])
}

fn consumer(text: &str) -> Consumer {
    Consumer::clone(&settings(&format!("[[consumer]]\n{text}")).consumers[0])
}

fn call(text: &str) -> Call {
    consumer(&format!("receive = \"x\"\ncall = \"{text}\"")).call
}

#[test]
fn how_a_route_answers_and_whether_it_has_a_record_depend_on_its_target() {
    let call = "call = \"POST http://h/x\"\n";
    let expected = [
        ("send = \"x\"".to_owned(), ReplyMode::Poll, true),
        ("send = \"x\"\nreply = \"none\"".to_owned(), ReplyMode::None, true),
        ("send = \"x\"\nreply = \"wait\"".to_owned(), ReplyMode::Wait, false),
        ("send = \"x\"\nreply = \"wait\"\nhold = \"2s\"".to_owned(), ReplyMode::Wait, true),
        ("send = \"x\"\nreply = \"wait\"\ndurable = true".to_owned(), ReplyMode::Wait, true),
        ("publish = \"x\"".to_owned(), ReplyMode::Poll, true),
        ("publish = \"x\"\nreply = \"wait\"".to_owned(), ReplyMode::Wait, true),
        (call.to_owned(), ReplyMode::Wait, false),
        (format!("{call}reply = \"poll\""), ReplyMode::Poll, true),
        (format!("{call}hold = \"2s\""), ReplyMode::Wait, true),
    ];
    for (text, reply, durable) in expected {
        let route = route(&text);
        assert_eq!((route.reply, route.durable), (reply, durable), "{text}");
    }
}

#[test]
fn what_is_left_out_has_the_defaults_of_the_reference() {
    let route = route("send = \"x\"");
    assert_eq!((route.timeout, route.retention), (Duration::from_secs(30), Duration::from_secs(86_400)));
    assert_eq!((route.name.as_str(), route.hold, route.body_bytes_max), ("POST /x/{id}", None, None));

    let consumer = consumer("subscribe = \"x\"\ncall = \"POST http://h/x\"");
    assert_eq!((consumer.name.as_str(), consumer.concurrency), ("x", 16));
    assert_eq!(
        (consumer.timeout, consumer.inbox),
        (Duration::from_secs(10), Some(Duration::from_secs(86_400)))
    );
    assert_eq!(consumer.retry, sidegate_core::RetrySchedule::DEFAULT, "config and core agree on the default");
    assert!(consumer.health.is_none() && consumer.breaker.is_none(), "neither is on by itself");
    assert_eq!(consumer.fail_on, [400, 401, 403, 404, 405, 409, 410, 422]);
}

#[test]
fn a_first_pause_longer_than_the_default_cap_raises_the_cap() {
    let consumer = consumer("receive = \"x\"\ncall = \"POST http://h/x\"\nretry = { first = \"30s\" }");
    assert_eq!((consumer.retry.first_ms, consumer.retry.max_ms), (30_000, 30_000));
}

#[test]
fn a_call_names_method_place_and_path() {
    let tcp = |host: &str, port| Authority { host: host.into(), port, unix: false };
    let expected = [
        ("POST http://h:3000/orders?a=b", "POST", tcp("h", 3000), "/orders?a=b"),
        ("GET http://h", "GET", tcp("h", 80), "/"),
        ("GET http://h?a={body/a}", "GET", tcp("h", 80), "/?a={body/a}"),
        ("GET http://[::1]:3000/", "GET", tcp("::1", 3000), "/"),
        ("GET http://${ACCOUNTS}/a", "GET", tcp("accounts", 3001), "/a"),
        ("GET http://${OTHER:-127.0.0.1:9}/a", "GET", tcp("127.0.0.1", 9), "/a"),
        ("{message.method} http://h:1{message.path}", "{message.method}", tcp("h", 1), "{message.path}"),
        (
            "PUT http+unix:app.sock:/a",
            "PUT",
            Authority { host: "/etc/sidegate/app.sock".into(), port: 0, unix: true },
            "/a",
        ),
    ];
    for (text, method, authority, path) in expected {
        let call = call(text);
        assert_eq!(
            (call.method.source(), &call.authority, call.path.source()),
            (method, &authority, path),
            "{text}"
        );
    }
}

#[test]
fn a_rest_parameter_is_known_as_such() {
    let files = settings(
        "[[route]]\nhttp = \"GET /f/{kind}/{*file}\"\ncall = \"GET http://h/{path.kind}/{path.file}\"",
    );
    let route = &files.routes[0];
    assert_eq!((route.method.as_str(), route.path.as_str()), ("GET", "/f/{kind}/{*file}"));
    assert_eq!(route.rest.as_deref(), Some("file"), "what it took goes into a URL as it is");
}

#[test]
fn the_same_path_serves_several_methods() {
    let routes = "[[route]]\nhttp = \"GET /a/{id}\"\ncall = \"GET http://h/a\"\n[[route]]\nhttp = \"PUT /a/{id}\"\nsend = \"a\"\n";
    assert_eq!(settings(routes).routes.len(), 2);
}

#[test]
fn files_are_found_from_the_folder_of_the_config() {
    let text = "[store]\nurl = \"sqlite:data/x.db\"\n";
    assert_eq!(settings(text).store.url, StoreUrl::Sqlite("/etc/sidegate/data/x.db".into()));
    assert_eq!(
        settings("[store]\nurl = \"sqlite:/var/x.db\"\n").store.url,
        StoreUrl::Sqlite("/var/x.db".into())
    );
    let text = "[gateway]\nname = \"x\"\nlisten = \"unix:x.sock\"\n";
    let loaded = parse(text, "x.toml", Path::new("/run"), &|_| None).expect("a socket");
    assert_eq!(loaded.settings.gateway.listen, Listen::Unix("/run/x.sock".into()));
}

#[test]
fn a_target_keeps_its_template_and_the_only_broker() {
    let Target::Send { broker, destination } =
        route("send = \"x.{path.id}\"\nheaders = [\"X-Tenant\"]").target
    else {
        panic!("a `send` is a send");
    };
    assert_eq!((broker.as_str(), destination.source()), ("main", "x.{path.id}"));
}

#[test]
fn secrets_of_a_client_library_are_hidden_where_the_config_is_shown() {
    let loaded = loaded("client = { sasl_password = \"hunter2\", queues_max = \"7\" }\n");
    assert_eq!(loaded.settings.brokers["main"].client["sasl_password"], "hunter2", "the adapter gets it");
    assert_eq!(loaded.shown["broker"]["main"]["client"]["sasl_password"], "[hidden]");
    assert_eq!(loaded.shown["broker"]["main"]["client"]["queues_max"], "7");
    assert!(!format!("{:?}", loaded.settings).contains("hunter2"), "nor do logs show it");
}

#[test]
fn files_that_options_of_a_broker_name_are_found_from_the_folder_of_the_config() {
    let loaded = loaded(
        "client = { ca = \"tls/ca.pem\", password_file = \"/run/secrets/mq\", user = \"ca\", \"ssl.key.location\" = \"k\" }\n",
    );
    let client = &loaded.settings.brokers["main"].client;
    assert_eq!(client["ca"], "/etc/sidegate/tls/ca.pem");
    assert_eq!(client["password_file"], "/run/secrets/mq", "an absolute path stays");
    assert_eq!((client["user"].as_str(), client["ssl.key.location"].as_str()), ("ca", "/etc/sidegate/k"));
    let shown = &loaded.shown["broker"]["main"]["client"];
    assert_eq!(shown["password_file"], "/run/secrets/mq", "where a secret is kept is none: {shown}");
}

/// The broker of a config that has one table, of these lines.
fn broker(text: &str) -> (Broker, Loaded) {
    let text = format!("[gateway]\nname = \"bank\"\n[broker.main]\n{text}");
    let loaded =
        parse(&text, "sidegate.toml", Path::new(""), &|name| (name == "PASS").then(|| "hunter2".to_owned()))
            .unwrap_or_else(|problems| panic!("{problems}"));
    (loaded.settings.brokers["main"].clone(), loaded)
}

#[test]
fn destinations_are_made_and_headers_keep_their_names_unless_a_broker_says_otherwise() {
    let (broker, _) = broker("url = \"kafka://k1:9092,k2\"\n");
    assert!(broker.create && broker.names.is_empty(), "{broker:?}");
    let BrokerUrl::Kafka(remote) = broker.url else { panic!("a Kafka URL is Kafka: {:?}", broker.url) };
    assert_eq!((remote.hosts(), remote.is_tls()), ("k1:9092,k2", false), "every host is kept");
}

#[test]
fn renamed_headers_are_known_by_the_names_that_messages_have() {
    let (broker, loaded) = broker(
        "url = \"kafka://k\"\ncreate = false\n\
         names = { correlation_id = \"kafka_correlationId\", status = \"x-status\", reply_to = \"reply-to\" }\n",
    );
    assert!(!broker.create);
    let names: Vec<_> = broker.names.iter().map(|(ours, wire)| (ours.as_str(), wire.as_str())).collect();
    assert_eq!(
        names,
        [("correlation-id", "kafka_correlationId"), ("sidegate-status", "x-status")],
        "as an adapter looks them up; one that keeps its name is not renamed"
    );
    let shown = &loaded.shown["broker"]["main"];
    assert_eq!(shown["create"], false);
    assert_eq!(shown["names"]["status"], "x-status", "in the words of the config: {shown}");
}

#[test]
fn two_headers_may_change_places() {
    let (broker, _) = broker(
        "url = \"nats://n\"\nnames = { reply_to = \"correlation-id\", correlation_id = \"reply-to\" }\n",
    );
    assert_eq!(broker.names["reply-to"], "correlation-id", "nothing on the wire has two meanings");
}

#[test]
fn the_password_of_a_broker_reaches_the_adapter_and_nobody_else() {
    for text in ["url = \"amqps://shop:hunter2@mq/orders\"\n", "url = \"amqps://shop:${PASS}@mq/orders\"\n"] {
        let (broker, loaded) = broker(text);
        assert!(matches!(broker.url, BrokerUrl::RabbitMq(_)), "an AMQP URL is RabbitMQ");
        assert_eq!(broker.url.expose(), "amqps://shop:hunter2@mq/orders", "the adapter logs in with it");
        assert_eq!(loaded.shown["broker"]["main"]["url"], "amqps://shop:***@mq/orders");
        let told = format!("{loaded:?}{broker:?}{}{}", broker.url, loaded.shown);
        assert!(!told.contains("hunter2"), "neither logs nor /config show it: {told}");
    }
}
