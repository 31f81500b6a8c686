//! Lines and columns of a byte in a text.

use std::ops::Range;

/// Where a byte stands, as editors count: from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl Place {
    pub(crate) fn of(source: &str, offset: usize) -> Self {
        let before = &source[..floor(source, offset)];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Self { line: before.matches('\n').count() + 1, column: before[line_start..].chars().count() + 1 }
    }
}

/// The same range, cut so that it can slice `source`.
pub(crate) fn within(source: &str, span: &Range<usize>) -> Range<usize> {
    let start = floor(source, span.start);
    start..floor(source, span.end).max(start)
}

fn floor(source: &str, offset: usize) -> usize {
    source.floor_char_boundary(offset)
}

#[cfg(test)]
mod tests {
    use super::Place;

    #[test]
    fn places_count_as_editors_do() {
        assert_eq!(Place::of("a\nbc", 3), Place { line: 2, column: 2 });
        assert_eq!(Place::of("é\n", 2), Place { line: 1, column: 2 }, "columns are characters, not bytes");
        assert_eq!(Place::of("é", 1), Place { line: 1, column: 1 }, "inside a character counts as its start");
        assert_eq!(Place::of("a\n", 99), Place { line: 2, column: 1 }, "past the end is the end");
    }
}
