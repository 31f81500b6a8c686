//! Every example loads, every editor can complete it, and what the gateway shows of it says the same again.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sidegate_config::settings::BrokerUrl;
use sidegate_config::{Loaded, load, parse, schema};

use crate::folder;

fn examples() -> Vec<PathBuf> {
    let found = folder::tomls("examples");
    assert!(found.len() >= 7, "the examples must be found: {found:?}");
    found
}

fn nothing_set(_: &str) -> Option<String> {
    None
}

fn loaded(path: &Path) -> Loaded {
    load(path, &nothing_set).unwrap_or_else(|problems| panic!("{} must load:\n{problems}", path.display()))
}

/// A TOML text as the JSON that a schema is about.
fn as_json(toml: &str) -> Value {
    serde_json::to_value(toml.parse::<toml::Table>().expect("TOML")).expect("JSON")
}

fn assert_fits_schema(document: &Value, what: &str) {
    let validator = jsonschema::validator_for(&schema()).expect("our own schema compiles");
    let errors: Vec<String> =
        validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "editors would underline {what}: {errors:#?}");
}

#[test]
fn every_example_loads_and_says_its_schema() {
    for path in examples() {
        loaded(&path);
        let text = fs::read_to_string(&path).expect("it was read before");
        let schema =
            text.lines().next().and_then(|line| line.strip_prefix("#:schema ")).expect("a `#:schema` line");
        assert!(
            path.with_file_name(schema).exists(),
            "{}: the schema it names must be there",
            path.display()
        );
    }
}

#[test]
fn every_example_fits_the_json_schema() {
    for path in examples() {
        let text = fs::read_to_string(&path).expect("an example");
        assert_fits_schema(&as_json(&text), &path.display().to_string());
    }
}

#[test]
fn no_example_has_a_warning() {
    for path in examples() {
        let loaded = loaded(&path);
        assert!(loaded.warnings.is_empty(), "{} is to be copied:\n{}", path.display(), loaded.warnings);
    }
}

#[test]
fn the_gateways_of_the_bank_share_a_broker_between_their_processes() {
    let brokers: Vec<_> = ["edge", "accounts", "customers"]
        .map(|name| loaded(&folder::at(&format!("examples/bank/{name}.toml"))).settings.brokers)
        .into();
    for broker in brokers.iter().map(|brokers| &brokers["main"]) {
        assert_eq!(broker.url, brokers[0]["main"].url, "else nobody receives what another sends");
        assert_ne!(broker.url, BrokerUrl::Embedded, "the embedded broker ends with its process");
    }
}

#[test]
fn what_is_shown_of_an_example_is_a_config_that_means_the_same() {
    for path in examples() {
        let shown = loaded(&path).shown;
        assert_fits_schema(&shown, "what /config shows");
        let text = toml::to_string(&shown).expect("TOML");
        let folder = path.parent().expect("a folder");
        let again = parse(&text, "shown.toml", folder, &nothing_set)
            .unwrap_or_else(|problems| panic!("{problems}\n{text}"));
        assert_eq!(
            again.shown,
            shown,
            "{}: units, defaults and names must survive the way round",
            path.display()
        );
    }
}

#[test]
fn the_files_to_watch_are_the_config_and_its_schemas() {
    let path = folder::at("examples/routes.toml");
    let files = loaded(&path).files;
    assert_eq!(files, [path.clone(), path.with_file_name("order.schema.json")]);
}

#[test]
fn the_schema_beside_the_examples_is_the_one_that_is_printed() {
    let printed = format!("{}\n", serde_json::to_string_pretty(&schema()).expect("JSON"));
    let is_kept = folder::holds(&folder::at("sidegate.schema.json"), &printed);
    assert!(is_kept, "run the tests once with UPDATE=1 and look at the difference");
}

/// Walks every property of every table.
pub(crate) fn properties(schema: &Value, path: &str, visit: &mut dyn FnMut(&str, &Value)) {
    for (key, property) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}/{key}");
        visit(&path, property);
        for below in [property, &property["items"], &property["additionalProperties"]] {
            properties(below, &path, visit);
        }
    }
}

#[test]
fn every_key_of_the_schema_says_what_it_means() {
    let mut count = 0;
    properties(&schema(), "", &mut |path, property| {
        count += 1;
        let about = property["description"].as_str().unwrap_or_default();
        assert!(
            about.len() > 15 && about.ends_with('.'),
            "{path} needs a sentence for editors, not `{about}`"
        );
    });
    assert!(count > 60, "the walk must have found the keys, not {count}");
}

#[test]
fn every_default_of_the_schema_is_the_one_in_force() {
    let minimal = "[gateway]\nname = \"x\"\n[broker.main]\nurl = \"embedded:\"\n\
         [[route]]\nhttp = \"POST /a\"\ncall = \"POST http://h/a\"\nreply = \"poll\"\n\
         [[consumer]]\nreceive = \"a\"\ncall = \"POST http://h/a\"\n\
         health = { call = \"GET http://h/\" }\nbreaker = { }\n";
    let shown = parse(minimal, "minimal.toml", Path::new(""), &nothing_set).expect("a small config").shown;
    let mut compared = 0;
    properties(&schema(), "", &mut |path, property| {
        let pointer = path.replace("/route/", "/route/0/").replace("/consumer/", "/consumer/0/");
        if let (Some(default), Some(used)) = (property.get("default"), shown.pointer(&pointer)) {
            compared += 1;
            assert_eq!(default, used, "{path}: the schema must tell the default that is used");
        }
    });
    assert!(compared > 35, "most defaults must have been compared, not {compared}");
}
