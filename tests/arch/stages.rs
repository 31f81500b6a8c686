//! Inside the gateway a stage calls down the flow, never back up.
//!
//! The flow is the order of the modules in `gateway/src/lib.rs`, in three groups: the roots, which wire and may use
//! everything; the stages in their order; and the tools below, which know no stage. The type of a value that is
//! handed down may be named further down (`app::Shared`, `route::Params`); a function or a module of a stage further
//! up may not.

use std::collections::{BTreeMap, BTreeSet};

use crate::sources::{File, files, none, text};

/// Calls up the flow that there are all the same, and why. One that is not made any more must go from this list.
const EXCEPTIONS: &[(&str, &str)] = &[
    ("ingress::read_body", "a body is still on the wire when its route is known"),
    ("ingress::stream_body", "a body is still on the wire when its route is known"),
    ("exchange::refused", "what the store refuses is told in the same words at every stage"),
    (
        "deliver::outcome_over_http",
        "an outcome is told at the operation's address, and belongs to a delivery",
    ),
    ("call::headers", "which headers go on is one rule for requests and answers, both ways"),
];

/// The place of each module: the group, and within the stages the place in the flow.
type Places = BTreeMap<String, (usize, usize)>;

const STAGES: usize = 1;

#[test]
fn a_stage_never_calls_a_stage_further_up_the_flow() {
    let excepted: BTreeSet<&str> = EXCEPTIONS.iter().map(|(call, _)| *call).collect();
    let up = calls_up();
    let broken = up.iter().filter(|(_, call)| !excepted.contains(call.as_str()));
    let broken: Vec<_> = broken.map(|(path, call)| format!("{path} uses `crate::{call}`")).collect();
    none(&broken, "a stage calls down the flow, never back up");
}

#[test]
fn every_exception_is_still_needed() {
    let made: BTreeSet<String> = calls_up().into_iter().map(|(_, call)| call).collect();
    let stale = EXCEPTIONS.iter().filter(|(call, _)| !made.contains(*call));
    none(
        &stale.map(|(call, _)| (*call).to_owned()).collect::<Vec<_>>(),
        "an exception that nobody needs goes",
    );
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

/// Every use of a function or module that stands above its user: the user's file, and what it uses.
fn calls_up() -> Vec<(String, String)> {
    let (places, all) = (places(), files("gateway/src", "rs"));
    let for_tests = for_tests(&all);
    let mut found = Vec::new();
    for file in all.iter().filter(|file| !for_tests.contains(&file.path)) {
        let Some(own) = stage_of(&file.path).and_then(|stage| places.get(&stage)) else { continue };
        for (stage, item) in uses(&without_tests(&file.text)) {
            if places.get(&stage).is_some_and(|place| is_above(*place, *own)) && !is_type(&item) {
                found.push((file.path.clone(), format!("{stage}::{item}")));
            }
        }
    }
    found
}

fn is_above(one: (usize, usize), other: (usize, usize)) -> bool {
    one.0 < other.0 || (one.0 == STAGES && other.0 == STAGES && one.1 < other.1)
}

fn places() -> Places {
    let text = text("gateway/src/lib.rs");
    let groups = text.split("\n\n").filter(|group| group.contains("pub mod "));
    let module = |line: &str| Some(line.trim().strip_prefix("pub mod ")?.strip_suffix(';')?.to_owned());
    let mut places = Places::new();
    for (group, lines) in groups.enumerate() {
        let names = lines.lines().filter_map(module).enumerate();
        places.extend(names.map(|(place, name)| (name, (group, place))));
    }
    let last = places.values().map(|(group, _)| *group).max();
    assert_eq!(last, Some(2), "lib.rs holds three groups of modules: roots, stages, tools: {places:?}");
    places
}

fn stage_of(path: &str) -> Option<String> {
    let first = path.strip_prefix("gateway/src/")?.split('/').next()?;
    Some(first.trim_end_matches(".rs").to_owned())
}

/// Files that only tests are built of.
fn for_tests(all: &[File]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for file in all {
        let folder = file.path.trim_end_matches("mod.rs").trim_end_matches(".rs").trim_end_matches('/');
        for after in file.text.split("#[cfg(test)]\n").skip(1) {
            let line = after.lines().next().unwrap_or_default();
            let name = line.split("mod ").nth(1).and_then(|rest| rest.strip_suffix(';'));
            found.extend(name.map(|name| format!("{folder}/{name}.rs")));
        }
    }
    found
}

/// Tests may use whatever they like to set a scene.
fn without_tests(text: &str) -> String {
    let mut parts = text.split("#[cfg(test)]");
    let code = parts.next().unwrap_or_default().to_owned();
    // A module of tests at the top of a file is one line; the code goes on after it.
    parts
        .filter_map(|part| part.split_once(";\n"))
        .fold(code, |code, (line, rest)| if line.contains('{') { code } else { code + rest })
}

fn is_type(item: &str) -> bool {
    item.starts_with(char::is_uppercase)
}

/// Every `crate::module::item`, in paths, in groups, and by the name of a module that is used whole.
fn uses(text: &str) -> BTreeSet<(String, String)> {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let code = lines.collect::<Vec<_>>().join("\n");
    let (whole, single): (Vec<_>, Vec<_>) = code
        .split("crate::")
        .skip(1)
        .flat_map(items)
        .partition(|(_, item)| item.is_empty() || item == "self");
    let of_whole = whole.into_iter().flat_map(|(module, _)| by_name(&code, &module));
    single.into_iter().chain(of_whole).collect()
}

/// What is used of `module` as `module::item`.
fn by_name(code: &str, module: &str) -> Vec<(String, String)> {
    let is_name_before =
        |text: &str| text.ends_with(|char: char| char.is_alphanumeric() || "_:".contains(char));
    let path = format!("{module}::");
    let places = code.match_indices(&path).filter(|(at, _)| !is_name_before(&code[..*at]));
    places.map(|(at, found)| (module.to_owned(), word(&code[at + found.len()..]))).collect()
}

fn items(rest: &str) -> Vec<(String, String)> {
    if let Some(group) = rest.strip_prefix('{') {
        return top_level(group).iter().flat_map(|part| items(part)).collect();
    }
    let module = word(rest);
    match rest[module.len()..].strip_prefix("::") {
        None => vec![(module, String::new())],
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
fn uses_are_read_from_paths_groups_and_names() {
    let text = "use crate::{a::B, c::{d, E}};\nlet x = crate::f::g();\n// crate::not::this\nuse crate::h;\nh::i(); oh::j()";
    let found: Vec<_> = uses(text).into_iter().map(|(module, item)| format!("{module}/{item}")).collect();
    assert_eq!(found, ["a/B", "c/E", "c/d", "f/g", "h/i"], "the rule sees every way to name a stage");
}
