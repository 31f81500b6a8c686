//! `demo`: the bank in one process; or one of its sample services alone.

use super::args::{Demo, DemoPart, Global};
use super::failure::Failure;
use super::run::{runtime, start_logs};
use crate::demo;

pub(super) fn run(global: &Global, options: Demo) -> Result<(), Failure> {
    start_logs(global);
    let options = match options.part {
        None => demo::Options::Bank { check: options.check, broker: options.broker },
        Some(DemoPart::Service { name, listen, database }) => {
            demo::Options::Service { name, listen, database }
        }
    };
    runtime()?.block_on(demo::run(options)).map_err(|error| Failure::runtime(&error))
}
