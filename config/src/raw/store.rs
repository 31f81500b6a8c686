//! `[store]`.

use crate::read::{Text, table};

table! {
    /// Where operations are kept.
    struct Store in "[store]" {
        /// `"sqlite:PATH"`, found from the config's folder, or `"memory:"`, where nothing survives the process.
        url: Text = Text::from("sqlite:sidegate.db");
        /// Operations accepted and not yet at the broker; beyond it 503 with `Retry-After`. 1 to 1,000,000,000.
        pending: u64 = 100_000;
    }
}
