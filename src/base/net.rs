//! Addresses as we speak of them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

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

/// Where machines of a cloud ask for their own secrets, or nobody's server is: link-local (RFC 3927, RFC 4291 section 2.5.6), the
/// metadata services that clouds have elsewhere, unspecified and multicast addresses, and all of these in the IPv6 forms of IPv4.
pub fn is_no_server(address: IpAddr) -> bool {
    match plain(address) {
        IpAddr::V4(address) => {
            address.is_link_local()
                || address.is_unspecified()
                || address.is_multicast()
                || address.is_broadcast()
                || METADATA.contains(&address)
        }
        IpAddr::V6(address) => {
            // 64:ff9b::/96 (RFC 6052) leads to the IPv4 address in its last 32 bits.
            let translated = address.to_bits() >> 32 == 0x0064_ff9b_0000_0000_0000_0000;
            let [.., a, b, c, d] = address.octets();
            address.is_unicast_link_local()
                || address.is_unspecified()
                || address.is_multicast()
                || address == METADATA_V6
                || translated && is_no_server(IpAddr::from([a, b, c, d]))
        }
    }
}

const METADATA: [Ipv4Addr; 2] = [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(192, 0, 0, 192)];
const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

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

    #[test]
    fn where_machines_keep_their_secrets_is_no_server() {
        for no in [
            "169.254.169.254",
            "169.254.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "fe80::1",
            "febf::1",
            "fd00:ec2::254",
            "100.100.100.200",
            "0.0.0.0",
            "::",
            "224.0.0.1",
            "ff02::1",
        ] {
            assert!(is_no_server(no.parse().unwrap()), "{no}");
        }
        for yes in ["127.0.0.1", "::1", "10.0.0.1", "192.0.2.7", "2001:db8::1", "64:ff9b::c000:207", "169.253.0.1", "fec0::1"] {
            assert!(!is_no_server(yes.parse().unwrap()), "{yes}");
        }
    }
}
