//! Ports that stay ours while their server is down.

use std::fs::{File, create_dir_all};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::ops::Range;

/// Below the ports that the kernel gives to outgoing connections. A port of those could be taken while its server
/// is down, or worse: a client that tries it again and again is some day given the very same port for its own end,
/// and is then connected to itself.
const RANGE: Range<u16> = 20_000..32_000;
const TRIES: usize = 1_000;

/// A port of this machine that no other test takes, in this process or another, until this is dropped.
#[derive(Debug)]
pub struct Port {
    number: u16,
    /// Locked as long as it is open, and freed by the kernel when the process dies.
    _lock: File,
}

impl Port {
    /// Takes a port nobody listens at.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn free() -> Self {
        let taken = (0..TRIES).find_map(|_| Self::take(fastrand::u16(RANGE)));
        taken.expect("a free port of a thousand tried")
    }

    fn take(number: u16) -> Option<Self> {
        let folder = std::env::temp_dir().join("sidegate-test-ports");
        create_dir_all(&folder).ok()?;
        let lock = File::create(folder.join(number.to_string())).ok()?;
        lock.try_lock().ok()?;
        TcpListener::bind((Ipv4Addr::LOCALHOST, number)).ok()?;
        Some(Self { number, _lock: lock })
    }

    /// Where a server of this port listens: the local machine only.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.number).into()
    }

    /// The number alone.
    #[must_use]
    pub fn number(&self) -> u16 {
        self.number
    }
}
