//! Standard output: colours where they are wanted, JSON for scripts.

use std::io::{self, Write};

use anstyle::Style;
use serde_json::Value;

use super::args::{Color, OutputFormat, Page};
use super::table::{Cell, Table};

const LABEL: Style = Style::new().bold();

/// Decides about colours for the rest of the process's life.
pub(super) fn choose_colours(color: Color) {
    match color {
        Color::Auto => anstream::ColorChoice::Auto,
        Color::Always => anstream::ColorChoice::Always,
        Color::Never => anstream::ColorChoice::Never,
    }
    .write_global();
}

/// Whether standard error gets colours.
pub(super) fn colour_on_stderr() -> bool {
    anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never
}

/// Where a command writes.
pub(super) fn stdout() -> impl Write {
    anstream::AutoStream::auto(io::stdout().lock())
}

/// A JSON document, indented.
pub(super) fn json(value: &Value) -> io::Result<()> {
    writeln!(stdout(), "{value:#}")
}

/// A page of a list: as a table with where to go on, or as the gateway said it.
pub(super) fn page(
    page: &Value,
    format: OutputFormat,
    empty: &str,
    head: &[&str],
    row: impl Fn(&Value) -> Vec<Cell>,
) -> Result<(), super::Failure> {
    if format == OutputFormat::Json {
        return Ok(json(page)?);
    }
    let mut table = Table::new(head);
    let items = page["items"].as_array().into_iter().flatten();
    items.for_each(|item| table.row(row(item)));
    table.write(&mut stdout())?;
    let next = page["next"].as_str();
    if table.is_empty() && next.is_none() {
        writeln!(anstream::stderr(), "{empty}")?;
    }
    if let Some(cursor) = next {
        writeln!(anstream::stderr(), "there are more: --cursor {cursor}")?;
    }
    Ok(())
}

impl Page {
    /// As the admin plane reads it.
    pub(super) fn query(&self) -> Vec<(&'static str, String)> {
        let mut query = vec![("limit", self.limit.to_string())];
        query.extend(self.cursor.clone().map(|cursor| ("cursor", cursor)));
        query
    }
}

/// `label:  value`, the labels of equal width.
pub(super) fn fields(out: &mut dyn Write, fields: &[(&str, String)]) -> io::Result<()> {
    let width = fields.iter().map(|(label, _)| label.len()).max().unwrap_or(0);
    for (label, value) in fields {
        writeln!(out, "{}{label:width$}{}  {value}", LABEL.render(), LABEL.render_reset())?;
    }
    Ok(())
}
