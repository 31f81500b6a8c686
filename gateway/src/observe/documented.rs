//! Holds the table of metrics in `docs/operations.md` to the metrics there are. `UPDATE_DOCS=1 cargo test -p sidegate`
//! writes it anew.

use std::fmt::Write as _;
use std::path::PathBuf;

use super::names::{ALL, PREFIX};

const BEGIN: &str = "<!-- metrics: written by a test -->\n";
const END: &str = "<!-- metrics: end -->\n";

fn table() -> String {
    let mut table = "| metric | kind | labels | what it says |\n|---|---|---|---|\n".to_owned();
    for metric in ALL {
        let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        let _ = writeln!(
            table,
            "| `{PREFIX}_{}` | {} | {} | {} |",
            metric.name,
            metric.kind.as_str(),
            labels.join(" "),
            metric.help
        );
    }
    table
}

#[test]
fn the_documentation_lists_every_metric_as_it_is() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/operations.md");
    let page = std::fs::read_to_string(&path).expect("the page is there");
    let (before, rest) = page.split_once(BEGIN).expect("the table begins");
    let (_, after) = rest.split_once(END).expect("and ends");
    let expected = format!("{before}{BEGIN}{}{END}{after}", table());
    if option_env!("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &expected).expect("the page is written");
    }
    let actual = std::fs::read_to_string(&path).expect("the page is there");
    assert!(
        actual == expected,
        "a metric changed: run `UPDATE_DOCS=1 cargo test -p sidegate`, and think of dashboards"
    );
}
