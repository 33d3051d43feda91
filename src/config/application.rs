//! `[[application]]`: a protected web site.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

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
