//! From a [`Template`] and what a request holds to text, plain or as part of a URL.

use std::borrow::Cow;
use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{Piece, Place, Template};

/// RFC 3986 unreserved characters stay; everything else, `/` too, is encoded.
const URL_VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What the places of a template hold for one request or message.
pub trait Values {
    /// The text at `place`: a JSON string without its quotes, any other JSON value as it is written.
    ///
    /// `Ok(None)` when there is nothing there.
    ///
    /// # Errors
    /// [`RenderError::InvalidJson`] when the body is read and is not JSON.
    fn value(&self, place: &Place) -> Result<Option<Cow<'_, str>>, RenderError>;

    /// Whether a path parameter is the route's `{*rest}`, which goes into a URL as it is.
    fn is_rest(&self, name: &str) -> bool {
        let _ = name;
        false
    }
}

/// Why a template could not be rendered for this request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RenderError {
    /// A template reads the body, and the body is not JSON.
    InvalidJson(String),
    /// The template needs a value, and the request has none at this place.
    Missing(Place),
    /// A value would make `.` or `..` a segment of the URL's path.
    DotSegment,
    /// The result is longer than anything a URL or key may be.
    TooLong,
}

/// No rendered key, correlation id or URL is longer.
const RENDERED_BYTES_MAX: usize = 16 * 1024;

impl Template {
    /// Renders as plain text; a place that holds nothing is empty.
    ///
    /// # Errors
    /// The body is needed and not JSON, or the result is too long.
    pub fn render(&self, values: &dyn Values) -> Result<String, RenderError> {
        self.render_with(values, |out, _, value| out.push_str(value))
    }

    /// Renders where every place must hold something: a key, a correlation id.
    ///
    /// # Errors
    /// As [`Template::render`], and [`RenderError::Missing`].
    pub fn render_required(&self, values: &dyn Values) -> Result<String, RenderError> {
        for place in self.places() {
            if values.value(place)?.is_none_or(|value| value.is_empty()) {
                return Err(RenderError::Missing(place.clone()));
            }
        }
        self.render(values)
    }

    /// Renders a URL's path and query: what a place holds is percent-encoded, `/` too, except `{message.path}`
    /// and a `{*rest}` parameter, which go in as they are.
    ///
    /// # Errors
    /// As [`Template::render`], and [`RenderError::DotSegment`].
    pub fn render_url(&self, values: &dyn Values) -> Result<String, RenderError> {
        let rendered = self.render_with(values, |out, place, value| match place {
            Place::MessagePath => out.push_str(value),
            Place::Path(name) if values.is_rest(name) => out.push_str(value),
            _ => out.extend(utf8_percent_encode(value, URL_VALUE)),
        })?;
        if has_dot_segment(&rendered) { Err(RenderError::DotSegment) } else { Ok(rendered) }
    }

    fn render_with(
        &self,
        values: &dyn Values,
        mut push: impl FnMut(&mut String, &Place, &str),
    ) -> Result<String, RenderError> {
        let mut out = String::with_capacity(self.source.len() + 32);
        for piece in &self.parts {
            match piece {
                Piece::Literal(text) => out.push_str(text),
                Piece::Place(place) => {
                    if let Some(value) = values.value(place)? {
                        push(&mut out, place, &value);
                    }
                }
            }
            if out.len() > RENDERED_BYTES_MAX {
                return Err(RenderError::TooLong);
            }
        }
        Ok(out)
    }
}

/// RFC 3986, section 5.2.4, with the percent-encoded spellings that servers decode before they resolve.
fn has_dot_segment(url: &str) -> bool {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    path.split('/').any(|segment| {
        let plain = segment.replace("%2e", ".").replace("%2E", ".");
        plain == "." || plain == ".."
    })
}

impl fmt::Display for RenderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidJson(why) => write!(f, "the body is not JSON: {why}"),
            Self::Missing(place) => write!(f, "the request has no value at `{{{place}}}`"),
            Self::DotSegment => f.write_str("a value would make `.` or `..` a segment of the path"),
            Self::TooLong => write!(f, "the rendered value is longer than {RENDERED_BYTES_MAX} bytes"),
        }
    }
}

impl std::error::Error for RenderError {}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::{RenderError, Values};
    use crate::template::{Place, Scope, Template};

    struct Request;

    impl Values for Request {
        fn value(&self, place: &Place) -> Result<Option<Cow<'_, str>>, RenderError> {
            Ok(match place {
                Place::Path(name) if name == "id" => Some("a/b c".into()),
                Place::Path(name) if name == "rest" => Some("x/y".into()),
                Place::Path(name) if name == "up" => Some("..".into()),
                Place::Body(pointer) if pointer == "/order" => Some("42".into()),
                _ => None,
            })
        }
        fn is_rest(&self, name: &str) -> bool {
            name == "rest"
        }
    }

    fn template(source: &str) -> Template {
        Template::parse(source, Scope::Route).expect("a valid template")
    }

    #[test]
    fn literal_braces_are_written_twice() {
        assert_eq!(template("{{{body/order}}}").render(&Request).as_deref(), Ok("{42}"));
    }

    #[test]
    fn a_place_that_holds_nothing_is_empty_but_missing_where_it_is_required() {
        let key = template("k-{query.none}");
        assert_eq!(key.render(&Request).as_deref(), Ok("k-"));
        assert!(matches!(key.render_required(&Request), Err(RenderError::Missing(_))));
    }

    #[test]
    fn values_cannot_break_out_of_their_path_segment() {
        assert_eq!(template("/o/{path.id}").render_url(&Request).as_deref(), Ok("/o/a%2Fb%20c"));
        assert_eq!(template("/o/{path.rest}").render_url(&Request).as_deref(), Ok("/o/x/y"));
        assert_eq!(template("/o/{path.up}/x").render_url(&Request), Err(RenderError::DotSegment));
    }

    #[test]
    fn errors_point_at_the_place_and_say_what_is_right() {
        let error = Template::parse("a{body.order.id}", Scope::Route).expect_err("dots are not a pointer");
        assert_eq!(error.span, 1..16);
        assert_eq!(error.hint.as_deref(), Some("did you mean `{body/order/id}`?"));
        assert!(Template::parse("{path.id", Scope::Route).is_err(), "an open brace is an error");
        assert!(Template::parse("{message.key}", Scope::Route).is_err(), "messages are for consumers");
    }
}
