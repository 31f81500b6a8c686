//! Inside the gateway a stage calls down the flow, never back up.
//!
//! The flow is the order of the modules in `gateway/src/lib.rs`. The type of a value that is handed down may be
//! named further down; a function or a module of a stage further up may not. What is shared by all (`app::Shared`)
//! is such a value.

use std::collections::BTreeMap;

use crate::sources::{files, none, text};

/// What a module of the gateway uses of another: the module, and the item or submodule in it.
type Use = (String, String);

#[test]
fn a_stage_never_calls_a_stage_further_up_the_flow() {
    let order = order();
    let mut broken = Vec::new();
    for file in files("gateway/src", "rs") {
        let Some(own) = stage_of(&file.path).filter(|stage| order.contains_key(stage)) else { continue };
        for (stage, item) in uses(&without_tests(&file.text)) {
            let is_up = order.get(&stage).is_some_and(|place| *place < order[&own]);
            if is_up && !is_type(&item) {
                broken.push(format!("{}: `crate::{stage}::{item}` stands above `{own}`", file.path));
            }
        }
    }
    none(&broken, "a stage calls down the flow, never back up");
}

#[test]
fn every_stage_is_in_the_flow_diagram_of_the_crate() {
    let documentation: String =
        text("gateway/src/lib.rs").lines().take_while(|line| line.starts_with("//!")).collect();
    for stage in
        ["ingress", "route", "exchange", "dispatch", "deliver", "attempt", "reply", "outcome", "status"]
    {
        assert!(documentation.contains(stage), "the diagram in lib.rs shows `{stage}`");
    }
}

/// Each module's place in the flow.
fn order() -> BTreeMap<String, usize> {
    let text = text("gateway/src/lib.rs");
    let modules = text.lines().filter_map(|line| line.trim().strip_prefix("pub mod ")?.strip_suffix(';'));
    let order: BTreeMap<String, usize> =
        modules.enumerate().map(|(place, name)| (name.to_owned(), place)).collect();
    assert!(order.len() > 10, "the modules of the gateway stand in lib.rs: {order:?}");
    order
}

fn stage_of(path: &str) -> Option<String> {
    let first = path.strip_prefix("gateway/src/")?.split('/').next()?;
    Some(first.trim_end_matches(".rs").to_owned())
}

/// Tests may use whatever they like to set a scene.
fn without_tests(text: &str) -> String {
    text.split("#[cfg(test)]").next().unwrap_or_default().to_owned()
}

fn is_type(item: &str) -> bool {
    item.starts_with(char::is_uppercase)
}

/// Every `crate::module::item`, also in groups.
fn uses(text: &str) -> Vec<Use> {
    let code: String =
        text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    code.split("crate::").skip(1).flat_map(items).collect()
}

fn items(rest: &str) -> Vec<Use> {
    if let Some(group) = rest.strip_prefix('{') {
        return top_level(group).iter().flat_map(|part| items(part)).collect();
    }
    let module = word(rest);
    let after = &rest[module.len()..];
    match after.strip_prefix("::") {
        None => vec![(module.clone(), String::new())],
        Some(item) => match item.strip_prefix('{') {
            None => vec![(module, word(item))],
            Some(group) => top_level(group).iter().map(|part| (module.clone(), word(part))).collect(),
        },
    }
}

fn word(text: &str) -> String {
    text.chars().take_while(|char| char.is_alphanumeric() || *char == '_').collect()
}

/// The parts of a group up to its closing brace, split at its own commas.
fn top_level(group: &str) -> Vec<String> {
    let (mut parts, mut depth) = (vec![String::new()], 0_usize);
    for char in group.chars() {
        match char {
            '}' if depth == 0 => break,
            ',' if depth == 0 => parts.push(String::new()),
            _ => {
                depth = if char == '{' { depth + 1 } else { depth - usize::from(char == '}') };
                parts.last_mut().expect("it begins with one part").push(char);
            }
        }
    }
    parts.iter().map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

#[test]
fn uses_are_read_from_paths_and_groups() {
    let text = "use crate::{a::B, c::{d, E}};\nlet x = crate::f::g();\n// crate::not::this\nuse crate::h;";
    let found: Vec<_> = uses(text).into_iter().map(|(module, item)| format!("{module}/{item}")).collect();
    assert_eq!(found, ["a/B", "c/d", "c/E", "f/g", "h/"], "the rule sees every way to name a stage");
}
