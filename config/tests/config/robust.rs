//! Whatever stands in the file: it is told or it is used, and nothing panics.

use std::fs;

use proptest::prelude::{Strategy, any, prop, proptest};
use proptest::sample::Index;
use sidegate_config::parse;

use crate::folder;

/// Checks a text and shows the findings in every form.
fn check(text: &str) {
    let environment = |name: &str| name.len().is_multiple_of(2).then(|| name.to_owned());
    let problems = match parse(text, "any.toml", &folder::at("examples"), &environment) {
        Ok(loaded) => loaded.warnings,
        Err(problems) => {
            assert!(!problems.is_empty(), "what is refused is told");
            problems
        }
    };
    let lines = text.lines().count() as u64 + 1;
    for told in problems.to_json().as_array().expect("a list") {
        assert!(told["line"].as_u64().is_some_and(|line| line <= lines), "a place is in the file: {told}");
    }
    assert_eq!(problems.render(false).is_empty(), problems.is_empty());
    assert_eq!(problems.render(true).is_empty(), problems.is_empty());
}

fn seeds() -> Vec<String> {
    folder::tomls("examples").iter().map(|path| fs::read_to_string(path).expect("an example")).collect()
}

/// A change at two places: bytes taken out, other bytes put in.
#[derive(Debug, Clone)]
struct Change {
    seed: Index,
    from: Index,
    length: usize,
    instead: Vec<u8>,
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let pieces = prop::sample::select(vec![
        "",
        "{",
        "}",
        "\"",
        "[",
        "]",
        "=",
        "${",
        "é",
        "\u{0}",
        "\n",
        "{path.x}",
        "http",
        "99999999999999999999",
        "''' ",
    ]);
    let instead = proptest::strategy::Union::new([
        pieces.prop_map(|piece| piece.as_bytes().to_vec()).boxed(),
        prop::collection::vec(any::<u8>(), 0..4).boxed(),
    ]);
    let change = (any::<Index>(), any::<Index>(), 0..20_usize, instead)
        .prop_map(|(seed, from, length, instead)| Change { seed, from, length, instead });
    prop::collection::vec(change, 1..4)
}

fn changed(seeds: &[String], changes: &[Change]) -> String {
    let mut bytes = changes[0].seed.get(seeds).clone().into_bytes();
    for change in changes {
        let from = change.from.index(bytes.len() + 1);
        let to = (from + change.length).min(bytes.len());
        bytes.splice(from..to, change.instead.iter().copied());
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

proptest! {
    #[test]
    fn any_text_is_told_or_used(text in prop::collection::vec(any::<char>(), 0..200)) {
        check(&text.into_iter().collect::<String>());
    }

    #[test]
    fn any_bytes_between_a_key_and_its_end_are_told_or_used(value in "[ -~é\n]{0,40}", key in "[a-z_.]{1,12}") {
        check(&format!("[gateway]\nname = \"x\"\n{key} = {value}\n[[route]]\nhttp = \"{value}\"\ncall = \"GET http://{value}\"\n"));
    }
}

#[test]
fn a_damaged_example_is_told_or_used() {
    let seeds = seeds();
    assert!(!seeds.is_empty(), "there must be something to damage");
    let config = proptest::test_runner::Config { cases: 500, ..Default::default() };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let result = runner.run(&changes(), |changes| {
        check(&changed(&seeds, &changes));
        Ok(())
    });
    result.expect("no damage makes it panic");
}
