//! Header fields on their way through: pure functions, one pass each. What is in them is found by one look ([`Facts`]).
//!
//! `Via` of a request stays and gets our own entry (RFC 9110 section 7.6.3): it is no proof of anything and nothing reads it as one.

use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::client::Client;
use super::cookies::{self, Rest};
use super::header_scan::{Fact, Facts, is_forged, is_hop_by_hop, is_protected, leads_elsewhere, says_nothing};
use crate::auth::session::{IdentityHeaders, Session};
use crate::base::Time;
use crate::config::application::KeptHeaders;

/// What is known of a request before it is forwarded, most of it to tell the application.
#[derive(Clone, Copy, Debug)]
pub struct ClientInfo<'a> {
    /// The true client.
    pub address: IpAddr,
    /// The public host as the client wrote it, with the port if it wrote one: `mail.example.com`, `localhost:8443`.
    pub host: &'a HeaderValue,
    /// Its `Host` says exactly that.
    pub host_stands: bool,
    /// What is kept of its connection.
    pub client: &'a Rc<Client>,
    /// What its fields say, as they are when it is forwarded.
    pub facts: Facts,
    /// What the application gets of its cookies.
    pub cookies: &'a Rest,
    /// What it gets of fields that others do not.
    pub keeps: &'a KeptHeaders,
    /// When it came.
    pub now: Time,
}

/// Drops what no client may say ([`header_claims`](crate::base::header_claims)) and the application does not keep; says what the other
/// fields are. To be called before any decision is made, where [`Fact::Forged`] is told.
pub fn cleanse(headers: &mut HeaderMap, keeps: impl Fn(&HeaderName) -> bool) -> Facts {
    *headers = filtered(std::mem::take(headers), |name, _| is_forged(name) && !keeps(name));
    Facts::of(headers)
}

/// Drops what only those may say who signed in; says what the other fields are. To be called where [`Fact::LeadsElsewhere`] is told and
/// there is no session.
pub fn cleanse_strangers(headers: &mut HeaderMap) -> Facts {
    *headers = filtered(std::mem::take(headers), |name, _| leads_elsewhere(name));
    Facts::of(headers)
}

/// The protocol that this asks to switch to (RFC 9110 section 7.8), as it stands in the list of those that the application may be asked
/// for. Exactly one, in any case; several are a choice that we would have to make for the application, so they are none. Never `h2c`: in a
/// tunnel of it requests would pass unseen.
pub(super) fn asked_upgrade<'a>(headers: &HeaderMap, facts: Facts, allowed: &'a [HeaderValue]) -> Option<&'a HeaderValue> {
    if !facts.tell(Fact::Upgrade) {
        return None;
    }
    let given = headers.get(header::UPGRADE)?;
    let is_alone = headers.get_all(header::UPGRADE).iter().count() == 1;
    let is_asked = is_alone && names_token(headers, &header::CONNECTION, b"upgrade") && !is_token(given, b"h2c");
    allowed.iter().find(|token| is_asked && is_token(given, token.as_bytes()))
}

/// Whether the application's 101 is for the protocol that it was asked for, and no other.
pub(super) fn is_switch_to(headers: &HeaderMap, asked: &HeaderValue) -> bool {
    let mut given = headers.get_all(header::UPGRADE).iter();
    matches!((given.next(), given.next()), (Some(given), None) if is_token(given, asked.as_bytes()))
}

fn is_token(given: &HeaderValue, token: &[u8]) -> bool {
    given.as_bytes().trim_ascii().eq_ignore_ascii_case(token)
}

/// Whether these credentials sign on the connection itself, so that whatever comes over it afterwards is taken for this user's: NTLM,
/// and Negotiate, which may be NTLM inside (MS-NTHT section 1, RFC 4559 section 6).
pub(super) fn binds_connection(headers: &HeaderMap, facts: Facts) -> bool {
    facts.tell(Fact::Authorization) && headers.get_all(header::AUTHORIZATION).iter().any(names_binding_scheme)
}

/// Whether an answer asks for such credentials.
pub(super) fn offers_binding(headers: &HeaderMap, facts: Facts) -> bool {
    facts.tell(Fact::Challenge) && headers.get_all(header::WWW_AUTHENTICATE).iter().any(names_binding_scheme)
}

fn names_binding_scheme(value: &HeaderValue) -> bool {
    // A list of challenges may name them anywhere; a false alarm costs a connection, not more.
    let mut words = value.as_bytes().split(|byte| matches!(byte, b' ' | b'\t' | b','));
    words.any(|word| [&b"ntlm"[..], b"negotiate"].iter().any(|scheme| word.eq_ignore_ascii_case(scheme)))
}

/// What else decides which fields the application gets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outward<'a> {
    /// Only where it signs on by headers.
    pub signed_on: Option<&'a Session>,
    /// Only where it is asked to switch.
    pub upgrade: Option<&'a HeaderValue>,
    /// Whether it gets `Via`, ours and others'.
    pub via: bool,
    /// HTTP/2, which has no `Connection`.
    pub is_stream: bool,
}

/// Makes a request's fields those that the application gets.
pub(super) fn for_upstream(headers: &mut HeaderMap, client: &ClientInfo<'_>, outward: Outward<'_>) {
    let Outward { signed_on, upgrade, via, is_stream } = outward;
    let facts = client.facts;
    let trailers = facts.tell(Fact::Te) && names_token(headers, &header::TE, b"trailers");
    let special = [Fact::Forged, Fact::Listed, Fact::Hop, Fact::ProxyAuthenticate, Fact::EndsUpwards];
    take_out(headers, facts, &special, |name, _| {
        is_hop_by_hop(name)
            || matches!(*name, header::EXPECT | header::TRAILER)
            || (is_forged(name) && !client.keeps.keeps(name, true))
    });
    headers.reserve(ADDED_MOST);
    // Mostly it stands there as it should.
    if facts.tell(Fact::Hosts) || !client.host_stands {
        headers.insert(header::HOST, client.host.clone());
    }
    client.cookies.put(headers);
    if let Some(protocol) = upgrade {
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(header::UPGRADE, protocol.clone());
    }
    if trailers {
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
        // Without it the field is nothing to a server of HTTP/1.1 (RFC 9110 section 10.1.4).
        if !is_stream {
            let listed = if upgrade.is_some() { "Upgrade, TE" } else { "TE" };
            headers.insert(header::CONNECTION, HeaderValue::from_static(listed));
        }
    }
    if via {
        headers.append(header::VIA, HeaderValue::from_static("1.1 doorward"));
    } else {
        headers.remove(header::VIA);
    }
    headers.insert(FORWARDED_FOR, client.client.told_as(client.address, HeaderValue::clone));
    headers.insert(FORWARDED_PROTO, HeaderValue::from_static("https"));
    headers.insert(FORWARDED_HOST, client.host.clone());
    if let Some(session) = signed_on {
        introduce(headers, session.identity().headers());
    }
}

/// Makes an answer's fields those that the client gets; `facts` are its own, `switched` is set only on the answer that switches.
pub(super) fn from_upstream(headers: &mut HeaderMap, facts: Facts, service_worker: bool, switched: Option<&HeaderValue>) {
    // Where both are there the length is not the body's (RFC 9112 section 6.3).
    if facts.tell(Fact::TransferEncoding) && facts.tell(Fact::ContentLength) {
        headers.remove(header::CONTENT_LENGTH);
    }
    take_out(headers, facts, &[Fact::Listed, Fact::Hop, Fact::EndsDownwards], |name, value| {
        (is_hop_by_hop(name) && *name != header::PROXY_AUTHENTICATE)
            || matches!(*name, header::ALT_SVC | header::STRICT_TRANSPORT_SECURITY)
            || (*name == SERVICE_WORKER_ALLOWED && !service_worker)
            || (*name == header::SET_COOKIE && cookies::sets_ours(value))
    });
    if let Some(protocol) = switched {
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(header::UPGRADE, protocol.clone());
    }
}

/// For how long the server keeps the connection open without a request, where it says so (`Keep-Alive: timeout=5, max=100`).
pub(super) fn keep_alive(headers: &HeaderMap, facts: Facts) -> Option<Duration> {
    if !facts.tell(Fact::Hop) {
        return None;
    }
    let told = headers.get_all("keep-alive").iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    told.filter_map(|parameter| {
        let (name, seconds) = parameter.split_once('=')?;
        let is_timeout = name.trim().eq_ignore_ascii_case("timeout");
        seconds.trim().trim_matches('"').parse().ok().filter(|_| is_timeout).map(Duration::from_secs)
    })
    .min()
}

/// Takes out what ends here: what is `doomed`, and fields that `Connection` lists. Only where one of the `special` facts is told can
/// there be any besides `Connection` and `Transfer-Encoding` themselves; most heads have at most one of these, so they are changed in
/// place.
fn take_out(headers: &mut HeaderMap, facts: Facts, special: &[Fact], doomed: impl Fn(&HeaderName, &HeaderValue) -> bool) {
    if facts.tell_any(special) {
        let listed = Listed::by(headers);
        *headers = filtered(std::mem::take(headers), |name, value| listed.contains(name) || doomed(name, value));
        return;
    }
    if facts.tell(Fact::Connection) {
        headers.remove(header::CONNECTION);
    }
    if facts.tell(Fact::TransferEncoding) {
        headers.remove(header::TRANSFER_ENCODING);
    }
}

/// `X-Forwarded-User`, `-Email` and `-Groups`.
fn introduce(headers: &mut HeaderMap, introduction: &IdentityHeaders) {
    for (name, value) in [FORWARDED_USER, FORWARDED_EMAIL, FORWARDED_GROUPS].into_iter().zip(introduction.values()) {
        // Visible ASCII and blanks by construction, so this cannot fail; if it did, the field would be missing, not wrong.
        if let Some(value) = value.and_then(|value| HeaderValue::from_maybe_shared(value).ok()) {
            headers.insert(name, value);
        }
    }
}

/// Names that `Connection` lists: they end here (RFC 9110 section 7.6.1), except those that somebody would gain from making us lose.
struct Listed(Vec<HeaderName>);

impl Listed {
    fn by(headers: &HeaderMap) -> Self {
        let lists = headers.get_all(header::CONNECTION).iter().filter(|value| !says_nothing(value));
        let names = lists.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
        let names = names.filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok());
        Self(names.filter(|name| !is_hop_by_hop(name) && !is_protected(name)).take(LISTED_MOST).collect())
    }

    fn contains(&self, name: &HeaderName) -> bool {
        self.0.contains(name)
    }
}

fn names_token(headers: &HeaderMap, field: &HeaderName, token: &[u8]) -> bool {
    let mut tokens = headers.get_all(field).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    tokens.any(|given| given.trim_ascii().eq_ignore_ascii_case(token))
}

fn filtered(given: HeaderMap, goes: impl Fn(&HeaderName, &HeaderValue) -> bool) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(given.len());
    let mut name = None;
    for (next, value) in given {
        // Further values of one name come without it.
        name = next.or(name);
        if let Some(name) = name.as_ref().filter(|name| !goes(name, &value)) {
            headers.append(name, value);
        }
    }
    headers
}

/// A head holds at most a hundred fields; more names than that in `Connection` mean nothing.
const LISTED_MOST: usize = 100;

/// Room for what is added to a request, so that the map grows once.
const ADDED_MOST: usize = 10;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_USER: HeaderName = HeaderName::from_static("x-forwarded-user");
const FORWARDED_EMAIL: HeaderName = HeaderName::from_static("x-forwarded-email");
const FORWARDED_GROUPS: HeaderName = HeaderName::from_static("x-forwarded-groups");
const SERVICE_WORKER_ALLOWED: HeaderName = HeaderName::from_static("service-worker-allowed");

#[cfg(test)]
mod tests;
