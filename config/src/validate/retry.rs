//! `retry` and `fail_on`.

use sidegate_core::RetrySchedule;
use toml::Spanned;

use super::{Check, DAY, WEEK};
use crate::problem::Problem;
use crate::raw::{self, Retry};
use crate::read::{Duration, Field};

impl Check<'_> {
    pub(super) fn retry(&self, field: &Field<Retry>) -> Option<RetrySchedule> {
        let default = Retry::default();
        let raw = field.value().unwrap_or(&default);
        let attempts = self.within(&raw.attempts, 1..=1_000_000);
        let first = self.within(&raw.first, Duration::from_ms(1)..=DAY);
        let factor = self.within(&raw.factor, 1.0..=100.0);
        let max = self.longest_pause(raw, first);
        let jitter = self.within(&raw.jitter, 0.0..=1.0);
        Some(RetrySchedule {
            attempts: u32::try_from(attempts?).ok()?,
            first_ms: first?.as_ms(),
            factor: factor?,
            max_ms: max?.as_ms(),
            jitter: jitter?,
        })
    }

    /// The cap; a first pause longer than the default cap is its own cap.
    fn longest_pause(&self, raw: &Retry, first: Option<Duration>) -> Option<Duration> {
        let max = self.within(&raw.max, Duration::from_ms(1)..=WEEK)?;
        let first = first?;
        match raw.max.given() {
            Some(given) if max < first => {
                let message = format!("the longest pause, {max}, is shorter than the first, {first}");
                self.cx.report(
                    Problem::error(given.span.clone(), message)
                        .help("make `max` at least `first`".to_owned()),
                );
                None
            }
            _ => Some(max.max(first)),
        }
    }

    pub(super) fn fail_on(&self, field: &Field<Vec<Spanned<u16>>>) -> Vec<u16> {
        let statuses = field.value().cloned().unwrap_or_else(raw::default_fail_on);
        for status in statuses.iter().filter(|status| !(300..=599).contains(status.get_ref())) {
            let message = format!("{} is not a status of failure", status.get_ref());
            self.cx.report(
                Problem::error(status.span(), message).help("write statuses from 300 to 599".to_owned()),
            );
        }
        let mut statuses: Vec<u16> = statuses.into_iter().map(Spanned::into_inner).collect();
        statuses.sort_unstable();
        statuses.dedup();
        statuses
    }
}
