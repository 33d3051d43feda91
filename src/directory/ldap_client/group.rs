//! The groups that rules name, as a server shows them.

use ldap3::{Scope, SearchEntry};

use super::connection::{Connection, Question};
use super::{Fault, filter};
use crate::base::dn::text;
use crate::config::group::Group;
use crate::directory::{Doubt, Membership};

/// Where the group of a rule is.
pub(in crate::directory) enum Place {
    /// The server calls it so.
    Here(Seen),
    Nowhere,
    Unclear(Doubt),
}

/// A group as the server shows it.
pub(in crate::directory) struct Seen {
    pub dn: String,
    /// The attributes that it shows and that name its members. An empty one has none, nor has one whose members are hidden.
    pub lists: Vec<String>,
}

impl Seen {
    fn new(dn: String, shown: Vec<String>) -> Self {
        // A server that shows a list in parts says so behind a `;`.
        let bare = |list: String| list.split(';').next().unwrap_or_default().to_owned();
        Self { dn, lists: shown.into_iter().map(bare).collect() }
    }

    /// Whether who is not found in the lists is not in the group: somebody without a name (`has_name`) is in no list of names, and a list
    /// that the service user may read but not search matches nobody.
    pub async fn can_be_judged(&self, connection: &Connection, has_name: bool) -> Result<bool, Fault> {
        let holds_names = self.lists.iter().any(|list| list.eq_ignore_ascii_case(filter::NAMES));
        if self.lists.is_empty() || (holds_names && !has_name) {
            return Ok(false);
        }
        exists(connection, &self.dn, &filter::of_searchable(&self.lists)).await
    }
}

impl Place {
    /// What a place without a group in it says of anybody's membership.
    pub fn undecided(self) -> Option<Membership> {
        match self {
            Self::Nowhere => None,
            Self::Unclear(doubt) => Some(Membership::CannotSay(doubt)),
            Self::Here(_) => Some(Membership::CannotSay(Doubt::NotAsked)),
        }
    }
}

/// What an answer means; nothing in it: it could not be told. A server that does not serve stays an error, so that another one is asked.
pub(in crate::directory) fn judged(answer: Result<Option<bool>, Fault>) -> Result<Membership, Fault> {
    Ok(match answer {
        Ok(Some(true)) => Membership::Member,
        Ok(Some(false)) => Membership::NotMember,
        Ok(None) => Membership::CannotSay(Doubt::Hidden),
        Err(Fault::Missing(words) | Fault::Final(words)) => Membership::CannotSay(Doubt::Unanswered(words)),
        Err(fault) => return Err(fault),
    })
}

/// The entry of somebody who was found a moment ago.
pub(in crate::directory) fn one_person(mut found: Vec<SearchEntry>) -> Result<SearchEntry, Fault> {
    let only = found.pop().filter(|_| found.is_empty());
    only.ok_or_else(|| Fault::Final("the user is no longer there, or there more than once".to_owned()))
}

/// Finds a group by its distinguished name: as every server reads it, as it was written, and with each mark in a character of its own, for
/// servers that compare bytes.
pub(in crate::directory) async fn spelled(connection: &Connection, group: &Group) -> Result<Place, Fault> {
    let Some(plain) = group.dn().map(ToString::to_string) else { return Ok(Place::Nowhere) };
    let mut spellings = vec![plain.clone(), group.written().to_string(), text::decomposed(&plain)];
    spellings.dedup();
    let mut doubt = Doubt::Missing;
    for spelling in spellings {
        match connection.shown(&spelling, &filter::LISTS).await {
            Ok(Some((dn, shown))) => return Ok(Place::Here(Seen::new(dn, shown))),
            Ok(None) | Err(Fault::Missing(_)) => {}
            // A spelling that this server does not read; or it is on another one.
            Err(Fault::Final(words)) => doubt = Doubt::Unanswered(words),
            Err(fault) => return Err(fault),
        }
    }
    Ok(Place::Unclear(doubt))
}

/// Finds the one group that a filter matches.
pub(in crate::directory) async fn called(connection: &Connection, base: &str, filter: &str) -> Result<Place, Fault> {
    let question = Question { base, scope: Scope::Subtree, filter, attributes: &["1.1"], at_most: 2 };
    let found = match connection.search(question).await {
        Ok(found) => found,
        Err(Fault::Missing(words) | Fault::Final(words)) => return Ok(Place::Unclear(Doubt::Unanswered(words))),
        Err(fault) => return Err(fault),
    };
    match found.entries.as_slice() {
        [] => Ok(Place::Nowhere),
        [only] if !found.is_cut => {
            let shown = connection.shown(&only.dn, &filter::LISTS).await?;
            Ok(shown.map_or(Place::Unclear(Doubt::Missing), |(dn, shown)| Place::Here(Seen::new(dn, shown))))
        }
        _ => Ok(Place::Unclear(Doubt::Several)),
    }
}

/// Whether this entry is there and matches the filter.
pub(in crate::directory) async fn exists(connection: &Connection, base: &str, filter: &str) -> Result<bool, Fault> {
    let question = Question { base, scope: Scope::Base, filter, attributes: NO_ATTRIBUTES, at_most: 1 };
    Ok(!connection.search(question).await?.entries.is_empty())
}

/// RFC 4511 section 4.5.1.8: no attributes at all.
pub(in crate::directory) const NO_ATTRIBUTES: &[&str] = &["1.1"];
