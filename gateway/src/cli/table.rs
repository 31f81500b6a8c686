//! Aligned columns. Nothing is cut off: a line that is too long is the terminal's to wrap.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use unicode_width::UnicodeWidthStr as _;

const HEAD: Style = Style::new().bold();
const GAP: &str = "  ";

/// Rows of cells under a head.
pub(super) struct Table {
    rows: Vec<Vec<Cell>>,
}

/// A text and its colour.
#[derive(Debug, Clone, Default)]
pub(super) struct Cell {
    text: String,
    style: Style,
}

impl Table {
    pub(super) fn new(head: &[&str]) -> Self {
        let cell = |text: &&str| Cell { text: text.to_uppercase(), style: HEAD };
        Self { rows: vec![head.iter().map(cell).collect()] }
    }

    /// Adds a row.
    pub(super) fn row(&mut self, cells: Vec<Cell>) {
        self.rows.push(cells);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.len() == 1
    }

    /// Writes head and rows; nothing at all where there are no rows.
    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.is_empty() {
            return Ok(());
        }
        let widths = self.widths();
        for row in &self.rows {
            write_row(out, row, &widths)?;
        }
        Ok(())
    }

    fn widths(&self) -> Vec<usize> {
        let columns = self.rows.first().map_or(0, Vec::len);
        let width = |column: usize| self.rows.iter().filter_map(|row| row.get(column)).map(Cell::width).max();
        (0..columns).map(|column| width(column).unwrap_or(0)).collect()
    }
}

fn write_row(out: &mut dyn Write, row: &[Cell], widths: &[usize]) -> io::Result<()> {
    let mut pad = 0;
    for (cell, width) in row.iter().zip(widths) {
        write!(out, "{:pad$}{}{}{}", "", cell.style.render(), cell.text, cell.style.render_reset())?;
        pad = width - cell.width() + GAP.len();
    }
    writeln!(out)
}

impl Cell {
    /// A cell in a colour.
    pub(super) fn styled(text: impl Into<String>, style: Style) -> Self {
        Self { text: text.into(), style }
    }

    fn width(&self) -> usize {
        self.text.width()
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self { text: text.into(), style: Style::new() }
    }
}

/// The colour of an operation's status.
pub(super) fn status_style(status: &str) -> Style {
    let colour = match status {
        "succeeded" => AnsiColor::Green,
        "failed" | "timed_out" => AnsiColor::Red,
        "parked" => AnsiColor::Magenta,
        "cancelled" => AnsiColor::BrightBlack,
        _ => AnsiColor::Yellow,
    };
    colour.on_default()
}

#[cfg(test)]
mod tests {
    use super::{Cell, Table, status_style};

    #[test]
    fn columns_line_up_whatever_the_characters_and_colours_are() {
        let mut table = Table::new(&["route", "status", "age"]);
        table.row(vec!["bestätigen".into(), Cell::styled("failed", status_style("failed")), "3m".into()]);
        table.row(vec!["注文".into(), "succeeded".into(), "10s".into()]);
        let mut out = Vec::new();
        table.write(&mut anstream::StripStream::new(&mut out)).expect("writing to memory");
        assert_eq!(
            String::from_utf8_lossy(&out),
            "ROUTE       STATUS     AGE\nbestätigen  failed     3m\n注文        succeeded  10s\n"
        );
    }

    #[test]
    fn an_empty_table_is_not_even_a_head() {
        let mut out = Vec::new();
        Table::new(&["id"]).write(&mut out).expect("writing to memory");
        assert!(out.is_empty());
    }
}
