//! Apache Kafka, from settings.

use std::sync::Arc;

use sidegate_broker::{Broker, BrokerError, Capabilities};
use sidegate_config::settings;
use sidegate_kafka::Settings;

use crate::{Parts, names};

pub(crate) async fn connect(
    settings: &settings::Broker,
    parts: Parts,
) -> Result<Arc<dyn Broker>, BrokerError> {
    sidegate_kafka::connect(Settings {
        url: settings.url.expose().to_owned(),
        gateway: parts.gateway,
        replica: parts.replica,
        create: settings.create,
        names: names(settings),
        options: settings.client.clone(),
    })
}

pub(crate) fn capabilities() -> Result<Capabilities, BrokerError> {
    Ok(sidegate_kafka::capabilities())
}
