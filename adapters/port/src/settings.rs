//! What an adapter is told of one broker: the same for every broker between processes.

use std::collections::BTreeMap;
use std::fmt;

use compact_str::CompactString;

use crate::Names;

/// Where a broker is, who connects to it, and how.
#[derive(Clone)]
pub struct Settings {
    /// As written; may hold a password. Its schemes, and whether it may name several hosts, are the adapter's.
    pub url: String,
    /// The service on whose behalf: `[gateway] name`.
    pub gateway: CompactString,
    /// Which of its replicas: the same after a restart, different from every other.
    pub replica: CompactString,
    /// Whether queues, streams and topics are made where they are absent.
    pub create: bool,
    /// Headers that other programs call otherwise.
    pub names: Names,
    /// Everything else, each option by its name; checked by the adapter. Values may be secrets.
    pub options: BTreeMap<String, String>,
}

/// The URL and the options' values may hold credentials: neither is shown.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let options: Vec<&String> = self.options.keys().collect();
        f.debug_struct("Settings")
            .field("gateway", &self.gateway)
            .field("replica", &self.replica)
            .field("create", &self.create)
            .field("names", &self.names)
            .field("options", &options)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::{Names, Settings};

    #[test]
    fn what_may_be_a_secret_is_not_shown() {
        let settings = Settings {
            url: "nats://shop:hunter2@host".to_owned(),
            gateway: "shop".into(),
            replica: "a".into(),
            create: true,
            names: Names::default(),
            options: [("password".to_owned(), "hunter2".to_owned())].into(),
        };
        let shown = format!("{settings:?}");
        assert!(!shown.contains("hunter2"), "neither by the URL nor by an option: {shown}");
        assert!(shown.contains("shop") && shown.contains("password"), "the rest is: {shown}");
    }
}
