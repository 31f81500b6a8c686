//! What message headers are called on the wire.

use std::collections::BTreeMap;

use compact_str::CompactString;

/// `[broker.NAME.names]`: headers that somebody else's programs call otherwise. The default renames nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    wire: BTreeMap<CompactString, CompactString>,
    ours: BTreeMap<CompactString, CompactString>,
}

impl Names {
    /// From our name of a header (`correlation-id`) to the wire's (`kafka_correlationId`).
    #[must_use]
    pub fn new(renamed: impl IntoIterator<Item = (CompactString, CompactString)>) -> Self {
        let wire: BTreeMap<_, _> = renamed.into_iter().collect();
        let ours = wire.iter().map(|(ours, wire)| (wire.clone(), ours.clone())).collect();
        Self { wire, ours }
    }

    /// What our header `name` is called on the wire.
    #[must_use]
    pub fn wire<'a>(&'a self, name: &'a str) -> &'a str {
        self.wire.get(name).map_or(name, CompactString::as_str)
    }

    /// What the wire's header `name` is called here.
    #[must_use]
    pub fn ours<'a>(&'a self, name: &'a str) -> &'a str {
        self.ours.get(name).map_or(name, CompactString::as_str)
    }

    /// Whether `name`, one of ours, has another name on the wire.
    #[must_use]
    pub fn renames(&self, name: &str) -> bool {
        self.wire.contains_key(name)
    }
}

#[cfg(test)]
mod tests {
    use super::Names;

    #[test]
    fn a_renamed_header_is_found_both_ways_and_the_others_keep_their_names() {
        let names = Names::new([("correlation-id".into(), "kafka_correlationId".into())]);
        assert_eq!(names.wire("correlation-id"), "kafka_correlationId", "what goes out");
        assert_eq!(names.ours("kafka_correlationId"), "correlation-id", "what comes in");
        assert_eq!(names.wire("reply-to"), "reply-to", "nobody renamed it");
        assert!(names.renames("correlation-id") && !names.renames("reply-to"));
    }
}
