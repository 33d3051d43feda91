//! Whether somebody is in the groups that a rule names. The server is asked about exactly those, each time: a group that was renamed or
//! hidden a moment ago must not be taken for one that nobody is in.

use futures_util::future::{try_join, try_join_all};
use ldap3::{Scope, SearchEntry};

use super::connection::{Connection, Question};
use super::lookup::exists;
use super::roll::{UID, has_listed_name};
use super::{Fault, Ldap, filter};
use crate::base::UserId;
use crate::base::dn::text;
use crate::config::group::Group;
use crate::directory::{Doubt, Meaning, Membership};

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

impl Ldap {
    pub(super) async fn memberships_with(
        &self,
        connection: &Connection,
        user: &UserId,
        groups: &[Group],
    ) -> Result<Vec<Option<Membership>>, Fault> {
        let (person, _) = try_join(self.person(connection, user), self.roll.root(connection)).await?;
        try_join_all(groups.iter().map(|group| self.membership(connection, &person, group))).await
    }

    async fn membership(
        &self,
        connection: &Connection,
        person: &SearchEntry,
        group: &Group,
    ) -> Result<Option<Membership>, Fault> {
        match self.place_of(connection, group).await? {
            Place::Here(seen) => judged(self.is_listed(connection, person, &seen).await).map(Some),
            place => Ok(place.undecided()),
        }
    }

    pub(super) async fn meaning_with(&self, connection: &Connection, group: &Group) -> Result<Meaning, Fault> {
        Ok(match self.place_of(connection, group).await? {
            Place::Here(seen) if seen.can_be_judged(connection, true).await? => Meaning::Group(seen.dn),
            Place::Here(_) => Meaning::Unclear(Doubt::Hidden),
            Place::Nowhere => Meaning::Nothing,
            Place::Unclear(doubt) => Meaning::Unclear(doubt),
        })
    }

    async fn person(&self, connection: &Connection, user: &UserId) -> Result<SearchEntry, Fault> {
        let config = self.line.config();
        let filter = filter::of_ids(&config.users, &config.attributes, std::iter::once(user.in_directory()));
        let attributes = [self.account_name(), UID];
        let base = config.users.base.as_str();
        let question = Question { base, scope: Scope::Subtree, filter: &filter, attributes: &attributes, at_most: 2 };
        one_person(connection.search(question).await?.entries)
    }

    async fn place_of(&self, connection: &Connection, group: &Group) -> Result<Place, Fault> {
        let Some(dn) = group.dn() else {
            let filter = filter::of_groups_called(group.written());
            return called(connection, self.line.root(), &filter).await;
        };
        match spelled(connection, group).await? {
            Place::Unclear(Doubt::Missing) if !dn.is_within(self.line.tree()) => Ok(Place::Nowhere),
            place => Ok(place),
        }
    }

    /// Nothing where neither the group nor the person's entry says so, and the group's lists cannot tell.
    async fn is_listed(&self, connection: &Connection, person: &SearchEntry, seen: &Seen) -> Result<Option<bool>, Fault> {
        if exists(connection, &seen.dn, &self.groups_with(person)).await? {
            return Ok(Some(true));
        }
        let carries = match self.roll.speaks_active_directory() {
            true => super::standings::nested_clause(connection, &seen.dn).await?,
            false => filter::of_members(&seen.dn),
        };
        if exists(connection, &person.dn, &carries).await? {
            return Ok(Some(true));
        }
        let has_name = has_listed_name(self.line.config(), person);
        Ok(seen.can_be_judged(connection, has_name).await?.then_some(false))
    }
}

impl Seen {
    fn new(dn: String, shown: Vec<String>) -> Self {
        // A server that shows a list in parts says so behind a `;`.
        let bare = |list: String| list.split(';').next().unwrap_or_default().to_owned();
        Self { dn, lists: shown.into_iter().map(bare).collect() }
    }

    /// Whether who is not found in the lists is not in the group: somebody without a name (`has_name`) is in no list of names, and a list
    /// that the service user may read but not search matches nobody.
    async fn can_be_judged(&self, connection: &Connection, has_name: bool) -> Result<bool, Fault> {
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
    only.ok_or_else(|| Fault::Final("the user is there no more, or more than once".to_owned()))
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
