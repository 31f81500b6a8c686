//! Durations (`"30s"`) and sizes (`"1MiB"`): a number and a unit, no fractions, no spaces.

use std::fmt;
use std::time::Duration as Time;

use serde_json::{Value, json};

use super::{Context, Node, Read, Show, Text};
use crate::problem::Problem;

/// `"250ms"`, `"30s"`, `"5m"`, `"24h"`, `"7d"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Duration(pub(crate) Time);

/// `"512B"`, `"16KiB"`, `"1MiB"`, `"1GiB"`, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Size(pub(crate) usize);

const DURATION_UNITS_MS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
const SIZE_UNITS: [(&str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

impl Duration {
    pub(crate) const fn from_ms(ms: u64) -> Self {
        Self(Time::from_millis(ms))
    }

    pub(crate) const fn from_secs(secs: u64) -> Self {
        Self(Time::from_secs(secs))
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        quantity(text, &DURATION_UNITS_MS).map(Self::from_ms)
    }

    pub(crate) fn as_ms(self) -> u64 {
        u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX)
    }
}

impl Size {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        quantity(text, &SIZE_UNITS).and_then(|bytes| usize::try_from(bytes).ok()).map(Self)
    }
}

/// A whole number and one of the units, multiplied.
fn quantity(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let (number, unit) = text.split_at(text.find(|char: char| !char.is_ascii_digit() && char != '_')?);
    let (_, scale) = units.iter().find(|(name, _)| *name == unit)?;
    if !number.starts_with(|char: char| char.is_ascii_digit()) {
        return None;
    }
    number.replace('_', "").parse::<u64>().ok()?.checked_mul(*scale)
}

/// The largest unit that is whole, which is how a person writes it.
fn written(quantity: u64, units: &[(&str, u64)], smallest: &str) -> String {
    let whole = units.iter().find(|(_, scale)| quantity > 0 && quantity.is_multiple_of(*scale));
    let (unit, scale) = whole.copied().unwrap_or((smallest, 1));
    format!("{}{unit}", quantity / scale)
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Days are read but not written: a day of hours is what people expect to see.
        f.write_str(&written(self.as_ms(), &DURATION_UNITS_MS[1..], "ms"))
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&written(u64::try_from(self.0).unwrap_or(u64::MAX), &SIZE_UNITS, "B"))
    }
}

impl Read for Duration {
    fn read(node: &Node<'_>, cx: &Context<'_>) -> Option<Self> {
        let help = "write a whole number and `ms`, `s`, `m`, `h` or `d`, as in \"30s\"";
        let text = Text::of(node, "a duration such as \"30s\"", Some(help), cx)?;
        let parsed = Self::parse(&text);
        if parsed.is_none() {
            let message = format!("{} is not a duration", text.quoted());
            cx.report(Problem::error(node.span(), message).help(help.to_owned()));
        }
        parsed
    }

    fn schema() -> Value {
        json!({ "type": "string", "pattern": r"^([0-9][0-9_]*(ms|s|m|h|d)|.*\$\{.*)$", "examples": ["250ms", "30s", "24h"] })
    }
}

impl Read for Size {
    fn read(node: &Node<'_>, cx: &Context<'_>) -> Option<Self> {
        let help =
            "write a whole number and `B`, `KiB`, `MiB` or `GiB`, as in \"1MiB\" (1 KiB is 1024 bytes)";
        let text = Text::of(node, "a size such as \"1MiB\"", Some(help), cx)?;
        let parsed = Self::parse(&text);
        if parsed.is_none() {
            let message = format!("{} is not a size", text.quoted());
            cx.report(Problem::error(node.span(), message).help(help.to_owned()));
        }
        parsed
    }

    fn schema() -> Value {
        json!({ "type": "string", "pattern": r"^([0-9][0-9_]*(B|KiB|MiB|GiB)|.*\$\{.*)$", "examples": ["16KiB", "1MiB"] })
    }
}

impl Show for Duration {
    fn show(&self) -> Value {
        self.to_string().into()
    }
}

impl Show for Size {
    fn show(&self) -> Value {
        self.to_string().into()
    }
}

#[cfg(test)]
mod tests {
    use super::{Duration, Size};

    #[test]
    fn durations_and_sizes_read_as_people_write_them() {
        let durations = ["250ms", "30s", "5m", "24h", "7d", "1_500ms"]
            .map(|text| Duration::parse(text).map(Duration::as_ms));
        assert_eq!(
            durations,
            [Some(250), Some(30_000), Some(300_000), Some(86_400_000), Some(604_800_000), Some(1_500)]
        );
        assert_eq!(
            ["1B", "16KiB", "2MiB"].map(Size::parse),
            [Some(Size(1)), Some(Size(16_384)), Some(Size(2 << 20))]
        );
    }

    #[test]
    fn what_is_ambiguous_is_refused() {
        for text in ["", "5", "s", "1.5s", "-1s", "1 s", "1S", "1h30m", "_1s", "99999999999999999d"] {
            assert_eq!(Duration::parse(text), None, "`{text}` is no duration");
        }
        for text in ["1MB", "1M", "1mib", "1 MiB"] {
            assert_eq!(Size::parse(text), None, "`{text}` is no size");
        }
    }

    #[test]
    fn they_are_written_with_the_largest_whole_unit() {
        let durations = [0, 250, 90_000, 86_400_000].map(|ms| Duration::from_ms(ms).to_string());
        assert_eq!(durations, ["0ms", "250ms", "90s", "24h"]);
        assert_eq!(
            [0, 1_000, 16_384, 1 << 20].map(|bytes| Size(bytes).to_string()),
            ["0B", "1000B", "16KiB", "1MiB"]
        );
    }
}
