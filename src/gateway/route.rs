//! Where a request belongs: the host and the path are judged here, once, before anything else looks at them.

use std::borrow::Cow;
use std::sync::Arc;

use http::header::HOST;
use http::request::Parts;
use http::{Method, Version};
use percent_encoding::percent_decode_str;

use super::access_line::PlaceText;
use crate::base::path::{self, Ambiguous, OddPaths};
use crate::config::Application;
use crate::proxy::Table;
use crate::web::page::{self, Hosts, PageRoute};

/// All hosts, made once per configuration.
#[derive(Clone, Debug, Default)]
pub struct Router {
    hosts: Table<Host>,
    /// What stands behind the `*.` of hosts that are patterns.
    parents: Table<(usize, Arc<Application>)>,
}

/// What a host carries.
#[derive(Clone, Debug)]
pub enum Host {
    /// An application, and beside it the pages that one signs in with.
    Application(Place),
    /// Pages of ours alone.
    Pages(PageSet),
    /// What providers call, and no other client.
    Callbacks,
}

/// A host and the application behind it.
#[derive(Clone, Debug)]
pub struct Place {
    pub host: Arc<str>,
    pub application: Arc<Application>,
    /// Its place in the configuration, from 0.
    pub number: usize,
    pub(super) text: Arc<PlaceText>,
}

/// A host that carries pages of ours and no application.
#[derive(Clone, Debug)]
pub struct PageSet {
    pub host: Arc<str>,
    /// What one signs in to there, in place of an application's name.
    pub name: Arc<str>,
    /// Which pages, as [`Hosts::Set`] names them.
    pub set: &'static str,
}

/// Where a request belongs.
#[derive(Clone, Debug)]
pub enum Route<'a> {
    Page(Stand<'a>, &'static PageRoute),
    Application(&'a Place),
    /// A host where nobody but providers has anything to do.
    Callbacks,
    /// No host of ours.
    UnknownHost,
    /// Below `/.doorward/`, but nothing we know; or any other path of a host that carries no application.
    NotFound(Stand<'a>),
    /// It is no request for us at all; the words are for the log.
    Bad(&'static str),
    /// The path could be read in two ways, and the application does not take such paths.
    BadPath(Option<&'a Place>, Ambiguous),
    /// A method that is never forwarded.
    NotAllowed,
}

/// The host that a page of ours stands on.
#[derive(Clone, Copy, Debug)]
pub enum Stand<'a> {
    Application(&'a Place),
    Pages(&'a PageSet),
}

impl<'a> Route<'a> {
    /// The application it belongs to, where it does.
    pub fn place(&self) -> Option<&'a Place> {
        match self.stand()? {
            Stand::Application(place) => Some(place),
            Stand::Pages(_) => None,
        }
    }

    /// The host, where it is one that browsers come to.
    pub fn stand(&self) -> Option<Stand<'a>> {
        match self {
            Self::Application(place) => Some(Stand::Application(place)),
            Self::Page(stand, _) | Self::NotFound(stand) => Some(*stand),
            Self::BadPath(place, _) => place.map(Stand::Application),
            Self::Callbacks | Self::UnknownHost | Self::Bad(_) | Self::NotAllowed => None,
        }
    }
}

impl<'a> Stand<'a> {
    /// In lower case, without port.
    pub fn host(self) -> &'a Arc<str> {
        match self {
            Self::Application(place) => &place.host,
            Self::Pages(pages) => &pages.host,
        }
    }

    /// What one signs in to on this host.
    pub fn name(self) -> &'a Arc<str> {
        match self {
            Self::Application(place) => &place.application.name,
            Self::Pages(pages) => &pages.name,
        }
    }

    /// The page at what follows `/.doorward/`.
    fn page(self, path: &str) -> Route<'a> {
        let on = match self {
            Self::Application(_) => Hosts::Applications,
            Self::Pages(pages) => Hosts::Set(pages.set),
        };
        page::find(on, path).map_or(Route::NotFound(self), |page| Route::Page(self, page))
    }
}

impl Host {
    fn of(host: Arc<str>, (number, application): &(usize, Arc<Application>)) -> Self {
        let text = Arc::new(PlaceText::new(&host, &application.name));
        Self::Application(Place { host, application: Arc::clone(application), number: *number, text })
    }
}

impl Router {
    /// A host that is an application's and for call-backs too is the application's.
    pub fn new(applications: &[Application], pages: &[PageSet], callbacks: &[Arc<str>]) -> Self {
        let (mut hosts, mut parents) = (Table::default(), Table::default());
        hosts.extend(callbacks.iter().map(|host| (Arc::clone(host), Host::Callbacks)));
        hosts.extend(pages.iter().map(|pages| (Arc::clone(&pages.host), Host::Pages(pages.clone()))));
        for (number, application) in applications.iter().enumerate() {
            let numbered = (number, Arc::new(application.clone()));
            for host in &application.hosts {
                match host.strip_prefix("*.") {
                    Some(parent) => drop(parents.insert(parent.into(), numbered.clone())),
                    None => drop(hosts.insert(Arc::clone(host), Host::of(Arc::clone(host), &numbered))),
                }
            }
        }
        Self { hosts, parents }
    }

    /// The host that a request names where only a pattern knows it, made for this request.
    pub fn made(&self, head: &Parts) -> Option<Box<Host>> {
        if self.parents.is_empty() {
            return None;
        }
        let host = host_of(head)?;
        let (label, parent) = host.split_once('.')?;
        let application = self.parents.get(parent).filter(|_| !label.is_empty() && !self.hosts.contains_key(&*host))?;
        Some(Box::new(Host::of(Arc::from(&*host), application)))
    }

    /// The application that a request names, whatever its path.
    pub fn place<'a>(&'a self, head: &Parts, made: Option<&'a Host>) -> Option<&'a Place> {
        match self.hosts.get(&*host_of(head)?).or(made)? {
            Host::Application(place) => Some(place),
            Host::Pages(_) | Host::Callbacks => None,
        }
    }

    /// `made` is what [`Router::made`] made of the same request.
    pub fn route<'a>(&'a self, head: &Parts, made: Option<&'a Host>) -> Route<'a> {
        if is_never_forwarded(&head.method) {
            return Route::NotAllowed;
        }
        let Some(host) = host_of(head) else { return Route::Bad("the host is missing, doubled or malformed") };
        let Some(host) = self.hosts.get(&*host).or(made) else { return Route::UnknownHost };
        let path = head.uri.path();
        if let Err(why) = path::judge(path) {
            return odd(host, path, why);
        }
        match (host, own_path(path)) {
            (Host::Application(place), None) => Route::Application(place),
            (Host::Application(place), Some(own)) => Stand::Application(place).page(own),
            (Host::Pages(pages), None) => Route::NotFound(Stand::Pages(pages)),
            (Host::Pages(pages), Some(own)) => Stand::Pages(pages).page(own),
            (Host::Callbacks, _) => Route::Callbacks,
        }
    }
}

/// Methods that make a tunnel or show a request's fields to a script, as servers read them: in any case, and IIS knows TRACK too.
fn is_never_forwarded(method: &Method) -> bool {
    match *method {
        Method::GET | Method::HEAD | Method::POST | Method::PUT | Method::DELETE | Method::OPTIONS | Method::PATCH => false,
        _ => ["CONNECT", "TRACE", "TRACK"].iter().any(|never| method.as_str().eq_ignore_ascii_case(never)),
    }
}

/// Where a path leads that can be read in two ways: to an application that takes such paths, and never to a page of ours.
#[cold]
fn odd<'a>(host: &'a Host, path: &str, why: Ambiguous) -> Route<'a> {
    let Host::Application(place) = host else { return Route::BadPath(None, why) };
    if place.application.judge_odd_path(path).is_err() {
        // What no key lets through is told as that.
        let why = OddPaths::ALL.judge(path).err().unwrap_or(why);
        return Route::BadPath(Some(place), why);
    }
    // The application may read it as one of ours, and what it says there must not look as if we had said it.
    if own_path(&path::loosest(path)).is_some() { Route::NotFound(Stand::Application(place)) } else { Route::Application(place) }
}

/// What follows `/.doorward/`. In any case and escaping of that first segment the path is ours, never the application's: an
/// upstream that folds case must not be reached under our name.
fn own_path(path: &str) -> Option<&str> {
    // Nothing else can come to mean it.
    if !path.get(1..).is_some_and(|rest| rest.starts_with(['.', '%', ';'])) {
        return None;
    }
    let (first, rest) = path.strip_prefix('/')?.split_once('/').unwrap_or((path.get(1..)?, ""));
    if first == ".doorward" {
        return Some(rest);
    }
    let mut names = path.split('/').map(loosest_name).filter(|name| !name.is_empty());
    names.next().is_some_and(|name| name.eq_ignore_ascii_case(".doorward")).then_some("?")
}

/// A segment as the most forgiving server reads it: decoded as long as there is something to decode, without what follows a semicolon, and
/// without blanks and dots at its end.
fn loosest_name(segment: &str) -> String {
    let mut name = segment.to_owned();
    for _ in 0..MOST_ESCAPED {
        if !name.contains('%') {
            break;
        }
        name = percent_decode_str(&name).decode_utf8_lossy().into_owned();
    }
    let name = name.split(';').next().unwrap_or_default();
    name.trim_end_matches(|letter: char| letter == '.' || letter.is_whitespace()).to_owned()
}

/// Nobody decodes more often.
const MOST_ESCAPED: usize = 4;

/// The one host that a request names: lower case, without port. A request that names none, several, or different ones has
/// none (RFC 9112 section 3.2, RFC 9113 section 8.3.1).
fn host_of(head: &Parts) -> Option<Cow<'_, str>> {
    let mut named = head.headers.get_all(HOST).iter();
    let header = named.next().map(|value| plain_host(value.as_bytes()));
    if named.next().is_some() {
        return None;
    }
    let target = head.uri.authority().map(|authority| plain_host(authority.as_str().as_bytes()));
    match (header, target) {
        // Only HTTP/2 may name its host in the target alone.
        (None, Some(target)) if head.version == Version::HTTP_2 => target,
        (Some(header), None) => header,
        (Some(header), Some(target)) => header.filter(|header| target.as_ref() == Some(header)),
        (None, _) => None,
    }
}

fn plain_host(named: &[u8]) -> Option<Cow<'_, str>> {
    if let Some(host) = common_host(named) {
        return str::from_utf8(host).ok().map(Cow::Borrowed);
    }
    let named = str::from_utf8(named).ok()?;
    let (host, port) = match named.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']').filter(|(address, _)| address.contains(':'))?;
            (address, port.strip_prefix(':').or((port.is_empty()).then_some("443")))
        }
        None => match named.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (named, Some("443")),
        },
    };
    let is_host =
        !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':'));
    let is_port = port.is_some_and(|port| port.parse::<u16>().is_ok() && port.bytes().all(|byte| byte.is_ascii_digit()));
    if !is_host || !is_port {
        return None;
    }
    let host = host.strip_suffix('.').unwrap_or(host);
    let is_lower = !host.bytes().any(|byte| byte.is_ascii_uppercase());
    Some(if is_lower { Cow::Borrowed(host) } else { Cow::Owned(host.to_ascii_lowercase()) })
}

/// A host as nearly everybody writes it: in lower case, perhaps with a port of at most four digits. Anything else needs a closer look.
fn common_host(named: &[u8]) -> Option<&[u8]> {
    let is_of_name = |byte: &u8| OF_COMMON_NAME.get(usize::from(*byte)).copied().unwrap_or_default();
    let end = named.iter().position(|byte| !is_of_name(byte)).unwrap_or(named.len());
    let (host, rest) = named.split_at_checked(end)?;
    let is_port = match rest {
        [] => true,
        [b':', digits @ ..] => matches!(digits.len(), 1..=4) && digits.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    (is_port && !host.is_empty() && !host.ends_with(b".")).then_some(host)
}

/// Which bytes a name as nearly everybody writes it has.
#[expect(clippy::indexing_slicing, reason = "a byte is below 256, and the compiler works it out")]
const OF_COMMON_NAME: [bool; 256] = {
    let mut table = [false; 256];
    let mut bytes: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789.-";
    while let [byte, rest @ ..] = bytes {
        table[*byte as usize] = true;
        bytes = rest;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_read_without_case_port_and_final_dot() {
        let table = [
            ("mail.example.com", Some("mail.example.com")),
            ("MAIL.example.com:443", Some("mail.example.com")),
            ("mail.example.com.", Some("mail.example.com")),
            ("[::1]:8443", Some("::1")),
            ("[::1]", Some("::1")),
            ("127.0.0.1:8443", Some("127.0.0.1")),
            ("", None),
            (":443", None),
            ("mail.example.com:", None),
            ("mail.example.com:x", None),
            ("mail.example.com:99999", None),
            ("mail.example.com:65535", Some("mail.example.com")),
            ("mail.example.com:8443", Some("mail.example.com")),
            ("mail.example.com.:8443", Some("mail.example.com")),
            ("mail.example.com:84:43", None),
            ("mail.example.com:+80", None),
            ("user@mail.example.com", None),
            ("mail.example.com/x", None),
            ("mail example.com", None),
            ("[::1", None),
            ("[mail.example.com]", None),
        ];
        for (named, expected) in table {
            assert_eq!(plain_host(named.as_bytes()).as_deref(), expected, "{named}");
        }
    }

    #[test]
    fn our_paths_are_ours_in_any_spelling() {
        let table = [
            ("/.doorward/login", Some("login")),
            ("/.doorward/", Some("")),
            ("/.doorward", Some("")),
            ("/.Doorward/login", Some("?")),
            ("/%2edoorward/login", Some("?")),
            ("/.%64oorward/x", Some("?")),
            ("/.doorward;x/login", Some("?")),
            ("/;/.doorward/login", Some("?")),
            ("/;x=1/%3b/.doorward/login", Some("?")),
            ("/.doorward./login", Some("?")),
            ("/.doorward%20/login", Some("?")),
            ("/%252edoorward/login", Some("?")),
            ("/%25252edoorward", Some("?")),
            ("/;x", None),
            ("/.doorwarden", None),
            ("/doorward/login", None),
            ("/a/.doorward/login", None),
            ("/", None),
        ];
        for (path, expected) in table {
            assert_eq!(own_path(path), expected, "{path}");
        }
    }

    fn request(version: Version, target: &str, hosts: &[&str]) -> Parts {
        let mut request = http::Request::builder().version(version).uri(target);
        for host in hosts {
            request = request.header(HOST, *host);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn a_request_names_exactly_one_host() {
        let table: &[(Version, &str, &[&str], Option<&str>)] = &[
            (Version::HTTP_11, "/", &["a.example"], Some("a.example")),
            (Version::HTTP_11, "/", &[], None),
            (Version::HTTP_11, "/", &["a.example", "a.example"], None),
            (Version::HTTP_11, "http://a.example/", &["a.example"], Some("a.example")),
            (Version::HTTP_11, "http://b.example/", &["a.example"], None),
            (Version::HTTP_11, "http://a.example/", &[], None),
            (Version::HTTP_2, "https://a.example/", &[], Some("a.example")),
            (Version::HTTP_2, "https://a.example/", &["a.example"], Some("a.example")),
            (Version::HTTP_2, "https://a.example/", &["b.example"], None),
        ];
        for (version, target, hosts, expected) in table {
            assert_eq!(host_of(&request(*version, target, hosts)).as_deref(), *expected, "{version:?} {target} {hosts:?}");
        }
    }
    fn routed(router: &Router, target: &str) -> String {
        let head = http::Request::get(format!("https://{target}")).version(Version::HTTP_2).body(()).unwrap().into_parts().0;
        let route = router.route(&head, None);
        let stands = route.stand().map(|stand| format!("{} {} ", stand.host(), stand.name())).unwrap_or_default();
        let what = match route {
            Route::Page(_, page) => format!("page {}", page.path),
            Route::Application(_) => "application".to_owned(),
            Route::Callbacks => "callbacks".to_owned(),
            Route::UnknownHost => "unknown".to_owned(),
            Route::NotFound(_) => "nothing".to_owned(),
            Route::Bad(_) | Route::BadPath(None, _) => "bad".to_owned(),
            Route::BadPath(Some(_), why) => format!("bad: {}", why.word()),
            Route::NotAllowed => "not allowed".to_owned(),
        };
        stands + &what
    }

    #[test]
    fn a_host_may_carry_pages_alone_or_what_providers_call() {
        let set = PageSet { host: "account.example".into(), name: "account".into(), set: "account" };
        let router = Router::new(&[], &[set], &["receipt.example".into(), "account.example".into()]);
        for (target, expected) in [
            ("account.example/.doorward/health", "account.example account page health"),
            ("account.example/.doorward/assets/page.css", "account.example account page assets/"),
            ("account.example/.doorward/login", "account.example account nothing"),
            ("account.example/.Doorward/health", "account.example account nothing"),
            ("account.example/.doorward/receipt/a/b", "account.example account nothing"),
            ("account.example/", "account.example account nothing"),
            ("account.example/a//b", "bad"),
            ("receipt.example/.doorward/health", "callbacks"),
            ("receipt.example/", "callbacks"),
            ("receipt.example//", "bad"),
            ("other.example/.doorward/health", "unknown"),
        ] {
            assert_eq!(routed(&router, target), expected, "{target}");
        }
        let head = http::Request::get("https://account.example/").version(Version::HTTP_2).body(()).unwrap().into_parts().0;
        assert!(router.place(&head, None).is_none(), "no application");
    }
}
