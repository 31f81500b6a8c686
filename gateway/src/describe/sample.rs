//! A config with one of everything that the two documents can show.

use sidegate_config::Settings;

/// See the TOML below.
pub(crate) fn settings() -> Settings {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("order.schema.json"), SCHEMA).expect("the schema is written");
    let file = folder.path().join("sidegate.toml");
    std::fs::write(&file, CONFIG).expect("the config is written");
    crate::cli::testing::load(&file).settings
}

const SCHEMA: &str = r##"{
    "type": "object",
    "required": ["customer_id", "lines"],
    "properties": { "customer_id": { "type": "string" }, "lines": { "type": "array", "items": { "$ref": "#/$defs/line" } } },
    "$defs": { "line": { "type": "object" } }
}"##;

const CONFIG: &str = r#"
[gateway]
name = "orders"
listen = "127.0.0.1:8080"

[store]
url = "memory:"

[broker.main]
url = "embedded:"

[[route]]
name = "create-order"
http = "POST /orders"
send = "orders.create"
key = "{body/customer_id}"
idempotency = "required"
schema = "order.schema.json"

[[route]]
http = "POST /regions/{region}/orders"
send = "orders.{path.region}.{header.X-Tenant}"
reply = "wait"
hold = "2s"

[[route]]
name = "order-events"
http = "POST /order-events"
publish = "orders.created"

[[route]]
name = "files"
http = "GET /files/{*rest}"
call = "GET http://127.0.0.1:3000/files/{path.rest}?version={query.version}"

[[consumer]]
name = "create-order"
receive = "orders.create"
call = "POST http://127.0.0.1:3000/orders"

[[consumer]]
name = "on-customer"
subscribe = "customers.changed"
call = "POST http://127.0.0.1:3000/customers"
"#;
