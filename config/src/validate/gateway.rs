//! `[gateway]`: name, places to listen, admin tokens, limits.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use compact_str::CompactString;

use super::{Check, DAY, HOUR};
use crate::problem::Problem;
use crate::raw;
use crate::read::{Duration, Field, Given, Size, Text};
use crate::settings::{Gateway, Limits, Listen, Secret};

const SHORTEST: Duration = Duration::from_ms(10);
/// What one row of the store holds with room to spare.
pub(super) const BODY_MAX: Size = Size(256 << 20);

impl Check<'_> {
    pub(super) fn gateway(&self, raw: &raw::Gateway) -> Option<Gateway> {
        let name = raw.name.given().and_then(|name| self.word(&name.value, &name.value.quoted(), &name.span));
        let listen = self.listen(&raw.listen, "127.0.0.1:8080");
        let admin = self.listen(&raw.admin, "127.0.0.1:8081");
        self.told_apart(raw, &listen, &admin);
        let drain = self.within(&raw.drain, Duration::from_secs(0)..=HOUR);
        let lease = self.within(&raw.lease, Duration::from_secs(1)..=Duration::from_secs(600));
        let admin_tokens = self.admin_tokens(raw);
        let limits = self.limits(raw.limits.value().unwrap_or(&raw::Limits::default()));
        Some(Gateway {
            name: name?,
            listen: listen?,
            admin: admin?,
            drain: drain?.0,
            lease: lease?.0,
            admin_tokens,
            limits: limits?,
        })
    }

    fn listen(&self, field: &Field<Text>, example: &str) -> Option<Listen> {
        let text = field.value()?;
        let listen = match text.strip_prefix("unix:") {
            Some("") => None,
            Some(path) => Some(Listen::Unix(self.folder.join(path))),
            None => text.parse::<SocketAddr>().ok().map(Listen::Tcp),
        };
        if let (None, Some(given)) = (&listen, field.given()) {
            let message = format!("{} is no place to listen", text.quoted());
            self.cx.report(Problem::error(given.span.clone(), message).help(address_hint(text, example)));
        }
        listen
    }

    fn told_apart(&self, raw: &raw::Gateway, listen: &Option<Listen>, admin: &Option<Listen>) {
        let chosen_by_system = matches!(listen, Some(Listen::Tcp(address)) if address.port() == 0);
        if listen.is_none() || listen != admin || chosen_by_system {
            return;
        }
        let (one, other) = match (raw.admin.given(), raw.listen.given()) {
            (Some(admin), other) => (admin, other),
            (None, Some(listen)) => (listen, None),
            (None, None) => return,
        };
        let problem =
            Problem::error(one.span.clone(), "data plane and admin plane cannot listen at the same place")
                .help("give each its own port".to_owned());
        self.cx.report(match other {
            Some(other) => problem.also(other.span.clone(), "the data plane"),
            None => problem,
        });
    }

    fn admin_tokens(&self, raw: &raw::Gateway) -> BTreeMap<CompactString, Secret> {
        let tokens = raw.admin_tokens.value().map(|tokens| tokens.0.as_slice()).unwrap_or_default();
        for (name, token) in tokens.iter().filter(|(_, token)| token.get_ref().trim().is_empty()) {
            let message = format!("the admin token of `{}` is empty", name.get_ref().escape_debug());
            self.cx.report(Problem::error(token.span(), message).help("set it, or leave it out".to_owned()));
        }
        tokens
            .iter()
            .map(|(name, token)| (name.get_ref().into(), Secret::new(token.get_ref().to_string())))
            .collect()
    }

    fn limits(&self, raw: &raw::Limits) -> Option<Limits> {
        let body = self.within(&raw.body, Size(1)..=BODY_MAX);
        let head = self.within(&raw.head, Size(8 << 10)..=Size(1 << 20));
        let headers = self.count(&raw.headers, 1_000);
        let [connections, held, streams] =
            [&raw.connections, &raw.held, &raw.streams].map(|field| self.count(field, 1_000_000));
        let [first_byte, header, body_idle] =
            [&raw.first_byte, &raw.header, &raw.body_idle].map(|field| self.within(field, SHORTEST..=HOUR));
        let [body_total, idle] = [&raw.body_total, &raw.idle].map(|field| self.within(field, SHORTEST..=DAY));
        let calls = self.count(&raw.calls, 65_536);
        let wait = self.within(&raw.wait, Duration::from_secs(1)..=HOUR);
        Some(Limits {
            body_bytes_max: body?.0,
            head_bytes_max: head?.0,
            headers_max: headers?,
            connections_max: connections?,
            held_max: held?,
            streams_max: streams?,
            first_byte_timeout: first_byte?.0,
            header_timeout: header?.0,
            body_idle_timeout: body_idle?.0,
            body_total_timeout: body_total?.0,
            idle_timeout: idle?.0,
            calls_max: calls?,
            wait_max: wait?.0,
        })
    }

    /// The admin plane beyond this machine, with nobody asked who they are.
    pub(super) fn advise_gateway(&self, raw: &raw::Gateway, gateway: &Gateway) {
        let warn = |given: Option<&Given<Text>>, message: &str, help: &str| {
            let span = given.map_or(0..0, |given| given.span.clone());
            self.cx.report(Problem::warning(span, message).help(help.to_owned()));
        };
        if !gateway.listen.is_local() {
            let help = "listen on 127.0.0.1 or a Unix socket behind a proxy that checks who asks";
            warn(raw.listen.given(), "whoever can connect to this address is trusted", help);
        }
        if !gateway.admin.is_local() && gateway.admin_tokens.is_empty() {
            let help = "set `admin_tokens = { ops = \"${OPS_TOKEN}\" }` in [gateway], or listen on 127.0.0.1";
            warn(
                raw.admin.given(),
                "whoever can connect to the admin plane can cancel operations and read them",
                help,
            );
        }
        self.advise_tokens(raw);
    }

    fn advise_tokens(&self, raw: &raw::Gateway) {
        const TOKEN_BYTES_MIN: usize = 16;
        let tokens = raw.admin_tokens.value().map(|tokens| tokens.0.as_slice()).unwrap_or_default();
        for (name, token) in tokens.iter().filter(|(_, token)| token.get_ref().len() < TOKEN_BYTES_MIN) {
            let message = format!(
                "the admin token of `{}` is short enough to be guessed",
                name.get_ref().escape_debug()
            );
            let help = format!("use at least {TOKEN_BYTES_MIN} random characters");
            self.cx.report(Problem::warning(token.span(), message).help(help));
        }
    }
}

fn address_hint(text: &str, example: &str) -> String {
    match text.rsplit_once(':') {
        Some(("", port)) => {
            format!("name the address too: \"127.0.0.1:{port}\", or \"0.0.0.0:{port}\" for all")
        }
        Some(("localhost", port)) => format!("write an address instead of a name: \"127.0.0.1:{port}\""),
        _ => format!("write an IP address and a port, as in \"{example}\", or \"unix:PATH\""),
    }
}
