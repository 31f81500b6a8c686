//! Where the brokers are: `kafka://[user[:password]@]host[:port][,host[:port]…]`, `kafka+tls://…`.

use percent_encoding::percent_decode_str;
use sidegate_broker::BrokerError;

use crate::error::rejected;
use crate::options::Secret;

const PORT: &str = "9092";
const FORMS: &str = "it must be kafka://HOST:PORT,HOST:PORT or kafka+tls://HOST:PORT,HOST:PORT";

/// A parsed URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Url {
    pub(crate) is_tls: bool,
    /// `HOST:PORT`, several by commas; nothing in it is secret.
    pub(crate) hosts: String,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<Secret>,
}

impl Url {
    pub(crate) fn parse(url: &str) -> Result<Self, BrokerError> {
        let (is_tls, rest) = match (url.strip_prefix("kafka://"), url.strip_prefix("kafka+tls://")) {
            (Some(rest), _) => (false, rest),
            (None, Some(rest)) => (true, rest),
            (None, None) => return Err(rejected(format!("the broker's URL is not one of kafka: {FORMS}"))),
        };
        let (login, hosts) =
            rest.rsplit_once('@').map_or((None, rest), |(login, hosts)| (Some(login), hosts));
        let hosts = hosts.trim_end_matches('/');
        if let Some(stray) = hosts.chars().find(|c| matches!(c, '/' | '?' | '#')) {
            return Err(rejected(format!("the URL of kafka has a `{stray}` behind its hosts: {FORMS}")));
        }
        let hosts: Vec<String> = hosts.split(',').map(with_port).collect::<Result<_, _>>()?;
        let (user, password) = login.map_or(Ok((None, None)), parse_login)?;
        Ok(Self { is_tls, hosts: hosts.join(","), user, password })
    }

    /// Without any login.
    pub(crate) fn shown(&self) -> String {
        format!("{}://{}", if self.is_tls { "kafka+tls" } else { "kafka" }, self.hosts)
    }
}

fn with_port(host: &str) -> Result<String, BrokerError> {
    let host = host.trim();
    // `[::1]` and `[::1]:9092`: only a colon behind the bracket begins a port.
    let after_address = host.rfind(']').map_or(host, |end| &host[end..]);
    let has_port = after_address.contains(':');
    match after_address.rsplit_once(':') {
        _ if host.is_empty() => Err(rejected(format!("a host is missing in the URL of kafka: {FORMS}"))),
        Some((_, port)) if port.parse::<u16>().is_err() => {
            Err(rejected(format!("`{port}` is not a port in the URL of kafka: {FORMS}")))
        }
        _ if has_port => Ok(host.to_owned()),
        _ => Ok(format!("{host}:{PORT}")),
    }
}

fn parse_login(login: &str) -> Result<(Option<String>, Option<Secret>), BrokerError> {
    let (user, password) = login.split_once(':').map_or((login, None), |(user, pass)| (user, Some(pass)));
    let decode = |text: &str| percent_decode_str(text).decode_utf8().map(std::borrow::Cow::into_owned);
    let user = decode(user).map_err(|_| rejected("the user in the URL of kafka is not UTF-8"))?;
    let password = password.map(decode).transpose();
    let password = password.map_err(|_| rejected("the password in the URL of kafka is not UTF-8"))?;
    Ok((Some(user), password.map(Secret::new)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str) -> Url {
        Url::parse(url).expect("a URL of kafka")
    }

    #[test]
    fn hosts_get_the_usual_port_and_the_scheme_says_whether_tls_is_spoken() {
        let url = parsed("kafka://one,two:9192");
        assert_eq!((url.hosts.as_str(), url.is_tls), ("one:9092,two:9192", false));
        let url = parsed("kafka+tls://[::1],[fe80::1]:9093/");
        assert_eq!((url.hosts.as_str(), url.is_tls), ("[::1]:9092,[fe80::1]:9093", true));
    }

    #[test]
    fn a_login_is_decoded_and_never_shown() {
        let url = parsed("kafka://me%40home:p%3Ass@one:9092");
        assert_eq!(url.user.as_deref(), Some("me@home"), "percent-encoding is undone");
        assert_eq!(url.password.as_ref().map(Secret::expose), Some("p:ss"));
        assert_eq!(url.shown(), "kafka://one:9092", "errors and logs show no login");
        assert!(!format!("{url:?}").contains("p:ss"), "Debug shows no password");
    }

    #[test]
    fn what_is_not_a_url_of_kafka_is_refused_without_repeating_it() {
        for url in
            ["nats://secret@x", "kafka://", "kafka://a,,b", "kafka://secret@a:b", "kafka://secret@a/path"]
        {
            let error = Url::parse(url).expect_err("not a URL of kafka").to_string();
            assert!(error.contains(FORMS) && !error.contains("secret"), "{url}: {error}");
        }
    }
}
