//! Trace ids of pages that stand in place of an answer: each is an event, so that `doorward trace` finds what a person reads out.

use std::net::IpAddr;
use std::sync::Arc;

use http::StatusCode;

use super::{Gateway, respond};
use crate::auth::{Trouble, TroubleKind};
use crate::base::TraceId;
use crate::proxy::ForwardError;
use crate::web::Notice;

/// Whose page it is, and who gets it.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    pub application: Option<&'a Arc<str>>,
    pub address: IpAddr,
}

impl Gateway {
    /// The trace id of the page about a request that was not forwarded.
    #[cold]
    pub(super) fn trace_failure(&self, reader: Reader<'_>, error: &ForwardError) -> TraceId {
        match (respond::notice_of(error), error) {
            // The session has ended, or the client has gone: no page shows it.
            (None, _) | (_, ForwardError::Left) => TraceId::new(self.random.as_ref()),
            (Some(notice), _) => {
                let detail = format!("{error}{}", respond::cause(error));
                self.trace(reader, TroubleKind::Failed, (notice.key(), detail))
            }
        }
    }

    /// The trace id of the page about a request that was not let through.
    #[cold]
    pub(super) fn trace_refusal(&self, reader: Reader<'_>, reason: &'static str) -> TraceId {
        self.trace(reader, TroubleKind::Refused, (reason, String::new()))
    }

    /// What is said where a layer around the page of this name answered in its place.
    #[cold]
    pub(super) fn by_layer(&self, reader: Reader<'_>, status: StatusCode, name: &str) -> (Notice, Option<TraceId>) {
        respond::by_layer(status, name, || {
            let detail = format!("the page {name} was given up with status {}", status.as_u16());
            self.trace(reader, TroubleKind::Failed, (Notice::Internal.key(), detail))
        })
    }

    fn trace(&self, reader: Reader<'_>, kind: TroubleKind, (reason, detail): (&'static str, String)) -> TraceId {
        let trace = TraceId::new(self.random.as_ref());
        let Reader { application, address } = reader;
        let (application, address) = (application.cloned(), Some(address));
        self.site.gatekeeper.note_trouble(Trouble { trace, application, address, kind, reason, detail });
        trace
    }
}
