//! The proxy as tests hold it.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

use crate::door::Door;
use crate::network::Network;

/// A TCP proxy at a port of its own, which does to its connections what it is told. Faults may be combined; each
/// holds for the connections that are there and for those to come.
pub struct Proxy {
    address: SocketAddr,
    network: Arc<Network>,
    door: Mutex<Option<Door>>,
}

impl Proxy {
    /// Listens at a free port of this machine, and connects to `server` for each client. The server need not be there
    /// yet: a client of a server that is down is reset.
    ///
    /// # Panics
    /// When it cannot listen.
    #[expect(clippy::unused_async, reason = "says that a runtime is needed, which it lives in from then on")]
    pub async fn to(server: SocketAddr) -> Self {
        let network = Arc::new(Network::to(server));
        let (door, address) = Door::open(Arc::clone(&network)).expect("a free port of this machine");
        Self { address, network, door: Mutex::new(Some(door)) }
    }

    /// Where clients connect to.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Resets every connection, both ends of it, and returns when they are closed. Clients may connect again at once.
    pub async fn cut(&self) {
        self.network.cut().await;
    }

    /// Whether whoever connects from now on is refused. Connections that are there stay; [`Proxy::cut`] ends them.
    ///
    /// # Panics
    /// When it cannot listen again.
    pub async fn refuse(&self, on: bool) {
        let mut door = self.door.lock().await;
        let now = door.take().expect("a door that could not be moved has panicked");
        let moved = if on { now.shut(self.address).await } else { now.reopen(Arc::clone(&self.network)) };
        *door = Some(moved.expect("the port is ours"));
    }

    /// Whether nothing arrives, in both directions: no bytes, no close, no reset. Connecting works. What was sent
    /// meanwhile arrives afterwards, as when packets are sent again.
    pub fn black_hole(&self, on: bool) {
        self.network.set(|faults| faults.black_hole = on);
    }

    /// How long everything is on its way, in each direction; a round trip takes twice as long. Order is kept.
    pub fn delay(&self, each_way: Duration) {
        self.network.set(|faults| faults.delay = each_way);
    }

    /// Whether all bytes of the server are thrown away: the server does what it is asked, and the client never learns.
    /// Connections that lost something are reset when this is over.
    pub fn swallow_answers(&self, on: bool) {
        self.network.set(|faults| faults.swallow_answers = on);
    }

    /// How likely (0 to 1) the next bytes of the server are lost, and with them their connection: a confirmation that
    /// never came, of something that was done.
    ///
    /// # Panics
    /// When it is no probability.
    pub fn lose_answers(&self, probability: f64) {
        assert!((0.0..=1.0).contains(&probability), "{probability} is no probability");
        self.network.set(|faults| faults.lose_answers = probability);
    }

    /// How many connections clients have made so far.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.network.count_accepted()
    }

    /// How many connections are open.
    #[must_use]
    pub fn open_connections(&self) -> usize {
        self.network.count_open()
    }

    /// How many pieces of what the server said were swallowed or lost so far: whether the fault took place at all.
    #[must_use]
    pub fn answers_lost(&self) -> usize {
        self.network.count_answers_lost()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(door) = self.door.get_mut() {
            door.close();
        }
        self.network.close();
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "proxy at {} to {}", self.address, self.network.server())
    }
}
