//! What Sidegate costs, measured beside what cannot be avoided: one command runs floors and the gateway in turn,
//! each as a process of its own, and tells requests per second, their ratio, latency, CPU time and memory.
//!
//! ```text
//! load (this process) ──64 keep-alive connections──→ a floor | the gateway ──→ backend (a process of its own)
//!                                                    └─ CPU and memory read from /proc
//! ```
//!
//! It never compares numbers of different runs: the machine changes between them. Within a run floors and gateway
//! alternate round by round, and a ratio is taken within a round. Linux only.

mod cli;
mod stats;

mod floor;
mod gateway;
mod load;
mod process;

mod measure;
mod report;

use std::process::ExitCode;

use clap::Parser;

use cli::{Command, Options};

fn main() -> ExitCode {
    let options = Options::parse();
    let done = match options.command {
        Some(Command::Floor202) => floor::run(floor::accepted::serve),
        Some(Command::Backend) => floor::run(floor::backend::serve),
        Some(Command::FloorProxy { backend }) => floor::run(move || floor::proxy::serve(backend)),
        Some(Command::FloorSqlite(plan)) => floor::rows::run(&plan),
        None => measure::run(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report::failure(&error),
    }
}
