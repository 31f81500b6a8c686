//! `amqp://user:password@host:port/vhost`, with `amqps` or `amqp+tls` for TLS and `host:port,host:port` for the nodes of
//! a cluster. Parameters belong to the broker's options, where they have names that say their unit.

use percent_encoding::percent_decode_str;
use sidegate_broker::BrokerError;

use crate::error;
use crate::secret::Secret;

const PORT: u16 = 5672;
const PORT_TLS: u16 = 5671;

/// Where the broker is, and what the URL says about who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Url {
    pub(crate) is_tls: bool,
    pub(crate) nodes: Vec<Node>,
    pub(crate) vhost: String,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<Secret>,
}

/// One node of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    /// Name or address; an IPv6 address without its brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Url {
    pub(crate) fn parse(text: &str) -> Result<Self, BrokerError> {
        let (scheme, rest) = text.split_once("://").ok_or_else(|| wrong("it has no scheme"))?;
        let is_tls = match scheme {
            "amqp" => false,
            "amqps" | "amqp+tls" => true,
            _ => return Err(wrong("its scheme must be amqp, amqps or amqp+tls")),
        };
        if rest.contains(['?', '#']) {
            return Err(wrong("it has parameters: write them as options (heartbeat_s, sasl_mechanism, …)"));
        }
        let (authority, vhost) = rest.split_once('/').unwrap_or((rest, ""));
        let (login, nodes) = authority.rsplit_once('@').map_or((None, authority), |(l, n)| (Some(l), n));
        let (user, password) = login.map_or(Ok((None, None)), parse_login)?;
        let port = if is_tls { PORT_TLS } else { PORT };
        let nodes = nodes.split(',').map(|node| Node::parse(node, port)).collect::<Result<_, _>>()?;
        Ok(Self { is_tls, nodes, vhost: parse_vhost(vhost)?, user, password })
    }

    /// For errors and logs: without user and password.
    pub(crate) fn shown(&self) -> String {
        let nodes: Vec<String> = self.nodes.iter().map(Node::shown).collect();
        let scheme = if self.is_tls { "amqps" } else { "amqp" };
        let vhost = if self.vhost == "/" { "" } else { self.vhost.as_str() };
        format!("{scheme}://{}/{vhost}", nodes.join(","))
    }
}

impl Node {
    fn parse(text: &str, port: u16) -> Result<Self, BrokerError> {
        let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, "")) => (host, port),
            Some((host, rest)) => (host, parse_port(rest.strip_prefix(':').unwrap_or_default())?),
            None => match text.rsplit_once(':') {
                Some((host, port)) => (host, parse_port(port)?),
                None => (text, port),
            },
        };
        if host.is_empty() {
            return Err(wrong("a host is missing"));
        }
        Ok(Self { host: decode(host)?, port })
    }

    fn shown(&self) -> String {
        let Self { host, port } = self;
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }
}

fn parse_login(text: &str) -> Result<(Option<String>, Option<Secret>), BrokerError> {
    let (user, password) = text.split_once(':').map_or((text, None), |(user, word)| (user, Some(word)));
    let user = Some(decode(user)?).filter(|user| !user.is_empty());
    Ok((user, password.map(decode).transpose()?.map(Secret::new)))
}

fn parse_port(text: &str) -> Result<u16, BrokerError> {
    text.parse().ok().filter(|port| *port > 0).ok_or_else(|| wrong("a port is not a number from 1 to 65535"))
}

/// Both `amqp://host` and `amqp://host/` are the default virtual host: nobody means the one with the empty name.
fn parse_vhost(text: &str) -> Result<String, BrokerError> {
    const VHOST_BYTES_MAX: usize = 255;
    let vhost = if text.is_empty() { "/".to_owned() } else { decode(text)? };
    if vhost.len() > VHOST_BYTES_MAX {
        return Err(wrong("its virtual host has more than 255 bytes"));
    }
    Ok(vhost)
}

fn decode(text: &str) -> Result<String, BrokerError> {
    let decoded = percent_decode_str(text).decode_utf8();
    decoded
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| wrong("it has percent-encoded bytes that are not UTF-8"))
}

/// Never shows the URL: a broken one may have its password anywhere.
fn wrong(why: &str) -> BrokerError {
    error::setting(format!(
        "the rabbitmq url cannot be used, {why}; it looks like amqp://user:password@host:5672/vhost"
    ))
}

#[cfg(test)]
mod tests {
    use super::{Node, Url};

    fn node(host: &str, port: u16) -> Node {
        Node { host: host.to_owned(), port }
    }

    #[test]
    fn every_part_of_a_url_is_read() {
        let url = Url::parse("amqp://a%40b:p%3Aw@one:1,[::1]:2,three/my%2Fhost").expect("a good url");
        assert_eq!(url.nodes, [node("one", 1), node("::1", 2), node("three", 5672)], "all nodes, IPv6 too");
        assert_eq!(url.user.as_deref(), Some("a@b"), "the user is percent-decoded");
        assert_eq!(url.password.expect("a password").expose(), "p:w", "the password is percent-decoded");
        assert_eq!(url.vhost, "my/host", "the virtual host is percent-decoded");
    }

    #[test]
    fn what_is_left_out_has_the_usual_meaning() {
        for text in ["amqp://host", "amqp://host/", "amqp://host/%2f"] {
            let url = Url::parse(text).expect("a good url");
            assert_eq!((url.vhost.as_str(), &url.nodes[..]), ("/", &[node("host", 5672)][..]), "{text}");
        }
        for text in ["amqps://host", "amqp+tls://host"] {
            let url = Url::parse(text).expect("a good url");
            assert!(url.is_tls && url.nodes == [node("host", 5671)], "{text} is TLS on its own port");
        }
    }

    #[test]
    fn a_password_is_never_shown() {
        let url = Url::parse("amqp://user:hunter2@host:5672/vhost").expect("a good url");
        assert_eq!(url.shown(), "amqp://host:5672/vhost", "errors and logs show the place, not who asks");
        assert!(!format!("{url:?}").contains("hunter2"), "nor does Debug");
        for broken in [
            "amqp:/user:hunter2@host",
            "amqp://user:hunter2@host:x",
            "http://user:hunter2@h",
            "amqp://u:hunter2@h?x",
        ] {
            let error = Url::parse(broken).expect_err("a broken url");
            assert!(!error.to_string().contains("hunter2"), "a broken url is not repeated: {error}");
        }
    }
}
