//! `[broker.NAME]`.

use crate::read::{Named, Text, table};

table! {
    /// A connection to a broker.
    struct Broker in "[broker.NAME]" {
        /// `"embedded:"`: in this process, its messages durable in the store.
        url: Text, required;
        /// Options handed to the client library, checked by the adapter; all values are strings.
        client: Named<Text>;
        later create: "destinations are created when they are absent";
        later names: "headers have their default names";
    }
}
