//! Which way a message can go: the rules of a policy laid over the addresses of one person, and the transmitters behind the
//! names in `through`.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;

use super::{Addresses, Transmitter, mail, number};
use crate::config::DispatchPolicy;
use crate::config::dispatch_policy::AddressKind;
use crate::config::transmitter::Channel;

/// So many hand-overs one transmitter does at once. More wait for their turn within their rule's `wait` and then go on to the
/// next entry; each transmitter has places of its own, so that one that hangs holds up nobody who has another way.
const PLACES: usize = 16;

/// A transmitter and the group it belongs to.
pub type Grouped = (Arc<dyn Transmitter>, Option<Arc<str>>);

/// All transmitters and policies.
pub(super) struct Board {
    lines: Vec<Arc<Line>>,
    policies: HashMap<Arc<str>, DispatchPolicy>,
}

/// One transmitter and how busy it is.
pub(super) struct Line {
    pub transmitter: Arc<dyn Transmitter>,
    group: Option<Arc<str>>,
    busy: AtomicUsize,
    pub places: Semaphore,
}

/// One rule with the address it leads to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Route {
    /// Its place in the policy, from 0.
    pub rule: usize,
    pub channel: Channel,
    /// E.164, or a mail address.
    pub to: String,
    pub through: Vec<Arc<str>>,
    pub wait: Duration,
}

impl Route {
    pub fn masked(&self) -> String {
        match self.channel {
            Channel::Sms => number::mask_number(&self.to),
            Channel::Mail => number::mask_mail(&self.to),
        }
    }
}

impl Board {
    pub fn new(transmitters: Vec<Grouped>, policies: Vec<DispatchPolicy>) -> Self {
        let line = |(transmitter, group)| {
            Arc::new(Line { transmitter, group, busy: AtomicUsize::new(0), places: Semaphore::new(PLACES) })
        };
        Self {
            lines: transmitters.into_iter().map(line).collect(),
            policies: policies.into_iter().map(|policy| (Arc::clone(&policy.name), policy)).collect(),
        }
    }

    pub fn knows(&self, policy: &str) -> bool {
        self.policies.contains_key(policy)
    }

    /// The rules that lead somewhere, in order; and where there are none, why.
    pub fn routes(&self, policy: &str, addresses: &Addresses) -> Result<Vec<Route>, String> {
        let Some(policy) = self.policies.get(policy) else { return Err("there is no such dispatch policy".to_owned()) };
        let mut routes = Vec::new();
        let mut reasons = Vec::new();
        for (place, rule) in policy.rules.iter().enumerate() {
            match self.address(rule.channel, rule.to, addresses) {
                Ok(to) => {
                    let (channel, through, wait) = (rule.channel, rule.through.clone(), rule.wait);
                    routes.push(Route { rule: place, channel, to, through, wait });
                }
                Err(reason) if !reasons.contains(&reason) => reasons.push(reason),
                Err(_) => {}
            }
        }
        if routes.is_empty() { Err(reasons.join("; ")) } else { Ok(routes) }
    }

    /// What the directory has for this person and the policy cannot use, and why; for the log, where an operator may see to it.
    pub fn unusable(&self, policy: &str, addresses: &Addresses) -> Vec<String> {
        let rules = self.policies.get(policy).map(|policy| policy.rules.as_slice()).unwrap_or_default();
        let reasons = rules.iter().filter_map(|rule| self.address(rule.channel, rule.to, addresses).err());
        let mut reasons: Vec<String> = reasons.filter(|reason| !reason.ends_with(NONE)).collect();
        reasons.dedup();
        reasons
    }

    fn address(&self, channel: Channel, kind: AddressKind, addresses: &Addresses) -> Result<String, String> {
        let (name, address) = match kind {
            AddressKind::Mobile => ("mobile", &addresses.mobile),
            AddressKind::SecondMobile => ("second_mobile", &addresses.second_mobile),
            AddressKind::Mail => ("mail", &addresses.mail),
        };
        let typed = address.as_deref().unwrap_or_default().trim();
        if typed.is_empty() {
            return Err(format!("{name}{NONE}"));
        }
        match channel {
            Channel::Sms => {
                number::normalise(typed, addresses.country_prefix.as_deref()).map_err(|error| format!("{name}: {error}"))
            }
            Channel::Mail => mail::address(typed).ok_or_else(|| format!("{name}: not a mail address")),
        }
    }

    /// The transmitters behind a name that serve the channel: one, or the members of a group, the least busy first.
    pub fn lines(&self, name: &str, channel: Channel) -> Vec<Arc<Line>> {
        let meant = |line: &&Arc<Line>| {
            (line.transmitter.name() == name || line.group.as_deref() == Some(name)) && line.transmitter.serves(channel)
        };
        let mut lines: Vec<Arc<Line>> = self.lines.iter().filter(meant).cloned().collect();
        lines.sort_by_key(|line| line.busy.load(Ordering::Relaxed));
        lines
    }
}

impl Line {
    /// Counts one hand-over while what is returned lives, waiting for a place included.
    pub fn engage(&self) -> Engaged<'_> {
        self.busy.fetch_add(1, Ordering::Relaxed);
        Engaged(self)
    }
}

pub(super) struct Engaged<'a>(&'a Line);

impl Drop for Engaged<'_> {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::Relaxed);
    }
}

/// How the reason ends where there is nothing.
const NONE: &str = ": none";
