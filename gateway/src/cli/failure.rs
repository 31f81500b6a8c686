//! What went wrong, for a person, and the exit code for a script.

use std::fmt;
use std::io::{self, Write as _};
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};

const ERROR: Style = AnsiColor::Red.on_default().bold();

/// Why a command did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// It failed at run time: 1.
    Runtime(String),
    /// Wrong usage, or a config that cannot be used: 2.
    Usage(String),
    /// The same, with everything that is to be said already written the way it is shown.
    Told(u8),
}

impl Failure {
    /// A failure at run time, from any error and its causes.
    pub fn runtime(error: &(dyn std::error::Error + '_)) -> Self {
        Self::Runtime(with_causes(error))
    }

    /// Tells it on standard error.
    #[must_use]
    pub fn report(&self) -> ExitCode {
        if let Self::Runtime(text) | Self::Usage(text) = self {
            // Where standard error is closed nobody can be told; the exit code still can.
            let _ = writeln!(anstream::stderr(), "{}error:{} {text}", ERROR.render(), ERROR.render_reset());
        }
        ExitCode::from(self.code())
    }

    /// The exit code.
    #[must_use]
    pub const fn code(&self) -> u8 {
        match self {
            Self::Runtime(_) => 1,
            Self::Usage(_) => 2,
            Self::Told(code) => *code,
        }
    }
}

/// Who reads the output went away, as `head` does when it has enough: nothing is wrong.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::Told(0),
            _ => Self::Runtime(format!("cannot write the output: {error}")),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Runtime(text) | Self::Usage(text) => f.write_str(text),
            Self::Told(code) => write!(f, "exit code {code}"),
        }
    }
}

impl std::error::Error for Failure {}

fn with_causes(error: &(dyn std::error::Error + '_)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::Failure;

    #[test]
    fn exit_codes_are_those_that_scripts_rely_on() {
        assert_eq!(Failure::Runtime(String::new()).code(), 1);
        assert_eq!(Failure::Usage(String::new()).code(), 2);
        assert_eq!(
            Failure::from(io::Error::from(io::ErrorKind::BrokenPipe)).code(),
            0,
            "`| head` is no failure"
        );
        assert_eq!(Failure::from(io::Error::from(io::ErrorKind::StorageFull)).code(), 1);
    }

    #[test]
    fn a_failure_tells_its_causes_once() {
        let inner = io::Error::other("permission denied");
        let outer = io::Error::other(inner);
        assert_eq!(Failure::runtime(&outer), Failure::Runtime("permission denied".to_owned()));
    }
}
