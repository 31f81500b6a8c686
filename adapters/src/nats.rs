//! NATS with JetStream, from settings.

use std::sync::Arc;

use sidegate_broker::{Broker, BrokerError, Capabilities};
use sidegate_config::settings;

use crate::{Parts, told};

pub(crate) async fn connect(
    settings: &settings::Broker,
    parts: Parts,
) -> Result<Arc<dyn Broker>, BrokerError> {
    sidegate_nats::connect(told(settings, parts)).await
}

pub(crate) fn capabilities() -> Result<Capabilities, BrokerError> {
    Ok(sidegate_nats::capabilities())
}
