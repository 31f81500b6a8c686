//! Where the servers are, from a URL: `nats://`, `tls://` or `nats+tls://`, with several hosts joined by commas.
//! User, password or token are taken out of it, so that what is left can be shown.

use std::fmt;

use async_nats::ServerAddr;
use percent_encoding::percent_decode_str;
use sidegate_broker::BrokerError;

use crate::error;

/// What must never be seen in a log, an error or a config dump.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(pub(crate) String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

/// A URL taken apart.
#[derive(Debug, Clone)]
pub(crate) struct Address {
    pub(crate) servers: Vec<ServerAddr>,
    /// The URL without user and password.
    pub(crate) shown: String,
    pub(crate) tls: bool,
    pub(crate) user: Option<Secret>,
    /// Without a user's password it is a token.
    pub(crate) password: Option<Secret>,
}

impl Address {
    pub(crate) fn parse(url: &str) -> Result<Self, BrokerError> {
        let (scheme, rest) = url.split_once("://").unwrap_or(("nats", url));
        let tls = match scheme {
            "nats" => false,
            "tls" | "nats+tls" => true,
            other => return Err(bad(other, "the scheme is nats, tls or nats+tls")),
        };
        let (mut user, mut password, mut hosts) = (None, None, Vec::new());
        for part in rest.trim_end_matches('/').split(',') {
            let (info, host) = part.rsplit_once('@').map_or((None, part), |(info, host)| (Some(info), host));
            if let Some(info) = info {
                let (name, word) = info.split_once(':').map_or((info, None), |(n, w)| (n, Some(w)));
                user = Some(decode(name)?);
                password = word.map(decode).transpose()?;
            }
            // A later host may repeat the scheme.
            hosts.push(host.rsplit("://").next().unwrap_or(host));
        }
        let shown = format!("{scheme}://{}", hosts.join(","));
        let wire = if tls { "tls" } else { "nats" };
        let servers = hosts.iter().map(|host| server(wire, host)).collect::<Result<_, _>>()?;
        Ok(Self { servers, shown, tls, user, password })
    }
}

fn server(scheme: &str, host: &str) -> Result<ServerAddr, BrokerError> {
    if host.is_empty() || host.contains(['/', '?', '#']) {
        return Err(bad(host, "it takes hosts and ports only, as in nats://one:4222,two:4222"));
    }
    format!("{scheme}://{host}").parse().map_err(|_| bad(host, "it is no host with a port"))
}

fn decode(text: &str) -> Result<Secret, BrokerError> {
    let decoded = percent_decode_str(text).decode_utf8();
    let decoded = decoded.map_err(|_| bad("(hidden)", "user and password are percent-encoded UTF-8"))?;
    Ok(Secret(decoded.into_owned()))
}

fn bad(what: &str, why: &str) -> BrokerError {
    error::rejected(format!("`{what}` in the broker's url: {why}"))
}

#[cfg(test)]
mod tests {
    use super::{Address, Secret};

    #[test]
    fn hosts_user_and_password_are_told_apart_and_the_secret_is_not_shown() {
        let address = Address::parse("nats+tls://shop:p%40ss@one:4222,two:4223").expect("a good url");
        assert_eq!(address.servers.len(), 2, "each host is a server");
        assert!(address.tls && address.servers.iter().all(async_nats::ServerAddr::tls_required));
        assert_eq!(address.user, Some(Secret("shop".into())));
        assert_eq!(address.password, Some(Secret("p@ss".into())), "percent-encoding is undone");
        assert_eq!(address.shown, "nats+tls://one:4222,two:4223", "what is shown has no password");
        assert!(!format!("{address:?}").contains("p@ss"), "nor has its debug form");
    }

    #[test]
    fn a_url_of_another_kind_is_refused() {
        for wrong in ["amqp://one", "nats://", "nats://one/path", "nats://one:port"] {
            assert!(Address::parse(wrong).is_err(), "{wrong} is no address of a NATS server");
        }
    }
}
