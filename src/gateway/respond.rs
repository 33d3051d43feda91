//! Errors and pages become HTTP answers here and nowhere else. A person gets a page with a next step, a program a few words
//! of JSON and never a redirect.

use std::error::Error;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT_LANGUAGE, CONNECTION, HeaderValue};
use http::request::Parts;
use http::{Method, Response, StatusCode, Version};

use super::access_line::GONE;
use super::body::Body;
use super::gate::is_person;
use crate::base::{Language, TraceId, language};
use crate::proxy::{Fact, Facts, ForwardError};
use crate::web::ended::{Entry, EntryView, Shown};
use crate::web::{Look, Notice, Occasion, Page};

/// Who gets the answer. Kept by for every request that is forwarded, so it is only read when something went wrong.
#[derive(Clone, Debug)]
pub struct Asker {
    is_person: bool,
    /// It sent something.
    sends: bool,
    accepts: Option<HeaderValue>,
    version: Version,
}

impl Asker {
    pub fn of(head: &Parts, facts: Facts) -> Self {
        let accepts = if facts.tell(Fact::AcceptLanguage) { head.headers.get(ACCEPT_LANGUAGE).cloned() } else { None };
        Self {
            is_person: facts.tell(Fact::Navigates) || is_person(head, facts),
            sends: !matches!(head.method, Method::GET | Method::HEAD),
            accepts,
            version: head.version,
        }
    }

    pub fn told(&self, look: &Look, notice: Notice, trace: Option<TraceId>) -> Response<Body> {
        page(self.page(look, notice, trace))
    }

    /// The same with the name of the application, and of the user who is signed in.
    pub fn told_on(&self, look: &Look, notice: Notice, trace: TraceId, on: &Occasion<'_>) -> Response<Body> {
        page(self.page_on(look, notice, Some(trace), on))
    }

    pub fn page(&self, look: &Look, notice: Notice, trace: Option<TraceId>) -> Page {
        self.page_on(look, notice, trace, &Occasion::default())
    }

    fn page_on(&self, look: &Look, notice: Notice, trace: Option<TraceId>, on: &Occasion<'_>) -> Page {
        if self.is_person {
            return look.notice_on(self.language(look), notice, trace, on);
        }
        let mut value = serde_json::json!({ "error": notice.key() });
        if let (Some(trace), Some(fields)) = (trace, value.as_object_mut()) {
            fields.insert("trace".to_owned(), trace.to_string().into());
        }
        Page::json(notice.status(), &value)
    }

    fn language(&self, look: &Look) -> Language {
        let accepts = self.accepts.as_ref().and_then(|value| value.to_str().ok());
        language::choose(None, accepts, &look.languages)
    }

    /// The session ended while the request was under way.
    fn ended(&self, look: &Look, application: &str) -> Response<Body> {
        match (self.is_person, self.sends) {
            (false, _) => sign_in_needed(),
            (true, false) => page(look.notice(self.language(look), Notice::SessionOver, None)),
            (true, true) => {
                let view = EntryView { application, entry: Entry::CutShort, shown: Shown::Alone };
                page(look.entry(self.language(look), &view))
            }
        }
    }
}

/// What is spoken with somebody of whom nothing is known but this request.
pub fn language(head: &Parts, look: &Look) -> Language {
    let accepts = head.headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    language::choose(None, accepts, &look.languages)
}

/// What is said where a layer around the page of this name answered in its place, whose status stays; with the trace id, where operators have
/// something to look for. What took too long may have done something all the same, so nobody is told that it did not begin.
pub fn by_layer(status: StatusCode, name: &str, trace: impl FnOnce() -> TraceId) -> (Notice, Option<TraceId>) {
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => (Notice::TooLarge, None),
        StatusCode::SERVICE_UNAVAILABLE => {
            let trace = trace();
            tracing::error!(%trace, page = name, "a page took too long and was given up");
            (Notice::Internal, Some(trace))
        }
        _ => {
            let trace = trace();
            tracing::error!(%trace, page = name, "a page ended in a panic; its connection goes on");
            (Notice::Internal, Some(trace))
        }
    }
}

pub fn page(page: Page) -> Response<Body> {
    let mut response = Response::new(Body::Page(page.body.into()));
    *response.status_mut() = page.status;
    response.headers_mut().extend(page.headers);
    response
}

/// Heads and bodies as they go over HTTP/1.1, by status.
pub type WholeAnswers = Arc<[(StatusCode, Bytes)]>;

/// Whole answers over HTTP/1.1, by status, for requests that cannot be read: nobody knows what they accept, so they are pages, in the language
/// that is spoken where nothing else decides.
pub fn own_words(look: &Look) -> WholeAnswers {
    let language = language::choose(None, None, &look.languages);
    let statuses = [StatusCode::BAD_REQUEST, StatusCode::URI_TOO_LONG, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE];
    let whole = |status: StatusCode| {
        let notice =
            if status == StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE { Notice::HeadTooLarge } else { Notice::BadRequest };
        let page = look.notice(language, notice, None);
        let mut text = format!("HTTP/1.1 {} {}\r\n", status.as_str(), status.canonical_reason().unwrap_or_default()).into_bytes();
        for (name, value) in &page.headers {
            text.extend_from_slice(name.as_str().as_bytes());
            text.extend_from_slice(b": ");
            text.extend_from_slice(value.as_bytes());
            text.extend_from_slice(b"\r\n");
        }
        text.extend_from_slice(format!("content-length: {}\r\nconnection: close\r\n\r\n", page.body.len()).as_bytes());
        text.extend_from_slice(&page.body);
        (status, text.into())
    };
    statuses.map(whole).into()
}

/// 401 for a program or a page's script. Without `WWW-Authenticate`: no browser shall ask for a password in its own window.
pub fn sign_in_needed() -> Response<Body> {
    page(Page::json(StatusCode::UNAUTHORIZED, &serde_json::json!({ "error": "sign-in-needed", "login": "/.doorward/login" })))
}

/// 421 for what must come over a connection of its own.
pub fn other_connection() -> Response<Body> {
    page(Page::json(StatusCode::MISDIRECTED_REQUEST, &serde_json::json!({ "error": "other-connection" })))
}

/// A request that has no answer from its application.
#[derive(Clone, Copy, Debug)]
pub struct Failed<'a> {
    pub application: &'a str,
    /// The account name of its session's user.
    pub user: Option<&'a str>,
    pub client: IpAddr,
    pub trace: TraceId,
}

/// What a person is told of a request that was not forwarded; nothing where the session ended meanwhile, which has pages of its own.
pub const fn notice_of(error: &ForwardError) -> Option<Notice> {
    Some(match error {
        ForwardError::Ended => return None,
        ForwardError::TooLarge => Notice::TooLarge,
        ForwardError::UnknownCoding
        | ForwardError::Stalled
        | ForwardError::Left
        | ForwardError::BadUpgrade(_)
        | ForwardError::Unreadable
        | ForwardError::BadLength => Notice::BadRequest,
        ForwardError::TimedOut => Notice::UpstreamSlow,
        ForwardError::Busy | ForwardError::Crowded => Notice::Busy,
        ForwardError::Unreachable(_) | ForwardError::Broken(_) | ForwardError::Wrong(_) | ForwardError::NoApplication(_) => {
            Notice::UpstreamDown
        }
    })
}

/// What lies behind an error, where there is more to say.
pub fn cause(error: &ForwardError) -> String {
    error.source().map(|source| format!(": {source}")).unwrap_or_default()
}

/// Why a permitted request has no answer from its application.
pub fn not_forwarded(look: &Look, asker: &Asker, error: &ForwardError, about: &Failed<'_>) -> Response<Body> {
    let &Failed { application, user, client, trace } = about;
    let Some(notice) = notice_of(error) else { return asker.ended(look, application) };
    let status = match error {
        ForwardError::UnknownCoding => Some(StatusCode::NOT_IMPLEMENTED),
        ForwardError::Stalled => Some(StatusCode::REQUEST_TIMEOUT),
        ForwardError::Left => StatusCode::from_u16(GONE).ok(),
        _ => None,
    };
    if matches!(notice, Notice::UpstreamSlow | Notice::UpstreamDown | Notice::Busy) {
        let cause = cause(error);
        tracing::warn!(%trace, application, client.address = %client, "no answer from the application: {error}{cause}");
    } else {
        tracing::debug!(%trace, application, client.address = %client, %error, "a request was not forwarded");
    }
    let mut response = asker.told_on(look, notice, trace, &Occasion { application, user, ..Occasion::default() });
    if let Some(status) = status {
        *response.status_mut() = status;
    }
    if matches!(
        error,
        ForwardError::TooLarge
            | ForwardError::Stalled
            | ForwardError::UnknownCoding
            | ForwardError::Unreadable
            | ForwardError::BadLength
            | ForwardError::Left
    ) && asker.version < Version::HTTP_2
    {
        // What is left of the body is not read: the connection cannot go on.
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
