//! The documentation and the code say the same, and every page can be reached.

use std::collections::BTreeSet;

use crate::sources::{File, at, files, none, text};

/// The codes of `respond.rs`, read from its table: `Name = "code", 400, …`.
fn codes() -> BTreeSet<String> {
    let source = text("gateway/src/respond.rs");
    let table = source.split("\ncodes! {").nth(1).expect("the table of codes");
    let table = table.split("\n}").next().unwrap_or_default();
    let code = |line: &str| Some(line.split(" = \"").nth(1)?.split('"').next()?.to_owned());
    let codes: BTreeSet<String> =
        table.lines().filter(|line| !line.trim().starts_with("///")).filter_map(code).collect();
    assert!(codes.len() > 20, "the codes are found: {codes:?}");
    codes
}

#[test]
fn every_error_code_has_a_page_and_every_page_a_code() {
    let page = |file: File| Some(file.path.strip_prefix("docs/errors/")?.strip_suffix(".md")?.to_owned());
    let pages: BTreeSet<String> = files("docs/errors", "md").into_iter().filter_map(page).collect();
    let pages: BTreeSet<String> = pages.into_iter().filter(|name| name != "README").collect();
    assert_eq!(pages, codes(), "left: pages in docs/errors, right: codes in respond.rs");
}

#[test]
fn every_page_of_an_error_says_its_status() {
    let source = text("gateway/src/respond.rs");
    let status = |code: &str| source.split(&format!("\"{code}\", ")).nth(1).map(|rest| rest[..3].to_owned());
    let silent = codes().into_iter().filter(|code| {
        let status = status(code).expect("the table gives a status");
        !text(&format!("docs/errors/{code}.md")).contains(&status)
    });
    none(&silent.collect::<Vec<_>>(), "a page tells the HTTP status");
}

#[test]
fn every_page_can_be_reached_from_the_readme() {
    let mut reached = BTreeSet::new();
    let mut next = vec!["README.md".to_owned()];
    while let Some(page) = next.pop() {
        if reached.insert(page.clone()) && at(&page).exists() {
            next.extend(links(&page).into_iter().filter(|link| link.ends_with(".md")));
        }
    }
    let lost = files("docs", "md").into_iter().map(|file| file.path).filter(|path| !reached.contains(path));
    none(&lost.collect::<Vec<_>>(), "a page that nothing leads to is not there");
}

#[test]
fn no_link_leads_nowhere() {
    let pages = files("docs", "md").into_iter().map(|file| file.path).chain(["README.md".to_owned()]);
    let mut dead = Vec::new();
    for page in pages.filter(|page| at(page).exists()) {
        dead.extend(
            links(&page).into_iter().filter(|link| !at(link).exists()).map(|link| format!("{page} → {link}")),
        );
    }
    none(&dead, "a link leads to a file of the repository");
}

/// The relative links of a page, as paths from the root; a place in a page is not looked for.
fn links(page: &str) -> Vec<String> {
    let folder = page.rsplit_once('/').map_or("", |(folder, _)| folder);
    // Code between fences has brackets of its own.
    let text: String = text(page).split("\n```").step_by(2).collect();
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split([')', '#', ' ']).next());
    let local =
        targets.filter(|target| !target.is_empty() && !target.contains(':') && !target.starts_with('<'));
    local.map(|target| resolve(folder, target)).collect()
}

fn resolve(folder: &str, target: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "." | "" => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[test]
fn links_are_resolved_as_a_browser_does() {
    assert_eq!(resolve("docs/errors", "../http.md"), "docs/http.md", "up and down again");
    assert_eq!(resolve("", "docs/cli.md"), "docs/cli.md", "from the root");
}
