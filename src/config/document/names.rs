//! Names that one section gives and another uses: each is given once, and each that is used is given.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use super::scalar::did_you_mean;
use crate::base::Channel;

/// What a name is the name of.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(in crate::config) enum Kind {
    Application,
    Host,
    Address,
    Directory,
    Transmitter,
    DispatchPolicy,
    PasscodePolicy,
    AuthenticationPolicy,
    SealKey,
    /// Where a modem is.
    Modem,
}

impl Kind {
    pub(in crate::config) fn noun(self) -> &'static str {
        match self {
            Self::Application => "an application",
            Self::Host => "the host",
            Self::Address => "a listener on",
            Self::Directory => "a directory",
            Self::Transmitter => "a transmitter",
            Self::DispatchPolicy => "a dispatch policy",
            Self::PasscodePolicy => "a passcode policy",
            Self::AuthenticationPolicy => "an authentication policy",
            Self::SealKey => "a seal key",
            Self::Modem => "a modem at",
        }
    }

    fn section(self) -> &'static str {
        match self {
            Self::Application => "application",
            Self::Directory => "directory",
            Self::Transmitter => "transmitter",
            Self::DispatchPolicy => "dispatch_policy",
            Self::PasscodePolicy => "passcode_policy",
            Self::AuthenticationPolicy => "authentication_policy",
            Self::Host | Self::Address | Self::SealKey | Self::Modem => "",
        }
    }
}

/// The policies that are there without being written: a passcode policy of defaults.
pub(in crate::config) const STANDARD: &str = "standard";

/// A transmitter as the dispatch policies see it.
pub(in crate::config) struct Sender {
    pub(in crate::config) name: Arc<str>,
    pub(in crate::config) group: Option<(Arc<str>, usize)>,
    pub(in crate::config) serves: &'static [Channel],
}

/// A name where it is used; `channel` where a transmitter must serve it.
pub(in crate::config) struct Use {
    pub(in crate::config) kind: Kind,
    pub(in crate::config) name: Arc<str>,
    pub(in crate::config) channel: Option<Channel>,
    pub(in crate::config) at: usize,
}

#[derive(Default)]
pub(in crate::config) struct Names {
    /// And where it is given.
    given: HashMap<(Kind, Arc<str>), usize>,
    lost: Vec<Kind>,
    pub(in crate::config) senders: Vec<Sender>,
    pub(in crate::config) used: Vec<Use>,
}

impl Names {
    /// Where the name was given before, if it was.
    pub(in crate::config) fn define(&mut self, kind: Kind, name: &str, at: usize) -> Option<usize> {
        match self.given.entry((kind, name.into())) {
            Entry::Occupied(earlier) => Some(*earlier.get()),
            Entry::Vacant(place) => {
                place.insert(at);
                None
            }
        }
    }

    pub(in crate::config) fn lose(&mut self, kind: Kind) {
        if !self.lost.contains(&kind) {
            self.lost.push(kind);
        }
    }

    /// Names that are used and not given, transmitters that cannot do what they are used for, groups named like transmitters.
    /// At most `most` of them: each takes a look at every name.
    pub(in crate::config) fn problems(&self, most: usize) -> Vec<(usize, String)> {
        let groups = self.senders.iter().filter_map(|sender| sender.group.as_ref());
        let clashes = groups
            .filter(|(group, _)| self.senders.iter().any(|sender| sender.name == *group))
            .map(|(group, at)| (*at, format!("the group `{group}` has the same name as a transmitter: rename one of them")));
        let used = self.used.iter().filter_map(|used| Some((used.at, self.wrong(used)?)));
        clashes.chain(used).take(most).collect()
    }

    fn wrong(&self, used: &Use) -> Option<String> {
        if used.kind == Kind::Transmitter {
            return self.wrong_route(used);
        }
        let built_in = used.kind == Kind::PasscodePolicy && &*used.name == STANDARD;
        let is_given = self.given.contains_key(&(used.kind, Arc::clone(&used.name)));
        if built_in || is_given || self.lost.contains(&used.kind) {
            return None;
        }
        let mut known: Vec<&str> = self.given.keys().filter(|(kind, _)| *kind == used.kind).map(|(_, name)| &**name).collect();
        known.sort_unstable();
        let hint = did_you_mean(&used.name, &mut known.into_iter());
        Some(format!("no [[{}]] is named `{}`{hint}", used.kind.section(), used.name))
    }

    fn wrong_route(&self, used: &Use) -> Option<String> {
        let is_meant =
            |sender: &&Sender| sender.name == used.name || sender.group.as_ref().is_some_and(|(group, _)| *group == used.name);
        let mut meant = self.senders.iter().filter(is_meant).peekable();
        if meant.peek().is_none() {
            let groups = self.senders.iter().filter_map(|sender| sender.group.as_ref().map(|(group, _)| &**group));
            let mut known = self.senders.iter().map(|sender| &*sender.name).chain(groups);
            let hint = did_you_mean(&used.name, &mut known);
            let lost = self.lost.contains(&Kind::Transmitter);
            return (!lost).then(|| format!("no [[transmitter]] and no group is named `{}`{hint}", used.name));
        }
        let channel = used.channel?;
        let unfit = meant.find(|sender| !sender.serves.contains(&channel))?;
        Some(format!("the transmitter `{}` cannot send by {}", unfit.name, channel.name()))
    }
}
