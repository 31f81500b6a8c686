//! One connection: the client's, and ours to the server.

use std::io;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::faults::Direction;
use crate::network::Network;
use crate::pipe::carry;

/// Carries until both sides are done, something fails, or it is cut.
pub(crate) async fn run(client: TcpStream, network: Arc<Network>, mut cuts: watch::Receiver<u64>) {
    let _open = network.opened();
    let mut ends = vec![client];
    let ended = tokio::select! {
        ended = talk(&mut ends, &network) => ended,
        _ = cuts.changed() => Err(io::ErrorKind::ConnectionReset.into()),
    };
    if ended.is_err() {
        ends.iter().for_each(reset);
    }
}

async fn talk(ends: &mut Vec<TcpStream>, network: &Network) -> io::Result<()> {
    network.passes().await;
    ends.push(TcpStream::connect(network.server()).await?);
    let talked = match ends.as_mut_slice() {
        [client, server] => converse(client, server, network).await,
        _ => Ok(()),
    };
    // Nobody learns in a black hole that the other side is gone.
    network.passes().await;
    talked
}

async fn converse(client: &mut TcpStream, server: &mut TcpStream, network: &Network) -> io::Result<()> {
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    let questions = carry(from_client, to_server, Direction::ToServer, network);
    let answers = carry(from_server, to_client, Direction::ToClient, network);
    tokio::try_join!(questions, answers).map(drop)
}

/// Closed without a farewell, and what is still to be sent is thrown away.
fn reset(end: &TcpStream) {
    // It may be closed already.
    let _ = end.set_zero_linger();
}
