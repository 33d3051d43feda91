//! What a cookie opens, and the proof that a request may pass.

use std::net::IpAddr;
use std::sync::Arc;

use super::Session;
use crate::base::Time;
use crate::config::application::PublicPath;

/// What one host's cookie opens: one session, on one host. As long as the hash that it is kept under, so that both are in one line.
#[derive(Clone, Debug)]
#[repr(align(32))]
pub struct Key {
    pub scope: Arc<KeyScope>,
    pub session: Arc<Session>,
}

/// Where a key opens. There is one of each for all its keys.
#[derive(PartialEq, Eq, Hash, Debug)]
pub struct KeyScope {
    pub application: Arc<str>,
    pub host: Arc<str>,
}

impl Key {
    /// The permit for a request that came with this key. To be asked for every request: it is here that a session's end, its times and
    /// where it is good for are judged.
    pub fn admit<'a>(&self, wanted: &AccessRequest<'a>) -> Option<Permit<'a>> {
        self.admit_as(wanted, Asks::User)
    }

    /// The same for a request that may not be its user's doing.
    pub fn admit_as<'a>(&self, wanted: &AccessRequest<'a>, asks: Asks) -> Option<Permit<'a>> {
        Permit::from_key(self, wanted, asks)
    }
}

/// Whether a person or a page by itself makes a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Asks {
    /// The session is in use: its idle time begins anew.
    User,
    /// A page by itself, as it would with nobody there: it changes nothing.
    Background,
}

/// Proof that this request may go to this application: made from a session, or because the operator made the path public.
/// Its fields are private and it is made in this module alone; a skipped check does not compile:
///
/// ```compile_fail
/// let permit = doorward::auth::session::Permit { application: "mail".into(), session: None };
/// ```
#[derive(Debug)]
pub struct Permit<'a> {
    application: &'a str,
    session: Option<Arc<Session>>,
    asks: Asks,
}

impl<'a> Permit<'a> {
    /// A path that needs no session.
    pub fn public(path: PublicPath<'a>) -> Self {
        Self { application: path.application(), session: None, asks: Asks::Background }
    }

    /// What a key opens: nothing on another host or for another application, after the session's end, or from an address
    /// that the session is not good for.
    fn from_key(key: &Key, wanted: &AccessRequest<'a>, asks: Asks) -> Option<Self> {
        let session = &key.session;
        let opens = key.scope.application.as_ref() == wanted.application
            && key.scope.host.as_ref() == wanted.host
            && !session.is_over(wanted.now)
            && session.opens_from(wanted.address);
        opens.then(|| {
            if asks == Asks::User {
                session.seen(wanted.now);
            }
            Self { application: wanted.application, session: Some(Arc::clone(session)), asks }
        })
    }

    /// The application it is good for.
    pub fn application(&self) -> &'a str {
        self.application
    }

    /// Whether a person or a page by itself makes the request. It makes no difference on a public path without a session.
    pub fn asks(&self) -> Asks {
        self.asks
    }

    /// The session it was made from; nothing on a public path.
    pub fn session(&self) -> Option<&Arc<Session>> {
        self.session.as_ref()
    }
}

/// What a request wants to reach, and from where.
#[derive(Clone, Copy, Debug)]
pub struct AccessRequest<'a> {
    pub application: &'a str,
    /// Lower case, without port.
    pub host: &'a str,
    pub address: IpAddr,
    pub now: Time,
}
