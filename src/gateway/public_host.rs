//! The public host as an application is told it, and whether the target of a request means us.

use http::header::{HOST, HeaderValue};
use http::request::Parts;
use http::uri::{Authority, Scheme};
use http::{Method, Version};

use super::route::Place;

/// The ports that browsers write in URLs of ours, besides 443 which they leave out. Nothing else that a client writes is told to an
/// application, which makes links of it.
#[derive(Clone, Debug, Default)]
pub struct Ports {
    listed: Vec<u16>,
}

impl Ports {
    /// Those of the listeners with TLS, the one of redirects first.
    pub fn new(listed: Vec<u16>) -> Self {
        Self { listed }
    }

    /// The port that a redirect names; none for 443.
    pub fn usual(&self) -> Option<u16> {
        self.listed.first().copied().filter(|port| *port != 443)
    }

    fn have(&self, port: u16) -> bool {
        port == 443 || self.listed.contains(&port)
    }

    /// The public host in its one spelling, with the port that the client wrote if it is one of ours: what the application builds its links
    /// from. And whether `Host` says exactly that.
    pub(super) fn public_host(&self, place: &Place, head: &Parts) -> (HeaderValue, bool) {
        let given = head.headers.get(HOST);
        // Most write it as it is, and what stands behind it has been judged by then: nothing, or a port.
        if head.uri.authority().is_none()
            && let Some(given) = given
            && let Some(rest) = given.as_bytes().strip_prefix(place.host.as_bytes())
            && self.is_plain(rest)
        {
            return (given.clone(), true);
        }
        let written = head.uri.authority().map(Authority::as_str);
        let written = written.or_else(|| given.and_then(|host| host.to_str().ok())).unwrap_or_default();
        let port = match port_of(written) {
            Port::Given(port) if self.have(port) => Some(port),
            Port::None => None,
            Port::Given(_) | Port::Unreadable => self.usual(),
        };
        let bare = if place.host.contains(':') { format!("[{}]", place.host) } else { place.host.to_string() };
        let host = match port {
            Some(port) => HeaderValue::from_str(&format!("{bare}:{port}")),
            None => HeaderValue::from_str(&bare),
        };
        (host.unwrap_or_else(|_| HeaderValue::from_static("")), false)
    }

    /// Whether this, behind the host, is nothing or a port of ours as we write it.
    fn is_plain(&self, rest: &[u8]) -> bool {
        match rest {
            [] => true,
            [b':', b'1'..=b'9', ..] => {
                let digits = rest.get(1..).and_then(|digits| std::str::from_utf8(digits).ok());
                digits.and_then(|digits| digits.parse().ok()).is_some_and(|port| self.have(port))
            }
            _ => false,
        }
    }

    /// Whether the target's scheme and port are those of the connection and of `Host` (RFC 9112 section 3.2.2, RFC 9113 section 8.3.1). A target
    /// without them says nothing; over HTTP/1.1 one with them comes from programs that mean it, so that its port has to be ours, too.
    pub(super) fn are_meant_by(&self, head: &Parts, secure: bool) -> bool {
        let Some(authority) = head.uri.authority() else { return true };
        // Asks for no URL and is never let through.
        if head.method == Method::CONNECT {
            return true;
        }
        let (scheme, default) = if secure { (Scheme::HTTPS, 443) } else { (Scheme::HTTP, 80) };
        let port = |written: &str| match port_of(written) {
            Port::None => Some(default),
            Port::Given(port) => Some(port),
            Port::Unreadable => None,
        };
        let target = port(authority.as_str());
        let host = head.headers.get(HOST).map(|host| host.to_str().ok().and_then(port));
        let is_ours = head.version == Version::HTTP_2 || !secure || target.is_some_and(|port| self.have(port));
        head.uri.scheme() == Some(&scheme) && host.is_none_or(|host| host == target) && is_ours
    }
}

enum Port {
    None,
    Given(u16),
    Unreadable,
}

/// What stands behind the last colon outside of brackets.
fn port_of(written: &str) -> Port {
    let behind = written.rsplit_once(']').map_or(written, |(_, behind)| behind);
    match behind.rsplit_once(':').map(|(_, port)| port) {
        None => Port::None,
        Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => port.parse().map_or(Port::Unreadable, Port::Given),
        Some(_) => Port::Unreadable,
    }
}
