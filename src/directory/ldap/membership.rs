//! Whether somebody is in the groups that a rule names. The server is asked about exactly those, each time: a group that was renamed or
//! hidden a moment ago must not be taken for one that nobody is in.

use futures_util::future::{try_join, try_join_all};
use ldap3::{Scope, SearchEntry};

use super::Ldap;
use crate::base::UserId;
use crate::config::group::Group;
use crate::directory::ldap_client::bulk::{UID, has_listed_name};
use crate::directory::ldap_client::connection::{Connection, Question};
use crate::directory::ldap_client::group::{Place, Seen, called, exists, judged, one_person, spelled};
use crate::directory::ldap_client::{Fault, filter, statuses};
use crate::directory::{Doubt, Meaning, Membership};

impl Ldap {
    pub(super) async fn memberships_with(
        &self,
        connection: &Connection,
        user: &UserId,
        groups: &[Group],
    ) -> Result<Vec<Option<Membership>>, Fault> {
        let (person, _) = try_join(self.person(connection, user), self.bulk.root(connection)).await?;
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
        let config = self.client.config();
        let filter = filter::of_ids(&config.users, &config.attributes, std::iter::once(user.in_directory()));
        let attributes = [self.account_name(), UID];
        let base = config.users.base.as_str();
        let question = Question { base, scope: Scope::Subtree, filter: &filter, attributes: &attributes, at_most: 2 };
        one_person(connection.search(question).await?.entries)
    }

    async fn place_of(&self, connection: &Connection, group: &Group) -> Result<Place, Fault> {
        let Some(dn) = group.dn() else {
            let filter = filter::of_groups_called(group.written());
            return called(connection, self.client.root(), &filter).await;
        };
        match spelled(connection, group).await? {
            Place::Unclear(Doubt::Missing) if !dn.is_within(self.client.tree()) => Ok(Place::Nowhere),
            place => Ok(place),
        }
    }

    /// Nothing where neither the group nor the person's entry says so, and the group's lists cannot tell.
    async fn is_listed(&self, connection: &Connection, person: &SearchEntry, seen: &Seen) -> Result<Option<bool>, Fault> {
        if exists(connection, &seen.dn, &self.groups_with(person)).await? {
            return Ok(Some(true));
        }
        let carries = match self.bulk.speaks_active_directory() {
            true => statuses::nested_clause(connection, &seen.dn).await?,
            false => filter::of_members(&seen.dn),
        };
        if exists(connection, &person.dn, &carries).await? {
            return Ok(Some(true));
        }
        let has_name = has_listed_name(self.client.config(), person);
        Ok(seen.can_be_judged(connection, has_name).await?.then_some(false))
    }
}
