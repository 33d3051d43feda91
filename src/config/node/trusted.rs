//! `trusted_proxies` and `client_address` of a listener: whose word counts for where a client is, and which word.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use crate::config::Config;
use crate::config::document::{Field, Section};
use crate::config::policy::authentication_policy::Then;

/// Proxies that are believed. Their networks are never everybody's, and never empty.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trusted {
    pub source: Source,
    proxies: Arc<[IpNet]>,
}

/// The one place where they tell the client's address. One alone: a proxy that writes one of them passes a forged other through.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// `X-Forwarded-For`. The default.
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
    /// A PROXY header, version 1 or 2, before anything else on the connection.
    ProxyProtocol,
}

impl Trusted {
    /// Nothing without networks.
    pub fn new(source: Source, proxies: Vec<IpNet>) -> Option<Self> {
        (!proxies.is_empty()).then(|| Self { source, proxies: proxies.into() })
    }

    /// Whether this address, in its plain form (IPv4 as IPv4), is a proxy's.
    pub fn lists(&self, address: IpAddr) -> bool {
        self.proxies.iter().any(|network| network.contains(&address))
    }

    pub(in crate::config) fn read(section: &Section<'_>) -> Option<Arc<Self>> {
        let source = section.optional("client_address");
        let choice = source.map_or(Some(Source::XForwardedFor), |field| field.choice(SOURCES, &[]));
        let listed = section.optional("trusted_proxies");
        let proxies = listed.and_then(networks);
        if let Some(source) = source
            && (listed.is_none() || proxies.as_ref().is_some_and(Vec::is_empty))
        {
            source.key_problem("`client_address` says how `trusted_proxies` name the client, but there are no trusted proxies");
        }
        Self::new(choice?, proxies?).map(Arc::new)
    }
}

/// What `check` warns of: where a proxy that names nobody would be admitted in its client's stead.
pub fn warnings(config: &Config) -> Vec<String> {
    let mut found = Vec::new();
    for policy in &config.authentication_policies {
        let admitting = policy.rules.iter().filter(|rule| rule.then == Then::Admit);
        for network in admitting.flat_map(|rule| rule.when.address.iter().flatten()) {
            let trusted = config.listeners.iter().filter_map(|listener| listener.trusted.as_ref());
            for proxy in trusted.flat_map(|trusted| &*trusted.proxies) {
                if network.contains(proxy) || proxy.contains(network) {
                    let policy = &policy.name;
                    found.push(format!(
                        "the policy `{policy}` admits {network}, where the trusted proxy {proxy} is: where it names no client, a password is enough"
                    ));
                }
            }
        }
    }
    found
}

fn networks(list: Field<'_>) -> Option<Vec<IpNet>> {
    let networks: Vec<IpNet> = list.list()?.into_iter().filter_map(network).collect();
    // Two halves are everybody too.
    if IpNet::aggregate(&networks).iter().any(|network| network.prefix_len() == 0) {
        list.problem(format!("`{}` contains every address, so any client could claim any address", list.key));
        return None;
    }
    Some(networks)
}

fn network(field: Field<'_>) -> Option<IpNet> {
    let network = field.network()?;
    // Such clients are IPv4 to us, so this would match nobody.
    if let IpNet::V6(six) = network
        && six.addr().to_ipv4_mapped().is_some()
    {
        field.problem(format!("`{}`: {network} is IPv4 within IPv6; write the IPv4 network", field.key));
        return None;
    }
    Some(network)
}

const SOURCES: &[(&str, Source)] =
    &[("x-forwarded-for", Source::XForwardedFor), ("forwarded", Source::Forwarded), ("proxy-protocol", Source::ProxyProtocol)];

#[cfg(test)]
mod tests {
    use crate::config::tests::{messages, with};

    #[test]
    fn a_listener_says_whom_it_trusts_or_why_not() {
        let table = [
            ("address =", "trusted_proxies = [\"0.0.0.0/0\"]\naddress =", "any client could claim any address"),
            ("address =", "trusted_proxies = [\"10.0.0.1\", \"::/0\"]\naddress =", "any client could claim any address"),
            ("address =", "trusted_proxies = [\"128.0.0.0/1\", \"0.0.0.0/1\"]\naddress =", "any client could claim any address"),
            ("address =", "trusted_proxies = [\"::ffff:10.0.0.0/104\"]\naddress =", "write the IPv4 network"),
            ("address =", "trusted_proxies = [\"10.0.0.1/8\"]\naddress =", "write the network as 10.0.0.0/8"),
            ("address =", "trusted_proxies = [\"balancer\"]\naddress =", "expected a network like"),
            ("address =", "trusted_proxies = \"10.0.0.1\"\naddress =", "`trusted_proxies`: expected a list, found a string"),
            ("address =", "client_address = \"forwarded\"\naddress =", "but there are no trusted proxies"),
            ("address =", "trusted_proxies = []\nclient_address = \"forwarded\"\naddress =", "but there are no trusted proxies"),
            (
                "address =",
                "trusted_proxies = [\"10.0.0.1\"]\nclient_address = \"x-real-ip\"\naddress =",
                "`client_address`: expected \"x-forwarded-for\" or \"forwarded\" or \"proxy-protocol\"",
            ),
        ];
        for (from, to, expected) in table {
            let found = messages(&with(from, to));
            assert!(found.len() == 1 && found[0].contains(expected), "{to}: {found:#?}");
        }
    }
}
