//! `store backup`: a consistent copy while the gateway runs. Asked of the gateway, because a store has one process.

use std::io::Write as _;
use std::path::Path;

use serde_json::json;

use super::admin::AdminPlane;
use super::args::{Admin, Global, Store};
use super::failure::Failure;
use super::output;

pub(super) fn run(global: &Global, command: &Store) -> Result<(), Failure> {
    match command {
        Store::Backup { file, admin } => backup(global, file, admin),
    }
}

fn backup(global: &Global, file: &Path, admin: &Admin) -> Result<(), Failure> {
    let path = std::path::absolute(file)
        .map_err(|error| Failure::Usage(format!("`{}` is no path: {error}", file.display())))?;
    let path = path.to_str().ok_or_else(|| Failure::Usage(format!("`{}` is not UTF-8", path.display())))?;
    let done = AdminPlane::of(global, admin)?.post_patiently("/store/backup", &json!({ "path": path }))?;
    writeln!(output::stdout(), "wrote {path} ({} bytes)", done["bytes"])?;
    Ok(())
}
