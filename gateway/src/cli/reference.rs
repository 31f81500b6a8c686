//! Holds `docs/cli.md` to the help that the program prints. `UPDATE_DOCS=1 cargo test -p sidegate` writes it anew.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::CommandFactory as _;

use super::args::Cli;

const HEAD: &str = "# Command line

What `sidegate --help` prints, command by command; what holds for every command stands once, at the top. A test writes
this page from the program itself.
";

/// Wide enough for the examples, narrow enough for a page.
const COLUMNS: usize = 100;

fn page() -> String {
    let mut page = HEAD.to_owned();
    let mut root = Cli::command().term_width(COLUMNS).color(clap::ColorChoice::Never);
    root.build();
    section(&mut page, &mut root, "sidegate");
    page
}

/// What holds for every command is told once, at the top.
fn section(page: &mut String, command: &mut clap::Command, name: &str) {
    if name != "sidegate" {
        let hide =
            |argument: clap::Arg| if argument.is_global_set() { argument.hide(true) } else { argument };
        *command = std::mem::take(command).mut_args(hide);
    }
    let help = command.render_long_help().to_string();
    let help: Vec<&str> = help.lines().map(str::trim_end).collect();
    let _ = write!(page, "\n## `{name}`\n\n```text\n{}\n```\n", help.join("\n").trim_end());
    for sub in command.get_subcommands_mut() {
        let name = format!("{name} {}", sub.get_name());
        section(page, sub, &name);
    }
}

/// Compares a file of the documentation with what it must say, or writes it.
pub(crate) fn hold(file: &str, expected: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs").join(file);
    if option_env!("UPDATE_DOCS").is_some() {
        std::fs::write(&path, expected).expect("the page is written");
    }
    let actual = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        actual == expected,
        "docs/{file} is not what the program says: run `UPDATE_DOCS=1 cargo test -p sidegate`"
    );
}

#[test]
fn the_page_of_the_command_line_says_what_the_program_says() {
    hold("cli.md", &page());
}

#[test]
fn every_command_and_option_is_explained() {
    fn explained(command: &clap::Command) {
        assert!(command.get_about().is_some(), "`{}` has no help", command.get_name());
        for argument in command.get_arguments() {
            assert!(
                argument.get_help().is_some(),
                "`{}` of `{}` has no help",
                argument.get_id(),
                command.get_name()
            );
        }
        command.get_subcommands().for_each(explained);
    }
    let mut root = Cli::command();
    root.build();
    explained(&root);
}
