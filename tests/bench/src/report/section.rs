//! One measurement's part of the report: tables, what was asked of them, and what must be known to read them.

use super::count;
use super::table::{Cell, Table};
use crate::measure::Name;

/// One measurement's part.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Section {
    name: Name,
    title: &'static str,
    tables: Vec<Table>,
    verdicts: Vec<Verdict>,
    notes: Vec<String>,
}

/// A number that something is asked of.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Verdict {
    what: String,
    value: f64,
    unit: Unit,
    bound: Bound,
}

/// What is asked of a number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Bound {
    /// The more the better.
    Least {
        /// At least this.
        must: f64,
        /// Wanted.
        goal: f64,
    },
    /// The less the better.
    Most {
        /// At most this.
        must: f64,
        /// Wanted.
        goal: f64,
    },
    /// A ratio near 1.
    Within {
        /// So far from it at most.
        must: f64,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Ratio,
    PerSecond,
    Milliseconds,
    Microseconds,
    Millicores,
    Kib,
    Mib,
}

impl Section {
    pub(crate) fn new(name: Name, title: &'static str) -> Self {
        Self { name, title, tables: Vec::new(), verdicts: Vec::new(), notes: Vec::new() }
    }

    pub(crate) fn table(mut self, table: Table) -> Self {
        self.tables.push(table);
        self
    }

    pub(crate) fn verdict(mut self, verdict: Verdict) -> Self {
        self.verdicts.push(verdict);
        self
    }

    pub(crate) fn note(mut self, note: &str) -> Self {
        self.notes.push(note.to_owned());
        self
    }

    pub(super) fn name(&self) -> String {
        self.name.as_str()
    }

    pub(super) const fn title(&self) -> &'static str {
        self.title
    }

    /// For a terminal.
    pub(super) fn text(&self) -> String {
        let tables = self.all_tables().iter().map(Table::text).collect::<Vec<_>>();
        format!("\n{}\n\n{}\n{}", self.title, tables.join("\n"), self.notes_with_line_ends())
    }

    /// For a document; the title stands outside.
    pub(super) fn markdown(&self) -> String {
        let tables = self.all_tables().iter().map(Table::markdown).collect::<Vec<_>>();
        let notes = self.notes_with_line_ends();
        if notes.is_empty() { tables.join("\n") } else { format!("{}\n{notes}", tables.join("\n")) }
    }

    fn all_tables(&self) -> Vec<Table> {
        let header = ["", "measured", "asked for", "wanted", ""];
        let verdicts = Table::new(&header, self.verdicts.iter().map(Verdict::row).collect());
        self.tables.iter().cloned().chain([verdicts]).collect()
    }

    fn notes_with_line_ends(&self) -> String {
        self.notes.iter().map(|note| format!("{note}\n")).collect::<Vec<_>>().join("\n")
    }
}

impl Verdict {
    fn new(what: &str, value: f64, unit: Unit, bound: Bound) -> Self {
        Self { what: what.to_owned(), value, unit, bound }
    }

    pub(crate) fn ratio(what: &str, value: f64, bound: Bound) -> Self {
        Self::new(what, value, Unit::Ratio, bound)
    }

    pub(crate) fn ms(what: &str, value: f64, bound: Bound) -> Self {
        Self::new(what, value, Unit::Milliseconds, bound)
    }

    pub(crate) fn per_second(what: &str, value: f64, must: f64, goal: f64) -> Self {
        Self::new(what, value, Unit::PerSecond, Bound::Least { must, goal })
    }

    pub(crate) fn us(what: &str, value: f64, must: f64, goal: f64) -> Self {
        Self::new(what, value, Unit::Microseconds, Bound::Most { must, goal })
    }

    pub(crate) fn millicores(what: &str, value: f64, must: f64, goal: f64) -> Self {
        Self::new(what, value, Unit::Millicores, Bound::Most { must, goal })
    }

    pub(crate) fn mib(what: &str, value: f64, must: f64, goal: f64) -> Self {
        Self::new(what, value, Unit::Mib, Bound::Most { must, goal })
    }

    pub(crate) fn kib(what: &str, value: f64, must: f64, goal: f64) -> Self {
        Self::new(what, value, Unit::Kib, Bound::Most { must, goal })
    }

    fn row(&self) -> Vec<Cell> {
        let (asked, wanted) = self.bound.shown(self.unit);
        vec![
            Cell::text(&self.what),
            Cell::number(self.unit.shown(self.value)),
            Cell::number(asked),
            Cell::number(wanted),
            Cell::text(self.bound.judge(self.value)),
        ]
    }
}

impl Bound {
    fn judge(self, value: f64) -> &'static str {
        let (enough, as_wanted) = match self {
            Self::Least { must, goal } => (value >= must, value >= goal),
            Self::Most { must, goal } => (value <= must, value <= goal),
            Self::Within { must } => ((value - 1.0).abs() <= must, (value - 1.0).abs() <= must),
        };
        match (enough, as_wanted) {
            (_, true) => "as wanted",
            (true, false) => "enough",
            (false, false) => "not reached",
        }
    }

    fn shown(self, unit: Unit) -> (String, String) {
        match self {
            Self::Least { must, goal } => {
                (format!("≥ {}", unit.shown(must)), format!("≥ {}", unit.shown(goal)))
            }
            Self::Most { must, goal } => {
                (format!("≤ {}", unit.shown(must)), format!("≤ {}", unit.shown(goal)))
            }
            Self::Within { must } => (format!("1 ± {must:.2}"), String::new()),
        }
    }
}

impl Unit {
    fn shown(self, value: f64) -> String {
        match self {
            Self::Ratio => format!("{value:.2}"),
            Self::PerSecond => format!("{}/s", count(value)),
            Self::Milliseconds if value >= 100.0 => format!("{value:.0} ms"),
            // Differences are small, and may be less than nothing.
            Self::Milliseconds if value.abs() < 1.0 => format!("{value:.2} ms"),
            Self::Milliseconds => format!("{value:.1} ms"),
            Self::Microseconds => format!("{value:.1} µs"),
            Self::Millicores => format!("{value:.0} mCPU"),
            Self::Kib => format!("{value:.1} KiB"),
            Self::Mib => format!("{value:.1} MiB"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Bound;

    #[test]
    fn a_bound_tells_enough_from_wanted() {
        let least = Bound::Least { must: 0.2, goal: 0.35 };
        assert_eq!([0.1, 0.2, 0.35].map(|value| least.judge(value)), ["not reached", "enough", "as wanted"]);
        let most = Bound::Most { must: 25.0, goal: 10.0 };
        assert_eq!([26.0, 25.0, 10.0].map(|value| most.judge(value)), ["not reached", "enough", "as wanted"]);
        let within = Bound::Within { must: 0.15 };
        assert_eq!(
            [0.8, 0.9, 1.2].map(|value| within.judge(value)),
            ["not reached", "as wanted", "not reached"]
        );
    }
}
