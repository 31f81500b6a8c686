//! Templates: compiled here, so that a place that holds nothing for any request is told when the config loads.

use std::ops::Range;

use sidegate_core::Template;
use sidegate_core::template::{Place, Scope};

use super::Check;
use crate::problem::Problem;
use crate::read::{Given, Text, hint};

/// What a template may refer to where it stands.
#[derive(Debug, Clone, Copy)]
pub(super) enum Places<'a> {
    /// In a route: the request, with these path parameters; `None` when its path cannot be read.
    Route(Option<&'a [String]>),
    /// In a route's `correlation`: the same, but not itself.
    Correlation(Option<&'a [String]>),
    /// In a consumer: the message.
    Consumer,
    /// Nothing: there is neither request nor message.
    Nothing,
}

type Complaint = (String, Option<String>);

impl Check<'_> {
    /// A template that is a whole value.
    pub(super) fn template(&self, given: &Given<Text>, places: Places<'_>) -> Option<Template> {
        if given.value.is_empty() {
            self.cx.report(Problem::error(given.span.clone(), "this cannot be empty"));
            return None;
        }
        self.template_part(given, 0..given.value.len(), places)
    }

    /// A template that is a part of a value.
    pub(super) fn template_part(
        &self,
        given: &Given<Text>,
        part: Range<usize>,
        places: Places<'_>,
    ) -> Option<Template> {
        let text = &given.value[part.clone()];
        let report = |place: Range<usize>, (message, help): Complaint| {
            let span =
                self.cx.part(&given.span, &given.value, part.start + place.start..part.start + place.end);
            self.cx.report(Problem::error(span, message).help(help));
        };
        let scope = if matches!(places, Places::Consumer) { Scope::Consumer } else { Scope::Route };
        let template = match Template::parse(text, scope) {
            Ok(template) => template,
            Err(error) => {
                let complaint = later(&text[error.span.clone()]).unwrap_or((error.message, error.hint));
                report(error.span, complaint);
                return None;
            }
        };
        let complaints: Vec<_> =
            template.places().filter_map(|place| Some((place, complain(place, places)?))).collect();
        let is_fine = complaints.is_empty();
        for (place, complaint) in complaints {
            report(find(text, place), complaint);
        }
        is_fine.then_some(template)
    }
}

/// Places of the parts of the format that this version does not have.
fn later(place: &str) -> Option<Complaint> {
    let inner = place.strip_prefix('{')?.strip_suffix('}')?;
    let is_later = inner.starts_with("input/") || inner.starts_with("steps.") || inner.starts_with("parts.");
    is_later.then(|| (format!("`{place}` is not in this version"), None))
}

/// Where a place stands in its template; header names are compared as they are kept, in lower case.
fn find(text: &str, place: &Place) -> Range<usize> {
    let written = format!("{{{place}}}").to_ascii_lowercase();
    match text.to_ascii_lowercase().find(&written) {
        Some(at) => at..at + written.len(),
        None => 0..text.len(),
    }
}

fn complain(place: &Place, places: Places<'_>) -> Option<Complaint> {
    if let Some(complaint) = malformed(place) {
        return Some(complaint);
    }
    match (place, places) {
        (_, Places::Nothing) => {
            Some((format!("`{{{place}}}` refers to nothing here"), Some("write plain text".to_owned())))
        }
        (Place::Path(_) | Place::Query(_), Places::Consumer) => Some((
            format!("`{{{place}}}` is known in routes only"),
            Some("`{message.path}` is the request's path, with its query".to_owned()),
        )),
        (Place::Path(name), Places::Route(params) | Places::Correlation(params)) => {
            unknown_parameter(name, params?)
        }
        (Place::CorrelationId, Places::Correlation(_)) => Some((
            "`{correlation.id}` refers to itself".to_owned(),
            Some("name where the id stands in the request, as in \"{body/order_id}\"".to_owned()),
        )),
        _ => None,
    }
}

fn malformed(place: &Place) -> Option<Complaint> {
    match place {
        Place::Header(name) if http::HeaderName::from_bytes(name.as_bytes()).is_err() => {
            Some((format!("`{}` is not the name of a header", name.escape_debug()), None))
        }
        Place::Body(pointer) if has_lone_tilde(pointer) => Some((
            format!("`{}` is not a JSON pointer", pointer.escape_debug()),
            Some("in a pointer `~` is written `~0`, and `/` inside a name `~1`".to_owned()),
        )),
        _ => None,
    }
}

/// RFC 6901, section 3: `~` is followed by `0` or `1`.
fn has_lone_tilde(pointer: &str) -> bool {
    pointer.split('~').skip(1).any(|rest| !rest.starts_with(['0', '1']))
}

fn unknown_parameter(name: &str, params: &[String]) -> Option<Complaint> {
    if params.iter().any(|param| param == name) {
        return None;
    }
    let known: Vec<&str> = params.iter().map(String::as_str).collect();
    let help = if known.is_empty() {
        format!("write `{{{name}}}` into the path of `http`")
    } else {
        hint(name, &known, "the path's parameters")
    };
    Some((format!("the path has no parameter `{}`", name.escape_debug()), Some(help)))
}
