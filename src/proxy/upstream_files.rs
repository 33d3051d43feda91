//! Files for connections to applications, shared out by client: over HTTP/2 one client may ask for a hundred connections by one of its own.
//! As long as there are many, nobody counts. When few are left, what a client has is counted, and one that has many gets none.

use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use super::exchanges::Running;
use super::seats::{Rank, may_take};
use crate::auth::session::Session;
use crate::base::files::{Files, OpenFile};

/// As one core sees them.
#[derive(Debug)]
pub(super) struct UpstreamFiles {
    shared: Arc<Files>,
    running: Rc<Running>,
    cores: u32,
}

impl UpstreamFiles {
    pub fn new(shared: Arc<Files>, running: Rc<Running>, cores: u32) -> Self {
        Self { shared, running, cores }
    }

    /// One more for a client: a session or, without one, an address. Nothing if it has as many as it may while so few are left.
    pub fn take(&self, session: Option<&Session>, address: IpAddr) -> Option<OpenFile> {
        let plenty = self.shared.take(|free, most| free > most / 2);
        plenty.or_else(|| {
            // As if it had the same on every core: a client that has a little is not kept out by that.
            let held = self.running.count(session, address).saturating_mul(self.cores);
            let rank = Rank { is_stranger: session.is_none(), held };
            self.shared.take(|free, most| may_take(rank, number(free), number(most)))
        })
    }

    /// Whatever a client has: for what many of them share.
    pub fn take_shared(&self) -> Option<OpenFile> {
        self.shared.take(|_, _| true)
    }

    pub fn is_scarce(&self) -> bool {
        self.shared.is_scarce()
    }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
