//! Medians and spreads of a few rounds.

/// The middle value; of an even number the mean of the two in the middle. 0 of nothing.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    match (values.len(), values.len() / 2) {
        (0, _) => 0.0,
        (count, middle) if count % 2 == 1 => values[middle],
        (_, middle) => f64::midpoint(values[middle - 1], values[middle]),
    }
}

/// The lowest and the highest value.
pub(crate) fn range(values: impl IntoIterator<Item = f64>) -> (f64, f64) {
    let start = (f64::INFINITY, f64::NEG_INFINITY);
    values.into_iter().fold(start, |(low, high), value| (low.min(value), high.max(value)))
}

/// As a fraction of `whole`, 0 when there is none.
pub(crate) fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

/// A count as a number to calculate with; exact far beyond what is counted here.
#[expect(clippy::cast_precision_loss, reason = "counts stay below 2^53")]
pub(crate) const fn number(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::{median, range};

    #[test]
    fn a_median_is_not_moved_by_one_bad_round() {
        assert!((median([3.0, 1.0, 900.0]) - 3.0).abs() < f64::EPSILON);
        assert!((median([4.0, 1.0, 2.0, 900.0]) - 3.0).abs() < f64::EPSILON, "the mean of the middle two");
        assert!(median([]).abs() < f64::EPSILON);
    }

    #[test]
    fn a_range_shows_the_bad_round() {
        assert_eq!(range([3.0, 1.0, 900.0]), (1.0, 900.0));
    }
}
