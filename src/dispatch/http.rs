//! Sends text messages through any gateway that takes an HTTP request: method, URL, headers and body come from templates, and
//! a rule says which answer counts as "sent".

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use regex::Regex;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, Response, StatusCode, Url};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use super::blot::blot;
use super::template::{Values, fill};
use super::{Failure, FailureKind, Message, Receipt, Transmitter};
use crate::base::{Later, Secret, Time};
use crate::config::transmitter::{Channel, Encoder, Http, Piece, Template};

/// One gateway.
pub struct HttpTransmitter {
    name: Arc<str>,
    config: Http,
    method: Method,
    headers: Vec<(HeaderName, Template)>,
    body_like: Option<Regex>,
    client: Client,
}

/// Why a gateway cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    #[error("no CA certificate can be read from {path}")]
    Ca { path: PathBuf, source: rustls::pki_types::pem::Error },
    #[error("{0} holds no CA certificate")]
    NoCa(PathBuf),
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
    #[error("the method {0:?} is none of GET, POST and PUT")]
    Method(String),
    #[error("the URL does not begin with http:// or https:// and a host that is written out up to the first slash")]
    Url,
    #[error("{0:?} is no name of a header")]
    Header(String),
    #[error("the success rule's regular expression is faulty")]
    Regex(#[source] regex::Error),
    #[error("the HTTP client cannot be set up")]
    Client(#[source] reqwest::Error),
}

/// So much of an answer is read; the rest is left unread and the connection closed.
const MOST_READ: usize = 64 * 1024;

impl HttpTransmitter {
    pub fn new(name: Arc<str>, config: Http) -> Result<Self, HttpError> {
        let method = match config.method.as_str() {
            "GET" => Method::GET,
            "POST" => Method::POST,
            "PUT" => Method::PUT,
            other => return Err(HttpError::Method(other.to_owned())),
        };
        if !has_fixed_host(&config.url) {
            return Err(HttpError::Url);
        }
        let header = |(name, template): &(String, Template)| {
            let parsed = HeaderName::from_bytes(name.as_bytes()).map_err(|_| HttpError::Header(name.clone()))?;
            Ok((parsed, template.clone()))
        };
        let headers = config.headers.iter().map(header).collect::<Result<_, HttpError>>()?;
        let body_like = config.success.body.as_deref().map(Regex::new).transpose().map_err(HttpError::Regex)?;
        let client = Client::builder()
            .tls_backend_preconfigured(tls(config.ca.as_deref())?)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .referer(false)
            .user_agent(concat!("doorward/", env!("CARGO_PKG_VERSION")))
            // Messages are rare: a kept connection would mostly be a dead one, and a POST on a dead one cannot be repeated safely.
            .pool_max_idle_per_host(0)
            .connect_timeout(config.timeout)
            .timeout(config.timeout)
            .build()
            .map_err(HttpError::Client)?;
        Ok(Self { name, config, method, headers, body_like, client })
    }

    async fn exchange(&self, message: &Message, now: Time) -> Result<Receipt, Failure> {
        let request = self.request(message, now)?;
        let words = |error: reqwest::Error| elsewhere(self.blotted(&without_address(error), message));
        let mut response = self.client.execute(request).await.map_err(words)?;
        let status = response.status();
        let body = start_of(&mut response).await.map_err(words)?;
        let sent = self.config.success.status.contains(&status.as_u16())
            && self.body_like.as_ref().is_none_or(|regex| regex.is_match(&body));
        if sent {
            return Ok(Receipt(self.blotted(&body, message)));
        }
        let kind = if about_the_address(status, &body) { FailureKind::Final } else { FailureKind::RetryElsewhere };
        let answer = self.blotted(&body, message);
        Err(Failure { kind, why: format!("status {}: {answer}", status.as_u16()).trim_end_matches([':', ' ']).to_owned() })
    }

    fn request(&self, message: &Message, now: Time) -> Result<reqwest::Request, Failure> {
        let values = Values { message, sender: self.config.sender.as_deref(), api_key: self.config.api_key.as_ref(), now };
        let url = fill(&self.config.url, Encoder::Url, &values);
        let url = Url::parse(url.expose()).map_err(|_| elsewhere("the URL that the template makes is not valid".into()))?;
        let mut headers = HeaderMap::new();
        for (name, template) in &self.headers {
            headers.append(name.clone(), header_value(name, &fill(template, Encoder::Raw, &values))?);
        }
        let mut request = self.client.request(self.method.clone(), url);
        if let Some(body) = &self.config.body {
            if !headers.contains_key(CONTENT_TYPE) {
                headers.insert(CONTENT_TYPE, header_value(&CONTENT_TYPE, &Secret::new(body.content_type.clone()))?);
            }
            request = request.body(fill(&body.template, body.encoder, &values).expose().clone());
        }
        let request = request.headers(headers).build();
        request.map_err(|error| elsewhere(self.blotted(&without_address(error), message)))
    }

    fn blotted(&self, words: &str, message: &Message) -> String {
        let key = self.config.api_key.as_ref().map(|key| key.expose().as_str()).unwrap_or_default();
        blot(words, &[message.passcode.expose(), &message.to, key])
    }
}

impl Transmitter for HttpTransmitter {
    fn name(&self) -> &str {
        &self.name
    }

    fn serves(&self, channel: Channel) -> bool {
        channel == Channel::Sms
    }

    fn send<'a>(&'a self, message: &'a Message, now: Time) -> Later<'a, Result<Receipt, Failure>> {
        Box::pin(async move {
            // Around everything, name resolution included.
            let slow = || elsewhere(format!("no answer within {} s", self.config.timeout.as_secs_f32()));
            tokio::time::timeout(self.config.timeout, self.exchange(message, now)).await.unwrap_or_else(|_| Err(slow()))
        })
    }
}

/// A slot in the host would let a directory's value choose whom we talk to.
fn has_fixed_host(url: &Template) -> bool {
    let Some(Piece::Text(start)) = url.0.first() else { return false };
    let rest = start.strip_prefix("https://").or_else(|| start.strip_prefix("http://"));
    rest.is_some_and(|rest| url.0.len() == 1 && !rest.is_empty() || rest.find(['/', '?']).is_some_and(|end| end > 0))
}

fn header_value(name: &HeaderName, value: &Secret<String>) -> Result<HeaderValue, Failure> {
    // Refuses CR, LF and every other control character.
    let mut value = HeaderValue::from_str(value.expose())
        .map_err(|_| elsewhere(format!("what the template makes for the header {name} does not fit into a header")))?;
    value.set_sensitive(true);
    Ok(value)
}

async fn start_of(response: &mut Response) -> Result<String, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        let room = MOST_READ.saturating_sub(body.len());
        body.extend_from_slice(chunk.get(..room.min(chunk.len())).unwrap_or_default());
        if body.len() >= MOST_READ {
            break;
        }
    }
    Ok(String::from_utf8_lossy(&body).into_owned())
}

/// Only answers that speak of the number itself keep other gateways from being tried.
fn about_the_address(status: StatusCode, body: &str) -> bool {
    const SIGNS: [&str; 9] = [
        "invalid destination",
        "invalid number",
        "invalid phone",
        "invalid msisdn",
        "invalid recipient",
        "invalid 'to'",
        "not a valid phone number",
        "\"code\":21211",
        "\"code\": 21211",
    ];
    let body = body.to_lowercase();
    matches!(status.as_u16(), 400 | 404 | 422) && SIGNS.iter().any(|sign| body.contains(sign))
}

/// The error and its causes in one line; the URL, which may hold key and number, is taken out.
fn without_address(error: reqwest::Error) -> String {
    let error = error.without_url();
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

fn tls(ca: Option<&Path>) -> Result<ClientConfig, HttpError> {
    let mut roots = RootCertStore::empty();
    match ca {
        Some(path) => {
            let unreadable = |source| HttpError::Ca { path: path.to_owned(), source };
            for certificate in CertificateDer::pem_file_iter(path).map_err(unreadable)? {
                roots.add(certificate.map_err(unreadable)?).map_err(HttpError::Tls)?;
            }
            if roots.is_empty() {
                return Err(HttpError::NoCa(path.to_owned()));
            }
        }
        None => drop(roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs)),
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(HttpError::Tls)?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}
