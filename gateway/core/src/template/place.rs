//! What a template can refer to.

use std::fmt;

use compact_str::CompactString;

/// One `{…}` of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// `{path.NAME}`: a parameter of the route's path.
    Path(CompactString),
    /// `{query.NAME}`: the first query parameter of that name.
    Query(CompactString),
    /// `{header.NAME}`: the first header of that name, in lower case.
    Header(CompactString),
    /// `{body/json/pointer}`: RFC 6901, with its leading slash; empty for the whole body.
    Body(CompactString),
    /// `{operation.id}`.
    OperationId,
    /// `{correlation.id}`: the business's id.
    CorrelationId,
    /// `{message.method}`: consumers only.
    MessageMethod,
    /// `{message.path}`: with the query; goes into a URL as it is; consumers only.
    MessagePath,
    /// `{message.destination}`: consumers only.
    MessageDestination,
    /// `{message.key}`: consumers only.
    MessageKey,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(name) => write!(f, "path.{name}"),
            Self::Query(name) => write!(f, "query.{name}"),
            Self::Header(name) => write!(f, "header.{name}"),
            Self::Body(pointer) => write!(f, "body{pointer}"),
            Self::OperationId => f.write_str("operation.id"),
            Self::CorrelationId => f.write_str("correlation.id"),
            Self::MessageMethod => f.write_str("message.method"),
            Self::MessagePath => f.write_str("message.path"),
            Self::MessageDestination => f.write_str("message.destination"),
            Self::MessageKey => f.write_str("message.key"),
        }
    }
}
