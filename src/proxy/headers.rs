//! Header fields on their way through: pure functions, one pass each.
//!
//! `Via` of a request stays and gets our own entry (RFC 9110 section 7.6.3): it is no proof of anything and nothing reads it as one.

use std::net::IpAddr;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::cookies;
use crate::auth::session::Session;

/// What the application is told about where a request came from.
#[derive(Clone, Copy, Debug)]
pub struct ClientInfo<'a> {
    /// The true client.
    pub address: IpAddr,
    /// The public host as the client wrote it, with the port if it wrote one: `mail.example.com`, `localhost:8443`.
    pub host: &'a HeaderValue,
}

/// Drops what no client may say: who it is, where it came from, and field names that some servers read as another field. To be called
/// before any decision is made. The names count in any spelling: CGI and WSGI turn `-` into `_`, and both into one variable.
pub fn cleanse(headers: &mut HeaderMap) {
    if headers.keys().any(is_forged) {
        *headers = filtered(std::mem::take(headers), |name| !is_forged(name));
    }
}

/// Whether the request's transfer coding is none or exactly `chunked`. With any other the body would lose a layer on its way, as
/// this field ends here: the answer is 501 (RFC 9112 section 6.1).
pub fn transfer_coding_is_known(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => true,
        (Some(coding), None) => coding.as_bytes().eq_ignore_ascii_case(b"chunked"),
        (Some(_), Some(_)) => false,
    }
}

/// Whether this asks to become a WebSocket (RFC 6455 section 4.1). No other protocol is switched to: `h2c` would be a way past us.
pub fn wants_websocket(headers: &HeaderMap) -> bool {
    names_token(headers, &header::CONNECTION, b"upgrade")
        && matches!(headers.get(header::UPGRADE), Some(value) if value.as_bytes().eq_ignore_ascii_case(b"websocket"))
        && headers.get_all(header::UPGRADE).iter().count() == 1
}

/// The fields as the application gets them. `signed_on` only where it signs on by headers.
pub(super) fn for_upstream(given: HeaderMap, client: &ClientInfo<'_>, signed_on: Option<&Session>, websocket: bool) -> HeaderMap {
    let listed = Listed::by(&given);
    let trailers = names_token(&given, &header::TE, b"trailers");
    let cookie = cookies::for_upstream(&given);
    let mut headers = HeaderMap::with_capacity(given.len() + 10);
    headers.insert(header::HOST, client.host.clone());
    copy(given, &mut headers, |name| {
        !is_hop_by_hop(name)
            && !listed.contains(name)
            && !matches!(*name, header::HOST | header::COOKIE | header::EXPECT | header::TRAILER)
            && !is_forged(name)
    });
    if let Some(cookie) = cookie {
        headers.insert(header::COOKIE, cookie);
    }
    if trailers {
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
    }
    if websocket {
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    }
    headers.append(header::VIA, HeaderValue::from_static("1.1 doorward"));
    if let Ok(address) = HeaderValue::from_str(&client.address.to_string()) {
        headers.insert(FORWARDED_FOR, address);
    }
    headers.insert(FORWARDED_PROTO, HeaderValue::from_static("https"));
    headers.insert(FORWARDED_HOST, client.host.clone());
    if let Some(Session { user, .. }) = signed_on {
        introduce(&mut headers, &user.name, user.mail.as_deref(), &user.groups);
    }
    headers
}

/// The fields of an answer as the client gets them.
pub(super) fn from_upstream(given: HeaderMap, service_worker: bool, websocket: bool) -> HeaderMap {
    let listed = Listed::by(&given);
    // Where both are there the length is not the body's (RFC 9112 section 6.3).
    let false_length = given.contains_key(header::TRANSFER_ENCODING);
    let mut headers = HeaderMap::with_capacity(given.len() + 4);
    let mut name = None;
    for (next, value) in given {
        name = next.or(name);
        let Some(name) = &name else { continue };
        let dropped = (is_hop_by_hop(name) && *name != header::PROXY_AUTHENTICATE)
            || listed.contains(name)
            || (*name == header::CONTENT_LENGTH && false_length)
            || matches!(*name, header::ALT_SVC | header::STRICT_TRANSPORT_SECURITY)
            || (*name == SERVICE_WORKER_ALLOWED && !service_worker)
            || (*name == header::SET_COOKIE && cookies::sets_ours(&value));
        if !dropped {
            headers.append(name, value);
        }
    }
    if websocket {
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    }
    headers
}

/// `X-Forwarded-User` (the account name), `-Email`, and `-Groups` with commas between. Values are UTF-8, percent-encoded (RFC 3986
/// section 2.1) wherever they are not visible ASCII; `%` and, in a group, `,` are encoded too, and a blank at either end. So plain
/// names arrive as they are, and nothing in a directory can break a line or make one group look like two.
fn introduce(headers: &mut HeaderMap, name: &str, mail: Option<&str>, groups: &[String]) {
    let groups: Vec<_> = groups.iter().map(|group| encoded(group)).collect();
    let values =
        [(FORWARDED_USER, Some(encoded(name))), (FORWARDED_EMAIL, mail.map(encoded)), (FORWARDED_GROUPS, Some(groups.join(",")))];
    for (name, value) in values {
        // Visible ASCII and blanks by construction, so this cannot fail; if it did, the field would be missing, not wrong.
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
            headers.insert(name, value);
        }
    }
}

fn encoded(text: &str) -> String {
    let inner = text.trim_matches(' ').len();
    let start = text.len() - text.trim_start_matches(' ').len();
    let mut out = String::with_capacity(text.len());
    for (place, byte) in text.bytes().enumerate() {
        let inside = place >= start && place < start + inner;
        if (byte.is_ascii_graphic() && byte != b'%' && byte != b',') || (byte == b' ' && inside) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            for nibble in [byte >> 4, byte & 15] {
                out.extend(char::from_digit(u32::from(nibble), 16).map(|digit| digit.to_ascii_uppercase()));
            }
        }
    }
    out
}

/// Names that `Connection` lists: they end here (RFC 9110 section 7.6.1), except those that somebody would gain from making us lose.
struct Listed(Vec<HeaderName>);

impl Listed {
    fn by(headers: &HeaderMap) -> Self {
        let lists = headers.get_all(header::CONNECTION).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
        let names = lists.filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok());
        Self(names.filter(|name| !is_hop_by_hop(name) && !is_protected(name)).take(LISTED_MOST).collect())
    }

    fn contains(&self, name: &HeaderName) -> bool {
        self.0.contains(name)
    }
}

fn is_protected(name: &HeaderName) -> bool {
    let exact = matches!(
        *name,
        header::HOST
            | header::CONTENT_LENGTH
            | header::CONTENT_TYPE
            | header::CONTENT_ENCODING
            | header::CONTENT_RANGE
            | header::CONTENT_SECURITY_POLICY
            | header::CACHE_CONTROL
            | header::SET_COOKIE
            | header::COOKIE
            | header::AUTHORIZATION
            | header::ORIGIN
            | header::REFERER
            | header::VIA
            | header::FORWARDED
            | header::X_FRAME_OPTIONS
            | header::X_CONTENT_TYPE_OPTIONS
    );
    exact || ["x-forwarded-", "sec-", "access-control-"].iter().any(|prefix| name.as_str().starts_with(prefix))
}

fn is_hop_by_hop(name: &HeaderName) -> bool {
    matches!(
        *name,
        header::CONNECTION
            | header::TE
            | header::TRANSFER_ENCODING
            | header::UPGRADE
            | header::PROXY_AUTHENTICATE
            | header::PROXY_AUTHORIZATION
    ) || matches!(name.as_str(), "keep-alive" | "proxy-connection" | "http2-settings")
}

fn is_forged(name: &HeaderName) -> bool {
    let name = name.as_str();
    if name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return tells_identity(name);
    }
    // Not a spelling of ours; what it may be taken for decides. Rare, so the allocation does not matter.
    let folded: String =
        name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' }).collect();
    tells_identity(&folded)
        || HeaderName::from_bytes(folded.as_bytes())
            .is_ok_and(|name| is_hop_by_hop(&name) || is_protected(&name) || matches!(name, header::EXPECT | header::TRAILER))
}

fn tells_identity(name: &str) -> bool {
    // Most names begin with none of these letters, so most are judged by one comparison.
    match name.as_bytes().first() {
        Some(b'c' | b'f' | b'p' | b'r' | b's' | b't' | b'x') => {
            FORGED.contains(&name) || FORGED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        }
        _ => false,
    }
}

fn names_token(headers: &HeaderMap, field: &HeaderName, token: &[u8]) -> bool {
    let mut tokens = headers.get_all(field).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    tokens.any(|given| given.trim_ascii().eq_ignore_ascii_case(token))
}

fn filtered(given: HeaderMap, keep: impl Fn(&HeaderName) -> bool) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(given.len());
    copy(given, &mut headers, keep);
    headers
}

fn copy(given: HeaderMap, headers: &mut HeaderMap, keep: impl Fn(&HeaderName) -> bool) {
    let mut name = None;
    let mut kept = false;
    for (next, value) in given {
        // Further values of one name come without it.
        if let Some(next) = next {
            kept = keep(&next);
            name = Some(next);
        }
        if let (true, Some(name)) = (kept, &name) {
            headers.append(name, value);
        }
    }
}

/// Where a request came from and where it was meant to go (some servers act on the latter), who sent it, and `Proxy` (CVE-2016-5385).
const FORGED: [&str; 9] = [
    "forwarded",
    "proxy",
    "x-forwarded",
    "x-real-ip",
    "x-rewrite-url",
    "x-client-ip",
    "x-cluster-client-ip",
    "true-client-ip",
    "client-ip",
];
const FORGED_PREFIXES: [&str; 11] = [
    "x-forwarded-",
    "x-original-",
    "x-doorward-",
    "remote-",
    "x-remote-",
    "x-auth-request-",
    "x-authenticated-",
    "x-webauth-",
    "ssl-client-",
    "x-ssl-",
    "x-arr-",
];

/// A head holds at most a hundred fields; more names than that in `Connection` mean nothing.
const LISTED_MOST: usize = 100;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_USER: HeaderName = HeaderName::from_static("x-forwarded-user");
const FORWARDED_EMAIL: HeaderName = HeaderName::from_static("x-forwarded-email");
const FORWARDED_GROUPS: HeaderName = HeaderName::from_static("x-forwarded-groups");
const SERVICE_WORKER_ALLOWED: HeaderName = HeaderName::from_static("service-worker-allowed");

#[cfg(test)]
mod tests {
    use super::*;

    fn map(fields: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    fn sent(fields: &[(&str, &str)], websocket: bool) -> HeaderMap {
        let host = HeaderValue::from_static("mail.example.com");
        let client = ClientInfo { address: "192.0.2.7".parse().unwrap(), host: &host };
        for_upstream(map(fields), &client, None, websocket)
    }

    #[test]
    fn identity_headers_of_strangers_are_dropped_in_any_spelling() {
        let forged = [
            "X-Forwarded-User",
            "x_forwarded_user",
            "X-Forwarded_Groups",
            "x_FORWARDED-For",
            "x.forwarded.for",
            "Forwarded",
            "X-Real-IP",
            "x_real_ip",
            "Remote-User",
            "REMOTE_USER",
            "X-Original-URL",
            "X-Rewrite-URL",
            "X-Forwarded-Uri",
            "Proxy",
            "Content_Length",
            "Transfer_Encoding",
            "Cookie_",
        ];
        for name in forged {
            let mut headers = map(&[(name, "x"), ("accept", "*/*")]);
            cleanse(&mut headers);
            let left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
            if name == "Cookie_" {
                assert_eq!(left, ["cookie_", "accept"]);
            } else {
                assert_eq!(left, ["accept"], "{name}");
            }
        }
    }

    #[test]
    fn several_values_of_one_name_survive_and_vanish_together() {
        let mut headers = map(&[("accept", "a"), ("x-forwarded-for", "1"), ("accept", "b"), ("x-forwarded-for", "2")]);
        cleanse(&mut headers);
        assert_eq!(headers, map(&[("accept", "a"), ("accept", "b")]));
    }

    #[test]
    fn hop_by_hop_fields_end_here_and_hostile_lists_change_nothing() {
        let headers = sent(
            &[
                ("connection", "close, X-Mine, Cookie, Host, Content-Length"),
                ("connection", "x-forwarded-for, authorization, VIA, origin"),
                ("x-mine", "1"),
                ("keep-alive", "5"),
                ("proxy-authorization", "basic x"),
                ("te", "trailers, deflate"),
                ("upgrade", "h2c"),
                ("http2-settings", "x"),
                ("expect", "100-continue"),
                ("cookie", "a=1"),
                ("content-length", "3"),
                ("authorization", "Basic y"),
                ("origin", "https://mail.example.com"),
                ("host", "evil.example"),
                ("via", "1.1 other"),
            ],
            false,
        );
        let expected = map(&[
            ("host", "mail.example.com"),
            ("content-length", "3"),
            ("authorization", "Basic y"),
            ("origin", "https://mail.example.com"),
            ("cookie", "a=1"),
            ("te", "trailers"),
            ("via", "1.1 other"),
            ("via", "1.1 doorward"),
            ("x-forwarded-for", "192.0.2.7"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "mail.example.com"),
        ]);
        assert_eq!(headers, expected);
    }

    #[test]
    fn only_websocket_is_upgraded_to() {
        let table = [
            ("Upgrade", "websocket", true),
            ("keep-alive, upgrade", "WebSocket", true),
            ("Upgrade, HTTP2-Settings", "h2c", false),
            ("Upgrade", "websocket, h2c", false),
            ("close", "websocket", false),
        ];
        for (connection, upgrade, expected) in table {
            assert_eq!(wants_websocket(&map(&[("connection", connection), ("upgrade", upgrade)])), expected, "{upgrade}");
        }
        let headers = sent(&[("connection", "upgrade"), ("upgrade", "websocket"), ("sec-websocket-key", "k")], true);
        assert_eq!((headers["connection"].as_bytes(), headers["upgrade"].as_bytes()), (&b"Upgrade"[..], &b"websocket"[..]));
        assert_eq!(headers["sec-websocket-key"], "k");
    }

    #[test]
    fn only_chunked_is_a_known_transfer_coding() {
        let table: [(&[&str], bool); 6] = [
            (&[], true),
            (&["chunked"], true),
            (&["Chunked"], true),
            (&["gzip, chunked"], false),
            (&["chunked", "chunked"], false),
            (&["identity"], false),
        ];
        for (codings, expected) in table {
            let fields: Vec<_> = codings.iter().map(|coding| ("transfer-encoding", *coding)).collect();
            assert_eq!(transfer_coding_is_known(&map(&fields)), expected, "{codings:?}");
        }
    }

    #[test]
    fn an_answer_loses_what_must_not_reach_the_browser() {
        let given = [
            ("connection", "keep-alive, x-inner, content-security-policy"),
            ("x-inner", "1"),
            ("content-security-policy", "default-src 'self'"),
            ("keep-alive", "timeout=5"),
            ("transfer-encoding", "chunked"),
            ("alt-svc", "h3"),
            ("strict-transport-security", "max-age=1"),
            ("service-worker-allowed", "/"),
            ("set-cookie", "a=1; Path=/"),
            ("set-cookie", "__HOST-doorward=evil; Path=/; Secure"),
            ("set-cookie", "b=2"),
        ];
        let kept = [("content-security-policy", "default-src 'self'"), ("set-cookie", "a=1; Path=/"), ("set-cookie", "b=2")];
        assert_eq!(from_upstream(map(&given), false, false), map(&kept));
        assert!(from_upstream(map(&given), true, false).contains_key("service-worker-allowed"));
    }

    #[test]
    fn a_user_is_introduced_in_values_that_cannot_be_misread() {
        let groups = ["Sales team", "CN=A,OU=B", "100%"].map(str::to_owned);
        let mut headers = HeaderMap::new();
        introduce(&mut headers, "søren\r\nX-Admin: 1", Some(" s@example.com"), &groups);
        let expected = [
            ("x-forwarded-user", "s%C3%B8ren%0D%0AX-Admin: 1"),
            ("x-forwarded-email", "%20s@example.com"),
            ("x-forwarded-groups", "Sales team,CN=A%2COU=B,100%25"),
        ];
        assert_eq!(headers, map(&expected));
    }
}
