//! Where the crate's files are, and how they are kept up to date.

use std::fs;
use std::path::{Path, PathBuf};

/// A file or folder of the crate.
pub(crate) fn at(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Every `*.toml` below a folder, sorted.
pub(crate) fn tomls(folder: &str) -> Vec<PathBuf> {
    let files = walkdir::WalkDir::new(at(folder)).sort_by_file_name().into_iter();
    let is_toml = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "toml");
    files.filter_map(|entry| Some(entry.ok()?.into_path())).filter(is_toml).collect()
}

/// Whether `path` holds `content`; with `UPDATE=1` it is made to.
pub(crate) fn holds(path: &Path, content: &str) -> bool {
    if std::env::var_os("UPDATE").is_some() {
        fs::write(path, content).expect("the file can be written");
    }
    fs::read_to_string(path).unwrap_or_default() == content
}
