//! As much of Markdown as the tests need: fenced blocks, links and headings.

use std::fs;
use std::path::{Path, PathBuf};

use sidegate_tests::workspace_root;
use walkdir::{DirEntry, WalkDir};

/// A Markdown file of the repository.
pub(crate) struct Document {
    /// From the workspace's root.
    pub(crate) path: PathBuf,
    /// Its text.
    pub(crate) text: String,
}

/// A fenced block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Block {
    /// What stands behind the opening fence.
    pub(crate) info: String,
    /// What stands between the fences.
    pub(crate) text: String,
    /// The line of the opening fence, from 1.
    pub(crate) line: usize,
}

impl Document {
    /// Reads one; `path` from the workspace's root.
    pub(crate) fn read(path: &str) -> Self {
        let text = fs::read_to_string(workspace_root().join(path));
        Self { path: path.into(), text: text.unwrap_or_else(|error| panic!("cannot read {path}: {error}")) }
    }

    /// Every Markdown file of the repository.
    pub(crate) fn all() -> Vec<Self> {
        let entries = WalkDir::new(workspace_root()).sort_by_file_name().into_iter().filter_entry(is_ours);
        let files = entries.map(|entry| entry.expect("the repository can be read").into_path());
        let markdown = files.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
        markdown.map(|path| Self::read(from_root(&path))).collect()
    }

    /// Its fenced blocks, in order.
    pub(crate) fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        let mut open: Option<Block> = None;
        for (at, line) in self.text.lines().enumerate() {
            match (line.strip_prefix("```"), open.as_mut()) {
                (Some(info), None) => {
                    open = Some(Block { info: info.trim().to_owned(), text: String::new(), line: at + 1 });
                }
                (Some(_), Some(_)) => blocks.extend(open.take()),
                (None, Some(block)) => {
                    block.text.push_str(line);
                    block.text.push('\n');
                }
                (None, None) => {}
            }
        }
        assert!(open.is_none(), "{}: a fence is never closed: {open:?}", self.path.display());
        blocks
    }

    /// Its lines outside fenced blocks.
    pub(crate) fn prose(&self) -> impl Iterator<Item = &str> {
        let mut is_fenced = false;
        self.text.lines().filter(move |line| {
            let is_fence = line.starts_with("```");
            is_fenced ^= is_fence;
            !is_fenced && !is_fence
        })
    }

    /// The anchors of its headings, as code hosts make them.
    pub(crate) fn anchors(&self) -> Vec<String> {
        let headings = self.prose().filter_map(|line| line.strip_prefix('#'));
        headings.map(|heading| anchor(heading.trim_start_matches('#').trim())).collect()
    }

    /// Where a place in it is, for a failure.
    pub(crate) fn at(&self, block: &Block) -> String {
        format!("{}:{}", self.path.display(), block.line)
    }
}

fn is_ours(entry: &DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy();
    entry.depth() == 0 || !(name.starts_with('.') || name == "target")
}

fn from_root(path: &Path) -> &str {
    let path = path.strip_prefix(workspace_root()).expect("the walk began at the root");
    path.to_str().expect("our files have plain names")
}

fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|char| char.is_alphanumeric() || matches!(char, ' ' | '-' | '_'));
    kept.map(|char| if char == ' ' { '-' } else { char.to_ascii_lowercase() }).collect()
}

#[cfg(test)]
mod tests {
    use super::{Document, anchor};

    #[test]
    fn blocks_links_and_headings_are_told_apart() {
        let text = "# One\n```toml check\n# not a heading\n[a](nowhere)\n```\n## `GET /a/{id}`, then\n";
        let document = Document { path: "x.md".into(), text: text.to_owned() };
        let blocks = document.blocks();
        assert_eq!((blocks.len(), blocks[0].info.as_str(), blocks[0].line), (1, "toml check", 2));
        assert_eq!(blocks[0].text, "# not a heading\n[a](nowhere)\n", "a block is kept as it stands");
        assert_eq!(document.prose().count(), 2, "what is fenced is no prose");
        assert_eq!(
            document.anchors(),
            ["one", "get-aid-then"],
            "anchors are what code hosts make of headings"
        );
    }

    #[test]
    fn an_anchor_keeps_hyphens_and_underscores() {
        assert_eq!(anchor("Idempotency-Key: a_b?"), "idempotency-key-a_b");
    }
}
