//! What providers call us for: a report of deliveries is noted, a call that goes on is told what to say.

use super::{Page, Site};
use crate::auth::{Call, CallAnswer};

/// What the path of a call names.
#[derive(Clone, Copy, Debug)]
pub struct Calling<'a> {
    pub transmitter: &'a str,
    pub token: &'a str,
    pub rest: &'a str,
}

impl Site {
    /// Whether we gave out this path.
    pub fn expects(&self, calling: &Calling<'_>) -> bool {
        self.gatekeeper.expects_call(calling.transmitter, calling.token)
    }

    /// The answer; nothing where the call is none of the provider's. `said` is its content type and its signature.
    pub fn called(&self, calling: &Calling<'_>, query: &str, said: (Option<&str>, Option<&str>), body: &[u8]) -> Option<Page> {
        let (content_type, signature) = said;
        let call = Call { rest: calling.rest, query, content_type, signature, body };
        Some(match self.gatekeeper.called(calling.transmitter, &call)? {
            CallAnswer::Noted => Page::empty(),
            CallAnswer::Instructions(script) => Page::xml(script.expose().clone()),
        })
    }
}
