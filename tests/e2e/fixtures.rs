//! The configs that most tests start from.

use serde_json::{Value, json};
use sidegate_tests::{Service, Setup};

/// One command, asked by `POST /orders` and carried out by the service's `POST /orders`; with further lines of the
/// route and of the consumer.
pub(crate) fn orders_toml(route: &str, consumer: &str) -> String {
    format!(
        r#"
        [[route]]
        name = "create-order"
        http = "POST /orders"
        send = "orders.create"
        {route}

        [[consumer]]
        name = "create-order"
        receive = "orders.create"
        call = "POST http://service/orders"
        {consumer}
        "#
    )
}

/// A gateway about to be started with [`orders_toml`], and its service.
pub(crate) async fn orders_setup(route: &str, consumer: &str) -> (Setup, Service) {
    let service = Service::start().await;
    (Setup::new(&orders_toml(route, consumer)).beside(&service), service)
}

/// The same, started.
pub(crate) async fn orders(route: &str, consumer: &str) -> (sidegate_tests::Gateway, Service) {
    let (setup, service) = orders_setup(route, consumer).await;
    (setup.start().await, service)
}

/// Three attempts, quickly one after the other.
pub(crate) const QUICK_RETRY: &str =
    r#"retry = { attempts = 3, first = "20ms", factor = 2.0, jitter = 0.0 }"#;

/// Some order.
pub(crate) fn order() -> Value {
    json!({ "order_id": "A-1", "customer_id": "kim", "item": "tea" })
}

/// The same order with another number and customer.
pub(crate) fn order_of(customer: &str, number: usize) -> Value {
    json!({ "order_id": format!("{customer}-{number}"), "customer_id": customer, "number": number })
}
