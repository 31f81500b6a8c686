//! `check`: everything that is wrong with a config, at once; with `--connect` what it names is tried too.

use std::io::Write as _;
use std::path::Path;

use anstyle::{AnsiColor, Style};
use serde_json::{Value, json};
use sidegate_config::settings::Broker;
use sidegate_config::{Loaded, Problems, Settings};

use super::args::{Check, Global, OutputFormat};
use super::config;
use super::connect::{self, Found};
use super::failure::Failure;
use super::output;
use crate::app;

const FINE: Style = AnsiColor::Green.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const ERROR: Style = AnsiColor::Red.on_default().bold();

/// What a check came to.
enum Checked {
    /// The config cannot be used.
    Wrong(Problems),
    /// It can; what else there is to say of it.
    Usable(Box<Loaded>, Found),
}

pub(super) fn run(global: &Global, options: &Check) -> Result<(), Failure> {
    let checked = check(&global.config, options.connect)?;
    let code = checked.code(options.strict);
    match options.output.format {
        OutputFormat::Json => output::json(&checked.document(code == 0))?,
        OutputFormat::Human => checked.tell(&global.config, code == 0)?,
    }
    if code == 0 { Ok(()) } else { Err(Failure::Told(code)) }
}

fn check(file: &Path, connect: bool) -> Result<Checked, Failure> {
    let loaded = match app::load(file) {
        Ok(loaded) => Box::new(loaded),
        Err(problems) => return Ok(Checked::Wrong(problems)),
    };
    let mut found = Found { errors: without_adapter(&loaded.settings), warnings: Vec::new() };
    if connect && found.errors.is_empty() {
        found = connect::try_all(&loaded)?;
    }
    Ok(Checked::Usable(loaded, found))
}

/// Brokers that this build cannot speak to.
fn without_adapter(settings: &Settings) -> Vec<String> {
    let refused = |broker: &Broker| {
        let error = sidegate_adapters::capabilities_of(&broker.url).err()?;
        Some(format!("broker `{}` cannot be used: {error}", broker.name))
    };
    settings.brokers.values().filter_map(refused).collect()
}

impl Checked {
    /// The exit code: 2 for the config, 1 for what could not be reached.
    fn code(&self, strict: bool) -> u8 {
        match self {
            Self::Wrong(_) => 2,
            Self::Usable(_, found) if !found.errors.is_empty() => 1,
            Self::Usable(loaded, found) => {
                let has_warnings = !loaded.warnings.is_empty() || !found.warnings.is_empty();
                if strict && has_warnings { 2 } else { 0 }
            }
        }
    }

    fn document(&self, ok: bool) -> Value {
        match self {
            Self::Wrong(problems) => json!({ "ok": ok, "errors": problems.to_json(), "warnings": [] }),
            Self::Usable(loaded, found) => {
                let mut warnings = loaded.warnings.to_json().as_array().cloned().unwrap_or_default();
                warnings.extend(told(&found.warnings, "warning"));
                json!({ "ok": ok, "errors": told(&found.errors, "error"), "warnings": warnings })
            }
        }
    }

    fn tell(&self, file: &Path, ok: bool) -> Result<(), Failure> {
        let (loaded, found) = match self {
            Self::Wrong(problems) => return Err(config::tell(problems)),
            Self::Usable(loaded, found) => (loaded, found),
        };
        let mut err = anstream::stderr();
        if !loaded.warnings.is_empty() {
            writeln!(err, "{}\n", loaded.warnings.render(output::colour_on_stderr()).trim_end())?;
        }
        for warning in &found.warnings {
            writeln!(err, "{}warning:{} {warning}", WARNING.render(), WARNING.render_reset())?;
        }
        for error in &found.errors {
            writeln!(err, "{}error:{} {error}", ERROR.render(), ERROR.render_reset())?;
        }
        if ok {
            let (fine, reset) = (FINE.render(), FINE.render_reset());
            writeln!(output::stdout(), "{fine}fine:{reset} {}: {}", file.display(), contents(loaded))?;
        }
        Ok(())
    }
}

fn told(texts: &[String], level: &str) -> Vec<Value> {
    texts.iter().map(|text| json!({ "level": level, "message": text })).collect()
}

fn contents(loaded: &Loaded) -> String {
    let settings = &loaded.settings;
    let count = |count: usize, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
    [
        count(settings.routes.len(), "route"),
        count(settings.consumers.len(), "consumer"),
        count(settings.brokers.len(), "broker"),
    ]
    .join(", ")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Checked, check};

    const FINE: &str = r#"
[gateway]
name = "a"

[store]
url = "sqlite:a.db"

[[route]]
http = "GET /x"
call = "GET http://127.0.0.1:3000/x"
"#;

    fn checked(config: &str, connect: bool) -> Checked {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("sidegate.toml");
        std::fs::write(&file, config).expect("the config is written");
        check(&file, connect).expect("a check always comes to something")
    }

    #[test]
    fn a_config_without_findings_is_fine_however_it_is_checked() {
        assert_eq!(checked(FINE, false).code(true), 0);
        assert_eq!(checked(FINE, true).code(true), 0);
    }

    #[test]
    fn a_warning_is_an_error_only_where_it_is_asked_for() {
        let with_warning = checked(&FINE.replace("sqlite:a.db", "memory:"), false);
        assert_eq!(with_warning.code(false), 0, "a store that forgets is allowed");
        assert_eq!(with_warning.code(true), 2, "and refused where nothing doubtful may pass");
    }

    #[test]
    fn a_wrong_config_or_none_is_wrong_usage() {
        let wrong = checked(&FINE.replace("name", "nam"), false);
        assert_eq!(wrong.code(false), 2);
        assert_eq!(
            wrong.document(false)["errors"][1]["help"],
            "did you mean `name`?",
            "scripts get the hint too"
        );
        assert!(
            check(Path::new("/nowhere/sidegate.toml"), false).is_ok_and(|checked| checked.code(false) == 2)
        );
    }

    #[test]
    fn what_cannot_be_reached_is_a_failure_at_run_time_and_only_when_it_is_tried() {
        let unreachable = FINE.replace("sqlite:a.db", "sqlite:/nowhere/a.db");
        assert_eq!(checked(&unreachable, false).code(false), 0, "a plain check opens nothing");
        assert_eq!(checked(&unreachable, true).code(false), 1);
    }
}
