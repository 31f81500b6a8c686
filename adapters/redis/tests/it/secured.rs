//! TLS with a private authority, client certificates and logins.

use std::fs;

use sidegate_redis::connect;
use sidegate_test_brokers::{Login, Redis, RedisOptions, Tls, available};

use crate::harness::{command, settings, until_well};

async fn start(tls: Tls) -> Option<Redis> {
    let login = Some(Login::new("gateway", "hunter2"));
    available(Redis::start(RedisOptions { tls, login, ..RedisOptions::default() }).await)
}

#[tokio::test]
async fn both_sides_show_a_certificate_and_the_password_comes_from_a_file() {
    let Some(server) = start(Tls::Mutual).await else { return };
    let files = server.certificates().expect("a server with TLS has certificates");
    let password = server.folder().join("password");
    fs::write(&password, "hunter2\n").expect("a file in the server's folder");
    let path = |path: &std::path::Path| path.to_str().expect("a plain path").to_owned();
    let options = [
        ("ca", path(&files.ca)),
        ("cert", path(&files.client_cert)),
        ("key", path(&files.client_key)),
        ("user", "gateway".to_owned()),
        ("password_file", path(&password)),
    ];
    let options: Vec<_> = options.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let url = server.url().replacen("rediss://", "redis+tls://", 1);
    let broker = connect(settings(&url, "one", &options)).await.expect("the files are there");
    until_well(&broker).await;
    broker.publish(command("orders", "m-1")).await.expect("it is published over TLS");
}

#[tokio::test]
async fn a_server_of_another_authority_is_not_connected_to() {
    let Some(server) = start(Tls::Server).await else { return };
    let files = server.certificates().expect("a server with TLS has certificates");
    let other = files.other_ca.to_str().expect("a plain path");
    let broker = connect(settings(server.url(), "one", &[("ca", other)])).await.expect("the file is there");
    let problem = broker.probe().await.problem.expect("its certificate is not trusted");
    assert!(problem.contains("certificate"), "the operator learns why: {problem}");
}

#[tokio::test]
async fn a_wrong_password_is_told_and_never_shown() {
    let Some(server) = start(Tls::Off).await else { return };
    let url = server.url().replacen("redis://", "redis://gateway:hunter3@", 1);
    let settings = settings(&url, "one", &[]);
    let shown = format!("{settings:?}");
    let broker = connect(settings).await.expect("whether it is right only Redis knows");
    let error = broker.publish(command("orders", "m-1")).await.expect_err("nobody is let in");
    let health = broker.probe().await;
    let told = format!("{shown}{error:?}{error}{health:?}{broker:?}");
    assert!(error.to_string().contains("authentication"), "the operator learns why: {error}");
    assert!(!told.contains("hunter3"), "secrets are never told: {told}");
}
