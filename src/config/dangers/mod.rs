//! What a configuration says that is hardly meant so, or that gives away more than one sees at once. The dangerous part is a mistake to
//! `check` and a warning to `serve`, unless the operator takes it on by name: `accept`.

mod places;
mod policies;

use super::Config;
use crate::config::document::{Field, Section};

/// A danger that an application, a listener or a policy may take on.
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
    /// As it stands in `accept`.
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

/// `accept` of a section that may take on these.
pub(in crate::config) fn read(section: &Section<'_>, possible: &[Danger]) -> Vec<Danger> {
    let words: Vec<_> = possible.iter().map(|danger| (danger.word(), *danger)).collect();
    let one = |field: Field<'_>| field.choice(&words, &[]);
    section.or("accept", Vec::new(), |list| Some(list.list()?.into_iter().filter_map(one).collect()))
}

/// What was found; a sentence each.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Dangers {
    /// Mistakes to `check`, warnings to `serve`.
    pub problems: Vec<String>,
    /// Warnings to both.
    pub warnings: Vec<String>,
}

impl Dangers {
    /// A danger whose place takes it on or not.
    fn say(&mut self, danger: Danger, accepted: &[Danger], text: &str) {
        if !accepted.contains(&danger) {
            self.problems.push(format!("{text}; if that is meant, write `accept = [\"{}\"]` there", danger.word()));
        }
    }

    /// The same of what is worth a warning and no more.
    fn warn(&mut self, danger: Danger, accepted: &[Danger], text: &str) {
        if !accepted.contains(&danger) {
            self.warnings.push(format!("{text}; if that is meant, write `accept = [\"{}\"]` there", danger.word()));
        }
    }
}

/// Everything that can be told from the configuration and the modes of the files that it names.
pub fn find(config: &Config) -> Dangers {
    let mut found = Dangers::default();
    policies::look(config, &mut found);
    places::look(config, &mut found);
    found
}
