//! The config file, for every command that reads it.

use std::io::Write as _;

use sidegate_config::{Loaded, Problems};

use super::args::Global;
use super::failure::Failure;
use super::output;
use crate::app;

/// Reads and checks the config; what is wrong with it is told on standard error.
pub(super) fn load(global: &Global) -> Result<Loaded, Failure> {
    app::load(&global.config).map_err(|problems| tell(&problems))
}

/// Tells everything that is wrong, the way it is shown to people.
pub(super) fn tell(problems: &Problems) -> Failure {
    let rendered = problems.render(output::colour_on_stderr());
    // Where standard error is closed nobody can be told; the exit code still can.
    let _ = writeln!(anstream::stderr(), "{}", rendered.trim_end());
    Failure::Told(2)
}
