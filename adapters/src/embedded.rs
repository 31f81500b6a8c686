//! The embedded broker, from settings.

use std::sync::Arc;

use sidegate_broker::{Broker, BrokerError, Capabilities};
use sidegate_config::settings;
use sidegate_embedded::{Embedded, Limits};

use crate::Parts;

pub(crate) async fn connect(
    settings: &settings::Broker,
    parts: Parts,
) -> Result<Arc<dyn Broker>, BrokerError> {
    let limits = Limits::from_options(&settings.client)?;
    let embedded = Embedded::open(parts.journal, limits, parts.clock).await?;
    Ok(Arc::new(embedded.connect()))
}

/// With a journal, which every store that survives its process gives it.
pub(crate) fn capabilities() -> Result<Capabilities, BrokerError> {
    Ok(sidegate_embedded::capabilities(&Limits::default(), true))
}
