//! What is tidy, and can be counted.

use sidegate_tests::sidegate;

use crate::sources::{File, at, files, none, text};

const LINES_MAX: usize = 500;

/// Words that stand for work left undone; written so that this file does not hold them itself.
const UNDONE: [&str; 4] =
    [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X:"), concat!("HA", "CK:")];

fn all() -> Vec<File> {
    files("", "rs")
}

#[test]
fn every_file_opens_with_what_it_is_for() {
    let silent = all().into_iter().filter(|file| !file.text.starts_with("//! "));
    none(&silent.map(|file| file.path).collect::<Vec<_>>(), "a file opens with `//!`");
}

#[test]
fn no_file_is_longer_than_can_be_read() {
    let length = |file: &File| file.text.lines().count();
    let long = all().into_iter().filter(|file| length(file) > LINES_MAX);
    none(
        &long.map(|file| format!("{}: {} lines", file.path, length(&file))).collect::<Vec<_>>(),
        "a file has an end",
    );
}

#[test]
fn no_test_is_switched_off() {
    let mark = concat!("#[ig", "nore");
    let off = all().into_iter().filter(|file| file.text.contains(mark));
    none(&off.map(|file| file.path).collect::<Vec<_>>(), "a test runs, or is not there");
}

#[test]
fn nothing_is_left_undone() {
    let mut found = Vec::new();
    for file in ["rs", "toml", "md"].into_iter().flat_map(|extension| files("", extension)) {
        let undone = UNDONE.iter().filter(|word| file.text.contains(**word));
        found.extend(undone.map(|word| format!("{}: {word}", file.path)));
    }
    none(&found, "what is not done is not promised in a comment");
}

#[test]
fn every_crate_obeys_the_workspaces_lints() {
    let manifests = files("", "toml").into_iter().filter(|file| file.path.ends_with("Cargo.toml"));
    let lax = manifests
        .filter(|file| file.text.contains("[package]") && !file.text.contains("[lints]\nworkspace = true"));
    none(&lax.map(|file| file.path).collect::<Vec<_>>(), "one set of lints for all");
}

#[test]
fn unsafe_code_is_forbidden() {
    assert!(text("Cargo.toml").contains("unsafe_code = \"forbid\""), "for every crate of the workspace");
}

#[test]
fn the_program_is_small_at_the_top() {
    assert!(text("gateway/src/main.rs").lines().count() < 60, "main.rs parses, dispatches and exits");
}

#[tokio::test]
async fn every_example_passes_the_check() {
    for example in files("config/examples", "toml") {
        let output = sidegate(&at(""), &["--config", &example.path, "check"]).await;
        assert_eq!(output.code, Some(0), "{}:\n{}{}", example.path, output.stdout, output.stderr);
        assert!(example.text.starts_with("#:schema "), "{} names its schema for editors", example.path);
    }
}
