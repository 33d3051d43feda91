//! What a path on the receipts' hosts names, and the calls of providers that come there. Whoever does not know the path learns nothing:
//! everything else there is not found.

use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{Method, Response};
use hyper::body::Incoming;

use super::body::{self, Body};
use super::{Caller, Gateway, respond};
use crate::dispatch::{Answer, Call};
use crate::web::{Notice, Page};

/// A report is small; one with many messages in it, too.
const MOST_BYTES: usize = 16 * 1024;

const BELOW: &str = "/.doorward/receipt/";

/// The path less what nobody but the provider may know: for the access log.
pub(super) fn without_token(path: &str) -> &str {
    let Some(rest) = path.strip_prefix(BELOW) else { return path };
    let name = rest.find('/').unwrap_or(rest.len());
    path.get(..BELOW.len() + name).unwrap_or_default()
}

/// What the path of a call names.
#[derive(Clone, Copy, Debug)]
struct Calling<'a> {
    transmitter: &'a str,
    token: &'a str,
    rest: &'a str,
}

fn calling(path: &str) -> Option<Calling<'_>> {
    let (transmitter, rest) = path.strip_prefix(BELOW)?.split_once('/')?;
    let (token, rest) = rest.split_once('/').unwrap_or((rest, ""));
    Some(Calling { transmitter, token, rest })
}

impl Gateway {
    pub(super) async fn receipt(&self, head: &Parts, body: &mut Option<Incoming>, caller: &Caller<'_>) -> Response<Body> {
        if let Some(asset) = self.site.look.asset(head.uri.path()) {
            return respond::page(asset);
        }
        let not_found = || self.notice(head, caller.facts, Notice::NotFound);
        // Nothing more is read for somebody who guesses.
        let Some(calling) = calling(head.uri.path()).filter(|it| self.calls.expects(it.transmitter, it.token)) else {
            return not_found();
        };
        if !matches!(head.method, Method::GET | Method::POST) {
            return self.notice(head, caller.facts, Notice::NotAllowed);
        }
        let posted = match body::bytes(body, MOST_BYTES).await {
            Ok(bytes) => bytes,
            Err(why) => return self.notice(head, caller.facts, why),
        };
        let said = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
        let (content_type, signature) = (said(CONTENT_TYPE.as_str()), said("x-twilio-signature"));
        let query = head.uri.query().unwrap_or_default();
        let call = Call { rest: calling.rest, query, content_type, signature, body: &posted };
        match self.calls.called(calling.transmitter, &call) {
            None => not_found(),
            Some(Answer::Noted) => respond::page(Page::empty()),
            Some(Answer::Instructions(script)) => respond::page(Page::xml(script.expose().clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_transmitter_and_token() {
        let found = |path| calling(path).map(|it| (it.transmitter, it.token, it.rest));
        assert_eq!(found("/.doorward/receipt/a/t"), Some(("a", "t", "")));
        assert_eq!(found("/.doorward/receipt/a/t/say"), Some(("a", "t", "say")));
        for path in ["/.doorward/receipt/a", "/.doorward/receipt", "/receipt/a/t", "/"] {
            assert_eq!(found(path), None, "{path}");
        }
    }

    #[test]
    fn no_log_shows_a_token() {
        let table = [
            ("/.doorward/receipt/a/t", "/.doorward/receipt/a"),
            ("/.doorward/receipt/a/t/say", "/.doorward/receipt/a"),
            ("/.doorward/receipt/a", "/.doorward/receipt/a"),
            ("/.doorward/login", "/.doorward/login"),
            ("/x", "/x"),
        ];
        for (path, shown) in table {
            assert_eq!(without_token(path), shown);
        }
    }
}
