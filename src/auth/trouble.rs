//! Pages that stand in place of an answer. Each shows a trace id, so each is an event: the first of its kind within a minute is written,
//! the others are counted and found by their trace ids for a while. No page waits for the disk.

use std::net::IpAddr;
use std::sync::Arc;

use super::attempt::Attempt;
use super::gatekeeper::Gatekeeper;
use crate::audit::{Event, What};
use crate::base::TraceId;

/// What a page says that has a trace id.
#[derive(Clone, Debug)]
pub struct Trouble {
    pub trace: TraceId,
    /// Nothing where the page is of none.
    pub application: Option<Arc<str>>,
    pub address: Option<IpAddr>,
    pub kind: TroubleKind,
    /// The page's word for it, `upstream-down`.
    pub reason: &'static str,
    /// What operators should know besides; no secret, nothing of the request.
    pub detail: String,
}

/// What did not go on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TroubleKind {
    /// A request has no answer.
    Failed,
    /// A request was not let through.
    Refused,
    /// A sign-in could not go on.
    SignIn,
}

impl Trouble {
    /// Of a sign-in, for a reason of ours.
    pub(super) fn of_sign_in(at: &Attempt, trace: TraceId, reason: &'static str, detail: String) -> Self {
        let (application, address) = (at.door.application().cloned(), at.address);
        Self { trace, application, address, kind: TroubleKind::SignIn, reason, detail }
    }
}

impl Gatekeeper {
    /// Makes an event of a page that a person has got, after it if need be.
    pub fn note_trouble(&self, trouble: Trouble) {
        let Trouble { trace, application, address, kind, reason, detail } = trouble;
        let key = format!("{kind:?} {reason} {}", application.as_deref().unwrap_or_default());
        let reason = reason.to_owned();
        let what = match kind {
            TroubleKind::Failed => What::RequestFailed { reason, detail },
            TroubleKind::Refused => What::RequestRefused { reason },
            TroubleKind::SignIn => What::SignInFailed { reason, detail },
        };
        let event = Event { trace: Some(trace), application, address, ..Event::of_node(what) };
        let journal = self.journal().clone();
        if journal.take_turn(&key, &event) {
            drop(self.runtime().spawn(async move { journal.note(event).await }));
        }
    }
}
