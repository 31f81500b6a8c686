//! Times as people read and write them: RFC 3339 with the age beside it; `2h` for two hours ago.

use sidegate_core::Timestamp;

use crate::clock;

const UNITS: [(&str, u64); 4] = [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];

/// `--since`: a moment, or an age.
pub(super) fn parse(text: &str) -> Result<Timestamp, String> {
    if let Some(seconds) = age_s(text) {
        return Ok(clock::now() - seconds.saturating_mul(1_000));
    }
    let moment: jiff::Timestamp = text.parse().map_err(|_| {
        format!("`{text}` is no time: write RFC 3339 (`2026-03-01T12:00:00Z`) or an age (`30s`, `15m`, `2h`, `7d`)")
    })?;
    Ok(Timestamp::from_unix_ms(u64::try_from(moment.as_millisecond()).unwrap_or(0)))
}

fn age_s(text: &str) -> Option<u64> {
    UNITS
        .iter()
        .find_map(|(unit, seconds)| text.strip_suffix(unit)?.parse::<u64>().ok()?.checked_mul(*seconds))
}

/// An RFC 3339 time with its distance from `now`: `2026-03-01T12:00:00.000Z (3m ago)`.
pub(super) fn with_age(rfc3339: &str, now: Timestamp) -> String {
    match rfc3339.parse::<jiff::Timestamp>() {
        Ok(at) => format!("{rfc3339} ({})", relative(at.as_millisecond(), now)),
        Err(_) => rfc3339.to_owned(),
    }
}

fn relative(at_ms: i64, now: Timestamp) -> String {
    let now_ms = i64::try_from(now.unix_ms()).unwrap_or(i64::MAX);
    let distance_s = at_ms.abs_diff(now_ms) / 1_000;
    let (unit, seconds) = UNITS.iter().find(|(_, seconds)| distance_s >= *seconds).unwrap_or(&("s", 1));
    let count = distance_s / seconds;
    if at_ms > now_ms { format!("in {count}{unit}") } else { format!("{count}{unit} ago") }
}

#[cfg(test)]
mod tests {
    use sidegate_core::Timestamp;

    use super::{parse, with_age};
    use crate::clock;

    #[test]
    fn a_moment_or_an_age_is_understood_and_anything_else_refused() {
        assert_eq!(parse("1970-01-01T00:00:01Z"), Ok(Timestamp::from_unix_ms(1_000)));
        let two_hours_ago = parse("2h").expect("an age");
        let off_ms = clock::now().ms_since(two_hours_ago).abs_diff(7_200_000);
        assert!(off_ms < 5_000, "an age counts back from now, {off_ms} ms off");
        assert!(
            parse("yesterday").expect_err("no time").contains("RFC 3339"),
            "the refusal says what is right"
        );
    }

    #[test]
    fn the_age_stands_beside_the_time_in_its_largest_unit() {
        let now = Timestamp::from_unix_ms(100_000_000);
        let at = |ms: i64| jiff::Timestamp::from_millisecond(ms).expect("a time").to_string();
        assert!(with_age(&at(99_995_000), now).ends_with("(5s ago)"));
        assert!(with_age(&at(100_000_000 - 3_700_000), now).ends_with("(1h ago)"));
        assert!(with_age(&at(100_090_000), now).ends_with("(in 1m)"), "a deadline lies ahead");
        assert_eq!(with_age("not a time", now), "not a time");
    }
}
