//! `upstream = { ... }` of an application: its servers, which of them gets a request, and how they are connected to.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::health::Health;
use crate::config::document::{Field, Section};
use crate::config::node::listener::Certificate;

/// `upstream` of an application: its servers, and how they are reached and chosen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Upstream {
    /// One or more, each once.
    pub servers: Vec<Server>,
    /// A CA of our own instead of the system's, for `https`.
    pub ca: Option<PathBuf>,
    pub balance: Balance,
    pub sticky: Sticky,
    /// None: a server is known to be down only by requests that fail.
    pub health: Option<Health>,
    /// None: as many as are needed.
    pub cap: Option<Cap>,
    /// What we show a server that asks who we are, for `https`.
    pub client_certificate: Option<Certificate>,
    /// What a server is called in its certificate, and what we ask for (SNI), where that is not its host.
    pub server_name: Option<Arc<str>>,
    /// What the application is told as `Host` instead of the public name.
    pub host: Option<Arc<str>>,
    pub protocol: Protocol,
    /// One upstream connection for each client connection, for sign-in that belongs to the connection (NTLM, Negotiate).
    pub pinned: bool,
    /// Protocols that may be switched to, in lower case. Default: `websocket`.
    pub upgrade: Vec<String>,
    pub header_case: HeaderCase,
}

/// `http://host[:port]` or `https://host[:port]`, without a path.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Server {
    pub tls: bool,
    pub host: String,
    pub port: u16,
}

/// Which server a request goes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Balance {
    #[default]
    LeastConnections,
    RoundRobin,
}

/// What keeps somebody at one server.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Sticky {
    #[default]
    None,
    /// The session: no cookie is needed, and public paths are not sticky without one.
    Session,
    /// A cookie of ours that names the server; serves who has no session too.
    Cookie,
}

/// How much a server is given at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cap {
    /// Connections to each server, of all cores together; with h2, where one connection carries many, requests at once.
    pub connections: u32,
    /// How many requests may wait for a place. Default: 256.
    pub queue: u32,
    /// And for how long. Default: 10 s.
    pub queue_wait: Duration,
}

/// `protocol` of an upstream: what is spoken with its servers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Protocol {
    #[default]
    Http1,
    /// `https`: by ALPN, and the server must agree; `http`: by prior knowledge.
    Http2,
}

/// How names of header fields are written to the application.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum HeaderCase {
    #[default]
    Lower,
    /// As the client wrote them.
    Keep,
    Title,
}

impl Upstream {
    /// These servers, and everything else as if nobody had written it.
    pub fn to(servers: Vec<Server>) -> Self {
        Self {
            servers,
            ca: None,
            balance: Balance::default(),
            sticky: Sticky::default(),
            health: None,
            cap: None,
            client_certificate: None,
            server_name: None,
            host: None,
            protocol: Protocol::default(),
            pinned: false,
            upgrade: vec!["websocket".to_owned()],
            header_case: HeaderCase::default(),
        }
    }

    pub(in crate::config) fn read(section: Section<'_>) -> Option<Self> {
        let servers = section.required("servers").and_then(servers);
        let balances = [("least-connections", Balance::LeastConnections), ("round-robin", Balance::RoundRobin)];
        let stickies = [("none", Sticky::None), ("session", Sticky::Session), ("cookie", Sticky::Cookie)];
        let protocols = [("http/1.1", Protocol::Http1), ("h2", Protocol::Http2)];
        let cases = [("lower", HeaderCase::Lower), ("keep", HeaderCase::Keep), ("title", HeaderCase::Title)];
        let default = Self::to(Vec::new());
        let upstream = Self {
            ca: section.optional("ca").and_then(Field::path),
            balance: section.or("balance", default.balance, |field| field.choice(&balances, &[])),
            sticky: section.or("sticky", default.sticky, |field| field.choice(&stickies, &[])),
            health: section.optional("health").and_then(Health::read),
            cap: cap(&section),
            client_certificate: section.optional("client_certificate").and_then(Certificate::read),
            server_name: section.optional("server_name").and_then(Field::host),
            host: section.optional("host").and_then(host),
            protocol: section.or("protocol", default.protocol, |field| field.choice(&protocols, &[])),
            pinned: section.or("pinned", default.pinned, Field::boolean),
            upgrade: section.or("upgrade", default.upgrade, |list| Some(list.list()?.into_iter().filter_map(token).collect())),
            header_case: section.or("header_case", default.header_case, |field| field.choice(&cases, &[])),
            servers: servers.clone().unwrap_or_default(),
        };
        if servers.is_some() {
            upstream.check(&section);
        }
        section.finish();
        servers.map(|_| upstream)
    }

    /// What has no effect or contradicts itself.
    fn check(&self, section: &Section<'_>) {
        if !self.servers.iter().any(|server| server.tls) {
            for key in ["ca", "client_certificate", "server_name"] {
                if let Some(field) = section.optional(key) {
                    field.key_problem(format!("`{key}` has no effect: none of the servers is https://"));
                }
            }
        }
        let h2 = self.protocol == Protocol::Http2;
        if let Some(field) = section.optional("pinned").filter(|_| h2 && self.pinned) {
            field.key_problem("`pinned` excludes `protocol = \"h2\"`: one connection would carry the requests of many users");
        }
        if let Some(field) = section.optional("header_case").filter(|_| h2 && self.header_case != HeaderCase::Lower) {
            field.key_problem("`header_case` has no effect: with `protocol = \"h2\"` header names are always in lower case");
        }
    }
}

/// A server that stood there twice would get twice the requests and be counted twice.
fn servers(list: Field<'_>) -> Option<Vec<Server>> {
    let mut servers: Vec<Server> = Vec::new();
    let read = list.some(|field| {
        let server = Server::read(field)?;
        if servers.contains(&server) {
            field.problem("`servers`: this server is listed twice");
            return None;
        }
        servers.push(server);
        Some(())
    });
    read.map(|_| servers)
}

impl Server {
    fn read(field: Field<'_>) -> Option<Self> {
        let (scheme, host, port) = field.server(&["https", "http"])?;
        let tls = scheme == "https";
        Some(Self { tls, host: host.to_ascii_lowercase(), port: port.unwrap_or(if tls { 443 } else { 80 }) })
    }
}

/// As the operator writes it, always with the port.
impl std::fmt::Display for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        if self.host.contains(':') {
            write!(f, "{scheme}://[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{scheme}://{}:{}", self.host, self.port)
        }
    }
}

/// Lower case, with the port where one is written.
fn host(field: Field<'_>) -> Option<Arc<str>> {
    let (host, port) = field.host_and_port()?;
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_ascii_lowercase() };
    Some(format!("{host}{port}").into())
}

fn cap(section: &Section<'_>) -> Option<Cap> {
    let connections = section.optional("connections");
    let queue = section.optional("queue");
    let queue_wait = section.optional("queue_wait");
    if connections.is_none() {
        for field in [queue, queue_wait].into_iter().flatten() {
            field.key_problem(format!("`{}` has no effect without `connections`: without a limit no request waits", field.key));
        }
    }
    let waits = Duration::from_secs(1)..=Duration::from_secs(300);
    Some(Cap {
        connections: connections?.number(1..=100_000)?,
        queue: section.or("queue", 256, |field| field.number(0..=100_000)),
        queue_wait: section.or("queue_wait", Duration::from_secs(10), |field| field.duration(waits)),
    })
}

/// A protocol that may be switched to (RFC 9110 section 7.8). What would carry requests past us is refused whatever is built.
fn token(field: Field<'_>) -> Option<String> {
    let text = field.text()?.to_ascii_lowercase();
    let name = text.split('/').next().unwrap_or_default();
    if matches!(name, "h2c" | "h2" | "http" | "tls") {
        field.problem(format!(
            "`upgrade`: {name} would carry requests that Doorward does not check, so applications may not switch to it"
        ));
        return None;
    }
    let sign = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~/".contains(&byte);
    if !text.bytes().all(sign) {
        field.problem("`upgrade`: expected protocol names, like \"websocket\"");
        return None;
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{Application, parse};

    const MINIMAL: &str = include_str!("../testdata/minimal.toml");

    /// An application with these keys in its `upstream` and these beside it, or what is wrong with them.
    fn read(upstream: &str, beside: &str) -> Result<Application, Vec<String>> {
        let given = "upstream = { servers = [\"http://127.0.0.1:8080\"] }";
        assert!(MINIMAL.contains(given));
        let text = MINIMAL.replacen(given, &format!("upstream = {{ {upstream} }}\n{beside}"), 1);
        let config = parse(&text, Path::new("/etc/doorward"), &|_| None);
        config.map(|config| config.applications[0].clone()).map_err(|problems| problems.into_iter().map(|p| p.message).collect())
    }

    fn good(upstream: &str) -> Upstream {
        read(upstream, "").unwrap_or_else(|problems| panic!("{upstream}: {problems:#?}")).upstream
    }

    const PLAIN: &str = "servers = [\"http://a.example\"]";
    const SECURE: &str = "servers = [\"https://a.example\", \"https://b.example:8443\"]";

    #[test]
    fn what_is_left_out_is_as_documented() {
        let server = Server { tls: false, host: "a.example".into(), port: 80 };
        assert_eq!(good(PLAIN), Upstream::to(vec![server]));
        assert!(good(&format!("{PLAIN}, pinned = true")).pinned);
        let capped = good(&format!("{PLAIN}, connections = 5")).cap;
        assert_eq!(capped, Some(Cap { connections: 5, queue: 256, queue_wait: Duration::from_secs(10) }));
        let health = good(&format!("{PLAIN}, health = \"/up?deep=1\"")).health.unwrap();
        let seconds = Duration::from_secs;
        assert_eq!((health.path.as_str(), health.interval, health.wait), ("/up?deep=1", seconds(5), seconds(2)));
        assert_eq!((health.fall, health.rise, health.status.first(), health.status.last()), (3, 2, Some(&200), Some(&399)));
    }

    #[test]
    fn everything_that_can_be_said_is_read() {
        let upstream = good(&format!(
            "{SECURE}, ca = \"ca.pem\", balance = \"round-robin\", sticky = \"cookie\", protocol = \"h2\", connections = 10, \
             queue = 0, queue_wait = \"2s\", server_name = \"Inner.Example\", client_certificate = {{ chain = \"c.pem\", key = \"c.key\" }}, \
             health = {{ path = \"/up\", interval = \"10s\", wait = \"3s\", fall = 1, rise = 4, status = [204, \"3xx\"] }}"
        ));
        assert_eq!(
            (upstream.balance, upstream.sticky, upstream.protocol),
            (Balance::RoundRobin, Sticky::Cookie, Protocol::Http2)
        );
        assert_eq!(upstream.cap, Some(Cap { connections: 10, queue: 0, queue_wait: Duration::from_secs(2) }));
        assert_eq!(upstream.server_name.as_deref(), Some("inner.example"));
        let chain = upstream.client_certificate.unwrap().chain;
        assert_eq!(chain, Path::new("/etc/doorward/c.pem"));
        let health = upstream.health.unwrap();
        assert_eq!((health.fall, health.rise, health.status.len(), health.status[0]), (1, 4, 101, 204));
        assert_eq!(upstream.servers[1].to_string(), "https://b.example:8443");
        assert_eq!(good("servers = [\"http://[::1]\"]").servers[0].to_string(), "http://[::1]:80");
    }

    #[test]
    fn a_mistake_is_said_once_and_plainly() {
        let table = [
            (PLAIN, "balance = \"random\"", "`balance`: expected \"least-connections\" or \"round-robin\""),
            (PLAIN, "sticky = \"cokie\"", "did you mean `cookie`?"),
            (PLAIN, "protocol = \"h3\"", "`protocol`: expected \"http/1.1\" or \"h2\""),
            (PLAIN, "connections = 0", "`connections`: expected a whole number from 1 to 100000"),
            (PLAIN, "queue = 5", "`queue` has no effect without `connections`"),
            (PLAIN, "queue_wait = \"5s\"", "`queue_wait` has no effect without `connections`"),
            (PLAIN, "server_name = \"b\"", "`server_name` has no effect: none of the servers is https://"),
            (PLAIN, "ca = \"ca.pem\"", "`ca` has no effect"),
            (PLAIN, "client_certificate = { chain = \"c\", key = \"k\" }", "`client_certificate` has no effect"),
            (SECURE, "client_certificate = { chain = \"c\" }", "client_certificate lacks `key`"),
            (SECURE, "server_name = \"b:443\"", "`server_name`: expected a host name without port"),
            (PLAIN, "health = \"up\"", "`health`: expected a path that begins with `/`"),
            (PLAIN, "health = {}", "health lacks `path`"),
            (PLAIN, "health = { path = \"/\", interval = \"2s\" }", "`wait` is not shorter than `interval`"),
            (PLAIN, "health = { path = \"/\", status = [99] }", "`status`: expected a whole number from 200 to 599"),
            (PLAIN, "health = { path = \"/\", fal = 3 }", "unknown key `fal`; did you mean `fall`?"),
            ("servers = [\"http://a\", \"http://A:80\"]", "balance = \"round-robin\"", "this server is listed twice"),
        ];
        for (servers, more, expected) in table {
            let found = read(&format!("{servers}, {more}"), "").unwrap_err();
            assert!(found.len() == 1 && found[0].contains(expected), "{more}: {found:#?}");
        }
    }

    #[test]
    fn nobody_can_switch_to_what_we_would_not_see_into() {
        for protocol in ["h2c", "H2C", "h2", "TLS/1.2", "HTTP/2.0", "tls"] {
            let found = read(&format!("{PLAIN}, upgrade = [{protocol:?}]"), "").unwrap_err();
            assert!(found.iter().any(|message| message.contains("may not switch to it")), "{protocol}: {found:#?}");
        }
    }

    #[test]
    fn what_excludes_each_other_is_said() {
        for (more, expected) in
            [("pinned = true", "`pinned` excludes"), ("header_case = \"title\"", "`header_case` has no effect")]
        {
            let found = read(&format!("{PLAIN}, protocol = \"h2\", {more}"), "").unwrap_err();
            assert!(found.iter().any(|message| message.contains(expected)), "{more}: {found:#?}");
        }
    }

    #[test]
    fn the_longest_route_gives_the_limits_and_the_application_the_rest() {
        let beside = r#"limits = { response_wait = "24h", connect_wait = "2s" }
routes = [
    { path = "/a", limits = { body = "1 KiB" } },
    { path = "/a/b", limits = { response_wait = "5s", body_wait = "7s" } },
    { path = "/c/", limits = { body = "3 KiB" } },
]"#;
        let application = read(PLAIN, beside).unwrap();
        let day = Duration::from_secs(86_400);
        let limits = |path: &str| application.routes.limits(path, application.limits);
        for (path, body, response_wait) in [
            ("/", 150 << 20, day),
            ("/a", 1 << 10, day),
            ("/A/x", 1 << 10, day),
            ("/ab", 150 << 20, day),
            ("/a/b", 150 << 20, Duration::from_secs(5)),
            ("/a/b/c", 150 << 20, Duration::from_secs(5)),
            ("/a/bc", 1 << 10, day),
            ("/c", 150 << 20, day),
            ("/c/d", 3 << 10, day),
        ] {
            assert_eq!((limits(path).body, limits(path).response_wait), (body, response_wait), "{path}");
            assert_eq!(limits(path).connect_wait, Duration::from_secs(2), "{path}");
        }
        assert_eq!(limits("/a/b").body_wait, Duration::from_secs(7));
    }

    #[test]
    fn mistakes_in_routes_are_said() {
        let table = [
            ("limits = { response_wait = \"25h\" }", "`response_wait`: expected a duration from \"1s\" to \"1d\""),
            ("routes = [{ path = \"a\", limits = {} }]", "`path`: expected a path that begins with `/`"),
            ("routes = [{ path = \"/a\" }]", "write `limits` or `paths`"),
            ("routes = [{ path = \"/.doorward/x\", limits = {} }]", "`path`: `/.doorward/` holds our own pages"),
            ("routes = [{ path = \"/a\", limits = {} }, { path = \"/A\", limits = {} }]", "this path has a route already"),
        ];
        for (beside, expected) in table {
            let found = read(PLAIN, beside).unwrap_err();
            assert!(found.len() == 1 && found[0].contains(expected), "{beside}: {found:#?}");
        }
    }
}
