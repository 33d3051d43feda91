//! Where a request belongs: the host and the path are judged here, once, before anything else looks at them.

use std::borrow::Cow;
use std::sync::Arc;

use http::header::HOST;
use http::request::Parts;
use http::{Method, Version};
use percent_encoding::percent_decode_str;

use super::access_line::PlaceText;
use crate::base::path;
use crate::config::Application;
use crate::proxy::Table;

/// All hosts, made once per configuration.
#[derive(Clone, Debug, Default)]
pub struct Router {
    hosts: Table<Place>,
    /// Where providers call; few, and asked last.
    receipts: Vec<Arc<str>>,
}

/// A host and the application behind it.
#[derive(Clone, Debug)]
pub struct Place {
    pub host: Arc<str>,
    pub application: Arc<Application>,
    pub(super) text: Arc<PlaceText>,
}

/// Where a request belongs.
#[derive(Clone, Debug)]
pub enum Route<'a> {
    /// A page of ours on an application's host.
    Page(&'a Place, PageName),
    Application(&'a Place),
    /// A host where nobody but providers has anything to do.
    Receipts,
    /// No application of ours is at this host.
    UnknownHost,
    /// Below `/.doorward/`, but nothing we know.
    NotFound(&'a Place),
    /// It could be read in two ways, or is no request for us at all; the words are for the log.
    Bad(&'static str),
    /// A method that is never forwarded.
    NotAllowed,
}

impl<'a> Route<'a> {
    /// Whose it is, where that is known.
    pub fn place(&self) -> Option<&'a Place> {
        match self {
            Self::Page(place, _) | Self::Application(place) | Self::NotFound(place) => Some(place),
            Self::Receipts | Self::UnknownHost | Self::Bad(_) | Self::NotAllowed => None,
        }
    }
}

/// The names below `/.doorward/`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PageName {
    Login,
    Passcode,
    Password,
    Status,
    Logout,
    Health,
    Asset,
}

impl Router {
    pub fn new(applications: &[Application], receipts: &[Arc<str>]) -> Self {
        let mut hosts = Table::default();
        for application in applications {
            let application = Arc::new(application.clone());
            for host in &application.hosts {
                let text = Arc::new(PlaceText::new(host, &application.name));
                hosts.insert(Arc::clone(host), Place { host: Arc::clone(host), application: Arc::clone(&application), text });
            }
        }
        Self { hosts, receipts: receipts.to_vec() }
    }

    /// The place a request names, whatever its path.
    pub fn place(&self, head: &Parts) -> Option<&Place> {
        self.hosts.get(&*host_of(head)?)
    }

    pub fn route(&self, head: &Parts) -> Route<'_> {
        if matches!(head.method, Method::CONNECT | Method::TRACE) {
            return Route::NotAllowed;
        }
        let Some(host) = host_of(head) else { return Route::Bad("the host is missing, doubled or malformed") };
        let place = self.hosts.get(&*host);
        if place.is_none() && !self.receipts.iter().any(|known| **known == *host) {
            return Route::UnknownHost;
        }
        let path = head.uri.path();
        if path::judge(path).is_err() {
            return Route::Bad("the path could be read in two ways");
        }
        let Some(place) = place else { return Route::Receipts };
        match own_path(path) {
            Some("login") => Route::Page(place, PageName::Login),
            Some("login/passcode") => Route::Page(place, PageName::Passcode),
            Some("login/password") => Route::Page(place, PageName::Password),
            Some("login/status") => Route::Page(place, PageName::Status),
            Some("logout") => Route::Page(place, PageName::Logout),
            Some("health") => Route::Page(place, PageName::Health),
            Some(own) if own.starts_with("assets/") => Route::Page(place, PageName::Asset),
            Some(_) => Route::NotFound(place),
            None => Route::Application(place),
        }
    }
}

/// What follows `/.doorward/`. In any case and escaping of that first segment the path is ours, never the application's: an
/// upstream that folds case must not be reached under our name.
fn own_path(path: &str) -> Option<&str> {
    // Nothing else can come to mean it.
    if !path.get(1..).is_some_and(|rest| rest.starts_with(['.', '%'])) {
        return None;
    }
    let (first, rest) = path.strip_prefix('/')?.split_once('/').unwrap_or((path.get(1..)?, ""));
    if first == ".doorward" {
        return Some(rest);
    }
    let plain = percent_decode_str(first).decode_utf8_lossy();
    // Some servers cut off what follows a semicolon.
    let plain = plain.split(';').next().unwrap_or_default();
    plain.eq_ignore_ascii_case(".doorward").then_some("?")
}

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
}
