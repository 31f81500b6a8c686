//! `retry = { … }` and `fail_on = [ … ]`.

use toml::Spanned;

use crate::read::{Duration, table};

table! {
    /// When to try again: pauses that grow up to a cap, spread by chance.
    struct Retry in "`retry`" {
        /// How often in all, the first try included. 1 to 1,000,000.
        attempts: u64 = 5;
        /// The pause before the second attempt. 1ms to 24h.
        first: Duration = Duration::from_ms(200);
        /// How much longer each further pause is. 1.0 to 100.0.
        factor: f64 = 2.0;
        /// No pause is longer, before jitter; not shorter than `first`. 1ms to 7d.
        max: Duration = Duration::from_secs(10);
        /// A pause is spread over ± this share of itself. 0.0 to 1.0.
        jitter: f64 = 0.2;
    }
}

/// What a service answers when it will never do what was asked.
pub(crate) fn default_fail_on() -> Vec<Spanned<u16>> {
    [400, 401, 403, 404, 405, 409, 410, 422].map(|status| Spanned::new(0..0, status)).into()
}
