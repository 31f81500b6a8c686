//! One question to a running gateway's admin plane: connect, ask, read, done. No pool, no retry: a person waits.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use sidegate_config::settings::Listen;
use tokio::io::{AsyncRead, AsyncWrite};

use super::args::{Admin, Global};
use super::config;
use super::failure::Failure;

/// An answer is a page of a list at most; a larger one is not the admin plane's.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;
/// For a question; a backup takes as long as it takes.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// RFC 3986, section 2.3: what stands for itself in a path.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A gateway's admin plane.
pub(super) struct AdminPlane {
    place: Place,
    token: Option<String>,
}

/// What was typed as one segment of a path, whatever it is.
pub(super) fn segment(typed: &str) -> impl std::fmt::Display {
    utf8_percent_encode(typed, SEGMENT)
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Tcp(String),
    Unix(PathBuf),
}

impl AdminPlane {
    /// The one that was named, else the config's.
    pub(super) fn of(global: &Global, admin: &Admin) -> Result<Self, Failure> {
        let token = admin.token.clone();
        if let Some(url) = &admin.url {
            return Ok(Self { place: Place::parse(url)?, token });
        }
        let settings = config::load(global)?.settings;
        let configured =
            || settings.gateway.admin_tokens.values().next().map(|token| token.expose().to_owned());
        Ok(Self { place: Place::of(&settings.gateway.admin)?, token: token.or_else(configured) })
    }

    /// `GET path`; `query` goes behind it, encoded.
    pub(super) fn get(&self, path: &str, query: &[(&str, String)]) -> Result<Value, Failure> {
        let mut target = path.to_owned();
        for (at, (name, value)) in query.iter().enumerate() {
            target.push(if at == 0 { '?' } else { '&' });
            target.extend([*name, "="]);
            target.extend(utf8_percent_encode(value, NON_ALPHANUMERIC));
        }
        self.ask(Method::GET, &target, None, Some(ANSWER_TIMEOUT))
    }

    /// `POST path` with a JSON body, if there is one.
    pub(super) fn post(&self, path: &str, body: Option<&Value>) -> Result<Value, Failure> {
        self.ask(Method::POST, path, body, Some(ANSWER_TIMEOUT))
    }

    /// `POST path` for something that takes its time.
    pub(super) fn post_patiently(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.ask(Method::POST, path, Some(body), None)
    }

    fn ask(
        &self,
        method: Method,
        target: &str,
        body: Option<&Value>,
        timeout: Option<Duration>,
    ) -> Result<Value, Failure> {
        let request = self.request(method, target, body)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let answer = runtime.block_on(async {
            match timeout {
                Some(timeout) => {
                    tokio::time::timeout(timeout, self.exchange(request)).await.unwrap_or_else(|_| {
                        Err(Failure::Runtime(format!(
                            "the gateway at {} did not answer within 30 s",
                            self.place
                        )))
                    })
                }
                None => self.exchange(request).await,
            }
        });
        let (status, bytes) = answer?;
        self.read(status, &bytes)
    }

    fn request(
        &self,
        method: Method,
        target: &str,
        body: Option<&Value>,
    ) -> Result<Request<Full<Bytes>>, Failure> {
        let mut request = Request::builder().method(method).uri(target).header(HOST, self.place.host());
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let body = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
        request
            .body(Full::new(body))
            .map_err(|error| Failure::Usage(format!("the request cannot be made: {error}")))
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<(StatusCode, Bytes), Failure> {
        match &self.place {
            Place::Tcp(address) => {
                let stream = tokio::net::TcpStream::connect(address).await;
                exchange_over(stream.map_err(|error| self.unreachable(&error))?, request).await
            }
            Place::Unix(path) => {
                let stream = tokio::net::UnixStream::connect(path).await;
                exchange_over(stream.map_err(|error| self.unreachable(&error))?, request).await
            }
        }
        .map_err(|error| self.unreachable(&*error))
    }

    fn unreachable(&self, error: &(dyn std::error::Error + 'static)) -> Failure {
        Failure::Runtime(format!(
            "cannot ask the gateway at {}: {error}; is it running? `--admin URL` names another one",
            self.place
        ))
    }

    fn read(&self, status: StatusCode, bytes: &[u8]) -> Result<Value, Failure> {
        let value: Value = serde_json::from_slice(bytes).unwrap_or_default();
        if status.is_success() {
            return Ok(value);
        }
        let detail = value["detail"].as_str().map_or_else(|| status.to_string(), str::to_owned);
        let hint = match status {
            StatusCode::UNAUTHORIZED => "; give it by `--token` or SIDEGATE_ADMIN_TOKEN",
            StatusCode::NOT_FOUND if value["code"].is_null() => "; is this an admin plane?",
            _ => "",
        };
        Err(Failure::Runtime(format!("{detail}{hint}")))
    }
}

async fn exchange_over<S>(
    stream: S,
    request: Request<Full<Bytes>>,
) -> Result<(StatusCode, Bytes), Box<dyn std::error::Error + Send + Sync>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let response = sender.send_request(request).await?;
    let status = response.status();
    let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await?.to_bytes();
    connection.abort();
    Ok((status, body))
}

impl Place {
    fn parse(url: &str) -> Result<Self, Failure> {
        if let Some(path) = url.strip_prefix("unix:") {
            return Ok(Self::Unix(path.into()));
        }
        let wrong = || {
            Failure::Usage(format!(
                "`{url}` is no admin plane: write `http://HOST:PORT` or `unix:PATH`, nothing behind it"
            ))
        };
        let uri: Uri = url.parse().map_err(|_| wrong())?;
        let is_plain =
            uri.scheme_str() == Some("http") && matches!(uri.path(), "" | "/") && uri.query().is_none();
        let authority = uri.authority().filter(|authority| is_plain && !authority.as_str().contains('@'));
        let authority = authority.ok_or_else(wrong)?;
        Ok(Self::Tcp(format!("{}:{}", authority.host(), authority.port_u16().unwrap_or(80))))
    }

    fn of(listen: &Listen) -> Result<Self, Failure> {
        match listen {
            Listen::Unix(path) => Ok(Self::Unix(path.clone())),
            Listen::Tcp(address) if address.port() == 0 => Err(Failure::Usage(
                "the config lets the system choose the admin port: name the gateway by `--admin URL`"
                    .to_owned(),
            )),
            Listen::Tcp(address) => Ok(Self::Tcp(reachable(*address).to_string())),
        }
    }

    fn host(&self) -> &str {
        match self {
            Self::Tcp(address) => address,
            Self::Unix(_) => "localhost",
        }
    }
}

/// "Every interface" is an address to listen on, not one to connect to.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "http://{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use sidegate_config::settings::Listen;

    use super::{AdminPlane, Place};

    #[test]
    fn an_admin_plane_is_named_by_a_url_or_a_socket() {
        let tcp = |text: &str| Ok(Place::Tcp(text.to_owned()));
        assert_eq!(Place::parse("http://127.0.0.1:8081"), tcp("127.0.0.1:8081"));
        assert_eq!(Place::parse("http://[::1]:8081/"), tcp("[::1]:8081"));
        assert_eq!(Place::parse("unix:/run/admin.sock"), Ok(Place::Unix("/run/admin.sock".into())));
        for wrong in ["https://a:1", "127.0.0.1:8081", "http://a/admin", "http://me@a:1", ""] {
            let error = Place::parse(wrong).expect_err("must be refused");
            assert_eq!(error.code(), 2, "`{wrong}` is wrong usage");
        }
    }

    #[test]
    fn whoever_is_not_there_is_told_with_its_address_and_what_to_do() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let place = Place::Tcp(free.expect("a port that nobody listens on").to_string());
        let failure = AdminPlane { place, token: None }.get("/routes", &[]).expect_err("nobody listens");
        assert_eq!(failure.code(), 1, "a gateway that is not there is a failure at run time");
        assert!(failure.to_string().contains("is it running?"), "{failure}");
    }

    #[test]
    fn a_gateway_that_listens_everywhere_is_asked_here() {
        let listen = |text: &str| Listen::Tcp(text.parse().expect("an address"));
        assert_eq!(Place::of(&listen("0.0.0.0:81")), Ok(Place::Tcp("127.0.0.1:81".to_owned())));
        assert_eq!(Place::of(&listen("[::]:81")), Ok(Place::Tcp("[::1]:81".to_owned())));
        assert!(
            Place::of(&listen("127.0.0.1:0")).is_err(),
            "a port that the system chose is not in the config"
        );
    }
}
