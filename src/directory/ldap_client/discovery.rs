//! Finding the domain controllers of a domain by DNS (`_ldap._tcp.dc._msdcs.DOMAIN`, RFC 2782).

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::RData;
use tokio::time::timeout;

pub(in crate::directory) struct Discovery {
    domain: String,
    dns: Vec<SocketAddr>,
    /// What the order among equals is drawn from, so that not every gateway asks the same controller.
    draws: AtomicU64,
}

/// Where a controller is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::directory) struct Place {
    pub host: String,
    pub port: u16,
    /// May be empty: the name is known, its address is not.
    pub addresses: Vec<std::net::IpAddr>,
}

/// One SRV record.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Offer {
    priority: u16,
    weight: u16,
    host: String,
    port: u16,
}

impl Discovery {
    pub fn new(domain: &str, dns: &[SocketAddr], seed: [u8; 8]) -> Self {
        let draws = AtomicU64::new(u64::from_le_bytes(seed));
        Self { domain: domain.trim_end_matches('.').to_ascii_lowercase(), dns: dns.to_vec(), draws }
    }

    /// The controllers in the order in which they are to be asked, and how long that is good for. The error says why there is none.
    pub async fn find(&self) -> Result<(Vec<Place>, Duration), String> {
        let name = format!("_ldap._tcp.dc._msdcs.{}.", self.domain);
        let found = timeout(WHOLE, self.ask(&name)).await;
        found.unwrap_or_else(|_| Err("no answer in time".to_owned())).map_err(|why| format!("DNS, {name} SRV: {why}"))
    }

    async fn ask(&self, name: &str) -> Result<(Vec<Place>, Duration), String> {
        let resolver = self.resolver()?;
        let lookup = resolver.srv_lookup(name).await.map_err(|error| error.to_string())?;
        let ttl = lookup.answers().iter().map(|record| record.ttl).min().unwrap_or(0);
        let offers = lookup.answers().iter().take(MOST).filter_map(|record| match &record.data {
            RData::SRV(service) => Some(Offer {
                priority: service.priority,
                weight: service.weight,
                host: service.target.to_ascii().trim_end_matches('.').to_ascii_lowercase(),
                port: service.port,
            }),
            _ => None,
        });
        // Whoever can forge an answer shall not send passwords to a host whose certificate is in order, but whose owner is another.
        let (own, foreign): (Vec<_>, Vec<_>) = offers.partition(|offer| self.is_own(&offer.host));
        for offer in foreign {
            let (domain, host) = (&self.domain, offer.host);
            tracing::warn!(
                domain,
                host,
                "DNS names a domain controller outside the domain: it is not asked; name it in `servers`"
            );
        }
        let mut places = Vec::new();
        for offer in in_order(own, |below| self.draw(below)) {
            let addresses = match resolver.lookup_ip(format!("{}.", offer.host)).await {
                Ok(found) => found.iter().collect(),
                Err(_) => Vec::new(),
            };
            places.push(Place { host: offer.host, port: offer.port, addresses });
        }
        if places.is_empty() {
            return Err("it names no domain controller".to_owned());
        }
        Ok((places, Duration::from_secs(ttl.into()).clamp(SHORTEST, LONGEST)))
    }

    fn is_own(&self, host: &str) -> bool {
        host.strip_suffix(self.domain.as_str()).is_some_and(|before| before.ends_with('.') && before.len() > 1)
    }

    /// A fresh one each time: it reads the system's settings again, and nothing of it is left behind.
    fn resolver(&self) -> Result<TokioResolver, String> {
        let mut builder = if self.dns.is_empty() {
            TokioResolver::builder_tokio().map_err(|error| error.to_string())?
        } else {
            let server = |address: &SocketAddr| {
                let mut server = NameServerConfig::udp_and_tcp(address.ip());
                for connection in &mut server.connections {
                    connection.port = address.port();
                }
                server
            };
            let servers = self.dns.iter().map(server).collect();
            TokioResolver::builder_with_config(ResolverConfig::from_name_servers(servers), TokioRuntimeProvider::default())
        };
        builder.options_mut().timeout = ONE;
        builder.options_mut().attempts = 1;
        builder.build().map_err(|error| error.to_string())
    }

    /// A number below `below` (SplitMix64: only to spread the load).
    fn draw(&self, below: u64) -> u64 {
        let state = self.draws.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)).checked_rem(below).unwrap_or(0)
    }
}

/// The lowest priority first; among equals by lot, the heavier the more likely (RFC 2782).
fn in_order(mut offers: Vec<Offer>, draw: impl Fn(u64) -> u64) -> Vec<Offer> {
    let mut order = Vec::new();
    while let Some(lowest) = offers.iter().map(|offer| offer.priority).min() {
        // One more for each, so that those without a weight have a small chance too.
        let weight = |offer: &Offer| if offer.priority == lowest { u64::from(offer.weight) + 1 } else { 0 };
        let mut drawn = draw(offers.iter().map(weight).sum());
        let chosen = offers.iter().position(|offer| match drawn.checked_sub(weight(offer)) {
            None => true,
            Some(left) => {
                drawn = left;
                false
            }
        });
        order.push(offers.remove(chosen.unwrap_or(0)));
    }
    order
}

/// Of one question to one server.
const ONE: Duration = Duration::from_secs(1);
const WHOLE: Duration = Duration::from_secs(3);
const SHORTEST: Duration = Duration::from_secs(30);
const LONGEST: Duration = Duration::from_secs(5 * 60);
/// Controllers of one domain that are looked at; the others are left out.
const MOST: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(priority: u16, weight: u16, host: &str) -> Offer {
        Offer { priority, weight, host: host.into(), port: 389 }
    }

    fn hosts(offers: Vec<Offer>, draw: impl Fn(u64) -> u64) -> Vec<String> {
        in_order(offers, draw).into_iter().map(|offer| offer.host).collect()
    }

    #[test]
    fn the_lowest_priority_comes_first_and_equals_by_lot() {
        let offers = || vec![offer(10, 0, "c"), offer(0, 100, "a"), offer(0, 0, "b"), offer(10, 0, "d")];
        assert_eq!(hosts(offers(), |_| 0), ["a", "b", "c", "d"]);
        assert_eq!(hosts(offers(), |below| below - 1), ["b", "a", "d", "c"]);
        let discovery = Discovery::new("ad.test", &[], [7; 8]);
        let heavy = (0..1000).filter(|_| hosts(offers(), |below| discovery.draw(below))[0] == "a").count();
        assert!((960..1000).contains(&heavy), "{heavy} of 1000");
    }

    #[test]
    fn only_hosts_of_the_domain_are_its_controllers() {
        let discovery = Discovery::new("AD.test.", &[], [0; 8]);
        for (host, own) in [
            ("dc1.ad.test", true),
            ("a.b.ad.test", true),
            ("ad.test", false),
            (".ad.test", false),
            ("evilad.test", false),
            ("dc1.ad.test.evil.org", false),
        ] {
            assert_eq!(discovery.is_own(host), own, "{host}");
        }
    }
}
