//! What the fields of a head say, found in one look over them, so that a request or an answer in which nothing is special is asked for
//! nothing by name. Whoever changes fields has to look again.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use crate::base::header_claims::{Claim, claim, is_plain};

/// The outcome of one look. A fact that is not told is not so; most heads tell two or three.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Facts {
    told: u32,
    /// Bytes of all values, and 32 for each field.
    length: usize,
}

/// What can be told of a request's or an answer's fields.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum Fact {
    /// A field that no client may send.
    Forged,
    /// A field that only those who signed in may send.
    LeadsElsewhere,
    Host,
    /// More than one `Host`.
    Hosts,
    Cookie,
    Connection,
    /// `Connection` lists something besides the usual words.
    Listed,
    TransferEncoding,
    /// Any other than exactly `chunked`.
    UnknownCoding,
    ContentLength,
    /// A `Content-Length` that is written in another way than ours, or several.
    OddLength,
    Te,
    Upgrade,
    /// A field of one connection besides `Connection` and `Transfer-Encoding`.
    Hop,
    /// The same, which an answer keeps.
    ProxyAuthenticate,
    /// A field that ends here on the way to the application.
    EndsUpwards,
    /// A field that may end here on the way to the client.
    EndsDownwards,
    Authorization,
    /// `Location` or another field of an answer that says where to go.
    Points,
    /// `WWW-Authenticate`.
    Challenge,
    AcceptLanguage,
    /// Some field of Fetch Metadata.
    FetchMetadata,
    /// Its mode, the first one given.
    FetchMode,
    /// That is `navigate`.
    Navigates,
    ServiceWorker,
    /// `Content-Type: text/event-stream` (HTML, section 9.2).
    EventStream,
}

impl Facts {
    pub fn of(headers: &HeaderMap) -> Self {
        let mut facts = Self::default();
        for (name, value) in headers {
            facts.length += value.len() + OF_A_FIELD;
            facts.look(name, value);
        }
        facts
    }

    /// How long the fields are: bytes of their values, and for each as much as HTTP/2 counts besides (RFC 9113 section 6.5.2).
    pub fn length(self) -> usize {
        self.length
    }

    pub fn tell(self, fact: Fact) -> bool {
        self.told & fact.bit() != 0
    }

    /// Whether any of these is so.
    pub(super) fn tell_any(self, facts: &[Fact]) -> bool {
        facts.iter().any(|fact| self.tell(*fact))
    }

    fn note(&mut self, fact: Fact) {
        self.told |= fact.bit();
    }

    fn note_if(&mut self, fact: Fact, is_so: bool) {
        self.told |= if is_so { fact.bit() } else { 0 };
    }

    fn look(&mut self, name: &HeaderName, value: &HeaderValue) {
        match *name {
            header::HOST => {
                self.note_if(Fact::Hosts, self.tell(Fact::Host));
                self.note(Fact::Host);
            }
            header::COOKIE => self.note(Fact::Cookie),
            header::CONNECTION => {
                self.note_if(Fact::Listed, !says_nothing(value));
                self.note(Fact::Connection);
            }
            header::TRANSFER_ENCODING => {
                let is_known = !self.tell(Fact::TransferEncoding) && value.as_bytes().eq_ignore_ascii_case(b"chunked");
                self.note_if(Fact::UnknownCoding, !is_known);
                self.note(Fact::TransferEncoding);
            }
            header::CONTENT_LENGTH => {
                self.note_if(Fact::OddLength, self.tell(Fact::ContentLength) || !super::length::is_canonical(value));
                self.note(Fact::ContentLength);
            }
            header::TE => {
                self.note(Fact::Te);
                self.note(Fact::Hop);
            }
            header::UPGRADE => {
                self.note(Fact::Upgrade);
                self.note(Fact::Hop);
            }
            header::PROXY_AUTHORIZATION => self.note(Fact::Hop),
            header::PROXY_AUTHENTICATE => self.note(Fact::ProxyAuthenticate),
            header::EXPECT | header::TRAILER => self.note(Fact::EndsUpwards),
            header::ALT_SVC | header::STRICT_TRANSPORT_SECURITY => self.note(Fact::EndsDownwards),
            header::SET_COOKIE => self.note_if(Fact::EndsDownwards, super::cookies::sets_ours(value)),
            header::AUTHORIZATION => self.note(Fact::Authorization),
            header::WWW_AUTHENTICATE => self.note(Fact::Challenge),
            header::ACCEPT_LANGUAGE => self.note(Fact::AcceptLanguage),
            header::CONTENT_TYPE => self.note_if(Fact::EventStream, is_event_stream(value)),
            header::FORWARDED => self.note(Fact::Forged),
            header::LOCATION | header::CONTENT_LOCATION | header::REFRESH => self.note(Fact::Points),
            // What most heads hold besides. None of these can be any of what is looked for below.
            header::ACCEPT
            | header::ACCEPT_ENCODING
            | header::ACCEPT_RANGES
            | header::CACHE_CONTROL
            | header::CONTENT_ENCODING
            | header::DATE
            | header::ETAG
            | header::EXPIRES
            | header::IF_MODIFIED_SINCE
            | header::IF_NONE_MATCH
            | header::LAST_MODIFIED
            | header::ORIGIN
            | header::REFERER
            | header::SERVER
            | header::UPGRADE_INSECURE_REQUESTS
            | header::USER_AGENT
            | header::VARY => {}
            _ => self.look_at_text(name, value),
        }
    }

    fn look_at_text(&mut self, name: &HeaderName, value: &HeaderValue) {
        let text = name.as_str();
        match claim(text) {
            Some(claim) if claim.is_nobodys() => self.note(Fact::Forged),
            Some(_) => self.note(Fact::LeadsElsewhere),
            None => self.note_if(Fact::Forged, !is_plain(text)),
        }
        self.note_if(Fact::Hop, is_hop_by_hop(name));
        if let Some(of) = text.strip_prefix("sec-fetch-") {
            if of == "mode" && !self.tell(Fact::FetchMode) {
                self.note(Fact::FetchMode);
                self.note_if(Fact::Navigates, value.as_bytes() == b"navigate");
            }
            self.note(Fact::FetchMetadata);
        }
        self.note_if(Fact::ServiceWorker, text == "service-worker");
        self.note_if(Fact::EndsDownwards, text == "service-worker-allowed");
    }
}

impl Fact {
    const fn bit(self) -> u32 {
        1 << self as u32
    }
}

const OF_A_FIELD: usize = 32;

/// Nearly every `Connection` is one of these.
pub(super) fn says_nothing(value: &HeaderValue) -> bool {
    [&b"keep-alive"[..], b"close", b"upgrade"].iter().any(|word| value.as_bytes().eq_ignore_ascii_case(word))
}

fn is_event_stream(value: &HeaderValue) -> bool {
    let kind = value.as_bytes().split_at_checked(EVENT_STREAM.len());
    kind.is_some_and(|(kind, rest)| {
        kind.eq_ignore_ascii_case(EVENT_STREAM) && matches!(rest.first(), None | Some(b';' | b' ' | b'\t'))
    })
}

const EVENT_STREAM: &[u8] = b"text/event-stream";

pub(super) fn is_protected(name: &HeaderName) -> bool {
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

pub(super) fn is_hop_by_hop(name: &HeaderName) -> bool {
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

/// Whether no client may say this: it is known to move a path or an identity somewhere, or spelled so that a server may take it for
/// another name.
pub(super) fn is_forged(name: &HeaderName) -> bool {
    !is_plain(name.as_str()) || claim(name.as_str()).is_some_and(Claim::is_nobodys)
}

/// Whether only those who signed in may say this.
pub(super) fn leads_elsewhere(name: &HeaderName) -> bool {
    claim(name.as_str()).is_some_and(|claim| !claim.is_nobodys())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(fields: &[(&str, &str)]) -> Vec<Fact> {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
        }
        let facts = Facts::of(&headers);
        ALL.into_iter().filter(|fact| facts.tell(*fact)).collect()
    }

    const ALL: [Fact; 26] = [
        Fact::Forged,
        Fact::LeadsElsewhere,
        Fact::Host,
        Fact::Hosts,
        Fact::Cookie,
        Fact::Connection,
        Fact::Listed,
        Fact::TransferEncoding,
        Fact::UnknownCoding,
        Fact::ContentLength,
        Fact::OddLength,
        Fact::Te,
        Fact::Upgrade,
        Fact::Hop,
        Fact::ProxyAuthenticate,
        Fact::EndsUpwards,
        Fact::EndsDownwards,
        Fact::Authorization,
        Fact::Points,
        Fact::Challenge,
        Fact::AcceptLanguage,
        Fact::FetchMetadata,
        Fact::FetchMode,
        Fact::Navigates,
        Fact::ServiceWorker,
        Fact::EventStream,
    ];

    #[test]
    fn one_look_tells_what_is_special() {
        use Fact::*;
        type Row<'a> = (&'a [(&'a str, &'a str)], &'a [Fact]);
        let table: &[Row<'_>] = &[
            (&[("accept", "*/*"), ("x-mine", "1")], &[]),
            (&[("host", "a.example")], &[Host]),
            (&[("host", "a.example"), ("host", "a.example")], &[Host, Hosts]),
            (&[("cookie", "a=1")], &[Cookie]),
            (&[("cookie", "a=1"), ("cookie", "b=2")], &[Cookie]),
            (&[("connection", "Keep-Alive")], &[Connection]),
            (&[("connection", "close"), ("connection", "x-mine")], &[Connection, Listed]),
            (&[("transfer-encoding", "Chunked"), ("content-length", "1")], &[TransferEncoding, ContentLength]),
            (&[("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")], &[TransferEncoding, UnknownCoding]),
            (&[("transfer-encoding", "gzip, chunked")], &[TransferEncoding, UnknownCoding]),
            (&[("content-length", "10")], &[ContentLength]),
            (&[("content-length", "010")], &[ContentLength, OddLength]),
            (&[("content-length", "10"), ("content-length", "10")], &[ContentLength, OddLength]),
            (&[("location", "/"), ("refresh", "1")], &[Points]),
            (&[("te", "trailers"), ("upgrade", "websocket")], &[Te, Upgrade, Hop]),
            (&[("keep-alive", "5")], &[Hop]),
            (&[("proxy-connection", "close")], &[Hop]),
            (&[("http2-settings", "x")], &[Hop]),
            (&[("proxy-authorization", "x")], &[Hop]),
            (&[("proxy-authenticate", "x")], &[ProxyAuthenticate]),
            (&[("expect", "100-continue")], &[EndsUpwards]),
            (&[("trailer", "x")], &[EndsUpwards]),
            (&[("alt-svc", "h3"), ("strict-transport-security", "x")], &[EndsDownwards]),
            (&[("service-worker-allowed", "/")], &[EndsDownwards]),
            (&[("set-cookie", "a=1")], &[]),
            (&[("set-cookie", "a=1"), ("set-cookie", "__Host-doorward=1")], &[EndsDownwards]),
            (&[("authorization", "Basic x"), ("www-authenticate", "NTLM")], &[Authorization, Challenge]),
            (&[("accept-language", "de"), ("service-worker", "script")], &[AcceptLanguage, ServiceWorker]),
            (&[("sec-fetch-mode", "navigate"), ("sec-fetch-mode", "cors")], &[FetchMetadata, FetchMode, Navigates]),
            (&[("sec-fetch-mode", "cors"), ("sec-fetch-mode", "navigate")], &[FetchMetadata, FetchMode]),
            (&[("sec-fetch-site", "none")], &[FetchMetadata]),
            (&[("content-type", "text/event-stream")], &[EventStream]),
            (&[("content-type", "Text/Event-Stream;charset=utf-8")], &[EventStream]),
            (&[("content-type", "text/event-streams")], &[]),
            (&[("content-type", "text/html")], &[]),
            (&[("forwarded", "for=x")], &[Forged]),
            (&[("x_forwarded.for", "x")], &[Forged]),
            (&[("keep_alive", "x")], &[Forged]),
            (&[("x-forwarded-user", "x"), ("remote-user", "x")], &[Forged]),
            (&[("x_mine", "x")], &[Forged]),
            (&[("x-http-method-override", "x"), ("destination", "x")], &[LeadsElsewhere]),
        ];
        for (fields, expected) in table {
            assert_eq!(told(fields), *expected, "{fields:?}");
        }
    }

    /// The list of harmless names above must not hide one that matters.
    #[test]
    fn no_name_that_is_passed_over_ends_here_or_is_forged() {
        let standard: Vec<HeaderName> = NAMES.iter().map(|name| HeaderName::from_bytes(name.as_bytes()).unwrap()).collect();
        for name in standard {
            let headers: HeaderMap = [(name.clone(), HeaderValue::from_static("x"))].into_iter().collect();
            let facts = Facts::of(&headers);
            assert_eq!(facts.tell(Fact::Forged), is_forged(&name), "{name}");
            let passes = matches!(name, header::CONNECTION | header::TRANSFER_ENCODING | header::PROXY_AUTHENTICATE);
            assert_eq!(facts.tell(Fact::Hop), is_hop_by_hop(&name) && !passes, "{name}");
        }
    }

    const NAMES: [&str; 46] = [
        "accept",
        "accept-charset",
        "accept-encoding",
        "accept-language",
        "accept-ranges",
        "allow",
        "alt-svc",
        "authorization",
        "cache-control",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "cookie",
        "date",
        "dnt",
        "etag",
        "expect",
        "expires",
        "forwarded",
        "from",
        "host",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "last-modified",
        "link",
        "location",
        "max-forwards",
        "origin",
        "pragma",
        "proxy-authenticate",
        "proxy-authorization",
        "range",
        "referer",
        "server",
        "set-cookie",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "upgrade-insecure-requests",
        "user-agent",
        "vary",
        "via",
        "x-forwarded-for",
    ];
}
