//! `check`: everything that is wrong with a config, at once.

use std::io::Write as _;

use anstyle::{AnsiColor, Style};
use serde_json::{Value, json};
use sidegate_config::Loaded;

use super::args::{Check, Global, OutputFormat};
use super::config;
use super::connect::{self, Found};
use super::failure::Failure;
use super::output;
use crate::app::environment;

const FINE: Style = AnsiColor::Green.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const ERROR: Style = AnsiColor::Red.on_default().bold();

pub(super) fn run(global: &Global, options: &Check) -> Result<(), Failure> {
    match (sidegate_config::load(&global.config, &environment), options.output.format) {
        (Ok(loaded), format) => judge(global, options, &loaded, format),
        (Err(problems), OutputFormat::Human) => Err(config::tell(&problems)),
        (Err(problems), OutputFormat::Json) => {
            output::json(&json!({ "ok": false, "errors": problems.to_json(), "warnings": [] }))?;
            Err(Failure::Told(2))
        }
    }
}

/// A config without errors: what else is there to say of it?
fn judge(global: &Global, options: &Check, loaded: &Loaded, format: OutputFormat) -> Result<(), Failure> {
    let found = if options.connect { connect::try_all(&loaded.settings)? } else { Found::default() };
    let has_warnings = !loaded.warnings.is_empty() || !found.warnings.is_empty();
    let code = match (&found.errors[..], options.strict && has_warnings) {
        ([_, ..], _) => 1,
        ([], true) => 2,
        ([], false) => 0,
    };
    match format {
        OutputFormat::Json => output::json(&document(loaded, &found, code == 0))?,
        OutputFormat::Human => tell(global, loaded, &found, code == 0)?,
    }
    if code == 0 { Ok(()) } else { Err(Failure::Told(code)) }
}

fn document(loaded: &Loaded, found: &Found, ok: bool) -> Value {
    let told = |texts: &[String]| texts.iter().map(|text| json!({ "message": text })).collect::<Vec<_>>();
    let mut warnings = loaded.warnings.to_json().as_array().cloned().unwrap_or_default();
    warnings.extend(told(&found.warnings));
    json!({ "ok": ok, "errors": told(&found.errors), "warnings": warnings })
}

fn tell(global: &Global, loaded: &Loaded, found: &Found, ok: bool) -> Result<(), Failure> {
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
        writeln!(
            output::stdout(),
            "{}fine:{} {}: {}",
            FINE.render(),
            FINE.render_reset(),
            global.config.display(),
            contents(loaded)
        )?;
    }
    Ok(())
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
