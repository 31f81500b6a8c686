//! TLS with a private authority, and who asks.

use std::path::Path;

use sidegate_broker::{Channel, ErrorKind};
use sidegate_test_brokers::{Login, Rabbit, RabbitOptions, Tls, available};

use crate::support::{ack, connect, listen, message, next, publish, send, settings_at, unique};

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

#[tokio::test]
async fn over_mutual_tls_messages_go_both_ways_for_who_has_the_right_certificates() {
    let login = Some(Login::new("gateway", "hunter2"));
    // The certificate says who asks, where the plugin for that is there; the password does where it is not.
    let config =
        "auth_mechanisms.1 = PLAIN\nauth_mechanisms.2 = EXTERNAL\nssl_cert_login_from = common_name\n";
    let options = RabbitOptions { tls: Tls::Mutual, login, config: config.to_owned() };
    let Some(server) = available(Rabbit::start(options).await) else { return };
    std::fs::write(server.folder().join("enabled_plugins"), "[rabbitmq_auth_mechanism_ssl].\n")
        .expect("written");
    server.restart().await;
    let files = server.certificates().expect("certificates");
    let (ca, cert, key) = (text(&files.ca), text(&files.client_cert), text(&files.client_key));

    let by_password =
        [("ca", ca), ("cert", cert), ("key", key), ("user", "gateway"), ("password", "hunter2")];
    goes_both_ways(server.url(), &by_password).await;
    goes_both_ways(server.url(), &[("ca", ca), ("cert", cert), ("key", key), ("sasl_mechanism", "EXTERNAL")])
        .await;

    let other_ca = [("ca", text(&files.other_ca)), ("cert", cert), ("key", key)];
    let error = refused(server.url(), &other_ca).await;
    assert!(error.contains("certificate"), "a server that nobody vouches for is not talked to: {error}");
    refused(server.url(), &[("ca", ca), ("user", "gateway"), ("password", "hunter2")]).await;
    let wrong = [("ca", ca), ("cert", cert), ("key", key), ("user", "gateway"), ("password", "wrong-word")];
    let error = refused(server.url(), &wrong).await;
    assert!(error.contains("ACCESS_REFUSED"), "a wrong password is told as the broker tells it: {error}");
    assert!(!error.contains("wrong-word"), "and never shown: {error}");
}

async fn goes_both_ways(url: &str, options: &[(&str, &str)]) {
    let broker = connect(settings_at(url, options));
    let destination = unique("secured");
    let mut inbox = listen(&broker, Channel::Command, &destination, 1).await;
    send(&broker, &destination, "m-1").await;
    ack(next(&mut inbox).await).await;
    broker.close(std::time::Duration::from_secs(1)).await;
}

/// The reason, of an error that passes by itself: certificates and passwords can be put right at the broker.
async fn refused(url: &str, options: &[(&str, &str)]) -> String {
    let broker = connect(settings_at(url, options));
    let deadline = tokio::time::Instant::now() + crate::support::ARRIVAL;
    loop {
        let error = publish(&broker, Channel::Command, message("secured", "m-1")).await.expect_err("refused");
        assert_eq!(error.kind, ErrorKind::Unreachable, "{error}");
        if !error.to_string().contains("still connecting") {
            assert!(!format!("{broker:?}").contains("hunter2"), "no password in Debug");
            return error.to_string();
        }
        assert!(tokio::time::Instant::now() < deadline, "the reason is told: {error}");
    }
}

#[tokio::test]
async fn a_certificate_that_cannot_be_read_is_an_error_at_the_start() {
    let settings = settings_at("amqps://localhost", &[("ca", "/nowhere/ca.pem")]);
    let error = sidegate_rabbitmq::connect(settings).expect_err("no such file");
    assert_eq!(error.kind, ErrorKind::Rejected, "it does not pass by itself: {error}");
    assert!(error.to_string().contains("/nowhere/ca.pem"), "{error}");
}
