//! Who may depend on whom, read from the manifests by cargo itself.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::sync::LazyLock;

use serde_json::Value;
use sidegate_tests::workspace_root;

use crate::sources::{none, text};

/// The crates of the product, and which of the others each may use.
const OURS: &[(&str, &[&str])] = &[
    ("sidegate-core", &[]),
    ("sidegate-broker", &[]),
    ("sidegate-config", &["sidegate-core"]),
    ("sidegate-store", &["sidegate-core"]),
    ("sidegate-embedded", &["sidegate-broker"]),
    ("sidegate-conformance", &["sidegate-broker"]),
    ("sidegate-order", &["sidegate-broker"]),
    ("sidegate-nats", ADAPTER),
    ("sidegate-rabbitmq", ADAPTER),
    ("sidegate-kafka", ADAPTER),
    ("sidegate-redis", ADAPTER),
    (
        "sidegate-adapters",
        &[
            "sidegate-broker",
            "sidegate-embedded",
            "sidegate-nats",
            "sidegate-rabbitmq",
            "sidegate-kafka",
            "sidegate-redis",
            "sidegate-config",
        ],
    ),
    ("sidegate-demo", &[]),
    ("sidegate", &["*"]),
    ("sidegate-tests", TEST_SUPPORT),
    ("sidegate-bench", TEST_SUPPORT),
    ("sidegate-test-brokers", &[]),
    ("sidegate-fault-proxy", &[]),
];

/// An adapter knows the port and what adds order to it; none knows another, nor the gateway.
const ADAPTER: &[&str] = &["sidegate-broker", "sidegate-order"];
/// What measures or breaks the program from outside may start brokers and stand between.
const TEST_SUPPORT: &[&str] = &["sidegate-test-brokers", "sidegate-fault-proxy"];

/// Libraries that stand in these crates and in no other.
const KEPT: &[(&str, &[&str])] = &[
    ("rusqlite", &["sidegate-store", "sidegate-demo", "sidegate-tests", "sidegate-bench"]),
    ("refinery", &["sidegate-store"]),
    ("hyper", &["sidegate", "sidegate-demo", "sidegate-tests", "sidegate-bench"]),
    ("hyper-util", &["sidegate", "sidegate-demo", "sidegate-tests", "sidegate-bench"]),
    ("matchit", &["sidegate", "sidegate-demo", "sidegate-config"]),
    ("prometheus-client", &["sidegate"]),
    ("clap", &["sidegate", "sidegate-bench"]),
    ("toml", &["sidegate-config"]),
    ("rustix", &["sidegate-tests", "sidegate-bench", "sidegate-test-brokers"]),
    ("async-nats", &["sidegate-nats", "sidegate-bench"]),
    ("lapin", &["sidegate-rabbitmq", "sidegate-bench"]),
    ("rdkafka", &["sidegate-kafka", "sidegate-bench"]),
    ("redis", &["sidegate-redis"]),
    ("rcgen", &["sidegate-test-brokers"]),
];

/// What the pure crate must not even know of.
const NOT_IN_CORE: &[&str] =
    &["tokio", "serde", "serde_json", "hyper", "http", "rusqlite", "tracing", "futures-util"];

/// Dependencies by crate; what only tests of a crate need is left out.
static DEPENDENCIES: LazyLock<BTreeMap<String, BTreeSet<String>>> = LazyLock::new(|| {
    let output = Command::new(env!("CARGO"))
        .current_dir(workspace_root())
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .output()
        .expect("cargo can be started");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo writes JSON");
    let packages = metadata["packages"].as_array().expect("packages").iter();
    packages.map(|package| (name(package), dependencies(package))).collect()
});

fn name(value: &Value) -> String {
    value["name"].as_str().expect("a name").to_owned()
}

fn dependencies(package: &Value) -> BTreeSet<String> {
    let all = package["dependencies"].as_array().expect("dependencies").iter();
    all.filter(|dependency| dependency["kind"] != "dev").map(name).collect()
}

fn is_ours(name: &str) -> bool {
    name == "sidegate" || name.starts_with("sidegate-")
}

#[test]
fn every_crate_has_its_place_in_the_rules() {
    let known: BTreeSet<&str> = OURS.iter().map(|(name, _)| *name).collect();
    let found: BTreeSet<&str> = DEPENDENCIES.keys().map(String::as_str).collect();
    assert_eq!(found, known, "a new crate needs a rule of its own");
}

#[test]
fn our_crates_use_each_other_only_as_the_rules_say() {
    let mut broken = Vec::new();
    for (name, allowed) in OURS {
        let used = DEPENDENCIES[*name].iter().filter(|used| is_ours(used));
        let wrong = used.filter(|used| *allowed != ["*"] && !allowed.contains(&used.as_str()));
        broken.extend(wrong.map(|used| format!("{name} uses {used}")));
    }
    none(&broken, "the direction of dependencies is the architecture");
}

#[test]
fn a_library_that_is_kept_in_its_crates_is_in_no_other() {
    let mut broken = Vec::new();
    for (library, homes) in KEPT {
        let users = DEPENDENCIES.iter().filter(|(_, used)| used.contains(*library));
        let wrong = users.filter(|(user, _)| !homes.contains(&user.as_str()));
        broken.extend(wrong.map(|(user, _)| format!("{user} uses {library}, which belongs to {homes:?}")));
    }
    none(&broken, "one part, one place that knows it");
}

#[test]
fn the_core_is_pure() {
    let impure: Vec<_> =
        DEPENDENCIES["sidegate-core"].iter().filter(|used| NOT_IN_CORE.contains(&used.as_str())).collect();
    assert!(impure.is_empty(), "the core does no input and output, and knows no format: {impure:?}");
}

#[test]
fn the_port_knows_no_client_library_and_no_runtime() {
    let used = &DEPENDENCIES["sidegate-broker"];
    let wrong: Vec<_> = ["tokio", "hyper", "rdkafka", "lapin", "async-nats", "redis"]
        .into_iter()
        .filter(|name| used.contains(*name))
        .collect();
    assert!(wrong.is_empty(), "the port is what every adapter shares: {wrong:?}");
}

#[test]
fn every_adapter_is_a_feature_of_its_own_and_on_by_default() {
    for manifest in ["gateway/Cargo.toml", "adapters/Cargo.toml"] {
        let text = text(manifest);
        let default = text.lines().find(|line| line.starts_with("default = [")).expect("default features");
        for adapter in ["embedded", "nats", "rabbitmq", "kafka", "redis"] {
            assert!(default.contains(&format!("\"{adapter}\"")), "{manifest}: `{adapter}` is on by default");
            assert!(text.contains(&format!("\n{adapter} = [")), "{manifest}: `{adapter}` can be left out");
        }
    }
}
