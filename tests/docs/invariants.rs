//! `docs/ARCHITECTURE.md`: the test that an invariant names is there.

use std::fs;

use sidegate_tests::workspace_root;
use walkdir::WalkDir;

use crate::markdown::Document;

const HEADING: &str = "## Architecture invariants";

#[test]
fn every_invariant_names_a_test_that_exists() {
    let sources = sources();
    let rows = rows();
    assert!(rows.len() >= 10, "the table of invariants was found");
    for row in rows {
        let tests = tests(&row);
        assert!(!tests.is_empty(), "an invariant without a test is a wish: {row}");
        for test in tests {
            assert!(exists(&sources, test), "there is no test `{test}`, which is to hold: {row}");
        }
    }
}

/// The rows of the table, without its head.
fn rows() -> Vec<String> {
    let document = Document::read("docs/ARCHITECTURE.md");
    let (_, section) = document.text.split_once(HEADING).expect("there is a section of invariants");
    let section = section.split("\n## ").next().unwrap_or_default();
    section.lines().filter(|line| line.starts_with("| ")).skip(1).map(str::to_owned).collect()
}

/// The names in the last column.
fn tests(row: &str) -> Vec<&str> {
    let last = row.trim_end_matches(['|', ' ']).rsplit('|').next().unwrap_or_default();
    last.split('`').skip(1).step_by(2).filter(|word| !word.contains(['/', '.'])).collect()
}

/// A function, or a law of the table from which one is made.
fn exists(sources: &str, test: &str) -> bool {
    sources.contains(&format!("fn {test}(")) || sources.contains(&format!("fn {test}<"))
}

fn sources() -> String {
    ["adapters", "config", "gateway", "tests"].iter().fold(String::new(), |mut all, folder| {
        let files = WalkDir::new(workspace_root().join(folder)).into_iter().filter_map(Result::ok);
        for file in files.filter(|file| file.path().extension().is_some_and(|extension| extension == "rs")) {
            all.push_str(&fs::read_to_string(file.path()).expect("a source can be read"));
        }
        all
    })
}
