//! What is kept of one client's connection, for as long as it lives.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use http::header::{COOKIE, HeaderMap, HeaderValue};

use super::cookies::Rest;
use super::seats::Holder;
use super::servers::Servers;
use crate::auth::session::{Key, Session};
use crate::base::Secret;
use crate::base::secret::same;

/// Made for each connection; its requests share it.
#[derive(Debug, Default)]
pub struct Client {
    address: RefCell<Option<(IpAddr, HeaderValue)>>,
    known: RefCell<Option<Rc<Known>>>,
    /// Where the session of its last look-up is in memory. It may be another's by now: that is no harm, nothing is opened by it.
    last: Cell<usize>,
    of_many: Cell<bool>,
    stuck: Cell<bool>,
    /// Who its last request counted for at an application whose places are counted.
    holder: RefCell<Option<Arc<Holder>>>,
}

/// The cookies of a client, the key that was found among them, and what the application gets of them: browsers send the same over and
/// over. Remembering it spares the look-up, not the judgement: the key is asked anew for every request.
pub struct Known {
    /// Each field with its end.
    fields: Secret<Vec<u8>>,
    pub key: Key,
    pub rest: Rc<Rest>,
}

impl Client {
    /// One of its answers has had no window for too long.
    pub(super) fn gets_stuck(&self) {
        self.stuck.set(true);
    }

    pub fn is_stuck(&self) -> bool {
        self.stuck.get()
    }

    /// Its other end is a proxy that may send the requests of many people over it.
    pub fn carries_many(&self) {
        self.of_many.set(true);
    }

    pub(super) fn is_of_many(&self) -> bool {
        self.of_many.get()
    }

    /// Who a request counts for; nothing where the application's places are not counted.
    pub(super) fn holder(&self, servers: &Arc<Servers>, session: Option<&Arc<Session>>, address: IpAddr) -> Option<Arc<Holder>> {
        let mut last = self.holder.borrow_mut();
        if !last.as_ref().is_some_and(|holder| holder.is_of(servers, session, address)) {
            *last = Holder::of(servers, session, address);
        }
        last.clone()
    }

    /// What was noted of exactly these cookies. Never where many people share the connection: then nobody's cookies are compared with
    /// another one's.
    pub fn knows(&self, headers: &HeaderMap) -> Option<Rc<Known>> {
        let known = self.known.borrow();
        known.as_ref().filter(|known| !self.of_many.get() && known.is_of(headers)).cloned()
    }

    /// From now on these cookies are known, in place of others, if they open the session that was looked up before: the first time
    /// nothing tells whether there will be a second one. What is long is not kept: it is there as long as the connection.
    pub fn note(&self, headers: &HeaderMap, key: &Key, rest: &Rc<Rest>) {
        let session = Arc::as_ptr(&key.session).addr();
        if self.last.replace(session) != session {
            return;
        }
        let length = headers.get_all(COOKIE).iter().map(|field| field.len() + 1).sum();
        if self.of_many.get() || length > MOST {
            return;
        }
        // At once as long as it becomes: growing would leave a copy behind.
        let mut fields = Vec::with_capacity(length);
        for field in headers.get_all(COOKIE) {
            fields.extend_from_slice(field.as_bytes());
            fields.push(END);
        }
        self.known.replace(Some(Rc::new(Known { fields: Secret::new(fields), key: key.clone(), rest: Rc::clone(rest) })));
    }

    /// Lets go of what was noted.
    pub fn forget(&self) {
        self.known.take();
    }

    /// The address as applications and the log are told it. Written out once; it changes only behind another proxy.
    pub fn told_as<T>(&self, address: IpAddr, take: impl FnOnce(&HeaderValue) -> T) -> T {
        let mut kept = self.address.borrow_mut();
        match &*kept {
            Some((known, written)) if *known == address => take(written),
            _ => {
                // Digits, letters, dots and colons: this cannot fail.
                let written = HeaderValue::from_str(&address.to_string()).unwrap_or_else(|_| HeaderValue::from_static("unknown"));
                take(&kept.insert((address, written)).1)
            }
        }
    }
}

impl Known {
    fn is_of(&self, headers: &HeaderMap) -> bool {
        let mut noted = self.fields.expose().as_slice();
        for field in headers.get_all(COOKIE) {
            let Some((begin, rest)) = noted.split_at_checked(field.len()) else { return false };
            let Some((END, rest)) = rest.split_first().map(|(end, rest)| (*end, rest)) else { return false };
            if !same(begin, field.as_bytes()) {
                return false;
            }
            noted = rest;
        }
        noted.is_empty()
    }
}

impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Known")
    }
}

/// Stands in no field (RFC 9110 section 5.5).
const END: u8 = b'\n';
/// Bytes of all fields; with their twin, what an idle connection holds of them at most.
const MOST: usize = 1024;
