//! Finds what an operator has probably not meant, or what opens more than is seen at once. `check` calls the dangerous part a mistake,
//! `serve` only warns of it, so that an upgrade never stops a node. `accept` names the dangers that are meant.

mod acme;
mod places;
mod policies;

use super::Config;
use crate::config::document::{Field, Section};

/// A danger that `accept` of an application, a listener or a policy may name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Danger {
    /// A policy lets everybody in by a password alone.
    AdmitEverybody,
    /// A policy asks nobody for a second factor.
    PasswordAlone,
    /// The whole application needs no session.
    PublicEverything,
    /// Who somebody is goes over the network in clear text.
    PlainIdentityHeaders,
    /// Everybody on the machine may read a private key.
    ReadableKey,
}

impl Danger {
    /// The word for it in `accept`.
    pub fn word(self) -> &'static str {
        match self {
            Self::AdmitEverybody => "admit-everybody",
            Self::PasswordAlone => "password-alone",
            Self::PublicEverything => "public-everything",
            Self::PlainIdentityHeaders => "plain-identity-headers",
            Self::ReadableKey => "readable-key",
        }
    }
}

/// Reads `accept` of a section in which these may be named.
pub(in crate::config) fn read(section: &Section<'_>, possible: &[Danger]) -> Vec<Danger> {
    let words: Vec<_> = possible.iter().map(|danger| (danger.word(), *danger)).collect();
    let one = |field: Field<'_>| field.choice(&words, &[]);
    section.or("accept", Vec::new(), |list| Some(list.list()?.into_iter().filter_map(one).collect()))
}

/// What was found, one sentence each.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Dangers {
    /// Mistakes to `check`, warnings to `serve`.
    pub problems: Vec<String>,
    /// Warnings to both.
    pub warnings: Vec<String>,
}

impl Dangers {
    /// A mistake, unless `accept` of its section names it.
    fn say(&mut self, danger: Danger, accepted: &[Danger], text: &str) {
        if !accepted.contains(&danger) {
            self.problems.push(format!("{text}; if you want this, add `accept = [\"{}\"]` to that section", danger.word()));
        }
    }

    /// A warning, unless `accept` of its section names it.
    fn warn(&mut self, danger: Danger, accepted: &[Danger], text: &str) {
        if !accepted.contains(&danger) {
            self.warnings.push(format!("{text}; if you want this, add `accept = [\"{}\"]` to that section", danger.word()));
        }
    }
}

/// Everything that can be told from the configuration and the modes of the files that it names.
pub fn find(config: &Config) -> Dangers {
    let mut found = Dangers::default();
    policies::look(config, &mut found);
    places::look(config, &mut found);
    acme::look(config, &mut found);
    found
}
