//! The machine's TCP connections over IPv4, as the kernel lists them: what a test can see of the other end without asking it.

use std::net::{IpAddr, SocketAddr};

struct Socket {
    local: String,
    remote: String,
    state: String,
    unread: String,
}

/// Of `/proc/net/tcp`.
fn all() -> Vec<Socket> {
    let listed = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let socket = |line: &str| {
        let mut fields = line.split_whitespace().skip(1).map(str::to_owned);
        let mut next = || fields.next().unwrap();
        let (local, remote, state, queues) = (next(), next(), next(), next());
        let unread = queues.split_once(':').unwrap().1.to_owned();
        Socket { local, remote, state, unread }
    };
    listed.lines().skip(1).map(socket).collect()
}

fn written(address: SocketAddr) -> String {
    let IpAddr::V4(ip) = address.ip() else { panic!("{address}") };
    format!("{:08X}:{:04X}", u32::from_ne_bytes(ip.octets()), address.port())
}

/// ESTABLISHED, or the other end has closed it and this one not yet (CLOSE_WAIT).
fn is_open(socket: &Socket) -> bool {
    ["01", "08"].contains(&socket.state.as_str())
}

/// Whether something waits unread in a connection to this address, at the end of the server that has it.
pub fn has_unread(server: SocketAddr) -> bool {
    let server = written(server);
    all().iter().any(|socket| socket.local == server && is_open(socket) && socket.unread != "00000000")
}

/// How many connections to this address the server has open.
pub fn open_at(server: SocketAddr) -> usize {
    let server = written(server);
    all().iter().filter(|socket| socket.local == server && is_open(socket)).count()
}

/// How many connections to this address its clients have open.
pub fn open_to(server: SocketAddr) -> usize {
    let server = written(server);
    all().iter().filter(|socket| socket.remote == server && is_open(socket)).count()
}
