//! The program: what was typed, what it comes to, and the exit code.

use std::process::ExitCode;

use clap::Parser as _;
use sidegate::cli;

fn main() -> ExitCode {
    match cli::dispatch(cli::Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
