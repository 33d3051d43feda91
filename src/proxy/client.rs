//! What is kept of one client's connection, for as long as it lives.

use std::cell::{Cell, RefCell};
use std::net::IpAddr;

use http::HeaderValue;

/// Made for each connection; its requests share it.
#[derive(Debug, Default)]
pub struct Client {
    address: RefCell<Option<(IpAddr, HeaderValue)>>,
    of_many: Cell<bool>,
}

impl Client {
    /// Its other end is a proxy that may send the requests of many people over it.
    pub fn carries_many(&self) {
        self.of_many.set(true);
    }

    pub(super) fn is_of_many(&self) -> bool {
        self.of_many.get()
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
