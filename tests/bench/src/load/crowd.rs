//! Many callers that wait at once, each on a connection of its own.

use std::net::SocketAddr;

use anyhow::{Context, Result};

use super::connection::Connection;

/// How many connect before any is given up to the accept loop's pace: the system's backlog is short.
const BURST: u32 = 100;

/// Callers whose requests are sent and whose answers nobody waits for; gone when it is dropped.
#[derive(Debug)]
pub(crate) struct Crowd(Vec<Connection>);

impl Crowd {
    /// Connects `callers` and sends `request` on each.
    ///
    /// # Errors
    /// A connection is refused, or this process may not open so many.
    pub(crate) async fn gather(address: SocketAddr, callers: u32, request: &[u8]) -> Result<Self> {
        let mut crowd = Self(Vec::new());
        for caller in 0..callers {
            let opened = Connection::open(address).await;
            let mut connection =
                opened.with_context(|| format!("caller {caller} of {callers} cannot connect"))?;
            connection.send(request).await?;
            crowd.0.push(connection);
            if caller % BURST == 0 {
                tokio::task::yield_now().await;
            }
        }
        Ok(crowd)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}
