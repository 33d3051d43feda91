//! What is kept of one client's connection, for as long as it lives.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::iter::once;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use http::HeaderValue;

use super::cookies;
use crate::auth::session::Key;
use crate::base::Secret;
use crate::base::secret::same;

/// Made for each connection; its requests share it.
#[derive(Debug, Default)]
pub struct Client {
    address: RefCell<Option<(IpAddr, HeaderValue)>>,
    known: RefCell<Option<Rc<Known>>>,
    of_many: Cell<bool>,
}

/// A `Cookie` field of a client, the key that was found for it, and what the application gets of it: browsers send the same over and over.
/// Remembering it spares the look-up, not the judgement: the key is asked anew for every request.
pub struct Known {
    field: Secret<Vec<u8>>,
    pub key: Arc<Key>,
    /// Nothing where no cookie is left without ours.
    pub(super) rest: Option<HeaderValue>,
}

impl Client {
    /// Its other end is a proxy that may send the requests of many people over it.
    pub fn carries_many(&self) {
        self.of_many.set(true);
    }

    pub(super) fn is_of_many(&self) -> bool {
        self.of_many.get()
    }

    /// What was noted of exactly this field. Never where many people share the connection: then nobody's cookies are compared with
    /// another one's.
    pub fn knows(&self, field: &HeaderValue) -> Option<Rc<Known>> {
        let known = self.known.borrow();
        known.as_ref().filter(|known| !self.of_many.get() && same(known.field.expose(), field.as_bytes())).cloned()
    }

    /// From now on this field is known, in place of another one. What is long is not kept: it is there as long as the connection.
    pub fn note(&self, field: &HeaderValue, key: Arc<Key>) {
        if self.of_many.get() || field.len() > MOST {
            return;
        }
        let rest = cookies::others(field.len(), once(field));
        self.known.replace(Some(Rc::new(Known { field: Secret::new(field.as_bytes().to_vec()), key, rest })));
    }

    /// Lets go of what was noted.
    pub fn forget(&self) {
        self.known.take();
    }

    /// The address as applications are told it. Written out once; it changes only behind another proxy.
    pub(super) fn told_as(&self, address: IpAddr) -> HeaderValue {
        let mut kept = self.address.borrow_mut();
        match &*kept {
            Some((known, written)) if *known == address => written.clone(),
            _ => {
                // Digits, letters, dots and colons: this cannot fail.
                let written = HeaderValue::from_str(&address.to_string()).unwrap_or_else(|_| HeaderValue::from_static("unknown"));
                kept.insert((address, written)).1.clone()
            }
        }
    }
}

impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Known")
    }
}

/// Bytes of a field; with its twin, what an idle connection holds of it at most.
const MOST: usize = 1024;
