//! The command line: what each command prints, and what it exits with.

use serde_json::Value;
use sidegate_tests::{Reply, Setup, eventually, sidegate};

use crate::fixtures::{QUICK_RETRY, order, orders, orders_toml};

fn setup() -> Setup {
    Setup::new(&orders_toml("", "")).with("http://service", "http://127.0.0.1:3000").written()
}

#[tokio::test]
async fn a_good_config_passes_the_check() {
    let setup = setup();
    let _ = sidegate(setup.folder(), &["check"]).await.exits(0);
    let _ = sidegate(setup.folder(), &["--config", "sidegate.toml", "check", "--strict"]).await.exits(0);
}

#[tokio::test]
async fn a_bad_config_shows_every_problem_with_its_place_and_exits_2() {
    let setup = Setup::new("[[route]]\nhttp = \"POST /a\"\nsned = \"x\"\ntimeout = \"soon\"\n").written();
    let checked = sidegate(setup.folder(), &["check"]).await.exits(2);
    let said = format!("{}{}", checked.stdout, checked.stderr);
    for part in ["sned", "soon", "sidegate.toml:", "send"] {
        assert!(said.contains(part), "`{part}` is missing in\n{said}");
    }
    assert!(said.matches("error").count() >= 2, "all problems at once:\n{said}");
}

#[tokio::test]
async fn run_refuses_a_bad_config_in_the_same_words() {
    let setup = Setup::new("[[route]]\nhttp = \"POST /a\"\nsned = \"x\"\n").written();
    let checked = sidegate(setup.folder(), &["check"]).await.exits(2);
    let run = sidegate(setup.folder(), &["run"]).await.exits(2);
    assert_eq!(run.stderr, checked.stderr, "one wording for one mistake");
}

#[tokio::test]
async fn what_is_not_in_this_version_is_refused_not_ignored() {
    for toml in
        ["[gateway.tls]\ncert = \"a\"\nkey = \"b\"", "[saga.transfer]\ndeadline = \"30s\"", "[callback]"]
    {
        let setup = Setup::new(toml).written();
        let checked = sidegate(setup.folder(), &["check"]).await.exits(2);
        let said = format!("{}{}", checked.stdout, checked.stderr);
        assert!(said.contains("not in this version"), "{toml}\n{said}");
    }
}

#[tokio::test]
async fn a_missing_config_and_wrong_usage_exit_2() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let missing = sidegate(folder.path(), &["check"]).await.exits(2);
    assert!(missing.stderr.contains("sidegate.toml"), "it says which file: {}", missing.stderr);
    for wrong in [&["bogus"][..], &["run", "--bogus"], &[], &["operations"], &["completions", "latin"]] {
        let _ = sidegate(folder.path(), wrong).await.exits(2);
    }
}

#[tokio::test]
async fn help_and_version_exit_0() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let help = sidegate(folder.path(), &["--help"]).await.ok();
    for command in ["run", "demo", "check", "routes", "schema", "openapi", "asyncapi", "operations", "parked"]
    {
        assert!(help.contains(command), "`{command}` is missing in\n{help}");
    }
    assert!(sidegate(folder.path(), &["--version"]).await.ok().starts_with("sidegate "), "name and version");
}

#[tokio::test]
async fn routes_shows_where_each_leads() {
    let setup = setup();
    let table = sidegate(setup.folder(), &["routes"]).await.ok();
    for part in ["POST /orders", "orders.create", "127.0.0.1:3000"] {
        assert!(table.contains(part), "`{part}` is missing in\n{table}");
    }
    let json = sidegate(setup.folder(), &["routes", "--format", "json"]).await.json();
    assert!(json.to_string().contains("orders.create"), "{json}");
}

#[tokio::test]
async fn the_documents_are_json_of_their_kind() {
    let setup = setup();
    let schema = sidegate(setup.folder(), &["schema"]).await.json();
    assert!(schema["properties"]["gateway"].is_object(), "a JSON Schema of the config");
    let openapi = sidegate(setup.folder(), &["openapi"]).await.json();
    assert!(openapi["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")), "OpenAPI 3.1");
    assert!(openapi["paths"]["/orders"]["post"].is_object(), "with the route");
    let asyncapi = sidegate(setup.folder(), &["asyncapi"]).await.json();
    assert!(asyncapi["asyncapi"].as_str().is_some_and(|version| version.starts_with("3.")), "AsyncAPI 3");
    assert!(asyncapi.to_string().contains("orders.create"), "with the channel");
}

#[tokio::test]
async fn completions_are_written_for_every_shell() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = sidegate(folder.path(), &["completions", shell]).await.ok();
        assert!(script.contains("sidegate"), "{shell}");
    }
}

#[tokio::test]
async fn operations_are_listed_shown_and_cancelled() {
    let (gateway, service) = orders("", "").await;
    service.on("POST /orders", Reply::hang());
    let id = gateway.client().post("/orders").json(&order()).await.is(202).id();
    let list = gateway.operate(&["operations", "list"]).await.ok();
    assert!(list.contains(&id) && list.contains("create-order"), "{list}");
    let json = gateway.operate(&["operations", "list", "--format", "json"]).await.json();
    assert_eq!(json["items"][0]["id"], Value::from(id.clone()), "for scripts");
    assert!(
        gateway.operate(&["operations", "show", &id]).await.ok().contains("accepted"),
        "with its timeline"
    );
    let _ = gateway.operate(&["operations", "cancel", &id]).await.exits(0);
    assert_eq!(gateway.client().operation(&id).await["status"], "cancelled", "for everybody");
    let _ = gateway.operate(&["operations", "show", "unknown"]).await.exits(1);
}

#[tokio::test]
async fn parked_messages_are_listed_shown_redriven_and_discarded() {
    let (gateway, service) = orders("", QUICK_RETRY).await;
    service.on("POST /orders", Reply::status(500).body("out of paper"));
    let id = gateway.client().post("/orders").json(&order()).await.is(202).id();
    let listed = async || gateway.operate(&["parked", "list", "--format", "json"]).await.json();
    let parked = eventually(sidegate_tests::DEADLINE, "a message is parked", async || {
        listed().await["items"][0]["id"].as_u64()
    })
    .await
    .to_string();
    assert!(gateway.operate(&["parked", "list"]).await.ok().contains("create-order"), "for eyes");
    assert!(gateway.operate(&["parked", "show", &parked]).await.ok().contains(&id), "which operation it was");

    let _ = gateway.operate(&["parked", "redrive", &parked]).await.exits(0);
    service.called("/orders", 6).await;
    let again = eventually(sidegate_tests::DEADLINE, "it is parked again", async || {
        listed().await["items"][0]["id"].as_u64()
    })
    .await
    .to_string();
    let _ = gateway.operate(&["parked", "discard", &again]).await.exits(0);
    let _ = gateway.operate(&["parked", "discard", &again]).await.exits(1);
}

#[tokio::test]
async fn without_a_gateway_the_commands_that_ask_one_exit_1() {
    let setup = setup();
    let arguments = ["operations", "list", "--admin", "http://127.0.0.1:1"];
    let refused = sidegate(setup.folder(), &arguments).await.exits(1);
    assert!(refused.stderr.contains("127.0.0.1:1"), "it says whom it asked: {}", refused.stderr);
}

#[tokio::test]
async fn a_second_gateway_on_the_same_store_is_refused() {
    let (gateway, _service) = orders("", "").await;
    let second = sidegate(gateway.folder(), &["run"]).await;
    assert_eq!(second.code, Some(1), "{}", second.stderr);
    assert!(second.stderr.contains("sidegate.db"), "it says what is in use: {}", second.stderr);
}
