//! What stands in the place of an adapter that this build was made without.

/// A module for each adapter whose feature is off; both its functions say which.
macro_rules! stand_in {
    ($($adapter:ident = $feature:literal,)+) => { $(
        #[cfg(not(feature = $feature))]
        mod $adapter {
            use std::sync::Arc;

            use sidegate_broker::{Broker, BrokerError, Capabilities, Effect, ErrorKind};
            use sidegate_config::settings;

            use crate::Parts;

            pub(crate) async fn connect(_: &settings::Broker, _: Parts) -> Result<Arc<dyn Broker>, BrokerError> {
                Err(left_out())
            }

            pub(crate) fn capabilities() -> Result<Capabilities, BrokerError> {
                Err(left_out())
            }

            fn left_out() -> BrokerError {
                let text = concat!(
                    "this build has no `", $feature, "` adapter: build sidegate with the cargo feature `", $feature, "`"
                );
                BrokerError::new(ErrorKind::Rejected, Effect::NotApplied, text)
            }
        }
    )+ };
}
pub(crate) use stand_in;
