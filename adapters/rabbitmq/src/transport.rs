//! One connection: TCP, TLS and the AMQP handshake, each with a deadline, and a plug to pull.
//!
//! The client library runs each connection on a thread of its own. That thread ends when its socket does and at
//! nothing else, so the socket is opened here and a handle to it kept: a handshake that hangs, or a close that nobody
//! answers, is ended by shutting the socket down. Without that each attempt at a paused broker would leave a thread.

use std::fmt::Display;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::time::Duration;

use async_compat::Compat;
use lapin::tcp::{AsyncTcpStream, RustlsConnector};
use lapin::uri::{AMQPAuthority, AMQPQueryString, AMQPScheme, AMQPUri, AMQPUserInfo};
use lapin::{Connection, ConnectionProperties};
use parking_lot::Mutex;
use sidegate_broker::BrokerError;
use socket2::{SockRef, Socket};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::error;
use crate::options::Config;
use crate::url::Node;
use crate::wire::FRAME_BYTES_MAX;

/// An open connection; dropping it ends it at once.
pub(crate) struct Line {
    pub(crate) connection: Connection,
    plug: Plug,
}

/// A stream to a node, with TLS where that is asked for.
pub(crate) struct Dialled {
    pub(crate) stream: AsyncTcpStream<Compat<TcpStream>>,
    plug: Plug,
}

/// Ends the socket when dropped, and with it the client library's thread.
struct Plug(Socket);

/// One node, and the limit of each step to it.
struct Attempt<'a> {
    config: &'a Config,
    node: &'a Node,
}

impl Drop for Plug {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

impl Line {
    /// Says good-bye, but not for longer than `limit`.
    pub(crate) async fn close(&self, limit: Duration) {
        let _ = timeout(limit, self.connection.close(200, "closed by sidegate".into())).await;
        let _ = self.plug.0.shutdown(Shutdown::Both);
    }
}

/// Connects to the first node that answers.
pub(crate) async fn open(config: &Config, role: &str) -> Result<Line, BrokerError> {
    let mut last = error::unreachable(&config.shown, "it has no nodes");
    for node in &config.url.nodes {
        let attempt = Attempt { config, node };
        match attempt.shake_hands(role).await {
            Ok(line) => return Ok(line),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// A stream to the first node that answers, before a word of AMQP is said.
pub(crate) async fn dial(config: &Config) -> Result<Dialled, BrokerError> {
    let mut last = error::unreachable(&config.shown, "it has no nodes");
    for node in &config.url.nodes {
        let attempt = Attempt { config, node };
        match attempt.dial().await {
            Ok(dialled) => return Ok(dialled),
            Err(error) => last = error,
        }
    }
    Err(last)
}

impl Attempt<'_> {
    async fn dial(&self) -> Result<Dialled, BrokerError> {
        let Node { host, port } = self.node;
        let addresses = self.in_time(tokio::net::lookup_host((host.as_str(), *port))).await?;
        let addresses: Vec<SocketAddr> = addresses.collect();
        let runtime = lapin::runtime::default_runtime().map_err(|cause| self.unreachable(&cause))?;
        // Sets TCP_NODELAY.
        let stream = self.in_time(AsyncTcpStream::connect(&runtime, addresses)).await?;
        let AsyncTcpStream::Plain(plain) = stream else {
            return Err(self.unreachable(&"the connection is not a plain one"));
        };
        let socket = SockRef::from(plain.get_ref()).try_clone().map_err(|cause| self.unreachable(&cause))?;
        let (plug, mut stream) = (Plug(socket), AsyncTcpStream::Plain(plain));
        if self.config.url.is_tls {
            let connector = RustlsConnector::from(self.config.tls.load()?);
            stream = self.in_time(stream.into_rustls(&connector, host)).await?;
        }
        Ok(Dialled { stream, plug })
    }

    async fn shake_hands(&self, role: &str) -> Result<Line, BrokerError> {
        let Dialled { stream, plug } = self.dial().await?;
        // The library asks for a stream when its thread runs, and once: what is lost is connected again from here.
        let slot = Mutex::new(Some(stream));
        let give = async move |_uri, _runtime| {
            slot.lock().take().ok_or_else(|| lapin::Error::from(io::Error::from(io::ErrorKind::NotConnected)))
        };
        let runtime = lapin::runtime::default_runtime().map_err(|cause| self.unreachable(&cause))?;
        let shaking = Connection::connector(self.uri()?, runtime, give, self.properties(role));
        let shaken = self.in_time(async { Ok::<_, io::Error>(shaking.await) }).await?;
        let connection = shaken.map_err(|cause| self.unreachable(&error::words(&cause)))?;
        Ok(Line { connection, plug })
    }

    async fn in_time<T>(&self, step: impl Future<Output = io::Result<T>>) -> Result<T, BrokerError> {
        let limit = self.config.connect_timeout;
        match timeout(limit, step).await {
            Ok(result) => result.map_err(|cause| self.unreachable(&cause)),
            Err(_) => Err(self.unreachable(&format_args!("no answer within {} ms", limit.as_millis()))),
        }
    }

    fn unreachable(&self, why: &dyn Display) -> BrokerError {
        error::unreachable(&self.config.shown, &why.to_string())
    }

    fn uri(&self) -> Result<AMQPUri, BrokerError> {
        let login = &self.config.login;
        let password = login.password()?.expose().to_owned();
        let userinfo = AMQPUserInfo { username: login.user.clone(), password };
        Ok(AMQPUri {
            // TLS is ours, and done by now.
            scheme: AMQPScheme::AMQP,
            authority: AMQPAuthority { userinfo, host: self.node.host.clone(), port: self.node.port },
            vhost: self.config.url.vhost.clone(),
            query: AMQPQueryString {
                frame_max: Some(FRAME_BYTES_MAX),
                heartbeat: Some(self.config.heartbeat_s),
                auth_mechanism: Some(login.mechanism),
                ..AMQPQueryString::default()
            },
        })
    }

    /// Recovery stays off: the library does not recover channels, and what it does recover would run beside our own.
    fn properties(&self, role: &str) -> ConnectionProperties {
        let name = format!("{} ({role})", self.config.connection_name);
        ConnectionProperties::default().with_connection_name(name.into())
    }
}
