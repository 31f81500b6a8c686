//! What a server writes while it runs.

use std::fs;
use std::path::{Path, PathBuf};

const TAIL_LINES: usize = 40;

/// The file that takes the standard output and the standard error of one run.
pub(crate) struct Log(PathBuf);

impl Log {
    pub(crate) fn at(path: PathBuf) -> Self {
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn contains(&self, words: &str) -> bool {
        self.text().contains(words)
    }

    pub(crate) fn tail(&self) -> String {
        let text = self.text();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
    }

    fn text(&self) -> String {
        let bytes = fs::read(&self.0).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}
