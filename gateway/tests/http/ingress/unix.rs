//! Unix sockets: served like the others, and their files treated with care.

use http::Response;
use sidegate::body::Body;
use sidegate::ingress::{Listener, Peer};
use sidegate_config::settings::Listen;
use std::io::ErrorKind;
use std::os::unix::net::UnixListener;

use crate::support::{Client, Edge, limits};

#[tokio::test]
async fn a_unix_socket_is_served_and_its_file_removed_in_the_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("gateway.sock");
    let edge = Edge::start_at(&Listen::Unix(path.clone()), &limits(), |_, peer| async move {
        assert_eq!(peer, Peer::Unix);
        Response::new(Body::from("local"))
    });
    let mut client = Client::unix(&path).await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(client.answer().await.body, "local");
    edge.drain.start();
    client.closed().await;
    edge.finished().await;
    assert!(!path.exists(), "nothing is left behind");
}

#[tokio::test]
async fn a_file_left_by_a_process_that_died_is_replaced() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("gateway.sock");
    drop(UnixListener::bind(&path).expect("a free path"));
    assert!(path.exists(), "as after kill -9");
    let edge =
        Edge::start_at(&Listen::Unix(path.clone()), &limits(), |_, _| async { Response::new(Body::empty()) });
    let mut client = Client::unix(&path).await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(client.answer().await.status, 200);
    drop(edge);
}

#[tokio::test]
async fn a_socket_that_somebody_answers_on_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("gateway.sock");
    let other = UnixListener::bind(&path).expect("a free path");
    let error = Listener::bind(&Listen::Unix(path.clone())).expect_err("it is taken");
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
    assert!(error.to_string().starts_with(&format!("cannot listen on unix:{}", path.display())), "{error}");
    assert!(path.exists(), "the other one still has its file");
    drop(other);
}

#[tokio::test]
async fn a_file_that_is_not_a_socket_is_never_removed() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("precious.txt");
    std::fs::write(&path, "data").expect("a file");
    let error = Listener::bind(&Listen::Unix(path.clone())).expect_err("it is not ours");
    assert!(error.to_string().contains("not a socket"), "{error}");
    assert_eq!(std::fs::read_to_string(&path).expect("it is there"), "data");
}

#[tokio::test]
async fn a_file_that_somebody_else_put_in_place_of_ours_is_not_removed() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("gateway.sock");
    let ours = Listener::bind(&Listen::Unix(path.clone())).expect("a free path");
    std::fs::remove_file(&path).expect("it is there");
    let theirs = UnixListener::bind(&path).expect("a free path");
    drop(ours);
    assert!(path.exists(), "it is the other one's file");
    drop(theirs);
}

#[tokio::test]
async fn a_port_that_is_taken_is_an_error_that_names_it() {
    let first = Listener::bind(&Listen::Tcp(([127, 0, 0, 1], 0).into())).expect("a free port");
    let error = Listener::bind(first.local()).expect_err("it is taken");
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
    assert!(error.to_string().contains(&first.local().to_string()), "{error}");
}
