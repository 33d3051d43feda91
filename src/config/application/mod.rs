//! `[[application]]`: a protected web site.

pub mod health;
mod kept_headers;
pub mod request_limits;
pub mod session;
mod sign_on;
pub mod upstream;

use std::path::PathBuf;
use std::sync::Arc;

pub use self::kept_headers::KeptHeaders;
pub use self::request_limits::{RequestLimits, Routes};
use self::request_limits::{prefix, read_odd_paths};
pub use self::session::{Background, SessionLimits};
pub use self::sign_on::SignOn;
pub use self::upstream::{Server, Upstream};
use crate::base::path::{self, OddPaths};
use crate::config::dangers::{self, Danger};
use crate::config::document::{Field, Kind, Preset, Presets, Section, Use};
use crate::config::node::{pages, translated};
use crate::config::{Translated, presets};

/// `[[application]]`: one protected web site, its hosts, and the servers behind it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Application {
    pub name: Arc<str>,
    /// Lower case, without port; a host belongs to one application. With `*.` in front, every name with one label in its place that no
    /// application names.
    pub hosts: Vec<Arc<str>>,
    /// What people read instead of the name: at most 64 characters. Default: the name.
    pub title: Option<Translated<String>>,
    /// SVG or PNG, at most 256 KiB, in place of that of `[pages]`.
    pub logo: Option<PathBuf>,
    /// The name of an authentication policy.
    pub policy: Arc<str>,
    pub session: SessionLimits,
    /// Requests that do not renew a session.
    pub background: Background,
    pub upstream: Upstream,
    pub sign_on: SignOn,
    /// Path prefixes whose CORS preflights need no session.
    pub preflight: Vec<String>,
    /// Path prefixes that need no session, each beginning with `/`; matched by whole segments in exact case.
    pub public: Vec<String>,
    /// Request fields that go on though others like them do not.
    pub keep_headers: KeptHeaders,
    /// Paths that other sites post forms to; one that ends with a slash means what lies below it. Default: none.
    pub cross_site: Vec<String>,
    pub limits: RequestLimits,
    /// Which paths that can be read in two ways go on to it. Default: none.
    pub odd_paths: OddPaths,
    /// Other limits and paths for parts of it.
    pub routes: Routes,
    /// Lets the application register service workers. Default: false.
    pub service_worker: bool,
    /// Tells the application of us in `Via` (RFC 9110 section 7.6.3). Default: true.
    pub via: bool,
    /// Dangers that the operator takes on.
    pub accept: Vec<Danger>,
}

/// Proof that the operator made a path of this application public. [`Application::public_path`] alone makes one:
///
/// ```compile_fail
/// let public = doorward::config::application::PublicPath { application: "mail" };
/// ```
#[derive(Clone, Copy, Debug)]
pub struct PublicPath<'a> {
    application: &'a str,
}

impl<'a> PublicPath<'a> {
    /// The name of the application.
    pub fn application(self) -> &'a str {
        self.application
    }
}

/// Characters of a title: a heading of two lines on a phone.
const MOST_TITLE: usize = 64;

const LATER_PRESETS: &[&str] = &["owa", "web-interface", "storefront", "rd-web", "sharepoint", "adfs"];

impl Application {
    /// Whether a path, as it stands in a request that was judged, needs no session. One that some server may take for another never does
    /// without.
    pub fn public_path(&self, path: &str) -> Option<PublicPath<'_>> {
        self.opened(&self.public, path)
    }

    /// Whether a CORS preflight for it needs no session: browsers send none with one (Fetch Standard, "CORS-preflight fetch").
    pub fn preflight_path(&self, path: &str) -> Option<PublicPath<'_>> {
        self.opened(&self.preflight, path)
    }

    fn opened(&self, prefixes: &[String], path: &str) -> Option<PublicPath<'_>> {
        let is_below = prefixes.iter().any(|prefix| path::is_below(path, prefix));
        (is_below && path::judge(path).is_ok() && path::has_one_reading(path)).then_some(PublicPath { application: &self.name })
    }

    /// Its first host that is no pattern.
    pub fn named_host(&self) -> Option<&Arc<str>> {
        self.hosts.iter().find(|host| !host.starts_with('*'))
    }

    /// Judges a path that [`path::judge`] refuses by what the application says of such paths.
    pub fn judge_odd_path(&self, path: &str) -> Result<(), path::Ambiguous> {
        self.routes.odd_paths(path, self.odd_paths).judge(path)
    }

    /// Whether the operator expects forms of other sites at a path, as it stands in a request that was judged. Only where it is written
    /// plainly: with an escape or a parameter in it, servers may take it for another one.
    pub fn takes_foreign_forms(&self, path: &str) -> bool {
        let is_meant = |listed: &String| path == listed || (listed.ends_with('/') && path.starts_with(listed.as_str()));
        self.cross_site.iter().any(is_meant)
            && !path.contains(['%', ';'])
            && path::judge(path).is_ok()
            && path::has_one_reading(path)
    }

    pub(in crate::config) fn read(section: Section<'_>) -> Option<Self> {
        Self::read_with(section, presets::APPLICATIONS)
    }

    pub(in crate::config) fn read_with(section: Section<'_>, presets: Presets) -> Option<Self> {
        let preset = Preset::of(&section, presets, LATER_PRESETS);
        let section = preset.below(section);
        let name = section.name(Kind::Application);
        let hosts = section.required("hosts").and_then(|list| list.some(host));
        let policy = section.required("policy").and_then(|field| {
            let name = field.name()?;
            section.context.uses(Use { kind: Kind::AuthenticationPolicy, name: name.clone(), channel: None, at: field.at() });
            Some(name)
        });
        let title =
            section.optional("title").and_then(|field| Translated::read(field, |text| translated::title(text, MOST_TITLE)));
        let logo = section.optional("logo").and_then(pages::logo);
        let sign_on = SignOn::read(&section);
        let (session, background) = section.merged("session").map(session::read).unwrap_or_default();
        let upstream = section.required("upstream").and_then(|_| section.merged("upstream")).and_then(Upstream::read);
        let limits = RequestLimits::default();
        let limits = section.merged("limits").map_or(limits, |section| RequestLimits::read(section, limits));
        let odd_paths = section.merged("paths").map(|paths| read_odd_paths(paths, OddPaths::default())).unwrap_or_default();
        let routes = section.or("routes", Routes::default(), |list| Routes::read(list, (limits, odd_paths)));
        let public = section.or("public", Vec::new(), |list| Some(list.list()?.into_iter().filter_map(prefix).collect()));
        let preflight = section.or("preflight", Vec::new(), |list| Some(list.list()?.into_iter().filter_map(prefix).collect()));
        let keep_headers = section.or("keep_headers", KeptHeaders::default(), KeptHeaders::read);
        let cross_site = section.or("cross_site", Vec::new(), |list| Some(list.list()?.into_iter().filter_map(plain).collect()));
        let service_worker = section.or("service_worker", false, Field::boolean);
        let via = section.or("via", true, Field::boolean);
        let accept = dangers::read(&section, &[Danger::PublicEverything, Danger::PlainIdentityHeaders, Danger::ReadableKey]);
        section.finish();
        Some(Self {
            name: name?,
            hosts: hosts?,
            title,
            logo,
            policy: policy?,
            session,
            background,
            upstream: upstream?,
            sign_on,
            public,
            preflight,
            keep_headers,
            cross_site,
            limits,
            odd_paths,
            routes,
            service_worker,
            via,
            accept,
        })
    }
}

/// A path in which nothing is escaped.
fn plain(field: Field<'_>) -> Option<String> {
    let path = prefix(field)?;
    if path.contains(['%', ';']) {
        field.problem(format!("`{}`: expected a path without `%` and `;`", field.key));
        return None;
    }
    Some(path)
}

/// A host belongs to one application.
fn host(field: Field<'_>) -> Option<Arc<str>> {
    let host = field.host_pattern()?;
    field.context.define(Kind::Host, &host, field.at());
    Some(host)
}
