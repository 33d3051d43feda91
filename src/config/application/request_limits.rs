//! `limits`, `paths` and `routes` of an application: how large a request may be, how long its parts may take and which odd paths it may
//! have, for all of the application or for what lies below a path.

use std::time::Duration;

use crate::base::path::{self, OddPaths};
use crate::config::document::{Field, Section};

/// `limits` of an application or of one of its `routes`: sizes and times of one exchange.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RequestLimits {
    /// Bytes of a request body. Default: 150 MiB.
    pub body: u64,
    /// How long the upstream may take to answer with a head, from when it last took some of the request. Default: 60 s.
    pub response_wait: Duration,
    /// TCP and TLS together, to one server. Default: 5 s.
    pub connect_wait: Duration,
    /// How long the upstream may pause within an answer. Default: a day, which leaves the end to the session.
    pub body_wait: Duration,
}

/// What is different for what lies below a path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Route {
    path: String,
    limits: Option<RequestLimits>,
    odd_paths: Option<OddPaths>,
}

/// The routes of an application, the longest path first.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Routes(Vec<Route>);

impl Routes {
    /// The limits of the longest path that this one is or lies below, by whole segments; or else those of the application. In any
    /// case, because many applications answer to any: a poll that is written otherwise must not be cut off early.
    pub fn limits(&self, path: &str, application: RequestLimits) -> RequestLimits {
        let mut routes = self.0.iter().filter(|route| path::is_below_in_any_case(path, &route.path));
        routes.find_map(|route| route.limits).unwrap_or(application)
    }

    /// Which odd paths may be asked for below the longest path that this one lies below; or else those of the application. A route that
    /// allows more must be written in exact case; one that allows less counts however its path is written.
    pub fn odd_paths(&self, path: &str, application: OddPaths) -> OddPaths {
        let mut exact = self.0.iter().filter(|route| path::is_below(path, &route.path));
        let exact = exact.find_map(|route| route.odd_paths).unwrap_or(application);
        let read = path::loosest(path);
        let mut loose = self.0.iter().filter(|route| path::is_below_in_any_case(&read, &route.path));
        loose.find_map(|route| route.odd_paths).map_or(exact, |loose| exact.and(loose))
    }

    pub(in crate::config) fn read(list: Field<'_>, application: (RequestLimits, OddPaths)) -> Option<Self> {
        let mut routes: Vec<Route> = Vec::new();
        for entry in list.list()? {
            let Some((route, at)) = Route::read(entry, application) else { continue };
            if routes.iter().any(|known| known.path.eq_ignore_ascii_case(&route.path)) {
                list.context.problem(at, "`path`: this path has a route already");
            }
            routes.push(route);
        }
        routes.sort_by_key(|route| std::cmp::Reverse(route.path.len()));
        Some(Self(routes))
    }
}

impl Route {
    fn read(entry: Field<'_>, (limited, odd): (RequestLimits, OddPaths)) -> Option<(Self, usize)> {
        let section = entry.section()?;
        let path = section.required("path");
        let limits = section.optional("limits").and_then(Field::section).map(|limits| RequestLimits::read(limits, limited));
        let odd_paths = section.optional("paths").and_then(Field::section).map(|paths| read_odd_paths(paths, odd));
        if limits.is_none() && odd_paths.is_none() {
            section.problem("this belongs in a route: write `limits` or `paths`");
        }
        let read = path.and_then(|field| Some((prefix(field)?, field.at())));
        section.finish();
        let (path, at) = read?;
        Some((Self { path, limits, odd_paths }, at))
    }
}

impl Default for RequestLimits {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { body: 150 << 20, response_wait: seconds(60), connect_wait: seconds(5), body_wait: DAY }
    }
}

impl RequestLimits {
    /// What is not written is as in `default`.
    pub(in crate::config) fn read(section: Section<'_>, default: Self) -> Self {
        let limits = Self {
            body: section.or("body", default.body, Field::size),
            response_wait: section.or("response_wait", default.response_wait, |field| field.duration(SECOND..=DAY)),
            connect_wait: section.or("connect_wait", default.connect_wait, |field| field.duration(SECOND..=MINUTE)),
            body_wait: section.or("body_wait", default.body_wait, |field| field.duration(SECOND..=DAY)),
        };
        section.finish();
        limits
    }
}

/// `paths`; what is not written is as in `default`.
pub(in crate::config) fn read_odd_paths(section: Section<'_>, default: OddPaths) -> OddPaths {
    let paths = OddPaths {
        encoded_slash: section.or("encoded_slash", default.encoded_slash, Field::boolean),
        empty_segments: section.or("empty_segments", default.empty_segments, Field::boolean),
        backslash: section.or("backslash", default.backslash, Field::boolean),
    };
    section.finish();
    paths
}

/// A path of the operator's is compared with the request's path byte for byte, so it is written in the form that requests may have.
pub(in crate::config) fn prefix(field: Field<'_>) -> Option<String> {
    plain_path(field, field.text()?)
}

/// The same of a path that is a part of what the field says.
pub(super) fn plain_path(field: Field<'_>, path: &str) -> Option<String> {
    let key = field.key;
    let plain = path.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#' | b'\\'));
    let dots = path.split('/').any(|segment| matches!(segment, "." | ".."));
    if !path.starts_with('/') || !plain || dots || path.contains("//") {
        field.problem(format!(
            "`{key}`: expected a path that begins with `/`, without `?`, `#`, `//`, dot segments or non-ASCII letters"
        ));
        return None;
    }
    if path::is_below_in_any_case(path, "/.doorward") {
        field.problem(format!("`{key}`: `/.doorward/` holds our own pages"));
        return None;
    }
    if path::judge(path).is_err() || !path::has_one_reading(path) {
        field.problem(format!(
            "`{key}`: applications may read {path:?} in two ways, so requests for it are refused: write it in its plain form"
        ));
        return None;
    }
    if path.contains('*') {
        field.problem(format!("`{key}`: `*` is not a pattern here: a path includes everything below it"));
        return None;
    }
    Some(path.to_owned())
}

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);
