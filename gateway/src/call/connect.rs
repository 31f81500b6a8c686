//! A new connection to a service.

use std::io;

use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use sidegate_config::settings::Authority;
use tokio::net::{TcpStream, UnixStream};

use super::socket::Socket;
use crate::body::{Body, BodyError};

/// Connects and leaves the connection to a task of its own, which ends with it.
pub(super) async fn connect(authority: &Authority) -> Result<SendRequest<Body>, BodyError> {
    let socket = open(authority).await?;
    let (sender, connection) = http1::handshake(TokioIo::new(socket)).await?;
    let service = authority.to_string();
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            // Whoever waits for an answer is told by the protocol; this is for a closer look only.
            tracing::debug!(service, %error, "the connection to a service broke");
        }
    });
    Ok(sender)
}

async fn open(authority: &Authority) -> io::Result<Socket> {
    if authority.unix {
        return UnixStream::connect(authority.host.as_str()).await.map(Socket::from);
    }
    TcpStream::connect((authority.host.as_str(), authority.port)).await.map(Socket::from)
}
