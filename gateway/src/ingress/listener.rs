//! A bound socket that is ready to accept.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sidegate_config::settings::Listen;
use socket2::{Domain, SockAddr, Type};
use tokio::net::{TcpListener, UnixListener};

use super::Counters;
use crate::call::{Peer, Socket};

/// Connections that wait to be accepted; the system may allow fewer (`net.core.somaxconn`).
const BACKLOG: i32 = 4096;

/// A bound socket. The file of a Unix socket is removed when this is dropped.
#[derive(Debug)]
pub struct Listener {
    socket: Accepting,
    local: Listen,
    counters: Arc<Counters>,
    _file: Option<SocketFile>,
}

#[derive(Debug)]
enum Accepting {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// The file of our Unix socket, told apart from a later one of the same name.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl Listener {
    /// Binds and listens; from here on clients can connect. Within a runtime.
    ///
    /// A Unix socket's file that nobody answers on is left over from a process that died, and is replaced.
    ///
    /// # Errors
    /// The address is in use, not of this machine, or not allowed; a Unix socket's path is something else.
    pub fn bind(listen: &Listen) -> io::Result<Self> {
        let bound = match listen {
            Listen::Tcp(address) => Self::bind_tcp(*address),
            Listen::Unix(path) => Self::bind_unix(path),
        };
        bound.map_err(|error| io::Error::new(error.kind(), format!("cannot listen on {listen}: {error}")))
    }

    fn bind_tcp(address: SocketAddr) -> io::Result<Self> {
        let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        // A restart does not wait for the connections of the process before it to be forgotten.
        socket.set_reuse_address(true)?;
        let socket = TcpListener::from_std(listening(socket, &address.into())?.into())?;
        let local = Listen::Tcp(socket.local_addr()?);
        Ok(Self { socket: Accepting::Tcp(socket), local, counters: Arc::default(), _file: None })
    }

    fn bind_unix(path: &Path) -> io::Result<Self> {
        let address = SockAddr::unix(path)?;
        remove_stale(path, &address)?;
        let socket = socket2::Socket::new(Domain::UNIX, Type::STREAM, None)?;
        let socket = UnixListener::from_std(listening(socket, &address)?.into())?;
        let file = SocketFile::of(path)?;
        let local = Listen::Unix(path.to_owned());
        Ok(Self { socket: Accepting::Unix(socket), local, counters: Arc::default(), _file: Some(file) })
    }

    /// Where it listens: with the port that the system chose, if the port was 0.
    #[must_use]
    pub const fn local(&self) -> &Listen {
        &self.local
    }

    /// Its numbers; they outlive it.
    #[must_use]
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// The next connection. Cancel-safe.
    pub(super) async fn accept(&self) -> io::Result<(Socket, Peer)> {
        match &self.socket {
            Accepting::Tcp(listener) => {
                listener.accept().await.map(|(stream, address)| (stream.into(), Peer::Tcp(address)))
            }
            Accepting::Unix(listener) => {
                listener.accept().await.map(|(stream, _)| (stream.into(), Peer::Unix))
            }
        }
    }
}

fn listening(socket: socket2::Socket, address: &SockAddr) -> io::Result<socket2::Socket> {
    socket.bind(address)?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Removes a socket's file that nobody answers on; anything else at this path stays and is an error.
fn remove_stale(path: &Path, address: &SockAddr) -> io::Result<()> {
    let is_socket = match path.symlink_metadata() {
        Ok(metadata) => metadata.file_type().is_socket(),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if !is_socket {
        return Err(io::Error::new(
            ErrorKind::AlreadyExists,
            "there is a file of this name that is not a socket",
        ));
    }
    let probe = socket2::Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // A listener whose backlog is full must not make us wait.
    probe.set_nonblocking(true)?;
    match probe.connect(address) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => std::fs::remove_file(path),
        _ => Err(io::Error::new(ErrorKind::AddrInUse, "another process answers on this socket")),
    }
}

impl SocketFile {
    fn of(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), identity: identity(path)? })
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = path.symlink_metadata()?;
    Ok((metadata.dev(), metadata.ino()))
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|identity| identity == self.identity) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
