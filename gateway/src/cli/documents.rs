//! The commands that print one document: `schema`, `openapi`, `asyncapi`, `completions`.

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::args::{Cli, Global};
use super::failure::Failure;
use super::{config, output};
use crate::describe;

pub(super) fn schema() -> Result<(), Failure> {
    Ok(output::json(&sidegate_config::schema())?)
}

pub(super) fn openapi(global: &Global) -> Result<(), Failure> {
    Ok(output::json(&describe::openapi(&config::load(global)?.settings))?)
}

pub(super) fn asyncapi(global: &Global) -> Result<(), Failure> {
    Ok(output::json(&describe::asyncapi(&config::load(global)?.settings))?)
}

pub(super) fn completions(shell: Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "sidegate", &mut script);
    use std::io::Write as _;
    Ok(output::stdout().write_all(&script)?)
}
