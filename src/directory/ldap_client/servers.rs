//! The servers of a directory, in the order in which they are tried, and how we reach them.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::LdapNewError;
use super::connection::Target;
use super::discovery::{Discovery, Place};
use crate::base::tls::{CertificateFacts, ClientTls, Shown};
use crate::base::{Clock, Time};
use crate::config::directory::{Ldap, LdapServer};

pub(in crate::directory) struct Servers {
    clock: Clock,
    list: Mutex<Vec<Arc<Server>>>,
    finding: Option<Finding>,
}

/// How servers are found that the operator does not name.
struct Finding {
    discovery: Discovery,
    starttls: bool,
    tls: ClientTls,
    /// When it is time to look again. Held while one looks; the others go on with those that are known.
    next: tokio::sync::Mutex<Time>,
}

pub(in crate::directory) struct Server {
    pub target: Target,
    /// The certificate that it showed last.
    shown: Shown,
    /// Milliseconds; zero: not yet.
    failed_at: AtomicU64,
}

impl Servers {
    /// Those of the configuration; with a discovery those that it finds, now and then again.
    pub fn new(config: &Ldap, discovery: Option<Discovery>, clock: Clock) -> Result<Self, LdapNewError> {
        let tls = ClientTls::new(config.ca.as_deref())?;
        let server = |server: &LdapServer| {
            let protected = server.tls || config.starttls;
            if !protected && !is_loopback(&server.host) {
                return Err(LdapNewError::InTheClear { host: server.host.clone() });
            }
            let host = match server.host.trim_matches(['[', ']']).parse() {
                Ok(IpAddr::V6(_)) if protected => return Err(LdapNewError::Ipv6 { host: server.host.clone() }),
                Ok(IpAddr::V6(address)) => format!("[{address}]"),
                _ => server.host.clone(),
            };
            let scheme = if server.tls { "ldaps" } else { "ldap" };
            let url = format!("{scheme}://{host}:{}", server.port);
            let starttls = config.starttls && !server.tls;
            let (patience, shown) = (patience(config.servers.len()), Shown::default());
            let target = Target { url, starttls, tls: tls.for_server(&shown), addresses: Vec::new(), patience };
            Ok(Arc::new(Server::new(target, shown)))
        };
        let list = config.servers.iter().map(server).collect::<Result<Vec<_>, LdapNewError>>()?;
        if list.is_empty() && discovery.is_none() {
            return Err(LdapNewError::NoServer);
        }
        let finding = discovery.filter(|_| list.is_empty());
        let next = tokio::sync::Mutex::new(Time::default());
        let finding = finding.map(|discovery| Finding { discovery, starttls: config.starttls, tls, next });
        Ok(Self { clock, list: Mutex::new(list), finding })
    }

    /// As the operator wrote them, or DNS has it; one that failed within the last 30 seconds comes last.
    pub async fn in_order(&self) -> Vec<Arc<Server>> {
        if let Some(finding) = &self.finding {
            self.find(finding).await;
        }
        let now = self.clock.now();
        let mut servers = self.list().clone();
        servers.sort_by_key(|server| {
            let failed_at = server.failed_at.load(Ordering::Relaxed);
            failed_at != 0 && now.since(Time::from_millis(failed_at)) < LAST_FOR
        });
        servers
    }

    pub fn failed(&self, server: &Server) {
        server.failed_at.store(self.clock.now().millis(), Ordering::Relaxed);
    }

    /// The same for a server known by its address.
    pub fn failed_at(&self, url: &str) {
        let known = self.list().iter().find(|server| server.target.url == url).cloned();
        if let Some(server) = known {
            self.failed(&server);
        }
    }

    /// Looks again where it is time. Where nobody can be found, the last that were found stay.
    async fn find(&self, finding: &Finding) {
        let mut next = if self.list().is_empty() {
            finding.next.lock().await
        } else {
            let Ok(next) = finding.next.try_lock() else { return };
            next
        };
        if self.clock.now() < *next {
            return;
        }
        let good_for = match finding.discovery.find().await {
            Ok((places, good_for)) => {
                let count = places.len();
                let targets = places.into_iter().map(|place| finding.target(&place, patience(count)));
                self.replace(targets.collect());
                good_for
            }
            Err(why) => {
                tracing::warn!(why, "the domain controllers could not be found; those known before are asked");
                AGAIN
            }
        };
        *next = self.clock.now().plus(good_for);
    }

    /// What servers showed of themselves, by their addresses.
    pub fn certificates(&self) -> Vec<(String, CertificateFacts)> {
        let servers = self.list().clone();
        servers.iter().filter_map(|server| Some((server.target.url.clone(), server.shown.facts()?))).collect()
    }

    /// Those that are known already keep what is known of them.
    fn replace(&self, targets: Vec<(Target, Shown)>) {
        let mut list = self.list();
        let servers = targets.into_iter().map(|(target, shown)| {
            let known = list.iter().find(|server| server.target.url == target.url);
            let mut target = target;
            if target.addresses.is_empty() {
                target.addresses = known.map(|known| known.target.addresses.clone()).unwrap_or_default();
            }
            let failed_at = known.map(|known| known.failed_at.load(Ordering::Relaxed)).unwrap_or_default();
            let shown = match known {
                Some(known) => {
                    target.tls = Arc::clone(&known.target.tls);
                    known.shown.clone()
                }
                None => shown,
            };
            Arc::new(Server { target, shown, failed_at: AtomicU64::new(failed_at) })
        });
        *list = servers.collect();
    }

    fn list(&self) -> MutexGuard<'_, Vec<Arc<Server>>> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Server {
    fn new(target: Target, shown: Shown) -> Self {
        Self { target, shown, failed_at: AtomicU64::new(0) }
    }
}

impl Finding {
    /// What DNS names is the port without TLS.
    fn target(&self, place: &Place, patience: Duration) -> (Target, Shown) {
        let (scheme, port) = if self.starttls { ("ldap", place.port) } else { ("ldaps", LDAPS) };
        let addresses = place.addresses.iter().map(|address| SocketAddr::new(*address, port)).collect();
        let url = format!("{scheme}://{}:{port}", place.host);
        let shown = Shown::default();
        (Target { url, starttls: self.starttls, tls: self.tls.for_server(&shown), addresses, patience }, shown)
    }
}

/// How long an answer may take: where there is another server, one that hangs is soon left.
fn patience(servers: usize) -> Duration {
    if servers > 1 { Duration::from_millis(1700) } else { Duration::from_secs(5) }
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.trim_matches(['[', ']']).parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

const LAST_FOR: Duration = Duration::from_secs(30);
/// After DNS did not tell.
const AGAIN: Duration = Duration::from_secs(30);
const LDAPS: u16 = 636;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::ldap_client::tests::config;

    fn servers(list: &[(bool, &str, u16)]) -> Result<Servers, LdapNewError> {
        let mut config = config();
        config.servers =
            list.iter().map(|(tls, host, port)| LdapServer { tls: *tls, host: (*host).into(), port: *port }).collect();
        Servers::new(&config, None, Clock::by_hand())
    }

    async fn urls(servers: &Servers) -> Vec<String> {
        servers.in_order().await.iter().map(|server| server.target.url.clone()).collect()
    }

    #[tokio::test]
    async fn a_server_that_failed_comes_last_for_half_a_minute() {
        let servers = servers(&[(true, "a.test", 636), (true, "b.test", 636), (false, "127.0.0.1", 389)]).unwrap();
        let given = ["ldaps://a.test:636", "ldaps://b.test:636", "ldap://127.0.0.1:389"];
        assert_eq!(urls(&servers).await, given);
        servers.failed(&servers.in_order().await[0]);
        assert_eq!(urls(&servers).await, [given[1], given[2], given[0]]);
        servers.clock.advance(Duration::from_secs(31));
        assert_eq!(urls(&servers).await, given);
    }

    #[test]
    fn a_password_never_goes_in_the_clear_off_loopback() {
        for host in ["ldap.example.test", "192.0.2.1", "127.0.0.1.example.test", "::2"] {
            let error = servers(&[(false, host, 389)]).err();
            assert!(matches!(error, Some(LdapNewError::InTheClear { .. })), "{host}: {error:?}");
        }
        for host in ["localhost", "127.0.0.1", "127.9.9.9", "::1", "[::1]"] {
            assert!(servers(&[(false, host, 389)]).is_ok(), "{host}");
        }
    }
}
