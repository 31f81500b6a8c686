//! The port that clients connect to: somebody listens, or it is only held.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinHandle;

use crate::network::Network;

const BACKLOG: u32 = 1024;

pub(crate) enum Door {
    Open(JoinHandle<()>),
    /// Bound without listening: connections are refused, and nobody else can take the port.
    Shut(TcpSocket),
}

impl Door {
    /// Opens one at a free port, and says where.
    pub(crate) fn open(network: Arc<Network>) -> io::Result<(Self, SocketAddr)> {
        let socket = bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let address = socket.local_addr()?;
        Ok((Self::listen(socket, network)?, address))
    }

    pub(crate) async fn shut(self, address: SocketAddr) -> io::Result<Self> {
        match self {
            Self::Open(accepting) => {
                accepting.abort();
                // Cancelled is what it was told to be; it holds the listener until then.
                let _ = accepting.await;
                bind(address).map(Self::Shut)
            }
            shut @ Self::Shut(_) => Ok(shut),
        }
    }

    pub(crate) fn reopen(self, network: Arc<Network>) -> io::Result<Self> {
        match self {
            Self::Shut(socket) => Self::listen(socket, network),
            open @ Self::Open(_) => Ok(open),
        }
    }

    pub(crate) fn close(&self) {
        if let Self::Open(accepting) = self {
            accepting.abort();
        }
    }

    fn listen(socket: TcpSocket, network: Arc<Network>) -> io::Result<Self> {
        let listener = socket.listen(BACKLOG)?;
        Ok(Self::Open(tokio::spawn(accept(listener, network))))
    }
}

async fn accept(listener: TcpListener, network: Arc<Network>) {
    loop {
        match listener.accept().await {
            Ok((client, _)) => network.admit(client),
            // The client is gone already, or descriptors are short: both pass.
            Err(_) => tokio::task::yield_now().await,
        }
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}
