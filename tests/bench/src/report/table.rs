//! A table for eyes and for Markdown.

use std::fmt::Write;

/// One table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Table {
    header: Vec<String>,
    rows: Vec<Vec<Cell>>,
}

/// One cell of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cell {
    text: String,
    is_number: bool,
}

impl Cell {
    /// Words, to the left.
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), is_number: false }
    }

    /// A number with its unit, to the right.
    pub(crate) fn number(text: impl Into<String>) -> Self {
        Self { text: text.into(), is_number: true }
    }

    fn width(&self) -> usize {
        self.text.chars().count()
    }
}

impl Table {
    pub(crate) fn new(header: &[&str], rows: Vec<Vec<Cell>>) -> Self {
        Self { header: header.iter().map(|&title| title.to_owned()).collect(), rows }
    }

    /// Aligned, for a terminal.
    pub(crate) fn text(&self) -> String {
        let widths = self.widths();
        let mut text = String::new();
        for row in std::iter::once(self.header_row()).chain(self.rows.iter().cloned()) {
            let cells = row.iter().zip(&widths).map(|(cell, width)| padded(cell, *width));
            text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
            text.push('\n');
        }
        text
    }

    /// For a document.
    pub(crate) fn markdown(&self) -> String {
        let mut text = String::new();
        let line = |cells: Vec<&str>| format!("| {} |", cells.join(" | "));
        let rule = |column| if self.is_number(column) { "---:" } else { "---" };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}", line(self.header.iter().map(String::as_str).collect()));
        let _ = writeln!(text, "{}", line((0..self.header.len()).map(rule).collect()));
        for row in &self.rows {
            let _ = writeln!(text, "{}", line(row.iter().map(|cell| cell.text.as_str()).collect()));
        }
        text
    }

    fn header_row(&self) -> Vec<Cell> {
        let titles = self.header.iter().enumerate();
        titles
            .map(|(column, title)| Cell { text: title.clone(), is_number: self.is_number(column) })
            .collect()
    }

    fn is_number(&self, column: usize) -> bool {
        self.rows.first().and_then(|row| row.get(column)).is_some_and(|cell| cell.is_number)
    }

    fn widths(&self) -> Vec<usize> {
        let column = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column)).map(Cell::width);
            cells.max().unwrap_or(0).max(self.header[column].chars().count())
        };
        (0..self.header.len()).map(column).collect()
    }
}

fn padded(cell: &Cell, width: usize) -> String {
    let space = " ".repeat(width.saturating_sub(cell.width()));
    if cell.is_number { space + &cell.text } else { cell.text.clone() + &space }
}

#[cfg(test)]
mod tests {
    use super::{Cell, Table};

    fn table() -> Table {
        let rows = [("bare 202", "60,000"), ("µ", "9")];
        let rows = rows.map(|(what, rate)| vec![Cell::text(what), Cell::number(rate)]);
        Table::new(&["", "requests/s"], rows.into())
    }

    #[test]
    fn numbers_stand_to_the_right() {
        assert_eq!(table().text(), "          requests/s\nbare 202      60,000\nµ                  9\n");
    }

    #[test]
    fn markdown_keeps_the_alignment() {
        assert_eq!(
            table().markdown(),
            "|  | requests/s |\n| --- | ---: |\n| bare 202 | 60,000 |\n| µ | 9 |\n"
        );
    }
}
