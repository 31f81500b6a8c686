//! The files of the workspace, as tests read them.

use std::fs;
use std::path::{Path, PathBuf};

use sidegate_tests::workspace_root;
use walkdir::WalkDir;

/// A file: its path from the workspace's root, and its text.
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// Every file of this extension below `folder`, what is built and what is hidden left out.
pub(crate) fn files(folder: &str, extension: &str) -> Vec<File> {
    let root = workspace_root().join(folder);
    let below = WalkDir::new(&root).sort_by_file_name().into_iter().filter_entry(|entry| {
        let name = entry.file_name().to_string_lossy();
        entry.depth() == 0 || !(name == "target" || name.starts_with('.'))
    });
    let found: Vec<File> = below
        .filter_map(Result::ok)
        .filter(|entry| entry.path().extension().is_some_and(|found| found == extension))
        .map(|entry| File { path: from_root(entry.path()), text: read(entry.path()) })
        .collect();
    assert!(!found.is_empty(), "there are `.{extension}` files below `{}`", root.display());
    found
}

/// One file.
pub(crate) fn text(path: &str) -> String {
    read(&workspace_root().join(path))
}

/// A path relative to the workspace's root.
pub(crate) fn at(path: &str) -> PathBuf {
    workspace_root().join(path)
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{} cannot be read: {error}", path.display()))
}

fn from_root(path: &Path) -> String {
    path.strip_prefix(workspace_root()).unwrap_or(path).to_string_lossy().into_owned()
}

/// Fails with all of them at once.
#[track_caller]
pub(crate) fn none(broken: &[String], rule: &str) {
    assert!(broken.is_empty(), "{rule}:\n  {}", broken.join("\n  "));
}
