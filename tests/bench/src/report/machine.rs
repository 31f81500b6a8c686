//! What the numbers were measured on.

use procfs::Current;

use super::table::{Cell, Table};
use super::whole;

/// As a table.
pub(super) fn describe() -> String {
    let unknown = || "unknown".to_owned();
    let rows = [
        ("processor", processor().unwrap_or_else(unknown)),
        ("memory", memory().unwrap_or_else(unknown)),
        ("Linux", kernel().unwrap_or_else(unknown)),
    ];
    let rows = rows.map(|(what, value)| vec![Cell::text(what), Cell::text(value)]);
    Table::new(&["", ""], rows.into()).markdown()
}

fn kernel() -> Option<String> {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").ok()?;
    Some(release.trim().to_owned())
}

fn processor() -> Option<String> {
    let info = procfs::CpuInfo::current().ok()?;
    let cores = info.num_cores();
    let model = info.model_name(0)?;
    Some(format!("{model}, {cores} cores"))
}

fn memory() -> Option<String> {
    let bytes = procfs::Meminfo::current().ok()?.mem_total;
    Some(format!("{} MiB", whole(bytes / (1024 * 1024))))
}
