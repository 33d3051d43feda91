//! The calls of providers on the hosts for them. A client that does not know a path that we gave out learns nothing: everything else
//! there is not found.

use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{Method, Request, Response};
use hyper::body::Incoming;

use super::body::Body;
use super::call_path::Calling;
use super::layers::{self, Limits, Posted};
use super::respond::Asker;
use super::trouble::Reader;
use super::{Caller, Gateway, pages, respond};
use crate::dispatch::{Answer, Call};
use crate::web::{Notice, Page};

/// A report is small; one with many messages in it, too.
const MOST_BYTES: usize = 16 * 1024;

impl Gateway {
    pub(super) async fn receipt(&self, head: &Parts, body: &mut Option<Incoming>, caller: &Caller<'_>) -> Response<Body> {
        if let Some(asset) = self.site.look.asset(head.uri.path(), &head.headers) {
            return respond::page(asset);
        }
        let asker = Asker::of(head, caller.facts);
        let notice = |notice| asker.page(&self.site.look, notice, None);
        // Nothing more is read for somebody who guesses.
        let Some(calling) = Calling::of(head.uri.path()).filter(|it| self.calls.expects(it.transmitter, it.token)) else {
            return respond::page(notice(Notice::NotFound));
        };
        if !matches!(head.method, Method::GET | Method::POST) {
            return respond::page(notice(Notice::NotAllowed));
        }
        layers::around(
            Request::from_parts(head.clone(), Posted::new(body)),
            Limits::bytes(MOST_BYTES),
            |request| async {
                match pages::read(request.into_body()).await {
                    Ok(posted) => self.called(&calling, head, &posted).unwrap_or_else(|| notice(Notice::NotFound)),
                    Err(why) => notice(why),
                }
            },
            |status| {
                let reader = Reader { application: None, address: caller.address };
                let (why, trace) = self.by_layer(reader, status, "receipt");
                Page { status, ..asker.page(&self.site.look, why, trace) }
            },
        )
        .await
    }

    /// The answer; nothing where the call is none of the provider's.
    fn called(&self, calling: &Calling<'_>, head: &Parts, body: &[u8]) -> Option<Page> {
        let said = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
        let (content_type, signature) = (said(CONTENT_TYPE.as_str()), said("x-twilio-signature"));
        let query = head.uri.query().unwrap_or_default();
        let call = Call { rest: calling.rest, query, content_type, signature, body };
        Some(match self.calls.called(calling.transmitter, &call)? {
            Answer::Noted => Page::empty(),
            Answer::Instructions(script) => Page::xml(script.expose().clone()),
        })
    }
}
