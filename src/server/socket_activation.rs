//! Sockets that whoever started us opened for us and keeps open (sd_listen_fds(3)): systemd's socket units, or any parent that speaks
//! its protocol. While nobody of us runs, who connects waits in their queue instead of being turned away.

use std::io;
use std::net::{SocketAddr, TcpListener};

use listenfd::ListenFd;

/// The sockets, each until a listener of the configuration takes it.
#[derive(Debug, Default)]
pub struct Given {
    sockets: Vec<(SocketAddr, TcpListener)>,
}

impl Given {
    /// What the environment names (`LISTEN_PID`, `LISTEN_FDS`). To be called before any thread is started, and once: the variables are
    /// taken out of the environment. Names (`LISTEN_FDNAMES`) are not looked at: a listener knows its socket by the address.
    pub fn from_environment() -> io::Result<Self> {
        let said = |name| std::env::var(name).ok().and_then(|text| text.parse::<u32>().ok());
        let ours = said("LISTEN_PID") == Some(std::process::id());
        if !ours || said("LISTEN_FDS").is_none_or(|count| count > MOST) {
            return Ok(Self::default());
        }
        let mut listed = ListenFd::from_env();
        let mut sockets = Vec::new();
        for place in 0..listed.len() {
            if let Some(socket) = listed.take_tcp_listener(place)? {
                sockets.push((socket.local_addr()?, socket));
            }
        }
        Ok(Self { sockets })
    }

    /// The one that is bound to this address.
    pub(super) fn take(&mut self, address: SocketAddr) -> Option<TcpListener> {
        let place = self.sockets.iter().position(|(bound, _)| *bound == address)?;
        Some(self.sockets.swap_remove(place).1)
    }

    /// One that no listener has taken.
    pub(super) fn left(&self) -> Option<SocketAddr> {
        self.sockets.first().map(|(address, _)| *address)
    }
}

/// Nobody has more listeners; a larger number is a mistake.
const MOST: u32 = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_is_known_by_its_address_and_taken_once() {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let mut given = Given { sockets: vec![(address, socket)] };
        assert!(given.take("127.0.0.2:443".parse().unwrap()).is_none());
        assert_eq!(given.left(), Some(address));
        assert!(given.take(address).is_some() && given.take(address).is_none() && given.left().is_none());
    }
}
