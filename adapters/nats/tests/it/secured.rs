//! Links that are secured: TLS with a private authority, client certificates, passwords, keys and credentials.

use std::path::Path;

use sidegate_broker::ErrorKind;
use sidegate_nats::connect;
use sidegate_test_brokers::{Certificates, Login, Nats, NatsLogin, NatsOptions, Tls, available};

use crate::support::{ack, command, message, next, publish, receive, settings};

async fn server(tls: Tls, login: NatsLogin) -> Option<Nats> {
    available(Nats::start(NatsOptions { tls, login, ..NatsOptions::default() }).await)
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of letters")
}

fn certificates(server: &Nats) -> &Certificates {
    server.certificates().expect("it speaks TLS")
}

/// A message goes through and back.
async fn works(url: &str, options: &[(&str, &str)]) {
    let broker = connect(settings(url, 1, options)).await.expect("settings that are right");
    let mut worker = receive(&broker, "orders").await;
    // An id of its own: the server remembers those it has had.
    let id = format!("op-{:x}", fastrand::u64(..));
    publish(&broker, command(message("orders", &id))).await.expect("the server takes it");
    let delivery = next(&mut worker).await;
    assert_eq!(delivery.message.id, id, "it is delivered over the same link");
    ack(delivery).await;
    broker.close(std::time::Duration::from_secs(1)).await;
}

/// No message goes through; what is said of it.
async fn does_not_work(url: &str, options: &[(&str, &str)]) -> String {
    let broker = connect(settings(url, 1, options)).await.expect("nothing that is wrong for good");
    let error = publish(&broker, command(message("orders", "op-1"))).await.expect_err("the link is refused");
    assert_eq!(error.kind, ErrorKind::Unreachable, "a server may be set right: {error}");
    format!("{error} {:?} {:?}", broker.probe().await, broker)
}

#[tokio::test]
async fn over_tls_the_server_must_show_a_certificate_of_the_named_authority() {
    let Some(server) = server(Tls::Server, NatsLogin::None).await else { return };
    let files = certificates(&server);
    works(server.url(), &[("ca", text(&files.ca))]).await;
    let other_form = server.url().replace("tls://", "nats+tls://");
    works(&other_form, &[("ca", text(&files.ca))]).await;
    does_not_work(server.url(), &[("ca", text(&files.other_ca))]).await;
}

#[tokio::test]
async fn over_mutual_tls_the_client_shows_its_certificate_too() {
    let Some(server) = server(Tls::Mutual, NatsLogin::None).await else { return };
    let files = certificates(&server);
    let (ca, cert, key) = (text(&files.ca), text(&files.client_cert), text(&files.client_key));
    works(server.url(), &[("ca", ca), ("cert", cert), ("key", key)]).await;
    does_not_work(server.url(), &[("ca", ca)]).await;
}

#[tokio::test]
async fn a_password_is_taken_from_the_url_an_option_or_a_file_and_never_shown() {
    let login = NatsLogin::Password(Login::new("shop", "hunter2"));
    let Some(server) = server(Tls::Off, login).await else { return };
    let with = |user: &str| server.url().replace("nats://", &format!("nats://{user}@"));
    works(&with("shop:hunter2"), &[]).await;
    works(server.url(), &[("user", "shop"), ("password", "hunter2")]).await;
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), "hunter2\n").expect("a file that can be written");
    works(server.url(), &[("user", "shop"), ("password_file", text(file.path()))]).await;
    for (url, options) in [
        (with("shop:wrong-secret"), vec![]),
        (server.url().to_owned(), vec![("user", "shop"), ("password", "wrong-secret")]),
    ] {
        let said = does_not_work(&url, &options).await;
        assert!(said.contains("authorization"), "it is told why: {said}");
        assert!(!said.contains("wrong-secret"), "and not with what: {said}");
    }
}

#[tokio::test]
async fn a_key_and_a_credentials_file_open_the_door() {
    let Some(by_key) = server(Tls::Off, NatsLogin::Nkey).await else { return };
    works(by_key.url(), &[("nkey_seed_file", text(&by_key.nkey_seed_file()))]).await;
    does_not_work(by_key.url(), &[]).await;
    let Some(by_creds) = server(Tls::Off, NatsLogin::Creds).await else { return };
    works(by_creds.url(), &[("creds", text(&by_creds.creds_file()))]).await;
}

#[tokio::test]
async fn a_file_that_cannot_be_used_is_an_error_at_once() {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), "no certificate").expect("a file that can be written");
    let path = text(file.path());
    for options in [
        vec![("ca", "/nowhere/ca.pem")],
        vec![("ca", path)],
        vec![("cert", path), ("key", path)],
        vec![("creds", path)],
        vec![("nkey_seed_file", path)],
        vec![("password_file", "/nowhere/password"), ("user", "shop")],
        vec![("user", "shop")],
    ] {
        let error =
            connect(settings("nats://127.0.0.1:1", 1, &options)).await.expect_err("it cannot be used");
        assert_eq!(error.kind, ErrorKind::Rejected, "it does not pass by itself: {error}");
        let option = options[0].0;
        assert!(error.to_string().contains(option), "the option is named: {error}");
    }
}
