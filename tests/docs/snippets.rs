//! Every snippet of the documents is run.

use std::fs;
use std::process::{Command, Stdio};

use sidegate_tests::{number_from_environment, running_in_ci, sidegate, workspace_root};
use tempfile::tempdir;

use crate::demo::Demo;
use crate::markdown::{Block, Document};
use crate::transcript::{agrees, tidy};

/// In these every snippet must be one that is run.
const RUN_WHOLE: [&str; 2] = ["README.md", "docs/guide.md"];
/// What a snippet may start: each is run by the whole test run itself.
const STARTS: [&str; 2] = ["cargo run --release -- demo", "./test.sh"];
/// Between the outputs of two snippets; nothing else prints it.
const MARK: &str = "\u{1e}";
/// Tables that every config needs and no snippet wants to repeat.
const TABLES: [(&str, &str); 3] = [
    ("[gateway]", "[gateway]\nname = \"docs\"\n"),
    ("[store]", "[store]\nurl = \"memory:\"\n"),
    ("[broker.", "[broker.main]\nurl = \"embedded:\"\n"),
];

#[tokio::test]
async fn every_config_of_the_documents_is_accepted() {
    let mut checked = 0;
    for document in Document::all() {
        for block in document.blocks().iter().filter(|block| block.info == "toml check") {
            let folder = tempdir().expect("a temporary folder can be made");
            fs::write(folder.path().join("sidegate.toml"), whole(&block.text)).expect("it can be written");
            let output = sidegate(folder.path(), &["check"]).await;
            assert_eq!(output.code, Some(0), "{} is refused:\n{}", document.at(block), output.stderr);
            checked += 1;
        }
    }
    assert!(checked >= 2, "the documents show configs");
}

fn whole(toml: &str) -> String {
    let missing = TABLES.iter().filter(|(head, _)| !toml.contains(head)).map(|(_, table)| *table);
    missing.chain([toml]).collect::<Vec<_>>().join("\n")
}

#[test]
fn readme_and_guide_show_nothing_that_is_not_run() {
    for document in RUN_WHOLE.map(Document::read) {
        for block in document.blocks() {
            let language = block.info.split(' ').next().unwrap_or_default();
            let is_run = match language {
                "sh" | "bash" | "console" => matches!(block.info.as_str(), "sh demo" | "sh start"),
                "toml" => block.info == "toml check",
                _ => true,
            };
            assert!(is_run, "{} is `{}`: nothing runs it", document.at(&block), block.info);
        }
    }
}

#[test]
fn what_the_documents_start_exists() {
    for document in Document::all() {
        for block in document.blocks().iter().filter(|block| block.info == "sh start") {
            for line in block.text.lines() {
                let command = line.split('#').next().unwrap_or_default().trim();
                assert!(
                    STARTS.contains(&command),
                    "{}: `{command}` is not one of {STARTS:?}",
                    document.at(block)
                );
            }
        }
    }
    let tests = fs::read_to_string(workspace_root().join("test.sh")).expect("there is a test command");
    assert!(tests.contains("demo --check"), "the test command runs the demo");
}

#[test]
fn the_commands_of_the_readme_do_what_it_says() {
    run("README.md");
}

#[test]
fn the_commands_of_the_guide_do_what_it_says() {
    run("docs/guide.md");
}

fn run(path: &str) {
    if !is_there("curl") {
        assert!(!running_in_ci(), "`curl` is missing, and this is CI");
        eprintln!("skipped: the commands of {path} need `curl`");
        return;
    }
    let document = Document::read(path);
    let commands = commands(&document);
    assert!(!commands.is_empty(), "{path} shows commands");
    let folder = tempdir().expect("a temporary folder can be made");
    let printed = Demo::start().bash(&script(&commands), folder.path());
    let printed: Vec<&str> = printed.split(MARK).collect();
    assert_eq!(printed.len(), commands.len() + 1, "every command of {path} was run:\n{printed:?}");
    if number_from_environment("UPDATE_DOCS", 0) == 1 {
        return update(&document, &commands, &printed);
    }
    for ((command, documented), printed) in commands.iter().zip(printed) {
        let Some(documented) = documented else { continue };
        assert!(
            agrees(&documented.text, printed),
            "{}: the command\n{}prints\n{}\n\nand the document says\n{}\n\nUPDATE_DOCS=1 writes it anew",
            document.at(command),
            command.text,
            tidy(printed),
            tidy(&documented.text)
        );
    }
}

fn is_there(program: &str) -> bool {
    let run = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    run.is_ok_and(|status| status.success())
}

/// Each command with the output that stands below it, if one does.
fn commands(document: &Document) -> Vec<(Block, Option<Block>)> {
    let blocks = document.blocks();
    let with_next = blocks.iter().zip(blocks.iter().skip(1).map(Some).chain([None]));
    let commands = with_next.filter(|(block, _)| block.info == "sh demo");
    commands
        .map(|(block, next)| (block.clone(), next.filter(|next| next.info == "text output").cloned()))
        .collect()
}

/// One shell for all, so that a variable set above is known below.
fn script(commands: &[(Block, Option<Block>)]) -> String {
    let commands =
        commands.iter().map(|(command, _)| format!("{{\n{}}} 2>&1\nprintf '{MARK}'\n", command.text));
    commands.collect()
}

fn update(document: &Document, commands: &[(Block, Option<Block>)], printed: &[&str]) {
    let mut lines: Vec<String> = document.text.lines().map(str::to_owned).collect();
    for ((_, documented), printed) in commands.iter().zip(printed).rev() {
        let Some(documented) = documented.as_ref().filter(|documented| !agrees(&documented.text, printed))
        else {
            continue;
        };
        let old = documented.line..documented.line + documented.text.lines().count();
        lines.splice(old, tidy(printed).lines().map(str::to_owned));
    }
    fs::write(workspace_root().join(&document.path), lines.join("\n") + "\n").expect("it can be written");
}
