//! Addresses as we speak of them.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// An IPv4 address that came in over an IPv6 socket becomes IPv4 again.
pub fn plain(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// The same for a socket address.
pub fn plain_socket(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(plain(address.ip()), address.port())
}

/// What counts as one address when we count: an IPv4 address, or the /64 of an IPv6 one (one customer, RFC 6177).
pub fn counted(address: IpAddr) -> IpAddr {
    match plain(address) {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_customer_counts_as_one() {
        let table = [("192.0.2.7", "192.0.2.7"), ("::ffff:192.0.2.7", "192.0.2.7"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::")];
        for (given, counts_as) in table {
            assert_eq!(counted(given.parse().unwrap()), counts_as.parse::<IpAddr>().unwrap(), "{given}");
        }
    }
}
