//! `schema = "order.schema.json"`: read, parsed, and compiled once to see that it can be.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jsonschema::error::ValidationErrorKind;

use super::Check;
use crate::problem::Problem;
use crate::read::{Given, Text};
use crate::settings::Schema;

impl Check<'_> {
    pub(super) fn schema(&self, given: &Given<Text>) -> Option<Schema> {
        let path = self.folder.join(&*given.value);
        match document(&path) {
            Ok(document) => {
                self.remember(path);
                Some(Schema { file: PathBuf::from(&*given.value), document: Arc::new(document) })
            }
            Err((message, help)) => {
                let message = format!("{} {message}", given.value.quoted());
                self.cx.report(Problem::error(given.span.clone(), message).help(help.to_owned()));
                None
            }
        }
    }

    /// Several routes may share a file.
    fn remember(&self, path: PathBuf) {
        let mut files = self.files.borrow_mut();
        if !files.contains(&path) {
            files.push(path);
        }
    }
}

fn document(path: &Path) -> Result<serde_json::Value, (String, &'static str)> {
    let text = fs::read(path)
        .map_err(|error| (format!("cannot be read: {error}"), "files are found from the config's folder"))?;
    let document = serde_json::from_slice(&text)
        .map_err(|error| (format!("is not JSON: {error}"), "write a JSON Schema into it"))?;
    match jsonschema::validator_for(&document) {
        Ok(_) => Ok(document),
        Err(error) => Err(unusable(&error)),
    }
}

fn unusable(error: &jsonschema::ValidationError<'_>) -> (String, &'static str) {
    if matches!(error.kind(), ValidationErrorKind::Referencing(_)) {
        let message = format!("refers to what it does not hold: {error}");
        return (message, "a schema is one file: write `#/$defs/NAME`, and NAME into its `$defs`");
    }
    let place = match error.instance_path().as_str() {
        "" => "its root".to_owned(),
        pointer => format!("`{pointer}`"),
    };
    (format!("is not a JSON Schema: at {place}: {error}"), "correct the schema")
}
