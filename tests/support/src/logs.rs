//! What a gateway wrote on standard error: one JSON object a line.

use std::io::{BufRead, BufReader, Read};
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::Value;

/// The lines so far; filled by a thread of its own, so that a busy test never blocks the gateway.
#[derive(Clone, Default)]
pub(crate) struct Logs(Arc<Mutex<Vec<String>>>);

impl Logs {
    pub(crate) fn collect(&self, source: impl Read + Send + 'static) {
        let lines = Arc::clone(&self.0);
        std::thread::spawn(move || {
            for line in BufReader::new(source).lines().map_while(Result::ok) {
                lines.lock().push(line);
            }
        });
    }

    /// The lines that are JSON, from line number `from` on.
    pub(crate) fn entries(&self, from: usize) -> Vec<Value> {
        self.0.lock().iter().skip(from).filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.lock().len()
    }

    pub(crate) fn text(&self) -> String {
        self.0.lock().join("\n")
    }

    /// What a failed test shows: the end of it.
    pub(crate) fn tail(&self, lines_max: usize) -> String {
        let lines = self.0.lock();
        let from = lines.len().saturating_sub(lines_max);
        lines[from..].join("\n")
    }
}
