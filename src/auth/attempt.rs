//! Where an attempt comes from, as the door saw it. A door need not be a browser's: every step asks for what it needs and nothing more.

use std::net::IpAddr;
use std::sync::Arc;

use aws_lc_rs::digest;
use serde::{Deserialize, Serialize};

use super::limit::known_browser::Known;
use crate::base::{Keys, Secret, secret};

/// One request of one person.
#[derive(Clone, Debug)]
pub struct Attempt {
    pub door: Door,
    /// The true client's address; nothing where the door cannot know it.
    pub address: Option<IpAddr>,
}

/// The way by which a person came.
#[derive(Clone, Debug)]
pub enum Door {
    /// The login pages on an application's host. Leads to a session.
    Browser {
        /// Name of the application.
        application: Arc<str>,
        /// The public host, lower case, without port.
        host: Arc<str>,
        /// The value of `__Host-doorward-flow`: ties flows to a browser.
        cookie: Secret<String>,
        /// The value of `__Host-doorward-known`, where sent.
        known: Option<String>,
        /// What the browser calls itself (`User-Agent`, RFC 9110 section 10.1.5), where it does; cut to 200 characters. Anybody may say anything:
        /// it is journaled and decides nothing.
        agent: Option<Arc<str>>,
    },
    /// A RADIUS client such as a VPN gateway. Leads to an accept (RFC 2865 section 4.2); there is no page on which a password could be changed.
    Radius {
        /// Name of the client.
        client: Arc<str>,
        /// Name of the authentication policy that the client's section has.
        policy: Arc<str>,
        /// What `State` carries from one packet to the next (RFC 2865 section 5.24): ties flows to one dialogue. Unguessable.
        state: Secret<String>,
    },
}

impl Door {
    /// The application that this leads to; nothing where it is a client's door.
    pub(super) fn application(&self) -> Option<&Arc<str>> {
        match self {
            Self::Browser { application, .. } => Some(application),
            Self::Radius { .. } => None,
        }
    }

    /// As the journal has it: `browser mail.example.com`, `client vpn`.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Browser { host, .. } => format!("browser {host}"),
            Self::Radius { client, .. } => format!("client {client}"),
        }
    }

    /// What messages to the person call the place that they sign in to.
    pub(super) fn name(&self) -> &Arc<str> {
        match self {
            Self::Browser { application, .. } => application,
            Self::Radius { client, .. } => client,
        }
    }

    /// The host that a code is bound to in messages; nothing where no browser shows a page.
    pub(super) fn host(&self) -> Option<&Arc<str>> {
        match self {
            Self::Browser { host, .. } => Some(host),
            Self::Radius { .. } => None,
        }
    }

    /// Whether a person can be asked for a new password here.
    pub(super) const fn has_pages(&self) -> bool {
        matches!(self, Self::Browser { .. })
    }

    /// What only the other end holds.
    pub(super) fn secret(&self) -> &Secret<String> {
        match self {
            Self::Browser { cookie, .. } => cookie,
            Self::Radius { state, .. } => state,
        }
    }

    /// What the browser calls itself.
    pub(super) fn agent(&self) -> Option<&Arc<str>> {
        match self {
            Self::Browser { agent, .. } => agent.as_ref(),
            Self::Radius { .. } => None,
        }
    }

    /// The users that have signed in before in this browser; none where the door knows no browsers.
    pub(super) fn known(&self, keys: &Keys) -> Known {
        match self {
            Self::Browser { known, .. } => Known::read(known.as_deref(), keys),
            Self::Radius { .. } => Known::default(),
        }
    }
}

/// What a flow keeps of the door at which it began: it goes on at no other.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum Bound {
    Browser { application: Arc<str>, host: Arc<str>, hash: [u8; 32] },
    Radius { client: Arc<str>, hash: [u8; 32] },
}

impl Bound {
    pub fn to(door: &Door) -> Self {
        let hash = hash(door.secret());
        match door {
            Door::Browser { application, host, .. } => {
                Self::Browser { application: Arc::clone(application), host: Arc::clone(host), hash }
            }
            Door::Radius { client, .. } => Self::Radius { client: Arc::clone(client), hash },
        }
    }

    /// Whether it began at this very door: in constant time as far as the secret goes.
    pub fn is_to(&self, door: &Door) -> bool {
        match (self, door) {
            (Self::Browser { application, host, hash: bound }, Door::Browser { application: wanted, host: at, cookie, .. }) => {
                secret::same(bound, &hash(cookie)) && application == wanted && host == at
            }
            (Self::Radius { client, hash: bound }, Door::Radius { client: wanted, state, .. }) => {
                secret::same(bound, &hash(state)) && client == wanted
            }
            _ => false,
        }
    }
}

fn hash(secret: &Secret<String>) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(b"flow browser");
    context.update(secret.expose().as_bytes());
    context.finish().as_ref().try_into().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn browser(application: &str, host: &str, cookie: &str) -> Door {
        Door::Browser {
            application: application.into(),
            host: host.into(),
            cookie: Secret::new(cookie.to_owned()),
            known: None,
            agent: None,
        }
    }

    fn radius(client: &str, state: &str) -> Door {
        Door::Radius { client: client.into(), policy: "strict".into(), state: Secret::new(state.to_owned()) }
    }

    #[test]
    fn a_flow_goes_on_at_its_own_door_alone() {
        let doors = [
            browser("mail", "mail.example", "c1"),
            browser("mail", "mail.example", "c2"),
            browser("mail", "wiki.example", "c1"),
            browser("wiki", "mail.example", "c1"),
            radius("mail", "c1"),
            radius("vpn", "c1"),
            radius("vpn", "c2"),
        ];
        for (row, door) in doors.iter().enumerate() {
            let bound = Bound::to(door);
            let fitting: Vec<usize> = (0..doors.len()).filter(|other| bound.is_to(&doors[*other])).collect();
            assert_eq!(fitting, [row], "{door:?}");
        }
    }
}
