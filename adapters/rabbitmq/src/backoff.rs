//! How long to wait before the next attempt: longer each time, and never the same for two who wait.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
const LAST: Duration = Duration::from_secs(5);

/// Doubling pauses from 100 ms to 5 s, each with up to half of itself taken off.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    attempts: u32,
}

impl Backoff {
    pub(crate) fn next(&mut self) -> Duration {
        let pause = FIRST.saturating_mul(1 << self.attempts.min(10)).min(LAST);
        self.attempts += 1;
        pause.mul_f64(1.0 - fastrand::f64() / 2.0)
    }

    pub(crate) fn reset(&mut self) {
        self.attempts = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::{Backoff, FIRST, LAST};

    #[test]
    fn pauses_grow_to_a_bound_and_start_again() {
        let mut backoff = Backoff::default();
        assert!(backoff.next() <= FIRST, "the first attempt comes soon");
        let longest = (0..50).map(|_| backoff.next()).max().expect("some");
        assert!(longest <= LAST && longest > LAST / 2, "and never later than 5 s: {longest:?}");
        backoff.reset();
        assert!(backoff.next() <= FIRST, "a connection that worked starts it again");
    }
}
