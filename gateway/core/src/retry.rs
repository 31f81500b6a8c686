//! When to try again: exponential back-off with a cap and jitter. Pure; chance is passed in.

/// `{ attempts = 5, first = "200ms", factor = 2.0, max = "10s", jitter = 0.2 }`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RetrySchedule {
    /// How often in all, the first try included; at least 1.
    pub attempts: u32,
    /// The pause before the second attempt.
    pub first_ms: u64,
    /// How much longer each further pause is; at least 1.
    pub factor: f64,
    /// No pause is longer, before jitter.
    pub max_ms: u64,
    /// A pause is spread over ± this share of itself, 0 to 1.
    pub jitter: f64,
}

impl RetrySchedule {
    /// The consumer's and route's default of the contract.
    pub const DEFAULT: Self = Self { attempts: 5, first_ms: 200, factor: 2.0, max_ms: 10_000, jitter: 0.2 };

    /// The pause after attempt number `attempt` (1 = the first) failed, or `None` when attempts ran out.
    ///
    /// `chance` is uniform in `[0, 1)`; 0.5 gives the pause without jitter.
    #[must_use]
    pub fn pause_after_ms(&self, attempt: u32, chance: f64) -> Option<u64> {
        if attempt >= self.attempts {
            return None;
        }
        Some(self.pause_ms(attempt, chance))
    }

    /// The same, where attempts never run out.
    #[must_use]
    pub fn pause_ms(&self, attempt: u32, chance: f64) -> u64 {
        let exponent = i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX);
        let plain = (self.first_ms as f64 * self.factor.powi(exponent)).min(self.max_ms as f64);
        let spread = plain * self.jitter * (2.0 * chance - 1.0);
        (plain + spread).max(0.0) as u64
    }
}

impl Default for RetrySchedule {
    fn default() -> Self {
        Self::DEFAULT
    }
}

#[cfg(test)]
mod tests {
    use super::RetrySchedule;
    use proptest::prelude::{prop_assert, proptest};

    #[test]
    fn pauses_double_up_to_the_cap_and_then_end() {
        let schedule = RetrySchedule { attempts: 5, first_ms: 200, factor: 2.0, max_ms: 1_000, jitter: 0.2 };
        let pauses: Vec<_> = (1..=5).map(|n| schedule.pause_after_ms(n, 0.5)).collect();
        assert_eq!(pauses, [Some(200), Some(400), Some(800), Some(1_000), None]);
    }

    proptest! {
        #[test]
        fn a_pause_stays_within_its_jitter_for_any_schedule(
            attempt in 1_u32..1_000_000, chance in 0.0_f64..1.0, jitter in 0.0_f64..=1.0, max_ms in 1_u64..1_000_000,
        ) {
            let schedule = RetrySchedule { attempts: u32::MAX, first_ms: 200, factor: 2.0, max_ms, jitter };
            let pause = schedule.pause_ms(attempt, chance) as f64;
            prop_assert!(pause <= max_ms as f64 * (1.0 + jitter) + 1.0, "no pause is longer than the cap and its jitter");
        }
    }
}
