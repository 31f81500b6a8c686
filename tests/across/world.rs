//! A service, a gateway beside it, a gateway at the edge, and a broker between.

use sidegate_tests::{Broker, BrokerKind, Gateway, Service, Setup, running_in_ci};

/// What the edge serves.
pub(crate) const ASKING: &str = r#"
    [[route]]
    name = "polled"
    http = "POST /polled"
    send = "orders.create"
    key = "{body/customer}"
    timeout = "5m"

    [[route]]
    name = "held"
    http = "POST /held"
    send = "orders.create"
    key = "{body/customer}"
    reply = "wait"
    durable = true
    timeout = "5m"

    [[route]]
    name = "fast"
    http = "POST /fast"
    send = "orders.create"
    reply = "wait"
    timeout = "5s"

    [[route]]
    name = "told"
    http = "POST /told"
    publish = "orders.created"
"#;

/// What the service's gateway answers.
pub(crate) const ANSWERING: &str = r#"
    [[consumer]]
    receive = "orders.create"
    call = "POST http://service/orders"
    concurrency = 16
    retry = { attempts = 50, first = "20ms", factor = 1.5, max = "500ms" }

    [[consumer]]
    subscribe = "orders.created"
    call = "POST http://service/heard"
"#;

/// The broker, if it can be had here.
pub(crate) async fn broker(kind: BrokerKind) -> Option<Broker> {
    match Broker::start(kind).await {
        Ok(broker) => Some(broker),
        Err(missing) => {
            assert!(!running_in_ci(), "a broker is missing, and this is CI: {missing}");
            eprintln!("skipped: {missing}");
            None
        }
    }
}

/// Both sides.
pub(crate) struct World {
    pub(crate) asking: Gateway,
    pub(crate) answering: Gateway,
    pub(crate) service: Service,
}

impl World {
    /// Both gateways over the broker at `url`.
    pub(crate) async fn over(url: &str) -> Self {
        let service = Service::start().await;
        let answering = Self::answering(url, &service).start().await;
        let asking = Self::asking(url).start().await;
        Self { asking, answering, service }
    }

    pub(crate) fn asking(url: &str) -> Setup {
        Setup::new(ASKING).broker(url).gateway("name = \"edge\"")
    }

    pub(crate) fn answering(url: &str, service: &Service) -> Setup {
        Setup::new(ANSWERING).broker(url).gateway("name = \"orders\"").beside(service)
    }
}
