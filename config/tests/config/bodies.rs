//! A body that a broker does not take is refused where it is written.

use std::path::Path;

use sidegate_config::{Loaded, Problems, parse};

const TAKEN_BYTES_MAX: usize = 2 << 20;

/// Of a gateway with two brokers, one of which takes 2 MiB; the other does not tell.
fn fitted(limits: &str, rest: &str) -> Result<Loaded, Problems> {
    let text = format!(
        "[gateway]\nname = \"shop\"\n[gateway.limits]\n{limits}\n[broker.main]\nurl = \"amqp://host\"\n\
         [broker.silent]\nurl = \"nats://host\"\n{rest}"
    );
    let loaded = parse(&text, "sidegate.toml", Path::new(""), &|_| None).expect("nothing else is wrong");
    loaded.fit(|broker| (broker.name == "main").then_some(TAKEN_BYTES_MAX))
}

fn told(limits: &str, rest: &str) -> String {
    fitted(limits, rest).expect_err("it does not fit").render(false)
}

const SEND: &str = "[[route]]\nhttp = \"POST /x\"\nsend = \"x\"\nbroker = \"main\"\n";

#[test]
fn a_routes_own_body_is_told_at_its_line_with_what_to_set() {
    let told = told("", &format!("{SEND}body = \"3MiB\"\n"));
    assert!(told.contains("sidegate.toml:13:8"), "the line of `body`: {told}");
    assert!(told.contains("3MiB") && told.contains("at most 2MiB"), "both sides: {told}");
    assert!(told.contains("raise `message_bytes_max` in [broker.main] client"), "what to set: {told}");
}

#[test]
fn the_gateways_limit_holds_for_routes_without_their_own_and_for_answers() {
    let answer =
        "[[consumer]]\nreceive = \"x\"\nbroker = \"main\"\ncall = \"POST http://127.0.0.1:3000/x\"\n";
    for rest in [SEND, answer] {
        let told = told("body = \"3MiB\"", rest);
        assert!(told.contains("sidegate.toml:4:8"), "the line of the limit: {told}");
        assert_eq!(told.matches("error").count(), 1, "once, however many it holds for: {told}");
    }
}

#[test]
fn what_fits_or_goes_over_no_such_broker_is_fine() {
    let own = format!("{SEND}body = \"2MiB\"\n");
    assert!(fitted("body = \"3MiB\"", &own).is_ok(), "the route has its own, and that fits");
    let elsewhere = SEND.replace("main", "silent");
    assert!(fitted("body = \"3MiB\"", &elsewhere).is_ok(), "only that broker knows what it takes");
    let event =
        "[[consumer]]\nsubscribe = \"x\"\nbroker = \"main\"\ncall = \"POST http://127.0.0.1:3000/x\"\n";
    assert!(fitted("body = \"3MiB\"", event).is_ok(), "nobody answers an event");
}

#[test]
fn a_brokers_limit_below_the_default_is_told_where_it_is_written() {
    let text = format!(
        "[gateway]\nname = \"shop\"\n[broker.main]\nurl = \"amqp://host\"\n\
         client = {{ message_bytes_max = \"1000\" }}\n{SEND}"
    );
    let loaded = parse(&text, "sidegate.toml", Path::new(""), &|_| None).expect("nothing else is wrong");
    let told = loaded.fit(|_| Some(1_000)).expect_err("1 MiB does not fit").render(false);
    assert!(told.contains("sidegate.toml:5:32"), "nobody wrote the default: {told}");
}
