//! Finds applications that are open to everybody or reached in clear text, addresses that are used twice, and secrets that every user of the
//! machine may read.

use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::{Danger, Dangers};
use crate::config::Config;
use crate::config::application::{Application, Server, SignOn};
use crate::config::directory::Kind;
use crate::config::listener::Serves;

pub(super) fn look(config: &Config, found: &mut Dangers) {
    let is_behind_proxy = config.listeners.iter().any(|listener| listener.trusted.is_some());
    for application in &config.applications {
        openings(application, found);
        if let Some(header) = application.keep_headers.of_proxies().next().filter(|_| !is_behind_proxy) {
            found.warnings.push(format!(
                "application `{}`, keep_headers: `{header}` never reaches it: only requests from `trusted_proxies` may carry it, and no listener has any",
                application.name
            ));
        }
        for server in &application.upstream.servers {
            circle(config, application, server, found);
        }
    }
    if let Some(metrics) = &config.metrics
        && let Some(listener) = config.listeners.iter().find(|listener| meet(listener.address, metrics.listen))
    {
        found.problems.push(format!("metrics, listen: the listener {1} already uses {0}", metrics.listen, listener.address));
    }
    readable(config, found);
}

fn openings(application: &Application, found: &mut Dangers) {
    let name = &application.name;
    if application.public.iter().any(|prefix| prefix == "/") {
        let text =
            format!("application `{name}`: `public = [\"/\"]` opens the whole application to everybody, without signing in");
        found.say(Danger::PublicEverything, &application.accept, &text);
    }
    let is_plain = |server: &&Server| !server.tls && !is_loopback(&server.host);
    if application.sign_on == SignOn::Headers
        && let Some(server) = application.upstream.servers.iter().find(is_plain)
    {
        let text = format!(
            "application `{name}`: anyone on the network between here and http://{}:{} can pretend to be any user there: use https:// or `sign_on = \"none\"`",
            server.host, server.port
        );
        found.warn(Danger::PlainIdentityHeaders, &application.accept, &text);
    }
}

/// Finds a server that is a listener of ours: requests would go in a circle until something is used up.
fn circle(config: &Config, application: &Application, server: &Server, found: &mut Dangers) {
    let url = format!("{}://{}:{}", if server.tls { "https" } else { "http" }, server.host, server.port);
    let name = &application.name;
    let mut listeners = config.listeners.iter().filter(|listener| listener.address.port() == server.port).peekable();
    let is_ours = listeners.peek().is_some()
        && config.applications.iter().flat_map(|application| &application.hosts).any(|host| **host == *server.host);
    let address = address(&server.host);
    if address.is_some_and(|address| listeners.any(|listener| meet(listener.address, SocketAddr::new(address, server.port)))) {
        found
            .problems
            .push(format!("application `{name}`: its server {url} is one of Doorward's own listeners, so requests would loop"));
    } else if is_ours && address.is_none() {
        found.warnings.push(format!(
            "application `{name}`: its server {url} has a host name and a port of Doorward's own: if the name leads here, requests loop. Write the name of the server itself"
        ));
    }
}

/// Whether two sockets on this machine would take the same address and port. The unspecified address is every one, loopback included.
fn meet(ours: SocketAddr, other: SocketAddr) -> bool {
    let (own, theirs) = (ours.ip().to_canonical(), other.ip().to_canonical());
    let is_every = own.is_unspecified() && (theirs.is_loopback() || theirs.is_unspecified());
    let holds = own == theirs || is_every || (theirs.is_unspecified() && (own.is_loopback() || own.is_unspecified()));
    ours.port() == other.port() && ours.port() != 0 && holds
}

fn address(host: &str) -> Option<IpAddr> {
    if host.eq_ignore_ascii_case("localhost") {
        return Some(IpAddr::from([127, 0, 0, 1]));
    }
    host.trim_matches(['[', ']']).parse().ok()
}

fn is_loopback(host: &str) -> bool {
    address(host).is_some_and(|address| address.to_canonical().is_loopback())
}

fn readable(config: &Config, found: &mut Dangers) {
    for listener in &config.listeners {
        let Serves::Tls(certificates) = &listener.serves else { continue };
        for certificate in certificates {
            if let Some(text) = open_to_all(&certificate.key) {
                found.say(Danger::ReadableKey, &listener.accept, &format!("listener {}, key: {text}", listener.address));
            }
        }
    }
    for application in &config.applications {
        let key = application.upstream.client_certificate.as_ref().and_then(|certificate| open_to_all(&certificate.key));
        if let Some(text) = key {
            found.say(
                Danger::ReadableKey,
                &application.accept,
                &format!("application `{}`, client_certificate, key: {text}", application.name),
            );
        }
    }
    for directory in &config.directories {
        if let Kind::Local(local) = &directory.kind
            && let Some(text) = open_to_all(&local.file)
        {
            found.warnings.push(format!("directory `{}`, file: {text}", directory.name));
        }
    }
    found.warnings.extend(config.secret_files.iter().filter_map(|file| open_to_all(file)));
}

/// The complaint about a file that every user may read. Containers mount files that a group may read, so the group does not count.
fn open_to_all(file: &Path) -> Option<String> {
    let mode = std::fs::metadata(file).ok()?.permissions().mode();
    (mode & 0o006 != 0)
        .then(|| format!("every user of this machine may read {0} (mode {1:o}). Run: chmod o= {0}", file.display(), mode & 0o777))
}

#[cfg(test)]
mod tests {
    use super::super::find;
    use super::*;
    use crate::config::parse;

    const MINIMAL: &str = include_str!("../testdata/minimal.toml");

    fn found(changes: &[(&str, &str)]) -> Dangers {
        let text = changes.iter().fold(MINIMAL.to_owned(), |text, (from, to)| {
            assert!(text.contains(from), "{from}");
            text.replacen(from, to, 1)
        });
        find(&parse(&text, Path::new("/"), &|_| None).unwrap_or_else(|problems| panic!("{text}\n{problems:?}")))
    }

    fn with(keys: &str) -> Dangers {
        found(&[("[[application]]", &format!("[[application]]\n{keys}"))])
    }

    #[test]
    fn an_application_that_is_open_to_everybody_is_a_mistake_unless_that_is_meant() {
        let open = with("public = [\"/\"]").problems;
        assert!(open.len() == 1 && open[0].contains("accept = [\"public-everything\"]"), "{open:?}");
        assert_eq!(with("public = [\"/\"]\naccept = [\"public-everything\"]").problems, [""; 0]);
        assert_eq!(with("public = [\"/a\"]").problems, [""; 0]);
    }

    #[test]
    fn a_kept_header_that_only_proxies_may_send_wants_a_trusted_proxy() {
        let keys = "keep_headers = [\"X-Real-IP\"]";
        let alone = with(keys).warnings;
        assert!(alone.iter().any(|text| text.contains("keep_headers: `x-real-ip` never reaches it")), "{alone:?}");
        let behind = found(&[
            ("[[application]]", &format!("[[application]]\n{keys}")),
            ("[[listener]]", "[[listener]]\ntrusted_proxies = [\"192.0.2.1\"]"),
        ]);
        assert!(!behind.warnings.iter().any(|text| text.contains("keep_headers")), "{behind:?}");
    }

    #[test]
    fn addresses_that_meet_are_found() {
        let all = |port| SocketAddr::from(([0; 16], port));
        let here = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let there = |port| SocketAddr::from(([192, 0, 2, 1], port));
        for (ours, other, expected) in [
            (all(443), here(443), true),
            (here(443), here(443), true),
            (here(443), all(443), true),
            (all(443), all(443), true),
            (all(443), there(443), false),
            (there(443), there(443), true),
            (there(443), here(443), false),
            (all(443), here(444), false),
            (all(0), here(0), false),
        ] {
            assert_eq!(meet(ours, other), expected, "{ours} {other}");
        }
        assert_eq!(address("localhost"), Some(IpAddr::from([127, 0, 0, 1])));
        assert!(
            address("[::1]").is_some()
                && address("web.example").is_none()
                && is_loopback("127.9.9.9")
                && !is_loopback("10.0.0.1")
        );
    }
}
