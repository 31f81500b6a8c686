//! What Sidegate costs, measured beside what cannot be avoided: one command runs floors and the gateway in turn,
//! each as a process of its own, and tells requests per second, their ratio, latency, CPU time and memory.
//!
//! ```text
//! load (this process) ──64 keep-alive connections──→ a floor | the gateway ──→ backend (a process of its own)
//!                                                    └─ CPU and memory read from /proc
//! over a broker: load ──→ floor | gateway ──→ the broker itself ──→ floor | gateway ──→ backend
//! ```
//!
//! It never compares numbers of different runs: the machine changes between them. Within a run floors and gateway
//! alternate round by round, and a ratio is taken within a round. Linux only.

mod cli;
mod stats;

mod brokers;
mod floor;
mod gateway;
mod load;
mod process;

mod measure;
mod report;

use std::process::ExitCode;

use clap::Parser;

use cli::Options;

fn main() -> ExitCode {
    let mut options = Options::parse();
    let done = match options.command.take() {
        Some(floor) => floor::run(floor),
        None => measure::run(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report::failure(&error),
    }
}
