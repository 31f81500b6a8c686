//! A program of the documents: taken from its page as it stands there, made ready by `tests/tools/LANGUAGE.sh`, run.
//!
//! Clients are fetched and programs compiled once, into `target/`. A language that the machine lacks is a visible skip;
//! clients that cannot be fetched are one too, but in CI a failure; a program that does not compile always fails.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use sidegate_tests::{Broker, eventually, running_in_ci, workspace_root};
use tempfile::TempDir;

/// How long a program may take until it does its work: a Java machine on a busy computer is slow to start.
pub(crate) const STARTED_WITHIN: Duration = Duration::from_secs(60);

/// A script's exit code: the language is not on this machine.
const NO_LANGUAGE: i32 = 69;
/// A script's exit code: the brokers' clients for it cannot be had.
const NO_CLIENTS: i32 = 75;

const OUTPUT: &str = "stdout";
const COMPLAINTS: &str = "stderr";

/// What the programs of one page are written in.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Language {
    Python,
    Go,
    Node,
    Java,
}

impl Language {
    pub(crate) const ALL: [Self; 4] = [Self::Python, Self::Go, Self::Node, Self::Java];

    pub(crate) const fn page(self) -> &'static str {
        match self {
            Self::Python => "docs/workers.md",
            Self::Go => "docs/workers/go.md",
            Self::Node => "docs/workers/node.md",
            Self::Java => "docs/workers/java.md",
        }
    }

    /// What fences call it.
    pub(crate) const fn fence(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::Go => "go",
            Self::Node => "js",
            Self::Java => "java",
        }
    }

    const fn script(self) -> &'static str {
        match self {
            Self::Python => "tests/tools/python.sh",
            Self::Go => "tests/tools/go.sh",
            Self::Node => "tests/tools/node.sh",
            Self::Java => "tests/tools/java.sh",
        }
    }
}

/// Ready to run.
pub(crate) struct Program {
    /// The command line, but for the broker's address.
    words: Vec<String>,
    folder: TempDir,
}

/// It runs, and ends with this value at the latest.
pub(crate) struct Running {
    child: Child,
    folder: TempDir,
}

impl Program {
    /// The one in `language` whose fence says `name` (`worker nats`). `None`: it was said why this is a skip.
    pub(crate) fn ready(language: Language, name: &str) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let source = folder.path().join("program");
        let text = documented(language.page(), &format!("{} {name}", language.fence()));
        fs::write(&source, text).expect("a file can be written into the folder");
        let words = made_ready(language, &source)?;
        Some(Self { words, folder })
    }

    pub(crate) fn start(self, broker: &Broker) -> Running {
        let Self { words, folder } = self;
        let into = |name| File::create(folder.path().join(name)).expect("a file can be made in the folder");
        let (program, arguments) = words.split_first().expect("a script prints a command");
        let child = Command::new(program)
            .args(arguments)
            .arg(broker.client_url())
            .stdin(Stdio::null())
            .stdout(into(OUTPUT))
            .stderr(into(COMPLAINTS))
            .spawn()
            .expect("what a script prints can be started");
        Running { child, folder }
    }
}

impl Running {
    /// What it has printed when it has ended by itself.
    pub(crate) async fn printed(mut self) -> String {
        let ended = async || self.child.try_wait().expect("a child can be waited for");
        let status = eventually(STARTED_WITHIN, "the program has ended", ended).await;
        assert!(status.success(), "the program ends well: {status}");
        self.read(OUTPUT).trim().to_owned()
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).unwrap_or_default()
    }
}

/// What it complained of is shown when the test fails.
impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("the program says:\n{}", self.read(COMPLAINTS));
        }
    }
}

/// The text of the block of `page` whose fence says `info`.
pub(crate) fn documented(page: &str, info: &str) -> String {
    let document = fs::read_to_string(workspace_root().join(page)).expect("the document is there");
    let after = document.split_once(&format!("```{info}\n"));
    let after = after.unwrap_or_else(|| panic!("{page} shows `{info}`")).1;
    after.split_once("```").expect("a block ends").0.to_owned()
}

fn made_ready(language: Language, source: &Path) -> Option<Vec<String>> {
    let script: PathBuf = workspace_root().join(language.script());
    let output = Command::new(script).arg(source).output().expect("the script is there");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    match output.status.code() {
        Some(0) => return Some(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()),
        Some(NO_LANGUAGE) => {}
        Some(NO_CLIENTS) => {
            assert!(!running_in_ci(), "clients for {language:?} cannot be had, and this is CI: {said}");
        }
        _ => panic!("a program in {language:?} cannot be made ready: {said}"),
    }
    eprintln!("skipped: {}", said.trim());
    None
}
