//! `[[authentication_policy]]`: who must prove what. The first rule that matches decides; the last has no `when`.

use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;

use super::group::Group;
use crate::base::{Factor, Plan};
use crate::config::dangers::{self, Danger};
use crate::config::document::{Field, Kind, STANDARD, Section, Use};

/// `[[authentication_policy]]`: rules in order; the first that matches decides what somebody must prove.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuthenticationPolicy {
    pub name: Arc<str>,
    pub rules: Vec<Rule>,
    /// Dangers that the operator takes on.
    pub accept: Vec<Danger>,
}

/// One rule: when it matches, and what follows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rule {
    pub when: When,
    pub then: Then,
    pub line: Line,
}

/// The line of the file in which something begins, from 1. No part of what it means: two that differ in it alone are equal.
#[derive(Clone, Copy, Default)]
pub struct Line(pub usize);

impl PartialEq for Line {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Line {}

/// Without the number: what is the same in another line shall look the same.
impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Line")
    }
}

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}", self.0)
    }
}

/// All that is given must match; within one list any entry does. An unknown address matches no `address` and every
/// `address_not`, and never an `admit`. Every key has its negation: `address_not`, `group_not`, `application_not`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct When {
    pub address: Option<Vec<IpNet>>,
    pub address_not: Option<Vec<IpNet>>,
    /// The directory of a group says who is in it. While it cannot, a rule that depends on the group admits nobody, and is taken where it
    /// refuses or challenges.
    pub group: Option<Vec<Group>>,
    pub group_not: Option<Vec<Group>>,
    pub application: Option<Vec<Arc<str>>>,
    pub application_not: Option<Vec<Arc<str>>>,
    /// Whether a phone number of the user was written so lately; one that is seen for the first time was.
    pub mobile_changed_within: Option<Duration>,
}

/// What a rule decides about somebody whose password is right.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Then {
    /// The password is enough.
    Admit,
    Refuse,
    /// More is needed besides.
    Challenge {
        /// `factors`; `["passcode"]` where it is left out, which is the only second factor in this version.
        plan: Plan,
        /// Name of a dispatch policy.
        dispatch: Arc<str>,
        /// Name of a passcode policy.
        passcode: Arc<str>,
    },
}

impl AuthenticationPolicy {
    pub(in crate::config) fn read(section: Section<'_>) -> Option<Self> {
        let name = section.name(Kind::AuthenticationPolicy);
        let rules = section.required("rules").and_then(|field| {
            let entries = field.some(Some)?;
            let last = entries.len().saturating_sub(1);
            let rule = |(number, entry): (usize, Field<'_>)| Rule::read(entry.section()?, number == last);
            Some(entries.into_iter().enumerate().filter_map(rule).collect())
        });
        let accept = dangers::read(&section, &[Danger::AdmitEverybody, Danger::PasswordAlone]);
        section.finish();
        Some(Self { name: name?, rules: rules?, accept })
    }
}

impl Rule {
    fn read(section: Section<'_>, is_last: bool) -> Option<Self> {
        let when = section.optional("when");
        match when {
            None if !is_last => {
                section.problem("a rule without `when` decides everything: the rules after it are never reached");
            }
            Some(when) if is_last => {
                when.key_problem("the last rule must have no `when`, so that every sign-in gets a decision");
            }
            _ => {}
        }
        let when = when.and_then(|field| field.section().map(When::read)).unwrap_or_default();
        let line = Line(section.line());
        let words = [("admit", Word::Admit), ("refuse", Word::Refuse), ("challenge", Word::Challenge)];
        section.decides("then");
        let then = section.required("then").and_then(|field| field.choice(&words, &[]));
        let then = match then {
            Some(Word::Challenge) => Some(challenge(&section)),
            Some(word) => {
                for key in ["factors", "dispatch", "passcode"] {
                    if let Some(field) = section.unlisted(key) {
                        field.key_problem(format!("`{key}` belongs to `then = \"challenge\"` and has no effect here"));
                    }
                }
                Some(if word == Word::Admit { Then::Admit } else { Then::Refuse })
            }
            None => {
                section.finish_undecided();
                return None;
            }
        };
        section.finish();
        Some(Self { when, then: then?, line })
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Word {
    Admit,
    Refuse,
    Challenge,
}

fn challenge(section: &Section<'_>) -> Then {
    let plan = section.optional("factors").and_then(|field| field.some(alternative)).map(Plan::new);
    let policy = |key, kind| {
        let field = section.optional(key);
        let name = field.and_then(Field::name);
        let (name, at) = match (field, name) {
            // What was written is wrong already; nothing can be said of a name.
            (Some(_), None) => return STANDARD.into(),
            (Some(field), Some(name)) => (name, field.at()),
            (None, _) => (STANDARD.into(), section.at),
        };
        section.context.uses(Use { kind, name: Arc::clone(&name), channel: None, at });
        name
    };
    Then::Challenge {
        // Where `factors` is wrong, that is a problem of its own and nothing is made of this.
        plan: plan.unwrap_or_else(|| Plan::new(vec![vec![Factor::Passcode]])),
        dispatch: policy("dispatch", Kind::DispatchPolicy),
        passcode: policy("passcode", Kind::PasscodePolicy),
    }
}

/// One entry of `factors`.
fn alternative(entry: Field<'_>) -> Option<Vec<Factor>> {
    let later = ["password", "token", "pin", "personal", "passkey", "recovery"];
    if entry.text()?.contains('+') {
        entry.problem("factors joined with `+` are not in this version");
        return None;
    }
    let factor = entry.choice(&[(Factor::Passcode.name(), Factor::Passcode)], &later)?;
    Some(vec![factor])
}

const A_MINUTE: Duration = Duration::from_secs(60);
const A_YEAR: Duration = Duration::from_secs(365 * 86_400);

impl When {
    fn read(section: Section<'_>) -> Self {
        section.later(&["country", "country_not"]);
        let networks = |key| section.optional(key).and_then(|list: Field<'_>| list.some(Field::network));
        let groups = |key| section.optional(key).and_then(|list: Field<'_>| list.some(Group::read));
        let applications = |key| section.optional(key).and_then(|list: Field<'_>| list.some(application));
        let when = Self {
            address: networks("address"),
            address_not: networks("address_not"),
            group: groups("group"),
            group_not: groups("group_not"),
            application: applications("application"),
            application_not: applications("application_not"),
            mobile_changed_within: section.optional("mobile_changed_within").and_then(|field| field.duration(A_MINUTE..=A_YEAR)),
        };
        if section.is_empty() {
            section.problem("`when` is empty, so it would match everything");
        }
        section.finish();
        when
    }
}

fn application(field: Field<'_>) -> Option<Arc<str>> {
    let name = field.name()?;
    field.context.uses(Use { kind: Kind::Application, name: Arc::clone(&name), channel: None, at: field.at() });
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse;

    fn policy(when: &str) -> Result<Option<Duration>, String> {
        let (before, rules) = include_str!("../testdata/minimal.toml").rsplit_once("rules = [").unwrap();
        let text = format!("{before}rules = [{{ when = {when}, then = \"refuse\" }},{rules}");
        let config = parse(&text, std::path::Path::new("/"), &|_| None).map_err(|problems| format!("{problems:?}"))?;
        Ok(config.authentication_policies[0].rules[0].when.mobile_changed_within)
    }

    #[test]
    fn how_new_a_number_may_be_is_a_duration() {
        assert_eq!(policy("{ mobile_changed_within = \"7d\" }"), Ok(Some(Duration::from_secs(7 * 86_400))));
        for wrong in ["\"1s\"", "\"2000d\"", "7", "true"] {
            let problem = policy(&format!("{{ mobile_changed_within = {wrong} }}")).unwrap_err();
            assert!(problem.contains("mobile_changed_within"), "{problem}");
        }
    }
}
