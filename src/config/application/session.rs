//! `session = { ... }` of an application: how long a session lasts, and which requests say nothing about its user.

use std::time::Duration;

use super::request_limits::plain_path;
use crate::base::path;
use crate::config::document::{Field, Section};

/// Defaults: 30 minutes and 12 hours.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SessionLimits {
    pub idle: Duration,
    pub absolute: Duration,
}

/// Requests that an application's pages make by themselves, with nobody at the keyboard: they do not renew a session. Default: none.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Background(Vec<Poll>);

/// One entry: a path and all below it, or only those requests for it that carry these parameters.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Poll {
    path: String,
    /// As they stand in a query: `name=value`, or a name alone.
    parameters: Vec<String>,
}

impl Background {
    /// Whether a request is one of these. Paths count in any case, because many applications answer to any; parameters stand in the query
    /// in any order, byte for byte.
    pub fn has(&self, path: &str, query: Option<&str>) -> bool {
        self.0.iter().any(|poll| poll.is(path, query.unwrap_or_default()))
    }

    fn read(list: Field<'_>) -> Option<Self> {
        Some(Self(list.list()?.into_iter().filter_map(Poll::read).collect()))
    }
}

impl Poll {
    fn is(&self, path: &str, query: &str) -> bool {
        path::is_below_in_any_case(path, &self.path)
            && self.parameters.iter().all(|wanted| query.split('&').any(|given| given == wanted))
    }

    fn read(field: Field<'_>) -> Option<Self> {
        let text = field.text()?;
        let (path, query) = text.split_once('?').unwrap_or((text, ""));
        let path = plain_path(field, path)?;
        let parameters: Vec<String> = query.split('&').filter(|part| !part.is_empty()).map(str::to_owned).collect();
        let is_plain = |part: &String| part.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
        if !parameters.iter().all(is_plain) {
            field.problem("`background`: expected a query as requests carry it: no spaces, no `#`, no non-ASCII letters");
            return None;
        }
        if path == "/" && parameters.is_empty() {
            field.problem("`background`: `/` matches every request, so no request would renew a session");
            return None;
        }
        Some(Self { path, parameters })
    }
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self { idle: 30 * MINUTE, absolute: 12 * HOUR }
    }
}

pub(super) fn read(section: Section<'_>) -> (SessionLimits, Background) {
    let default = SessionLimits::default();
    let limits = SessionLimits {
        idle: section.or("idle", default.idle, |field| field.duration(SECOND..=YEAR)),
        absolute: section.or("absolute", default.absolute, |field| field.duration(SECOND..=YEAR)),
    };
    if limits.idle > limits.absolute {
        section.problem("`idle` is longer than `absolute`, so it would have no effect");
    }
    let background = section.or("background", Background::default(), Background::read);
    section.finish();
    (limits, background)
}

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const YEAR: Duration = Duration::from_secs(365 * 86_400);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_poll_is_known_by_its_path_and_its_parameters() {
        let poll = |path: &str, parameters: &[&str]| Poll {
            path: path.to_owned(),
            parameters: parameters.iter().map(|parameter| (*parameter).to_owned()).collect(),
        };
        let background = Background(vec![poll("/owa/ping", &[]), poll("/", &["_task=mail", "_action=refresh"])]);
        for (path, query, expected) in [
            ("/owa/ping", None, true),
            ("/OWA/Ping/x", Some("a=1"), true),
            ("/owa/pings", None, false),
            ("/", Some("_task=mail&_action=refresh&_remote=1"), true),
            ("/index.php", Some("_remote=1&_action=refresh&_task=mail"), true),
            ("/", Some("_task=mail&_action=refreshed"), false),
            ("/", Some("_action=refresh"), false),
            ("/", None, false),
        ] {
            assert_eq!(background.has(path, query), expected, "{path} {query:?}");
        }
        assert!(!Background::default().has("/", None));
    }
}
