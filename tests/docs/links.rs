//! Every link from one of our documents to another leads to a file that is there, and to a heading in it.

use std::path::{Component, Path, PathBuf};

use sidegate_tests::workspace_root;

use crate::markdown::Document;

#[test]
fn every_relative_link_leads_somewhere() {
    let documents = Document::all();
    assert!(
        documents.iter().any(|document| document.path.ends_with("README.md")),
        "the documents were found"
    );
    let broken: Vec<String> =
        documents.iter().flat_map(|document| broken_links(document, &documents)).collect();
    assert!(broken.is_empty(), "links that lead nowhere:\n{}", broken.join("\n"));
}

fn broken_links(document: &Document, all: &[Document]) -> Vec<String> {
    let links = document.prose().flat_map(links).filter(|link| !link.contains("://"));
    let broken = links.filter(|link| !leads_somewhere(document, link, all));
    broken.map(|link| format!("{}: {link}", document.path.display())).collect()
}

fn leads_somewhere(document: &Document, link: &str, all: &[Document]) -> bool {
    let (path, anchor) = link.split_once('#').map_or((link, None), |(path, anchor)| (path, Some(anchor)));
    let folder = document.path.parent().unwrap_or(Path::new(""));
    let target = if path.is_empty() { document.path.clone() } else { plain(&folder.join(path)) };
    let Some(anchor) = anchor else { return workspace_root().join(target).exists() };
    all.iter().any(|other| other.path == target && other.anchors().iter().any(|known| known == anchor))
}

/// The targets of `[text](target)` and `![text](target)` in a line.
fn links(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next())
}

/// Without `..`: what is compared are names, not files.
fn plain(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut plain, component| {
        if component == Component::ParentDir {
            plain.pop();
        } else {
            plain.push(component);
        }
        plain
    })
}

#[test]
fn a_link_without_a_file_or_heading_is_found() {
    let document = |path: &str, text: &str| Document { path: path.into(), text: text.to_owned() };
    let all =
        [document("docs/a.md", "# Here\n"), document("README.md", "[x](docs/a.md#there) [y](nowhere.md)")];
    let broken = broken_links(&all[1], &all);
    assert_eq!(
        broken,
        ["README.md: docs/a.md#there", "README.md: nowhere.md"],
        "both kinds of broken links are seen"
    );
    let good = document("docs/b.md", "[x](a.md#here) [z](#top) [w](https://example.com/none)\n# Top\n");
    let all = [document("docs/a.md", "# Here\n"), document("docs/b.md", &good.text)];
    assert_eq!(broken_links(&good, &all), Vec::<String>::new(), "and what is there is not taken for broken");
}
