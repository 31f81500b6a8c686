//! What the URL of a broker says. Nothing of it is ever quoted in a message: it may hold a password.

use std::ops::Range;

use super::host::host_and_port;
use crate::read::closest;
use crate::settings::{BrokerUrl, Remote, Secret};

pub(super) const EMBEDDED: &str = "embedded:";

/// What is wrong with a URL, and which of its bytes.
pub(super) struct Fault {
    pub(super) part: Range<usize>,
    pub(super) message: String,
    pub(super) help: String,
}

/// One kind of broker between processes.
struct Kind {
    name: &'static str,
    /// Each with whether it means TLS.
    schemes: &'static [(&'static str, bool)],
    example: &'static str,
    several_hosts: bool,
    /// What the path means, where it means something.
    path: Option<&'static str>,
    make: fn(Remote) -> BrokerUrl,
}

const KINDS: [Kind; 4] = [
    Kind {
        name: "NATS",
        schemes: &[("nats", false), ("tls", true), ("nats+tls", true)],
        example: "nats://127.0.0.1:4222",
        several_hosts: true,
        path: None,
        make: BrokerUrl::Nats,
    },
    Kind {
        name: "RabbitMQ",
        schemes: &[("amqp", false), ("amqps", true), ("amqp+tls", true)],
        example: "amqp://127.0.0.1:5672",
        several_hosts: true,
        path: Some("a virtual host"),
        make: BrokerUrl::RabbitMq,
    },
    Kind {
        name: "Kafka",
        schemes: &[("kafka", false), ("kafka+tls", true)],
        example: "kafka://127.0.0.1:9092",
        several_hosts: true,
        path: None,
        make: BrokerUrl::Kafka,
    },
    Kind {
        name: "Redis",
        schemes: &[("redis", false), ("rediss", true), ("redis+tls", true)],
        example: "redis://127.0.0.1:6379",
        several_hosts: false,
        path: Some("the number of a database"),
        make: BrokerUrl::Redis,
    },
];

/// Reads a URL.
pub(super) fn parse(text: &str) -> Result<BrokerUrl, Fault> {
    if text == EMBEDDED {
        return Ok(BrokerUrl::Embedded);
    }
    let scheme = text.split(':').next().unwrap_or_default();
    for kind in &KINDS {
        if let Some((_, tls)) = kind.schemes.iter().find(|(known, _)| *known == scheme) {
            return Parts::of(text, scheme, kind)?.check(kind).map(|parts| (kind.make)(parts.remote(*tls)));
        }
    }
    Err(unknown(text, scheme))
}

fn unknown(text: &str, scheme: &str) -> Fault {
    let known = KINDS.iter().flat_map(|kind| kind.schemes).map(|(scheme, _)| *scheme);
    let help = match closest(scheme, known.chain(["embedded"])) {
        Some("embedded") => "did you mean \"embedded:\"?".to_owned(),
        Some(known) => format!("did you mean \"{known}://…\"?"),
        None => {
            let examples: Vec<_> = KINDS.iter().map(|kind| format!("{:?}", kind.example)).collect();
            format!("write \"embedded:\", a broker in this process, or as in {}", examples.join(", "))
        }
    };
    Fault { part: 0..text.len(), message: "this is not a broker".to_owned(), help }
}

/// A URL taken apart: `SCHEME://USER_INFO@HOSTS/PATH`.
struct Parts<'t> {
    text: &'t str,
    scheme: &'t str,
    user_info: Option<&'t str>,
    hosts: &'t str,
    /// From the first `/`, `?` or `#` behind the hosts.
    tail: &'t str,
}

impl<'t> Parts<'t> {
    fn of(text: &'t str, scheme: &'t str, kind: &Kind) -> Result<Self, Fault> {
        let whole = |message: &str| kind.fault(0..text.len(), message.to_owned());
        if text.contains(|char: char| char.is_whitespace() || char.is_control()) {
            return Err(whole("a URL holds no spaces"));
        }
        let rest = text[scheme.len()..].strip_prefix("://");
        let rest = rest.ok_or_else(|| whole("`//` and a host are missing behind the scheme"))?;
        if rest.contains(&format!(",{scheme}://")) {
            return Err(whole("the scheme stands once, before the first host"));
        }
        let (authority, tail) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let (user_info, hosts) = match authority.rsplit_once('@') {
            Some((user_info, hosts)) => (Some(user_info), hosts),
            None => (None, authority),
        };
        Ok(Self { text, scheme, user_info, hosts, tail })
    }

    fn check(self, kind: &Kind) -> Result<Self, Fault> {
        self.check_user_info()?;
        self.check_hosts(kind)?;
        self.check_tail(kind)?;
        Ok(self)
    }

    /// A password with a `/` or `@` in it would be taken for a host.
    fn check_user_info(&self) -> Result<(), Fault> {
        let user_info = self.user_info.unwrap_or_default();
        if user_info.contains(['@', ',']) || self.tail.contains('@') || !is_percent_encoded(user_info) {
            return Err(Fault {
                part: 0..self.text.len(),
                message: "the user or password has characters that mean something else in a URL".to_owned(),
                help: "write `%40` for `@`, `%2F` for `/`, `%3F` for `?`, `%23` for `#`, `%2C` for `,` and `%25` for `%`"
                    .to_owned(),
            });
        }
        Ok(())
    }

    fn check_hosts(&self, kind: &Kind) -> Result<(), Fault> {
        let mut at = self.text.len() - self.tail.len() - self.hosts.len();
        if self.hosts.contains(',') && !kind.several_hosts {
            let message = format!("{} takes one host", kind.name);
            return Err(kind.fault(at..at + self.hosts.len(), message));
        }
        for host in self.hosts.split(',') {
            host_and_port(host).map_err(|(message, help)| {
                // An empty part has no byte of its own to point at.
                let part = if host.is_empty() { 0..self.text.len() } else { at..at + host.len() };
                Fault { part, message: message.to_owned(), help: help.to_owned() }
            })?;
            at += host.len() + 1;
        }
        Ok(())
    }

    fn check_tail(&self, kind: &Kind) -> Result<(), Fault> {
        let part = self.text.len() - self.tail.len()..self.text.len();
        if self.tail.contains(['?', '#']) {
            let fault = kind.fault(part, "options do not stand in the URL".to_owned());
            return Err(Fault { help: "write them in `client`".to_owned(), ..fault });
        }
        let path = self.tail.strip_prefix('/').unwrap_or_default();
        match kind.path {
            None if !path.is_empty() => Err(kind.fault(part, format!("{} knows no path", kind.name))),
            Some(meaning) if path.contains('/') => {
                Err(kind.fault(part, format!("the path is {meaning}, and that is one segment")))
            }
            _ => Ok(()),
        }
    }

    fn remote(&self, tls: bool) -> Remote {
        let user_info = self.user_info.map(|user_info| format!("{}@", without_password(user_info)));
        let shown = format!("{}://{}{}{}", self.scheme, user_info.unwrap_or_default(), self.hosts, self.tail);
        Remote::new(Secret::new(self.text.to_owned()), shown, self.hosts.into(), tls)
    }
}

impl Kind {
    fn fault(&self, part: Range<usize>, message: String) -> Fault {
        let several = if self.several_hosts { ", several hosts separated by commas" } else { "" };
        let path = self.path.map(|meaning| format!(", with {meaning} behind a `/`")).unwrap_or_default();
        Fault { part, message, help: format!("write it as in {:?}{several}{path}", self.example) }
    }
}

/// A single word may be a token.
fn without_password(user_info: &str) -> String {
    match user_info.split_once(':') {
        Some((user, _)) => format!("{user}:***"),
        None => "***".to_owned(),
    }
}

/// Whether every `%` begins an escape.
fn is_percent_encoded(text: &str) -> bool {
    text.split('%')
        .skip(1)
        .all(|rest| rest.len() >= 2 && rest.as_bytes()[..2].iter().all(u8::is_ascii_hexdigit))
}

#[cfg(test)]
mod tests {
    use super::parse;
    use crate::settings::BrokerUrl;

    fn shown(url: &str) -> String {
        parse(url).unwrap_or_else(|fault| panic!("{url}: {}", fault.message)).to_string()
    }

    #[test]
    fn every_form_of_every_kind_is_read() {
        type IsKind = fn(&BrokerUrl) -> bool;
        let expected: [(&str, IsKind); 5] = [
            ("embedded:", |url| matches!(url, BrokerUrl::Embedded)),
            ("nats://a tls://a nats+tls://a nats://a:1,b:2", |url| matches!(url, BrokerUrl::Nats(_))),
            ("amqp://a amqps://a:1 amqp+tls://a/v amqp://a/%2f", |url| matches!(url, BrokerUrl::RabbitMq(_))),
            ("kafka://a:1,b:2 kafka+tls://[::1]:9", |url| matches!(url, BrokerUrl::Kafka(_))),
            ("redis://a/0 rediss://:p@a redis+tls://[::1]", |url| matches!(url, BrokerUrl::Redis(_))),
        ];
        for (urls, is_kind) in expected {
            for url in urls.split(' ') {
                assert!(parse(url).is_ok_and(|parsed| is_kind(&parsed)), "{url}");
            }
        }
    }

    #[test]
    fn a_password_or_token_is_handed_on_and_never_shown() {
        assert_eq!(shown("amqps://shop:hunter2@mq:5671/orders"), "amqps://shop:***@mq:5671/orders");
        assert_eq!(shown("nats://hunter2@n1,n2"), "nats://***@n1,n2", "a single word is a token");
        assert_eq!(shown("redis://:hunter2@r/1"), "redis://:***@r/1");
        let Ok(url) = parse("tls://u:hunter2@n1:4222,n2") else { panic!("a NATS URL") };
        assert_eq!(url.expose(), "tls://u:hunter2@n1:4222,n2", "the adapter gets all of it");
        let BrokerUrl::Nats(remote) = url else { panic!("`tls` is NATS") };
        assert_eq!((remote.hosts(), remote.is_tls()), ("n1:4222,n2", true));
        assert!(!format!("{remote:?}").contains("hunter2"), "logs do not");
    }

    #[test]
    fn what_is_wrong_is_told_without_a_word_of_the_url() {
        for url in [
            "nats:hunter2",
            "nats://",
            "nats://hunter2:x",
            "nats://a,,b",
            "nats://u:hunt/er2@a",
            "nats://u:hunt@er2@a",
            "nats://u:hunter,2@a",
            "nats://u:hunter2%@a",
            "nats://a/hunter2",
            "nats://a?p=hunter2",
            "redis://a,b",
            "amqp://a/b/c",
            "kafka://a:0",
            "nats://a,nats://b",
            "kafka://a:65536",
            "kafka://a:+1",
            "redis://[::1",
            "redis://[hunter2]",
            "redis://[::1]6379",
            "redis://::1:6379",
            "redis://h ost",
            "amqp://ho$t",
            "hunter2://",
        ] {
            let Err(fault) = parse(url) else { panic!("{url} is no broker") };
            let told = format!("{}{}", fault.message, fault.help);
            assert!(!told.contains("hunter2"), "{url} is told as {told}");
            assert!(
                url.get(fault.part.clone()).is_some_and(|part| !part.is_empty()),
                "{url}: {:?}",
                fault.part
            );
        }
    }
}
