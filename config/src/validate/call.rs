//! `"METHOD http://HOST:PORT/path?query"`: scheme, host and port are fixed, path and query are a template.

use std::ops::Range;

use sidegate_core::Template;
use sidegate_core::template::{Place, Scope};

use super::Check;
use super::endpoint::{METHODS, is_path_char};
use super::host::{self, host_and_port};
use super::template::Places;
use crate::problem::Problem;
use crate::read::{Given, Text, closest, list};
use crate::settings::{Authority, Call};

const EXAMPLE: &str = "write it as in \"POST http://127.0.0.1:3000/orders\"";
const MESSAGE_METHOD: &str = "{message.method}";
/// Begins with `/`, and so ends host and port as a `/` does.
const MESSAGE_PATH: &str = "{message.path}";
const UNIX: &str = "http+unix:";

/// What is wrong with a part of the text, and what to write instead.
struct Complaint {
    part: Range<usize>,
    message: String,
    help: Option<String>,
}

impl Complaint {
    fn new(part: Range<usize>, message: impl Into<String>, help: &str) -> Self {
        Self { part, message: message.into(), help: Some(help.to_owned()) }
    }
}

impl Check<'_> {
    pub(super) fn call(&self, given: &Given<Text>, places: Places<'_>) -> Option<Call> {
        match self.split(given, places) {
            Ok((method, authority, path)) => {
                let call = Call { method, authority, path: self.path(given, path, places)? };
                Some(call)
            }
            Err(complaint) => {
                let span = self.cx.part(&given.span, &given.value, complaint.part);
                self.cx.report(Problem::error(span, complaint.message).help(complaint.help));
                None
            }
        }
    }

    /// Method, authority, and where the path begins.
    fn split(
        &self,
        given: &Given<Text>,
        places: Places<'_>,
    ) -> Result<(Template, Authority, usize), Complaint> {
        let text = &*given.value;
        let whole = 0..text.len();
        let Some((method, url)) = text.split_once(' ') else {
            let is_url = text.contains("://");
            let what = if is_url { "the method is missing" } else { "this is not a call" };
            return Err(Complaint::new(whole, what, EXAMPLE));
        };
        let method = parse_method(method, places)?;
        let start = text.len() - url.trim_start().len();
        let (authority, path) = self.parse_url(text, start)?;
        Ok((method, authority, path))
    }

    fn parse_url(&self, text: &str, start: usize) -> Result<(Authority, usize), Complaint> {
        let url = &text[start..];
        if let Some(rest) = url.strip_prefix(UNIX) {
            return self.parse_socket(rest, start + UNIX.len(), text);
        }
        let Some(rest) = url.strip_prefix("http://") else { return Err(wrong_scheme(text, start)) };
        let at = text.len() - rest.len();
        let ends = [rest.find(['/', '?', '#']), rest.find(MESSAGE_PATH)];
        let length = ends.into_iter().flatten().min().unwrap_or(rest.len());
        let authority = parse_authority(&rest[..length])
            .map_err(|(message, help)| Complaint::new(at..at + length.max(1), message, help))?;
        Ok((authority, at + length))
    }

    fn parse_socket(&self, rest: &str, at: usize, text: &str) -> Result<(Authority, usize), Complaint> {
        const HELP: &str = "write the socket's path, a colon and the request's path: \"GET http+unix:/run/app.sock:/health\"";
        let (socket, _) = rest.split_once(':').unwrap_or((rest, ""));
        let complain = |message: &str| Err(Complaint::new(at..text.len(), message, HELP));
        if socket.is_empty() || socket.contains(['{', '}']) {
            return complain("this names no Unix socket");
        }
        let host = self.folder.join(socket);
        match host.to_str().filter(|host| !host.contains(':')) {
            Some(host) => {
                let path = (at + socket.len() + 1).min(text.len());
                Ok((Authority { host: host.into(), port: 0, unix: true }, path))
            }
            None => complain("the path of a Unix socket is UTF-8 without `:`"),
        }
    }

    /// Path and query from byte `start` on.
    fn path(&self, given: &Given<Text>, start: usize, places: Places<'_>) -> Option<Template> {
        let text = &given.value[start..];
        let template = self.template_part(given, start..given.value.len(), places)?;
        let begins_with_path = template.literal_prefix().is_empty()
            && matches!(template.places().next(), Some(Place::MessagePath))
            && text.starts_with('{');
        if !begins_with_path && !text.starts_with('/') {
            return self.rooted(given, start, &template, places);
        }
        match bad_literal(&template) {
            None => Some(template),
            Some((message, help)) => {
                let span = self.cx.part(&given.span, &given.value, start..given.value.len());
                self.cx.report(Problem::error(span, message).help(help.to_owned()));
                None
            }
        }
    }

    /// A call without a path, or with only a query, asks for `/`.
    fn rooted(
        &self,
        given: &Given<Text>,
        start: usize,
        template: &Template,
        places: Places<'_>,
    ) -> Option<Template> {
        let text = template.source();
        if text.is_empty() || text.starts_with('?') {
            let scope = if matches!(places, Places::Consumer) { Scope::Consumer } else { Scope::Route };
            return Template::parse(&format!("/{text}"), scope).ok();
        }
        let span = self.cx.part(&given.span, &given.value, start..given.value.len());
        self.cx.report(Problem::error(span, "the path does not begin with `/`").help(EXAMPLE.to_owned()));
        None
    }
}

fn parse_method(method: &str, places: Places<'_>) -> Result<Template, Complaint> {
    let part = 0..method.len();
    if method == "GRPC" {
        return Err(Complaint::new(part, "gRPC calls are not in this version", "call it over HTTP"));
    }
    let is_known =
        METHODS.contains(&method) || (method == MESSAGE_METHOD && matches!(places, Places::Consumer));
    match Template::parse(method, Scope::Consumer) {
        Ok(template) if is_known => Ok(template),
        _ => {
            let help = closest(method, METHODS)
                .map_or_else(|| format!("methods are {}", list(&METHODS)), did_you_mean);
            Err(Complaint::new(part, format!("`{}` is not a method", method.escape_debug()), &help))
        }
    }
}

fn did_you_mean(word: &str) -> String {
    format!("did you mean `{word}`?")
}

fn wrong_scheme(text: &str, start: usize) -> Complaint {
    let url = &text[start..];
    if url.starts_with("https:") {
        let end = start + "https".len();
        return Complaint::new(
            start..end,
            "https calls are not in this version",
            "call the service over http, beside the gateway",
        );
    }
    if url.starts_with('{') || url.starts_with("http:/{") {
        return Complaint::new(start..text.len(), "scheme, host and port cannot be templates", EXAMPLE);
    }
    Complaint::new(start..text.len().max(start + 1), "this is not an http URL", EXAMPLE)
}

fn parse_authority(text: &str) -> Result<Authority, host::Complaint> {
    if text.contains(['{', '}']) {
        return Err((
            "scheme, host and port cannot be templates",
            "only path and query can: name the host, or take it from a `${VARIABLE}`",
        ));
    }
    if text.contains('@') {
        return Err(("a call carries no user and password", "the service beside the gateway trusts it"));
    }
    let (host, port) = host_and_port(text)?;
    let port = port.unwrap_or(80);
    Ok(Authority { host, port, unix: false })
}

/// What cannot stand in a URL's path and query, in the text between the places.
fn bad_literal(template: &Template) -> Option<(String, &'static str)> {
    let text = without_places(template.source());
    if let Some(char) = text.chars().find(|char| !is_path_char(*char) && !"/?".contains(*char)) {
        let help = match char {
            '#' => "a fragment is never sent",
            _ => "write it percent-encoded: a space is `%20`",
        };
        return Some((format!("`{}` cannot stand in a URL", char.escape_debug()), help));
    }
    let path = text.split('?').next().unwrap_or_default();
    let has_dots = path.split('/').any(|segment| segment == "." || segment == "..");
    has_dots
        .then(|| ("`.` and `..` cannot be segments of a path".to_owned(), "write the path that they lead to"))
}

/// A template's text with `x` in every place. Literal braces stand doubled and cannot stand in a URL anyway.
fn without_places(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(start) = rest.find('{') {
        out.push_str(&rest[..start]);
        if rest[start..].starts_with("{{") {
            out.push('{');
            rest = &rest[start + 2..];
            continue;
        }
        out.push('x');
        rest = rest[start..].find('}').map_or("", |length| &rest[start + length + 1..]);
    }
    out.push_str(rest);
    out
}
