//! What the templates of a route find in a request.

use std::borrow::Cow;

use http::{HeaderMap, Uri};
use percent_encoding::percent_decode_str;
use sidegate_core::OperationId;
use sidegate_core::template::{Place, RenderError, Values};

use crate::json::LazyBody;
use crate::route::Params;

/// A request, as templates see it.
pub(super) struct RequestValues<'a> {
    /// Path parameters.
    pub(super) params: &'a Params,
    /// The name of the route's `{*rest}` parameter.
    pub(super) rest: Option<&'a str>,
    /// Path and query.
    pub(super) uri: &'a Uri,
    /// Headers.
    pub(super) headers: &'a HeaderMap,
    /// The body.
    pub(super) body: LazyBody<'a>,
    /// The id that the operation has or will have; `None` where there is no record.
    pub(super) operation: Option<OperationId>,
    /// The business's own name of the operation, where it is known already.
    pub(super) correlation: Option<&'a str>,
}

impl Values for RequestValues<'_> {
    fn value(&self, place: &Place) -> Result<Option<Cow<'_, str>>, RenderError> {
        Ok(match place {
            Place::Path(name) if self.is_rest(name) => self.params.raw(name).map(Cow::Borrowed),
            Place::Path(name) => self.params.decoded(name),
            Place::Query(name) => query(self.uri, name),
            Place::Header(name) => {
                self.headers.get(name.as_str()).and_then(|v| v.to_str().ok()).map(Cow::Borrowed)
            }
            Place::Body(pointer) => self.body.text(pointer)?,
            Place::OperationId => self.operation.map(|id| id.to_string().into()),
            Place::CorrelationId => match self.correlation {
                Some(id) => Some(Cow::Borrowed(id)),
                None => self.operation.map(|id| id.to_string().into()),
            },
            Place::MessageMethod | Place::MessagePath | Place::MessageDestination | Place::MessageKey => None,
        })
    }

    fn is_rest(&self, name: &str) -> bool {
        self.rest == Some(name)
    }
}

/// The first query parameter of a name, decoded as forms write it: `+` is a space.
fn query<'a>(uri: &'a Uri, name: &str) -> Option<Cow<'a, str>> {
    let pairs = uri.query()?.split('&');
    let value = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).find_map(|(n, value)| {
        let matches = n == name || percent_decode_str(n).decode_utf8().is_ok_and(|n| n == name);
        matches.then_some(value)
    })?;
    if value.contains(['%', '+']) {
        let spaced = value.replace('+', " ");
        return Some(percent_decode_str(&spaced).decode_utf8_lossy().into_owned().into());
    }
    Some(value.into())
}
