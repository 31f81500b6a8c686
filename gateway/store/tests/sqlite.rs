//! The SQLite store keeps every law.

use sidegate_store::suite::SqliteSubject;
use sidegate_store::{durable_suite, store_suite};

store_suite!(SqliteSubject::new());
durable_suite!(SqliteSubject::new());
