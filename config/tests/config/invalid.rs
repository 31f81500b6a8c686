//! Every mistake in `testdata/invalid` has exactly the message beside it, and all mistakes of a file come at once.

use std::fs;
use std::path::PathBuf;

use sidegate_config::{Level, Problems, load, parse};

use crate::folder;

fn folder() -> PathBuf {
    folder::at("testdata/invalid")
}

fn cases() -> Vec<PathBuf> {
    let found = folder::tomls("testdata/invalid");
    assert!(found.len() >= 25, "the cases must be found: {found:?}");
    found
}

fn environment(name: &str) -> Option<String> {
    (name == "SET").then(|| "set".to_owned())
}

fn problems(text: &str) -> Problems {
    parse(text, "sidegate.toml", &folder(), &environment).expect_err("a mistake")
}

#[test]
fn every_mistake_is_told_as_it_is_written_down() {
    let mut wrong = Vec::new();
    for path in cases() {
        let text = fs::read_to_string(&path).expect("a case");
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name");
        let told = parse(&text, name, &folder(), &environment).expect_err(name).render(false);
        if !folder::holds(&path.with_extension("err"), &told) {
            wrong.push(format!("{name} tells:\n{told}"));
        }
    }
    assert!(wrong.is_empty(), "run once with UPDATE=1 and read the difference:\n{}", wrong.join("\n"));
}

#[test]
fn no_message_shows_a_secret() {
    for path in cases() {
        let text = fs::read_to_string(&path).expect("a case");
        let problems = parse(&text, "secret.toml", &folder(), &environment).expect_err("a mistake");
        let told = format!("{}{}{problems:?}", problems.render(true), problems.to_json());
        assert!(!told.contains("hunter2"), "{} shows its secret: {told}", path.display());
    }
}

#[test]
fn scripts_are_told_the_same_places_as_people() {
    let problems = problems("[gateway]\nname = \"shop\"\nlisten = \"nowhere\"\n");
    let told = problems.to_json();
    assert_eq!((&told[0]["line"], &told[0]["column"]), (&3.into(), &10.into()), "{told}");
    assert_eq!((&told[0]["level"], &told[0]["file"]), (&"error".into(), &"sidegate.toml".into()));
    assert!(problems.render(false).contains("--> sidegate.toml:3:10"), "{problems}");
    assert!(told[0]["help"].is_string(), "scripts get the hint too: {told}");
}

#[test]
fn colour_is_there_when_it_is_asked_for() {
    let problems = problems("[gateway]\n");
    assert!(problems.render(true).contains("\u{1b}["));
    assert!(!problems.render(false).contains('\u{1b}'), "pipes and logs get plain text");
}

#[test]
fn a_file_that_cannot_be_read_is_a_problem_with_its_name() {
    let missing = folder().join("nobody.toml");
    let problems = load(&missing, &environment).expect_err("there is no such file");
    let told = problems.render(false);
    assert!(told.contains("cannot be read") && told.contains("nobody.toml:1:1"), "{told}");

    let bytes = tempfile::NamedTempFile::new().expect("a temporary file");
    fs::write(bytes.path(), b"[gateway]\nname = \"\xff\"").expect("it can be written");
    let told = load(bytes.path(), &environment).expect_err("not text").render(false);
    assert!(told.contains("not UTF-8: byte 19"), "{told}");
}

#[test]
fn warnings_are_told_and_do_not_stop_a_gateway() {
    let text = "[gateway]\nname = \"shop\"\nlisten = \"0.0.0.0:80\"\nadmin = \"0.0.0.0:81\"\n[store]\nurl = \"memory:\"\n\
        [broker.b]\nurl = \"embedded:\"\n[[route]]\nhttp = \"POST /a\"\nsend = \"a\"\n[[consumer]]\nsubscribe = \"b\"\ncall = \"POST http://h/\"\n";
    let warnings = parse(text, "sidegate.toml", &folder(), &environment).expect("it can be used").warnings;
    let lines: Vec<_> =
        warnings.to_json().as_array().expect("a list").iter().map(|w| w["line"].clone()).collect();
    assert_eq!(lines, [3, 4, 6, 11, 13], "address, admin plane, store, sender, listener:\n{warnings}");
    assert!(warnings.iter().all(|warning| warning.level() == Level::Warning));
    assert!(warnings.render(false).starts_with("warning: "), "{warnings}");
}

#[test]
fn what_the_embedded_broker_cannot_follow_is_a_warning_so_that_a_url_can_be_tried() {
    let text = |url: &str| {
        format!(
            "[gateway]\nname = \"shop\"\n[broker.b]\nurl = \"{url}\"\ncreate = false\n\
             [broker.b.names]\ncorrelation_id = \"x\"\n"
        )
    };
    let warnings =
        |url| parse(&text(url), "sidegate.toml", &folder(), &environment).expect("it can be used").warnings;
    let told = warnings("embedded:").to_json();
    let lines: Vec<_> = told.as_array().expect("a list").iter().map(|warning| &warning["line"]).collect();
    assert_eq!(lines, [5, 6], "both are told: {told}");
    assert!(warnings("nats://127.0.0.1").is_empty(), "with a broker between processes both mean something");
}

#[test]
fn a_header_that_a_broker_does_not_have_is_a_warning_too() {
    for (url, name, has_it) in [
        ("kafka://k", "key", false),
        ("kafka://k", "reply_partition", true),
        ("nats://n", "key", true),
        ("amqp://mq", "reply_partition", false),
    ] {
        let text = format!("[gateway]\nname = \"shop\"\n[broker.b]\nurl = \"{url}\"\nnames.{name} = \"x\"\n");
        let warnings =
            parse(&text, "sidegate.toml", &folder(), &environment).expect("it can be used").warnings;
        assert_eq!(warnings.is_empty(), has_it, "{name} of {url}: {warnings}");
    }
}

#[test]
fn a_consumer_that_can_never_use_its_concurrency_is_warned_of() {
    let consumer = |concurrency: usize| {
        let text = format!(
            "[gateway]\nname = \"shop\"\n[gateway.limits]\ncalls = 8\n[broker.b]\nurl = \"embedded:\"\n\
             [[route]]\nhttp = \"POST /a\"\nsend = \"a\"\n\
             [[consumer]]\nreceive = \"a\"\ncall = \"POST http://h/\"\nconcurrency = {concurrency}\n"
        );
        parse(&text, "sidegate.toml", &folder(), &environment).expect("it can be used").warnings
    };
    assert!(consumer(8).is_empty(), "as many as there are connections");
    let warnings = consumer(9);
    assert_eq!(warnings.to_json()[0]["line"], 13, "{warnings}");
    assert!(warnings.render(false).contains("only 8 of these calls"), "{warnings}");
}

#[test]
fn an_admin_token_asked_for_of_the_environment_is_kept_and_never_shown() {
    let text = "[gateway]\nname = \"shop\"\nadmin_tokens = { ops = \"hunter2-${SET}\" }\n";
    let loaded = parse(text, "sidegate.toml", &folder(), &environment).expect("it can be used");
    assert_eq!(loaded.settings.gateway.admin_tokens["ops"].expose(), "hunter2-set");
    assert!(!format!("{loaded:?}").contains("hunter2"), "neither logs nor /config show it: {loaded:?}");
}
