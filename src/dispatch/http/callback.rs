//! The way back from providers: each transmitter has a URL of its own on a host that carries no application, which nobody can guess, and
//! what is called there is read by that transmitter's own rule.

use std::sync::Arc;

use data_encoding::{BASE32_NOPAD, BASE64, BASE64URL_NOPAD};

use super::answer::{collect, is_reference, steps};
use crate::base::{Keys, Secret, encoding, secret};
use crate::config::transmitter::Report;
use crate::dispatch::Delivery;

/// Where providers reach us. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Callbacks {
    /// `https://receipt.example.com/.doorward/receipt/`
    base: Arc<str>,
    keys: Keys,
}

/// One call of a provider, as it came.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// What follows the token in the path, without a slash.
    pub rest: &'a str,
    /// Without its question mark; empty where there is none.
    pub query: &'a str,
    pub content_type: Option<&'a str>,
    /// `X-Twilio-Signature`
    pub signature: Option<&'a str>,
    pub body: &'a [u8],
}

/// What the provider gets for its call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// 204.
    Noted,
    /// 200 and instructions for a telephone, with the passcode in them.
    Instructions(Secret<String>),
}

/// What a token is made for, and what is sealed into the addresses of a call.
const TOKEN: &str = "receipt";
const SEALED: &str = "receipt call";

impl Callbacks {
    /// `host` as a browser writes it; no `port` for 443.
    pub fn new(host: &str, port: Option<u16>, keys: Keys) -> Self {
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        let port = port.filter(|port| *port != 443).map(|port| format!(":{port}")).unwrap_or_default();
        Self { base: format!("https://{host}{port}/.doorward/receipt/").into(), keys }
    }

    /// The URL of one transmitter, for the provider alone.
    pub fn url(&self, transmitter: &str) -> String {
        format!("{}{transmitter}/{}", self.base, text(&self.keys.mac(TOKEN, transmitter.as_bytes())))
    }

    pub(in crate::dispatch) fn seal(&self, transmitter: &str, plain: &[u8]) -> String {
        BASE64URL_NOPAD.encode(&self.keys.seal(SEALED, transmitter.as_bytes(), plain))
    }

    pub(in crate::dispatch) fn open(&self, transmitter: &str, sealed: &str) -> Option<Secret<Vec<u8>>> {
        let sealed = BASE64URL_NOPAD.decode(sealed.as_bytes()).ok()?;
        self.keys.open(SEALED, transmitter.as_bytes(), &sealed).map(Secret::new)
    }
}

/// Whether the token is this transmitter's, under any of the keys: a provider may have been told the URL long ago.
pub(in crate::dispatch) fn is_token(keys: &Keys, transmitter: &str, token: &str) -> bool {
    keys.macs(TOKEN, transmitter.as_bytes()).fold(false, |fits, mac| fits | secret::same(text(&mac).as_bytes(), token.as_bytes()))
}

fn text(mac: &[u8; 32]) -> String {
    BASE32_NOPAD.encode(mac).to_ascii_lowercase()
}

/// What a call says of messages: the provider's name of each, and what became of it. Values of the status that say nothing final, and
/// whatever is not understood, give nothing.
pub fn deliveries(rule: &Report, call: &Call<'_>) -> Vec<(String, Delivery)> {
    let delivery = |status: &str, why: &str| {
        let is = |values: &[String]| values.iter().any(|value| value.eq_ignore_ascii_case(status));
        if is(&rule.delivered) {
            Some(Delivery::Delivered)
        } else if is(&rule.failed) {
            let words = format!("{status} {why}");
            Some(Delivery::Failed(crate::dispatch::text::redact::redact(words.trim_end(), &[])))
        } else {
            None
        }
    };
    let found = |field: &str| fields(call, field);
    let (references, statuses) = (found(&rule.reference), found(&rule.status));
    let reasons = rule.why.as_deref().map(found).unwrap_or_default();
    // Each name with the status at the same place; a count that differs cannot be told apart.
    if references.len() != statuses.len() || references.len() > MOST_AT_ONCE {
        return Vec::new();
    }
    let why = |place: usize| reasons.get(place).map(String::as_str).filter(|_| reasons.len() == references.len());
    let all = references.iter().zip(&statuses).enumerate();
    all.filter(|(_, (reference, _))| is_reference(reference))
        .filter_map(|(place, (reference, status))| Some((reference.clone(), delivery(status, why(place).unwrap_or_default())?)))
        .collect()
}

/// A call that brings more is not read.
const MOST_AT_ONCE: usize = 64;

/// The values of a field: of JSON, else of a form, else of the query.
fn fields(call: &Call<'_>, name: &str) -> Vec<String> {
    let kind = call.content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case("application/json") {
        let json: serde_json::Value = serde_json::from_str(&encoding::decode(call.body)).unwrap_or_default();
        let mut found = Vec::new();
        let steps = if name.starts_with('/') { steps(name) } else { vec![name.to_owned()] };
        match &json {
            // A list of reports, each like the one.
            serde_json::Value::Array(list) => list.iter().for_each(|entry| collect(entry, &steps, &mut found)),
            one => collect(one, &steps, &mut found),
        }
        return found;
    }
    let name = name.rsplit('/').next().unwrap_or(name);
    let read = |bytes: &[u8]| -> Vec<String> {
        form_urlencoded::parse(bytes).filter(|(key, _)| key == name).map(|(_, value)| value.into_owned()).collect()
    };
    let posted = if kind.eq_ignore_ascii_case(FORM) { read(call.body) } else { Vec::new() };
    if posted.is_empty() { read(call.query.as_bytes()) } else { posted }
}

const FORM: &str = "application/x-www-form-urlencoded";

/// Twilio's signature (its reference "Security", "Validating requests"): HMAC-SHA-1 under the auth token of the URL as it was given, with the
/// names and values of a posted form behind it in the order of the names. Providers behind proxies see the URL with or without its port.
pub(in crate::dispatch) fn is_signed_by_twilio(token: &Secret<String>, url: &str, call: &Call<'_>) -> bool {
    let Some(signature) = call.signature.and_then(|signature| BASE64.decode(signature.as_bytes()).ok()) else { return false };
    let mut form: Vec<(String, String)> = Vec::new();
    let kind = call.content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case(FORM) {
        form = form_urlencoded::parse(call.body).into_owned().collect();
        form.sort();
    }
    let form: String = form.into_iter().map(|(name, value)| name + &value).collect();
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, token.expose().as_bytes());
    let fits = |url: &str| aws_lc_rs::hmac::verify(&key, format!("{url}{form}").as_bytes(), &signature).is_ok();
    spellings(url).iter().any(|url| fits(url))
}

/// The URL with its port and without.
fn spellings(url: &str) -> Vec<String> {
    let Some((host, path)) = url.strip_prefix("https://").and_then(|rest| rest.split_once('/')) else {
        return vec![url.to_owned()];
    };
    let bare = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !port.is_empty() => name,
        _ => host,
    };
    let mut all = vec![url.to_owned(), format!("https://{bare}/{path}"), format!("https://{bare}:443/{path}")];
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::keys::SealKey;

    fn keys(bytes: &[u8]) -> Keys {
        let key = |byte: &u8| SealKey { id: format!("k{byte}"), secret: Secret::new(vec![*byte; 32]) };
        Keys::new(bytes.iter().map(key).collect()).unwrap()
    }

    #[test]
    fn a_url_belongs_to_one_transmitter_and_outlives_a_change_of_keys() {
        let url = Callbacks::new("receipt.example.com", None, keys(&[1])).url("twilio");
        let token = url.strip_prefix("https://receipt.example.com/.doorward/receipt/twilio/").unwrap();
        assert_eq!(token.len(), 52, "256 bits");
        assert!(is_token(&keys(&[1]), "twilio", token) && is_token(&keys(&[2, 1]), "twilio", token));
        for (transmitter, token) in [("twili", token), ("twilio2", token), ("twilio", &token[..51]), ("twilio", "")] {
            assert!(!is_token(&keys(&[1]), transmitter, token));
        }
        assert!(!is_token(&keys(&[2]), "twilio", token));
        assert!(Callbacks::new("h", Some(8443), keys(&[1])).url("a").starts_with("https://h:8443/.doorward/receipt/a/"));
        assert!(Callbacks::new("h", Some(443), keys(&[1])).url("a").starts_with("https://h/"));
    }

    fn call<'a>(content_type: &'a str, query: &'a str, body: &'a str) -> Call<'a> {
        Call { rest: "", query, content_type: Some(content_type), signature: None, body: body.as_bytes() }
    }

    fn rule(reference: &str, status: &str) -> Report {
        Report {
            reference: reference.into(),
            status: status.into(),
            why: Some("err".into()),
            delivered: vec!["delivered".into()],
            failed: vec!["failed".into(), "3".into()],
            signature: None,
        }
    }

    #[test]
    fn a_report_comes_as_form_query_or_json() {
        let (plain, json) = (rule("id", "status"), rule("/m/id", "/m/status"));
        let delivered = |id: &str| vec![(id.to_owned(), Delivery::Delivered)];
        let failed = |id: &str, why: &str| vec![(id.to_owned(), Delivery::Failed(why.into()))];
        let table = [
            (&plain, call(FORM, "", "id=a1&status=delivered"), delivered("a1")),
            (&plain, call("", "id=a1&status=DELIVERED", ""), delivered("a1")),
            (
                &plain,
                call("application/json; charset=utf-8", "", r#"{"id":"a1","status":"failed","err":7}"#),
                failed("a1", "failed 7"),
            ),
            (&json, call("application/json", "", r#"{"m":{"id":"a1","status":3}}"#), failed("a1", "3")),
            (&plain, call("application/json", "", r#"[{"id":"a1","status":"delivered"}]"#), delivered("a1")),
            (&plain, call(FORM, "", "id=a1&status=queued"), vec![]),
            (&plain, call(FORM, "", "id=a1"), vec![]),
            (&plain, call(FORM, "", "id=a+1&status=delivered"), vec![]),
            (&plain, call(FORM, "", "id=a1&id=a2&status=delivered"), vec![]),
            (&plain, call("application/json", "", "{"), vec![]),
            (&plain, call("text/plain", "", "id=a1&status=delivered"), vec![]),
        ];
        for (rule, call, expected) in table {
            assert_eq!(deliveries(rule, &call), expected, "{call:?}");
        }
    }

    #[test]
    fn twilios_signature_is_the_published_one_with_and_without_port() {
        let body = "CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309&To=%2B18005551212";
        let url = "https://mycompany.com/myapp.php?foo=1&bar=2";
        let token = Secret::new("12345".to_owned());
        let signed = Call { signature: Some("RSOYDt4T1cUTdK1PDd93/VVr8B8="), ..call(FORM, "", body) };
        assert!(is_signed_by_twilio(&token, url, &signed));
        assert!(is_signed_by_twilio(&token, "https://mycompany.com:8443/myapp.php?foo=1&bar=2", &signed));
        assert!(!is_signed_by_twilio(&token, "https://mycompany.com/myapp.php?foo=1&bar=3", &signed));
        assert!(!is_signed_by_twilio(&Secret::new("12346".to_owned()), url, &signed));
        let changed = body.replace("1234&", "1235&");
        assert!(!is_signed_by_twilio(&token, url, &Call { body: changed.as_bytes(), ..signed }));
        for signature in [None, Some(""), Some("?"), Some("RSOYDt4T1cUTdK1PDd93/VVr8B9=")] {
            assert!(!is_signed_by_twilio(&token, url, &Call { signature, ..signed }));
        }
    }
}
