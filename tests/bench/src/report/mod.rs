//! What came out, as tables: on the terminal, and in the document.

mod document;
mod machine;
mod section;
mod table;

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};

pub(crate) use section::{Bound, Section, Verdict};
pub(crate) use table::{Cell, Table};

/// Prints a section to standard output.
///
/// # Errors
/// Standard output is closed.
pub(crate) fn print(section: &Section) -> Result<()> {
    write!(std::io::stdout(), "{}", section.text()).context("standard output is closed")
}

/// Tells on standard error how far it is.
pub(crate) fn progress(line: &str) {
    // Whoever closed it does not want to know.
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Tells why there is no result.
pub(crate) fn failure(error: &anyhow::Error) -> ExitCode {
    progress(&format!("error: {error:#}"));
    ExitCode::FAILURE
}

/// Puts the sections into the document, in place of those of the same names.
///
/// # Errors
/// It cannot be read or written.
pub(crate) fn write(file: &Path, sections: &[Section]) -> Result<()> {
    let old = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => document::NEW.to_owned(),
        Err(error) => return Err(error).with_context(|| format!("{} cannot be read", file.display())),
    };
    let mut text = document::put(&old, "machine", "The machine", &machine::describe());
    for section in sections {
        text = document::put(&text, &section.name(), section.title(), &section.markdown());
    }
    std::fs::write(file, text).with_context(|| format!("{} cannot be written", file.display()))?;
    progress(&format!("written to {}", file.display()));
    Ok(())
}

/// A rate or another large value as people read it: `12,345`.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rates are positive and below 2^53"
)]
pub(crate) fn count(value: f64) -> String {
    whole(value.round() as u64)
}

/// A whole number with its thousands apart.
pub(crate) fn whole(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::whole;

    #[test]
    fn thousands_stand_apart() {
        let written = [0, 999, 1_000, 12_345, 1_000_000].map(whole);
        assert_eq!(written, ["0", "999", "1,000", "12,345", "1,000,000"]);
    }
}
