//! What we call ourselves in EHLO (RFC 5321 section 4.1.1.1): the host's fully qualified name, or where it has none the address of our end of
//! the connection as a literal (section 4.1.3). Relays refuse `localhost`, names without a dot and IP addresses without brackets.

use std::net::IpAddr;
use std::path::Path;

/// Decided once; the address is the connection's.
#[derive(Clone, Debug)]
pub(in super::super) struct Hello(Option<String>);

const HOSTNAME: &str = "/proc/sys/kernel/hostname";
const HOSTS: &str = "/etc/hosts";

impl Hello {
    /// What the operator wrote, else what the host is called.
    pub fn new(configured: Option<String>) -> Self {
        let read = |path: &str| std::fs::read_to_string(Path::new(path)).unwrap_or_default();
        Self(configured.or_else(|| full_name(&read(HOSTNAME), &read(HOSTS))))
    }

    pub fn at(&self, local: IpAddr) -> String {
        self.0.clone().unwrap_or_else(|| literal(local))
    }
}

/// As `hostname --fqdn` finds it without asking anybody: the host's name where it has a dot, else the full name beside it in the hosts file.
fn full_name(hostname: &str, hosts: &str) -> Option<String> {
    let hostname = hostname.trim();
    if is_full(hostname) {
        return Some(hostname.to_owned());
    }
    let lines = hosts.lines().map(|line| line.split('#').next().unwrap_or_default());
    let names = lines.map(|line| line.split_whitespace().skip(1).collect::<Vec<_>>());
    let mut ours = names.filter(|names| names.iter().any(|name| name.eq_ignore_ascii_case(hostname)));
    ours.find_map(|names| names.into_iter().find(|name| is_full(name)).map(str::to_owned))
}

/// Of several labels as a host has them (RFC 1123 section 2.1), and none of those that mean every host.
fn is_full(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = name.rsplit('.').next().unwrap_or_default();
    let means_any = ["localhost", "localdomain"].iter().any(|any| last.eq_ignore_ascii_case(any));
    // A number at the end would be an IP address.
    let ends_in_a_name = last.bytes().any(|byte| byte.is_ascii_alphabetic());
    name.len() <= 253
        && name.contains('.')
        && name.split('.').all(label)
        && ends_in_a_name
        && !means_any
        && !name.to_ascii_lowercase().starts_with("localhost.")
}

fn literal(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => format!("[{address}]"),
        IpAddr::V6(address) => format!("[IPv6:{address}]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_full_name_is_found_where_there_is_one() {
        let hosts = "127.0.0.1 localhost localhost.localdomain\n127.0.1.1\tgate1.corp.example gate1 # us\n::1 ip6-localhost\n";
        let short = "127.0.0.1 gate2 gate2.corp.example\n";
        let table = [
            ("gate1.corp.example\n", "", Some("gate1.corp.example")),
            ("gate1\n", hosts, Some("gate1.corp.example")),
            ("GATE1", hosts, Some("gate1.corp.example")),
            ("gate2", short, Some("gate2.corp.example")),
            ("gate3", hosts, None),
            ("localhost", hosts, None),
            ("localhost.localdomain", hosts, None),
            ("3fc0a9a6fbd2", "172.17.0.2 3fc0a9a6fbd2", None),
            ("192.0.2.7", "", None),
            ("gate_1.corp.example", "", None),
            ("a..b", "", None),
            ("-a.b", "", None),
            ("gate1.corp.example\r\nMAIL", "", None),
            ("", hosts, None),
        ];
        for (hostname, hosts, expected) in table {
            assert_eq!(full_name(hostname, hosts).as_deref(), expected, "{hostname:?}");
        }
    }

    #[test]
    fn an_address_is_written_as_a_literal() {
        for (address, expected) in
            [("192.0.2.1", "[192.0.2.1]"), ("2001:db8::1", "[IPv6:2001:db8::1]"), ("::ffff:192.0.2.1", "[192.0.2.1]")]
        {
            assert_eq!(Hello(None).at(address.parse().unwrap()), expected);
        }
        let named = Hello::new(Some("gate.example".into()));
        assert_eq!(named.at([192, 0, 2, 1].into()), "gate.example");
    }
}
