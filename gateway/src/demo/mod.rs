//! `sidegate demo`: the bank in one process, with nothing to install.
//!
//! Two sample services that know nothing of Sidegate, a gateway beside each and one at the edge, and one embedded
//! broker between them. The configs are the files of `config/examples/bank`, so what the demo shows is what a user
//! copies.

mod check;
mod script;
mod town;

use std::io::Write as _;

pub use town::DemoError;
use town::{Ports, Town};

/// What `sidegate demo` was asked to do.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Run the printed lines and end with 0 or 1.
    pub check: bool,
    /// Let the system choose the ports: those that the documentation names may be taken.
    pub any_port: bool,
    /// Another broker than the embedded one.
    pub broker: Option<String>,
}

/// Runs the demo until it is interrupted, or its check until it is done.
///
/// # Errors
/// Something could not start, or a line of the check did not do what it says.
pub async fn run(options: Options) -> Result<(), DemoError> {
    let ports =
        if options.check || options.any_port { Ports::chosen_by_the_system() } else { Ports::documented() };
    let town = Town::start(&ports, options.broker.as_deref()).await?;
    show(&town)?;
    let result = if options.check {
        check::run(&town).await
    } else {
        let _ = tokio::signal::ctrl_c().await;
        Ok(())
    };
    town.stop().await;
    result
}

fn show(town: &Town) -> Result<(), DemoError> {
    let mut out = anstream::stdout().lock();
    write!(out, "{}", script::text(town)).map_err(DemoError::Print)
}
