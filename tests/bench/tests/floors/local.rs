//! Floors that need nothing but this machine.

use crate::floor::{Floor, told_by};

/// The bodies of two answers of 1 KiB.
fn notes(answers: &str) -> usize {
    answers.matches(r#"{"order_id":"o-000001""#).count()
}

#[test]
fn the_bare_202_answers_202_and_nothing_else() {
    let answers = Floor::start(&["floor-202"]).answers();
    assert_eq!(
        answers.matches("HTTP/1.1 202 Accepted").count(),
        2,
        "both requests of a connection: {answers}"
    );
    assert_eq!(answers.matches("content-length: 0").count(), 2, "without a body: {answers}");
}

#[test]
fn the_backend_answers_with_one_kibibyte() {
    let answers = Floor::start(&["backend"]).answers();
    assert_eq!(answers.matches("content-length: 1024").count(), 2, "{answers}");
    assert_eq!(notes(&answers), 2, "{answers}");
}

#[test]
fn the_bare_proxy_brings_the_answers_of_its_backend() {
    let backend = Floor::start(&["backend"]);
    let proxy = Floor::start(&["floor-proxy", "--backend", &backend.address]);
    let answers = proxy.answers();
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 2, "{answers}");
    assert_eq!(notes(&answers), 2, "the bodies are the backend's: {answers}");
    assert_eq!(notes(&proxy.answers()), 2, "a client that closes does not break the kept connection");

    drop(backend);
    let answers = proxy.try_answers().unwrap_or_default();
    assert!(!answers.contains("200 OK"), "without its backend it has nothing to say: {answers}");
}

#[test]
fn the_bare_rows_tell_their_own_sample() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path().to_str().expect("a path of letters");
    let plan = ["floor-sqlite", "--milliseconds", "50", "--clients", "8", "--folder", place];
    let sample = told_by(&plan);
    assert!(sample["requests"].as_u64() >= Some(8), "every client's first row was committed: {sample}");
}
