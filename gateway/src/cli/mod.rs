//! The command line: one file a command. A command reads the config, or asks a running gateway's admin plane;
//! only `run` and `demo` serve anything.
//!
//! ```text
//! args        what can be typed, and its help
//! failure     what went wrong, and the exit code for it
//! config      the config file, for the commands that read it
//! admin       one question to a running gateway
//! output, table, when    how things are shown
//! ```

pub mod args;

mod admin;
mod check;
mod config;
mod connect;
mod demo;
mod documents;
mod failure;
mod operations;
mod output;
mod parked;
mod routes;
mod run;
mod store;
mod table;
mod when;

#[cfg(test)]
mod reference;
#[cfg(test)]
pub(crate) mod testing;

pub use args::Cli;
pub use failure::Failure;

use args::Command;

/// Does what was typed.
///
/// # Errors
/// What went wrong, with its exit code.
pub fn dispatch(cli: Cli) -> Result<(), Failure> {
    output::choose_colours(cli.global.color);
    let global = &cli.global;
    match cli.command {
        Command::Run => run::run(global),
        Command::Demo(demo) => demo::run(global, demo),
        Command::Check(check) => check::run(global, &check),
        Command::Routes(output) => routes::run(global, output.format),
        Command::Schema => documents::schema(),
        Command::Openapi => documents::openapi(global),
        Command::Asyncapi => documents::asyncapi(global),
        Command::Store(store) => store::run(global, &store),
        Command::Operations(operations) => operations::run(global, &operations.command),
        Command::Parked(parked) => parked::run(global, &parked.command),
        Command::Completions { shell } => documents::completions(shell),
    }
}
