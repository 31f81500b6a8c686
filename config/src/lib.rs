//! One TOML file, from text to what the gateway uses.
//!
//! ```text
//! read       the document, value by value: no mistake ends the reading
//! raw        what a user can write: tables, keys, docs, defaults
//! validate   pure but for schema files: every problem at once, each with its place and a hint
//! settings   typed, complete, cannot be wrong
//! ```
//!
//! It opens no connection and never reads the environment by itself: variables are asked of the caller.

mod bodies;
mod place;
mod problem;
mod raw;
mod read;
mod render;
mod secret;
pub mod settings;
mod shown;
mod syntax;
mod validate;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use toml::de::DeTable;

pub use bodies::Body;
pub use problem::{Level, Problem, Problems};
pub use settings::Settings;

use read::{Context, Read as _};

/// A config that can be used.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What it says.
    pub settings: Settings,
    /// What an operator should know about it; none of it keeps the gateway from running.
    pub warnings: Problems,
    /// The files it was read from, the config itself first: what to watch for changes.
    pub files: Vec<PathBuf>,
    /// The config in force, in the shape of the TOML, with every default and without secrets.
    pub shown: Value,
    bodies: Vec<Body>,
}

/// Reads and checks the config at `path`. Files named in it are found from its folder.
///
/// `environment` tells the value of a variable, `None` when it is not set.
///
/// # Errors
/// Everything that is wrong with it.
pub fn load(path: &Path, environment: &dyn Fn(&str) -> Option<String>) -> Result<Loaded, Problems> {
    let name = path.display().to_string();
    let text = fs::read(path).map_err(|error| unreadable(&name, &error.to_string())).and_then(|bytes| {
        String::from_utf8(bytes).map_err(|error| not_utf8(&name, error.utf8_error().valid_up_to()))
    })?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut loaded = parse(&text, &name, folder, environment)?;
    loaded.files.insert(0, path.to_owned());
    Ok(loaded)
}

fn unreadable(name: &str, why: &str) -> Problems {
    let problem = Problem::of_file(format!("the config cannot be read: {why}"))
        .help("name another file with `--config FILE`".to_owned());
    Problems::new(name, String::new(), vec![problem])
}

fn not_utf8(name: &str, offset: usize) -> Problems {
    let problem = Problem::of_file(format!("the config is not UTF-8: byte {} is not", offset + 1))
        .help("save it as UTF-8".to_owned());
    Problems::new(name, String::new(), vec![problem])
}

/// Checks the text of a config; `file_name` is what problems call it, `folder` where files named in it are found.
///
/// [`Loaded::files`] then holds only the files that the text names.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse(
    text: &str,
    file_name: &str,
    folder: &Path,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<Loaded, Problems> {
    let (document, errors) = DeTable::parse_recoverable(text);
    let shown = secret::masked(text, document.get_ref(), !errors.is_empty());
    if !errors.is_empty() {
        return Err(Problems::new(file_name, shown, syntax::problems(text, &errors)));
    }
    let cx = Context::new(text, environment);
    let document = raw::Document::read(&document, &cx);
    let checked = validate::all(&document, folder, &cx);
    let usable = !cx.has_errors();
    let problems = Problems::new(file_name, shown, cx.into_problems());
    match checked {
        Some((settings, files)) if usable => {
            let (shown, bodies) = (shown::effective(&settings), bodies::of(&document, &settings));
            Ok(Loaded { settings, warnings: problems, files, shown, bodies })
        }
        _ => Err(problems),
    }
}

/// The JSON Schema of the config, for editors: every key with what it means and its default.
#[must_use]
pub fn schema() -> Value {
    let mut schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Sidegate",
    });
    if let (Value::Object(schema), Value::Object(document)) = (&mut schema, raw::Document::schema()) {
        schema.extend(document);
    }
    schema
}
