//! Sends through any gateway that takes an HTTP request (text messages, calls, push services): method, URL, headers and body come from
//! templates, and rules say which answer counts as "sent" and what any other means.

mod answer;
mod body;
pub mod callback;
pub(super) mod calls;
pub(super) mod client;
mod voice;

use std::error::Error;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_lc_rs::hmac;
use data_encoding::{BASE64, HEXLOWER};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Method, Url};

use self::answer::{Rules, Verdict, retry_after};
use self::body::{Content, content};
use self::callback::{Answer, Call, Callbacks, deliveries, is_signed_by_twilio};
use self::client::{HttpClient, is_forbidden, is_untrusted};
use super::address::topic;
use super::text::redact::redact;
use super::text::template::{Values, fill};
use super::{Delivery, Failure, FailureKind, Message, Receipt, Report, Reports, Transmitter};
use crate::base::tls::{self, TlsError};
use crate::base::{Channel, Later, Secret, Time};
use crate::config::transmitter::{Auth, Encoder, Http, Piece, Signature, Slot, Template};

/// One gateway.
pub struct HttpTransmitter {
    name: Arc<str>,
    channel: Channel,
    config: Http,
    method: Method,
    headers: Vec<(HeaderName, Template)>,
    auth_header: Option<HeaderName>,
    rules: Rules,
    line: HttpClient,
    back: Back,
}

/// What an answer begins with.
struct Head {
    status: u16,
    /// `Retry-After`.
    again: Option<Duration>,
}

/// The ways back from providers, where there are any.
#[derive(Clone, Debug, Default)]
pub struct Back {
    pub callbacks: Option<Callbacks>,
    pub reports: Option<Reports>,
}

/// Why a gateway cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error("the method {0:?} is none of GET, POST and PUT")]
    Method(String),
    #[error("the URL does not begin with http:// or https:// and a host that is written out up to the first slash")]
    Url,
    #[error("the URL leads to an address where no gateway is")]
    Forbidden,
    #[error("{0:?} is not a header name")]
    Header(String),
    #[error("a regular expression is faulty")]
    Regex(#[source] regex::Error),
    #[error("the HTTP client cannot be set up")]
    Client(#[source] reqwest::Error),
}

impl HttpTransmitter {
    /// `channel` is the one it serves.
    pub fn new(name: Arc<str>, channel: Channel, config: Http, back: Back) -> Result<Self, HttpError> {
        let method = match config.method.as_str() {
            "GET" => Method::GET,
            "POST" => Method::POST,
            "PUT" => Method::PUT,
            other => return Err(HttpError::Method(other.to_owned())),
        };
        if is_forbidden(&server(&config.url).ok_or(HttpError::Url)?) {
            return Err(HttpError::Forbidden);
        }
        let header = |name: &str| HeaderName::from_bytes(name.as_bytes()).map_err(|_| HttpError::Header(name.to_owned()));
        let headers = config.headers.iter().map(|(name, template)| Ok((header(name)?, template.clone())));
        let headers = headers.collect::<Result<_, HttpError>>()?;
        let auth_header = match &config.auth {
            Auth::None => None,
            Auth::Basic | Auth::Bearer => Some(AUTHORIZATION),
            Auth::Header(name) | Auth::Hmac { header: name, .. } => Some(header(name)?),
        };
        let rules = Rules::new(&config.answers).map_err(HttpError::Regex)?;
        let line = HttpClient::new(config.ca.as_deref(), config.timeout)?;
        Ok(Self { name, channel, config, method, headers, auth_header, rules, line, back })
    }

    /// `head` is told what the answer's head says.
    async fn exchange(&self, message: &Message, now: Time, head: &OnceLock<Head>) -> Result<Receipt, Failure> {
        let request = self.request(message, now)?;
        let words = |error: reqwest::Error| Failure { kind: kind(&error), why: self.redacted(&without_address(error), message) };
        let mut response = self.line.client.execute(request).await.map_err(words)?;
        let status = response.status().as_u16();
        let again = response.headers().get(RETRY_AFTER).and_then(|value| retry_after(value.to_str().ok()?, now));
        let head = head.get_or_init(|| Head { status, again });
        let body = match content(&mut response).await {
            Ok(Content::Text(body)) => body,
            Ok(Content::Compressed(coding)) => return self.unread(status, &coding),
            // Its status says enough: it did not take the message.
            Err(_) if status >= 400 => String::new(),
            Err(error) => return Err(words(error)),
        };
        self.judged(head, &body, message)
    }

    fn judged(&self, head: &Head, body: &str, message: &Message) -> Result<Receipt, Failure> {
        let Head { status, again } = *head;
        let answer = self.redacted(body, message);
        match self.rules.judge(status, body) {
            // A reference is of use only where reports come.
            Verdict::Sent { reference } => {
                Ok(Receipt { words: answer, references: reference.into_iter().filter(|_| self.is_told()).collect() })
            }
            Verdict::Failed(kind) => {
                let kind = match (kind, again) {
                    (FailureKind::RetryHere, Some(pause)) => FailureKind::RetryAfter(pause),
                    (kind, _) => kind,
                };
                Err(Failure { kind, why: format!("status {status}: {answer}").trim_end_matches([':', ' ']).to_owned() })
            }
        }
    }

    /// What can be said of an answer by its status alone.
    fn unread(&self, status: u16, coding: &str) -> Result<Receipt, Failure> {
        let why = format!("status {status}: the answer is compressed ({coding}), though none was asked for, and was not read");
        match self.rules.judge_unread(status) {
            Some(Verdict::Sent { .. }) => Ok(Receipt::last_word(&why)),
            Some(Verdict::Failed(kind)) => Err(Failure { kind, why }),
            // The status fits, and what was not read may say that it was not taken.
            None => Err(Failure { kind: FailureKind::Unsure, why }),
        }
    }

    /// Whether the provider can tell us what becomes of a message.
    fn is_told(&self) -> bool {
        self.back.callbacks.is_some() && self.config.report.is_some()
    }

    fn request(&self, message: &Message, now: Time) -> Result<reqwest::Request, Failure> {
        let receipt_url = self.back.callbacks.as_ref().map(|callbacks| callbacks.url(&self.name));
        let twiml = self.twiml(message)?;
        let values = Values {
            message,
            named: &self.config.named,
            receipt_url: receipt_url.as_deref().filter(|_| self.config.report.is_some()),
            twiml: twiml.as_ref(),
            now,
        };
        let url = fill(&self.config.url, Encoder::Url, &values);
        let url = Url::parse(url.expose()).map_err(|_| elsewhere("the URL that the template makes is not valid".into()))?;
        let mut headers = HeaderMap::new();
        for (name, template) in &self.headers {
            let value = fill(template, Encoder::Raw, &values);
            // What a condition left empty is no header.
            if !value.expose().is_empty() {
                headers.append(name.clone(), header_value(name, &value)?);
            }
        }
        let mut request = self.line.client.request(self.method.clone(), url);
        let body = self.config.body.as_ref().map(|body| (&body.content_type, fill(&body.template, body.encoder, &values)));
        if let Some(name) = &self.auth_header {
            let body = body.as_ref().map(|(_, body)| body.expose().as_bytes()).unwrap_or_default();
            headers.insert(name.clone(), header_value(name, &self.proof(body))?);
        }
        if let Some((content_type, body)) = body {
            if !headers.contains_key(CONTENT_TYPE) {
                headers.insert(CONTENT_TYPE, header_value(&CONTENT_TYPE, &Secret::new(content_type.clone()))?);
            }
            request = request.body(body.expose().clone());
        }
        let request = request.headers(headers).build();
        request.map_err(|error| elsewhere(self.redacted(&without_address(error), message)))
    }

    /// The call's script, where the templates ask for one.
    fn twiml(&self, message: &Message) -> Result<Option<Secret<String>>, Failure> {
        if !self.config.body.as_ref().is_some_and(|body| body.template.uses(Slot::Twiml)) {
            return Ok(None);
        }
        let Some(callbacks) = &self.back.callbacks else {
            return Err(elsewhere("a call needs `hosts` in [receipts], where the provider fetches what it says".into()));
        };
        Ok(Some(voice::asking(callbacks, &self.name, message)))
    }

    /// What the header that shows who we are says.
    fn proof(&self, body: &[u8]) -> Secret<String> {
        let named = &self.config.named;
        let secret = |secret: &Option<Secret<String>>| secret.clone().unwrap_or_else(|| Secret::new(String::new()));
        let (password, api_key, api_secret) = (secret(&named.password), secret(&named.api_key), secret(&named.api_secret));
        Secret::new(match &self.config.auth {
            Auth::None => String::new(),
            Auth::Basic => {
                let both = Secret::new(format!("{}:{}", named.user.as_deref().unwrap_or_default(), password.expose()));
                format!("Basic {}", BASE64.encode(both.expose().as_bytes()))
            }
            Auth::Bearer => format!("Bearer {}", api_key.expose()),
            Auth::Header(_) => api_key.expose().clone(),
            Auth::Hmac { prefix, .. } => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, api_secret.expose().as_bytes());
                format!("{prefix}{}", HEXLOWER.encode(hmac::sign(&key, body).as_ref()))
            }
        })
    }

    fn redacted(&self, words: &str, message: &Message) -> String {
        let named = &self.config.named;
        let secrets = [&named.password, &named.api_key, &named.api_secret];
        let own = secrets.into_iter().flatten().map(|secret| secret.expose().as_str());
        let token = self.back.callbacks.as_ref().map(|callbacks| callbacks.url(&self.name));
        let token = token.as_deref().and_then(|url| url.rsplit('/').next()).unwrap_or_default();
        // As it stands in `Authorization`, which some servers repeat in their error pages.
        let basic = named.password.as_ref().map(|password| {
            let pair = format!("{}:{}", named.user.as_deref().unwrap_or_default(), password.expose());
            Secret::new(BASE64.encode(pair.as_bytes()))
        });
        let own = own.chain(basic.as_ref().map(|basic| basic.expose().as_str()));
        let all = [message.passcode.expose().as_str(), &message.to, token].into_iter().chain(own);
        redact(words, &all.collect::<Vec<_>>())
    }

    /// Whether a provider that signs its calls has signed this one.
    fn is_signed(&self, call: &Call<'_>) -> bool {
        let Some(Signature::Twilio) = self.config.report.as_ref().and_then(|report| report.signature) else { return true };
        let named = &self.config.named;
        let (Some(token), Some(callbacks)) = (named.api_secret.as_ref().or(named.password.as_ref()), &self.back.callbacks) else {
            return false;
        };
        let mut url = callbacks.url(&self.name);
        for (mark, part) in [('/', call.rest), ('?', call.query)] {
            if !part.is_empty() {
                url.push(mark);
                url.push_str(part);
            }
        }
        is_signed_by_twilio(token, &url, call)
    }

    fn report(&self, (reference, delivery): (String, Delivery)) {
        if let Some(reports) = &self.back.reports {
            reports.report(Report { transmitter: Arc::clone(&self.name), reference, delivery });
        }
    }
}

impl Transmitter for HttpTransmitter {
    fn name(&self) -> &str {
        &self.name
    }

    fn serves(&self, channel: Channel) -> bool {
        channel == self.channel
    }

    fn send<'a>(&'a self, message: &'a Message, now: Time) -> Later<'a, Result<Receipt, Failure>> {
        Box::pin(async move {
            if self.channel == Channel::Push && topic::topic(&message.to).is_none() {
                return Err(Failure { kind: FailureKind::Final, why: "not a topic".into() });
            }
            // Around everything, name resolution included.
            let why = || format!("no answer within {} s", self.config.timeout.as_secs_f32());
            let slow = || Failure { kind: FailureKind::Unsure, why: why() };
            let head = OnceLock::new();
            let said = tokio::time::timeout(self.config.timeout, self.exchange(message, now, &head)).await;
            said.unwrap_or_else(|_| match head.get() {
                // Only its words were still to come.
                Some(head) if head.status >= 400 => self.judged(head, "", message),
                _ => Err(slow()),
            })
        })
    }

    fn called(&self, call: &Call<'_>, now: Time) -> Option<Answer> {
        let rule = self.config.report.as_ref()?;
        let callbacks = self.back.callbacks.as_ref()?;
        if !self.is_signed(call) {
            tracing::warn!(transmitter = &*self.name, "a call that claims to be a report was not signed by the provider");
            return None;
        }
        if call.rest.is_empty() {
            deliveries(rule, call).into_iter().for_each(|delivery| self.report(delivery));
            return Some(Answer::Noted);
        }
        let (script, heard) = voice::called(callbacks, &self.name, call, now)?;
        if let Some(reference) = heard {
            self.report((reference, Delivery::Delivered));
        }
        Some(Answer::Instructions(script))
    }

    fn examine(&self) -> Later<'_, Result<Vec<String>, String>> {
        Box::pin(async move {
            let url = server(&self.config.url).ok_or("the URL names no server")?;
            let limit = self.config.timeout;
            let reached = tokio::time::timeout(limit, self.line.reach(&url)).await;
            let mut found = vec![reached.map_err(|_| format!("no answer within {} s", limit.as_secs_f32()))??];
            if let (Some(callbacks), Some(_)) = (&self.back.callbacks, &self.config.report) {
                found.push(format!("the provider may report to {}", callbacks.url(&self.name)));
            }
            Ok(found)
        })
    }
}

/// What stands before the path. A slot in the host would let a directory's value choose whom we talk to.
fn server(url: &Template) -> Option<Url> {
    let Some(Piece::Text(start)) = url.0.first() else { return None };
    let (scheme, rest) = start.split_once("://").filter(|(scheme, _)| matches!(*scheme, "https" | "http"))?;
    let host = match rest.find(['/', '?']) {
        Some(end) => rest.get(..end)?,
        None if url.0.len() == 1 => rest,
        None => return None,
    };
    Url::parse(&format!("{scheme}://{host}/")).ok().filter(|url| url.host_str().is_some_and(|host| !host.is_empty()))
}

fn header_value(name: &HeaderName, value: &Secret<String>) -> Result<HeaderValue, Failure> {
    // Refuses CR, LF and every other control character.
    let mut value = HeaderValue::from_str(value.expose())
        .map_err(|_| elsewhere(format!("what the template makes for the header {name} does not fit into a header")))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Where no server was reached, none took it; one whose certificate is not trusted will not be trusted in a minute either.
fn kind(error: &reqwest::Error) -> FailureKind {
    if error.is_builder() || is_untrusted(error) {
        return FailureKind::RetryElsewhere;
    }
    if error.is_connect() { FailureKind::RetryHere } else { FailureKind::Unsure }
}

/// The error and its causes in one line; the URL, which may hold key and number, is taken out.
fn without_address(error: reqwest::Error) -> String {
    let error = error.without_url();
    if let Some(words) = tls::words(&error) {
        return format!("TLS failed: {words}");
    }
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        words.push_str(&format!(": {inner}"));
        cause = inner.source();
    }
    words
}

fn elsewhere(why: String) -> Failure {
    Failure { kind: FailureKind::RetryElsewhere, why }
}
