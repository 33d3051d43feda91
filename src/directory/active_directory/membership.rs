//! Whether somebody is in the groups that a rule names. The groups are looked at each time: one that was renamed or deleted a moment ago
//! must not be taken for one that nobody is in.

use futures_util::future::try_join_all;
use ldap3::{Scope, SearchEntry, ldap_escape};

use super::ActiveDirectory;
use super::groups::Token;
use crate::base::{Dn, UserId};
use crate::config::active_directory::ACCOUNT_NAME;
use crate::config::group::Group;
use crate::directory::ldap_client::connection::{Connection, Question};
use crate::directory::ldap_client::group::{Place, Seen, called, judged, one_person, spelled};
use crate::directory::ldap_client::{Fault, entry, filter};
use crate::directory::{Doubt, Meaning, Membership};

impl ActiveDirectory {
    pub(super) async fn memberships_with(
        &self,
        connection: &Connection,
        user: &UserId,
        groups: &[Group],
    ) -> Result<Vec<Option<Membership>>, Fault> {
        let person = self.person(connection, user).await?;
        let token = Token::of(self.token_of(connection, &person).await?);
        try_join_all(groups.iter().map(|group| self.membership(connection, (&person, &token), group))).await
    }

    async fn membership(
        &self,
        connection: &Connection,
        who: (&SearchEntry, &Token),
        group: &Group,
    ) -> Result<Option<Membership>, Fault> {
        let seen = match self.place_of(connection, group).await? {
            Place::Here(seen) => seen,
            place => return Ok(place.undecided()),
        };
        judged(self.is_found(connection, who, &seen).await).map(Some)
    }

    /// Nothing where neither side shows it. Where no token decides, the service user may not read who the person is a member of, and then
    /// the group's own list is the better witness.
    async fn is_found(
        &self,
        connection: &Connection,
        (person, token): (&SearchEntry, &Token),
        seen: &Seen,
    ) -> Result<Option<bool>, Fault> {
        let named = self.look_at_group(connection, &seen.dn).await?;
        if self.is_within(connection, (person, token), &named).await? {
            return Ok(Some(true));
        }
        if token.decides(&named) {
            return Ok(Some(false));
        }
        let is_listed = self.lists(connection, &named, person).await?;
        Ok(is_listed.then_some(true).or((!seen.lists.is_empty()).then_some(false)))
    }

    pub(super) async fn meaning_with(&self, connection: &Connection, group: &Group) -> Result<Meaning, Fault> {
        let dn = match self.place_of(connection, group).await? {
            Place::Here(seen) => seen.dn,
            Place::Nowhere => return Ok(Meaning::Nothing),
            Place::Unclear(doubt) => return Ok(Meaning::Unclear(doubt)),
        };
        match self.look_at_group(connection, &dn).await {
            Ok(_) => Ok(Meaning::Group(dn)),
            Err(Fault::Missing(words) | Fault::Final(words)) => Ok(Meaning::Unclear(Doubt::Unanswered(words))),
            Err(fault) => Err(fault),
        }
    }

    async fn person(&self, connection: &Connection, user: &UserId) -> Result<SearchEntry, Fault> {
        let config = &self.config.ldap;
        let filter = filter::of_ids(&config.users, &config.attributes, std::iter::once(user.in_directory()));
        let attributes = [ACCOUNT_NAME, "objectSid", "primaryGroupID"];
        let base = config.users.base.as_str();
        let question = Question { base, scope: Scope::Subtree, filter: &filter, attributes: &attributes, at_most: 2 };
        one_person(connection.search(question).await?.entries)
    }

    async fn place_of(&self, connection: &Connection, group: &Group) -> Result<Place, Fault> {
        let Some(dn) = group.dn() else {
            let name = ldap_escape(group.written().as_ref());
            let filter = format!("(&(objectCategory=group)(|(cn={name})({ACCOUNT_NAME}={name})))");
            return called(connection, self.client.root(), &filter).await;
        };
        if dn.is_within(self.client.tree()) {
            return spelled(connection, group).await;
        }
        match self.is_in_forest(connection, dn).await {
            Ok(true) => Ok(Place::Unclear(Doubt::OtherDomain)),
            Ok(false) => Ok(Place::Nowhere),
            Err(Fault::Missing(words) | Fault::Final(words)) => Ok(Place::Unclear(Doubt::Unanswered(words))),
            Err(fault) => Err(fault),
        }
    }

    /// Whether a name belongs to a domain of this forest: each has a cross-reference (MS-ADTS section 6.1.1.2.1.1).
    async fn is_in_forest(&self, connection: &Connection, dn: &Dn) -> Result<bool, Fault> {
        let root = Question { base: "", scope: Scope::Base, filter: ANYTHING, attributes: &[CONFIGURATION], at_most: 1 };
        let root = connection.search(root).await?;
        let configuration = root.entries.first().and_then(|entry| entry::first(entry, CONFIGURATION));
        let configuration = configuration.ok_or_else(|| Fault::Final(format!("the controller shows no {CONFIGURATION}")))?;
        let base = format!("CN=Partitions,{configuration}");
        let filter = "(objectClass=crossRef)";
        let question = Question { base: &base, scope: Scope::OneLevel, filter, attributes: &["nCName"], at_most: MOST_DOMAINS };
        let found = connection.search(question).await?;
        let mut names = found.entries.iter().filter_map(|entry| entry::first(entry, "nCName"));
        Ok(names.any(|name| Dn::parse(&name).is_ok_and(|domain| dn.is_within(&domain))))
    }
}

const ANYTHING: &str = "(objectClass=*)";
const CONFIGURATION: &str = "configurationNamingContext";
const MOST_DOMAINS: i32 = 1000;
