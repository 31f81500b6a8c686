//! How a server is run, once everything it reads lies in its folder.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use crate::port::Port;
use crate::tls::{Certificates, Tls};

/// Everything a start needs; the same for every start of one server.
pub(crate) struct Plan {
    /// What people call it.
    pub(crate) name: &'static str,
    pub(crate) url: String,
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<OsString>,
    /// Variables beside `PATH`, `HOME` and `LANG`; nothing else is handed down.
    pub(crate) variables: Vec<(&'static str, OsString)>,
    /// What the server writes to its log once it serves.
    pub(crate) ready: &'static str,
    /// How long a start may take on a machine that does much else.
    pub(crate) patience: Duration,
    pub(crate) port: Port,
    /// Other ports it listens at; nobody asks for them.
    pub(crate) _held: Vec<Port>,
    pub(crate) home: Home,
}

/// A server's folder, and what lies in every one.
pub(crate) struct Home {
    folder: TempDir,
    /// With TLS.
    pub(crate) certificates: Option<Certificates>,
}

impl Home {
    pub(crate) fn new(name: &str, tls: Tls) -> Self {
        let prefix = format!("sidegate-{name}-");
        let folder = tempfile::Builder::new().prefix(&prefix).tempdir().expect("a temporary folder");
        let certificates = (tls != Tls::Off).then(|| Certificates::make(folder.path()));
        Self { folder, certificates }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A path in the folder, as a configuration writes it.
    pub(crate) fn at(&self, name: &str) -> String {
        self.path().join(name).display().to_string()
    }

    /// Writes a file and says where.
    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        std::fs::write(self.path().join(name), text).expect("a file in the server's folder");
        self.at(name)
    }
}
