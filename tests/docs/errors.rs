//! `docs/errors/`: a page for each code of the gateway, with an example that agrees with what is sent.

use std::collections::BTreeSet;

use serde_json::Value;
use sidegate::respond::Code;

use crate::markdown::Document;

/// What each page answers, in this order.
const QUESTIONS: [&str; 4] = ["**Cause.**", "**Client.**", "**Operator.**", "**Asking again.**"];

#[test]
fn every_code_has_a_page_that_agrees_with_it() {
    for &code in Code::ALL {
        let page = Document::read(&format!("docs/errors/{}.md", code.as_str()));
        let example =
            page.blocks().into_iter().find(|block| block.info == "json").expect("a page has an example");
        let example: Value = serde_json::from_str(&example.text).expect("the example is JSON");
        for (member, expected) in [
            ("type", Value::from(format!("urn:sidegate:error:{}", code.as_str()))),
            ("title", code.title().into()),
            ("status", code.status().as_u16().into()),
            ("code", code.as_str().into()),
            ("retry", again(code)),
        ] {
            assert_eq!(example[member], expected, "`{member}` of the example in {}", page.path.display());
        }
        let line =
            format!("**{}** · `retry: {}`", code.status().as_u16(), again(code).as_str().unwrap_or_default());
        assert!(page.text.contains(&line), "{} says `{line}`", page.path.display());
    }
}

#[test]
fn every_page_answers_the_same_questions() {
    for &code in Code::ALL {
        let page = Document::read(&format!("docs/errors/{}.md", code.as_str()));
        let places = QUESTIONS.map(|question| page.text.find(question));
        assert!(places.iter().all(Option::is_some), "{} answers {QUESTIONS:?}", page.path.display());
        assert!(places.is_sorted(), "{} answers them in this order", page.path.display());
    }
}

#[test]
fn the_table_lists_every_code_and_nothing_else() {
    let table = Document::read("docs/errors/README.md");
    for &code in Code::ALL {
        let name = code.as_str();
        let again = again(code);
        let row = format!(
            "| {} | [`{name}`]({name}.md) | {} | `{}` |",
            code.status().as_u16(),
            code.title(),
            again.as_str().unwrap_or_default()
        );
        assert!(table.text.contains(&row), "docs/errors/README.md has the row\n{row}");
    }
    let codes: BTreeSet<String> = Code::ALL.iter().map(|code| format!("{}.md", code.as_str())).collect();
    let pages = Document::all().into_iter().filter(|page| page.path.starts_with("docs/errors"));
    let names = pages.filter_map(|page| page.path.file_name()?.to_str().map(str::to_owned));
    let orphans: Vec<String> = names.filter(|name| name != "README.md" && !codes.contains(name)).collect();
    assert!(orphans.is_empty(), "pages of codes that are not sent: {orphans:?}");
}

fn again(code: Code) -> Value {
    serde_json::to_value(code.again()).expect("a word")
}
