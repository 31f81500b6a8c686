//! The embedded broker, from settings.

use std::collections::BTreeMap;
use std::sync::Arc;

use sidegate_broker::{Broker, BrokerError, Capabilities};
use sidegate_embedded::{Embedded, Limits};

use crate::Parts;

pub(crate) async fn connect(
    options: &BTreeMap<String, String>,
    parts: Parts,
) -> Result<Arc<dyn Broker>, BrokerError> {
    let limits = Limits::from_options(options)?;
    let embedded = Embedded::open(parts.journal, limits, parts.clock).await?;
    Ok(Arc::new(embedded.connect()))
}

/// With a journal, which every store that survives its process gives it.
pub(crate) fn capabilities() -> Capabilities {
    sidegate_embedded::capabilities(&Limits::default(), true)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use sidegate_broker::{Channel, ErrorKind, Message, Outbound, Subscription};
    use sidegate_config::settings;

    use crate::{Parts, capabilities_of, connect};

    fn parts() -> Parts {
        Parts { journal: None, clock: Arc::new(|| 0) }
    }

    fn settings(client: &[(&str, &str)]) -> settings::Broker {
        let client = client.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        settings::Broker { name: "main".into(), url: settings::BrokerUrl::Embedded, client }
    }

    #[tokio::test]
    async fn a_broker_from_settings_delivers_what_it_is_given() {
        let broker = connect(&settings(&[]), parts()).await.expect("the embedded broker needs nothing");
        let message = Arc::new(Message::new("m-1", "orders", Bytes::new()));
        let outbound = Outbound { channel: Channel::Command, message, durable: false, expires_at_ms: None };
        broker.publish(outbound).await.expect("an empty broker takes a message");
        let subscription = Subscription {
            channel: Channel::Command,
            destination: "orders".into(),
            service: "orders".into(),
            prefetch: 1,
        };
        let mut inbox = broker.subscribe(subscription).await.expect("a subscription");
        let delivery = inbox.next().await.expect("an open inbox");
        assert_eq!(delivery.message.id, "m-1", "the message comes out of the broker it went into");
    }

    #[tokio::test]
    async fn client_options_reach_the_adapter_and_are_checked_by_it() {
        let broker =
            connect(&settings(&[("message_bytes_max", "1000")]), parts()).await.expect("a known option");
        assert_eq!(broker.capabilities().message_bytes_max, 1_000, "the option sets the limit");
        let refused = connect(&settings(&[("compression", "zstd")]), parts()).await;
        let error = refused.expect_err("an option that the adapter does not know");
        assert_eq!(error.kind, ErrorKind::Rejected, "a wrong option does not pass by itself: {error}");
    }

    #[test]
    fn a_config_is_checked_against_what_the_broker_can_do() {
        let capabilities = capabilities_of(&settings(&[]).url).expect("this build has the adapter");
        assert!(capabilities.durable, "in a store that survives, the embedded broker does too");
        assert!(!capabilities.between_processes, "it lives in one process");
    }
}
