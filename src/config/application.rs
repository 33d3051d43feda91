//! `[[application]]`: a protected web site.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::field::Field;
use super::names::{Kind, Use};
use super::section::Section;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Application {
    pub name: Arc<str>,
    /// Lower case, without port; a host belongs to one application.
    pub hosts: Vec<Arc<str>>,
    /// The name of an authentication policy.
    pub policy: Arc<str>,
    pub session: SessionLimits,
    pub upstream: Upstream,
    pub sign_on: SignOn,
    /// Path prefixes that need no session, each beginning with `/`; matched by whole segments in exact case.
    pub public: Vec<String>,
    pub limits: RequestLimits,
    /// Lets the application register service workers. Default: false.
    pub service_worker: bool,
}

/// Defaults: 30 minutes and 12 hours.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SessionLimits {
    pub idle: Duration,
    pub absolute: Duration,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Upstream {
    /// One or more, tried in turn when a connection fails.
    pub servers: Vec<Server>,
    /// A CA of our own instead of the system's, for `https`.
    pub ca: Option<PathBuf>,
}

/// `http://host[:port]` or `https://host[:port]`, without a path.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Server {
    pub tls: bool,
    pub host: String,
    pub port: u16,
}

/// How the application learns who it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SignOn {
    /// `X-Forwarded-User`, `-Email`, `-Groups`. The default of `preset = "plain"`.
    Headers,
    None,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RequestLimits {
    /// Bytes of a request body. Default: 150 MiB.
    pub body: u64,
    /// How long the upstream may take to answer with a head. Default: 60 s.
    pub response_wait: Duration,
}

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const YEAR: Duration = Duration::from_secs(365 * 86_400);

impl Default for SessionLimits {
    fn default() -> Self {
        Self { idle: 30 * MINUTE, absolute: 12 * HOUR }
    }
}

impl Default for RequestLimits {
    fn default() -> Self {
        Self { body: 150 << 20, response_wait: MINUTE }
    }
}

impl Application {
    pub(super) fn read(section: Section<'_>) -> Option<Self> {
        let name = section.name(Kind::Application);
        let hosts = section.required("hosts").and_then(|list| list.some(host));
        let policy = section.required("policy").and_then(|field| {
            let name = field.name()?;
            section.walk.uses(Use { kind: Kind::AuthenticationPolicy, name: name.clone(), channel: None, at: field.at() });
            Some(name)
        });
        section.only("preset", "plain", &["owa", "web-interface", "storefront", "rd-web", "sharepoint", "adfs"]);
        let ways = [("preset", SignOn::Headers), ("headers", SignOn::Headers), ("none", SignOn::None)];
        let sign_on = section.or("sign_on", SignOn::Headers, |field| field.choice(&ways, &["basic", "form"]));
        let session = section.or("session", SessionLimits::default(), |field| field.section().map(SessionLimits::read));
        let upstream = section.required("upstream").and_then(|field| field.section().and_then(Upstream::read));
        let limits = section.or("limits", RequestLimits::default(), |field| field.section().map(RequestLimits::read));
        let public = section.or("public", Vec::new(), |list| Some(list.list()?.into_iter().filter_map(prefix).collect()));
        let service_worker = section.or("service_worker", false, Field::boolean);
        section.finish();
        Some(Self {
            name: name?,
            hosts: hosts?,
            policy: policy?,
            session,
            upstream: upstream?,
            sign_on,
            public,
            limits,
            service_worker,
        })
    }
}

impl SessionLimits {
    fn read(section: Section<'_>) -> Self {
        let default = Self::default();
        let limits = Self {
            idle: section.or("idle", default.idle, |field| field.duration(SECOND..=YEAR)),
            absolute: section.or("absolute", default.absolute, |field| field.duration(SECOND..=YEAR)),
        };
        if limits.idle > limits.absolute {
            section.problem("`idle` is longer than `absolute`, so it would never end a session");
        }
        section.finish();
        limits
    }
}

impl Upstream {
    fn read(section: Section<'_>) -> Option<Self> {
        let servers = section.required("servers").and_then(|list| list.some(Server::read));
        let ca = section.optional("ca").and_then(Field::path);
        section.later(&["health"]);
        section.finish();
        Some(Self { servers: servers?, ca })
    }
}

impl Server {
    fn read(field: Field<'_>) -> Option<Self> {
        let (scheme, host, port) = field.server(&["https", "http"])?;
        let tls = scheme == "https";
        Some(Self { tls, host: host.to_ascii_lowercase(), port: port.unwrap_or(if tls { 443 } else { 80 }) })
    }
}

impl RequestLimits {
    fn read(section: Section<'_>) -> Self {
        let default = Self::default();
        let limits = Self {
            body: section.or("body", default.body, Field::size),
            response_wait: section.or("response_wait", default.response_wait, |field| field.duration(SECOND..=HOUR)),
        };
        section.finish();
        limits
    }
}

/// A host belongs to one application.
fn host(field: Field<'_>) -> Option<Arc<str>> {
    let host = field.host()?;
    field.walk.define(Kind::Host, &host, field.at());
    Some(host)
}

/// A public path is compared with the request's path byte for byte, so it is written in the form that requests may have.
fn prefix(field: Field<'_>) -> Option<String> {
    let path = field.text()?;
    let plain = path.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#' | b'\\'));
    let dots = path.split('/').any(|segment| matches!(segment, "." | ".."));
    if !path.starts_with('/') || !plain || dots || path.contains("//") {
        field
            .problem("`public`: expected a path that begins with `/`, without `?`, `#`, `//`, dot segments or non-ASCII letters");
        return None;
    }
    if path == "/.doorward" || path.starts_with("/.doorward/") {
        field.problem("`public`: `/.doorward/` holds our own pages");
        return None;
    }
    Some(path.to_owned())
}
