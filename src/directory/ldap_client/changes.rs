//! What has changed on a server since we last asked, in one question: Active Directory numbers its changes, others stamp them.

use ldap3::{Scope, SearchEntry};

use super::bulk::{Bulk, id};
use super::client::Client;
use super::connection::{Connection, Entries, Question};
use super::root_dse::Domain;
use super::{Fault, entry, filter, time};
use crate::base::{Time, UserId};
use crate::directory::account_status::{Changes, Mark, Who};

impl Bulk {
    pub(in crate::directory) async fn changes_with(
        &self,
        client: &Client,
        connection: &Connection,
        mark: Option<&Mark>,
    ) -> Result<Changes, Fault> {
        match self.root(connection).await?.domain() {
            Some(domain) => numbered(client, connection, domain, mark).await,
            None => self.stamped(client, connection, mark).await,
        }
    }

    /// By the number that OpenLDAP gives each change, else by the time. The latest one that was seen is the next mark; what a server
    /// hears of later than of that one is left to the look at everybody.
    async fn stamped(&self, client: &Client, connection: &Connection, mark: Option<&Mark>) -> Result<Changes, Fault> {
        let Some(mark) = mark.filter(|mark| [CSN, TIMESTAMP].contains(&mark.server.as_str())) else {
            return Ok(Changes::of(Who::Everybody, self.first_stamp(client, connection).await?));
        };
        let stamp = mark.server.as_str();
        let filter = format!("({stamp}>={})", ldap3::ldap_escape(&mark.at));
        let users = &client.config().users;
        let attributes = [client.config().attributes.id.as_str(), stamp];
        let question =
            Question { base: &users.base, scope: Scope::Subtree, filter: &filter, attributes: &attributes, at_most: MOST };
        let Entries { mut entries, is_cut } = connection.paged(question).await?;
        let mut groups = Vec::new();
        if let Some(group) = &users.member_of {
            let question = Question { base: group, scope: Scope::Base, at_most: 1, ..question };
            groups = connection.search(question).await?.entries;
        }
        let is_new = |entry: &SearchEntry| entry::first(entry, stamp).is_some_and(|at| at > mark.at);
        entries.retain(is_new);
        groups.retain(is_new);
        let latest = entries.iter().chain(&groups).filter_map(|entry| entry::first(entry, stamp)).max();
        // Too many to be read: everybody is looked at after this, so the latest of those that were read is mark enough.
        let who = if groups.is_empty() && !is_cut { Who::These(ids(client, &entries)) } else { Who::Everybody };
        Ok(Changes::of(who, Mark { server: stamp.to_owned(), at: latest.unwrap_or_else(|| mark.at.clone()) }))
    }

    /// A little before now, so that a server whose clock is behind ours is understood.
    async fn first_stamp(&self, client: &Client, connection: &Connection) -> Result<Mark, Fault> {
        let base = client.config().users.base.as_str();
        let question = Question { base, scope: Scope::Base, filter: "(objectClass=*)", attributes: &[CSN], at_most: 1 };
        let found = connection.search(question).await?;
        let now = time::generalized(Time::from_millis(self.clock.now().millis().saturating_sub(BEFORE_NOW)));
        Ok(if found.entries.iter().any(|entry| entry::first(entry, CSN).is_some()) {
            Mark { server: CSN.to_owned(), at: format!("{now}.000000Z#000000#000#000000") }
        } else {
            Mark { server: TIMESTAMP.to_owned(), at: format!("{now}Z") }
        })
    }
}

/// The numbers are one server's own, so another server, or the same one restored from a backup, means that everybody is looked at.
/// The last number was read before the search: what changes meanwhile is seen twice rather than never.
async fn numbered(client: &Client, connection: &Connection, domain: Domain, mark: Option<&Mark>) -> Result<Changes, Fault> {
    let Domain { usn, service, base } = domain;
    let next = Mark { server: format!("{service} {}", invocation(connection, &service).await?), at: usn.to_string() };
    let last = mark.filter(|mark| mark.server == next.server).and_then(|mark| mark.at.parse::<u64>().ok());
    let Some(last) = last.filter(|last| *last <= usn) else {
        return Ok(Changes::of(Who::Everybody, next));
    };
    if last == usn {
        return Ok(Changes::of(Who::These(Vec::new()), next));
    }
    // A change of a group is a change of the group alone, so groups are asked for besides.
    let since = format!("(uSNChanged>={})", last.saturating_add(1));
    let filter = format!("(&{since}(|(&(objectCategory=person)(objectClass=user))(objectCategory=group)))");
    let base = base.unwrap_or_else(|| client.config().users.base.clone());
    let attributes = [client.config().attributes.id.as_str(), "objectClass"];
    let question = Question { base: &base, scope: Scope::Subtree, filter: &filter, attributes: &attributes, at_most: MOST };
    let Some(entries) = all_of(connection.paged(question).await?) else {
        return Ok(Changes::of(Who::Everybody, next));
    };
    let is_group = |entry: &SearchEntry| entry::all(entry, "objectClass").iter().any(|class| class.eq_ignore_ascii_case("group"));
    let groups: Vec<String> = entries.iter().filter(|entry| is_group(entry)).map(|entry| entry.dn.clone()).collect();
    let mut decides = false;
    if let Some(group) = client.config().users.member_of.as_deref().filter(|_| !groups.is_empty()) {
        let filter = format!("(&{since}(|{}))", filter::of_groups_leading_to(group));
        let question = Question { filter: &filter, attributes: &["objectClass"], ..question };
        decides = !connection.paged(question).await?.entries.is_empty();
    }
    let who = if decides { Who::Everybody } else { Who::These(ids(client, &entries)) };
    Ok(Changes { who, groups, mark: next })
}

/// Which copy of the database this is. Whoever may not read it has the server's entry alone to go by.
async fn invocation(connection: &Connection, service: &str) -> Result<String, Fault> {
    let question =
        Question { base: service, scope: Scope::Base, filter: "(objectClass=*)", attributes: &["invocationId"], at_most: 1 };
    match connection.search(question).await {
        Ok(found) => Ok(found.entries.first().and_then(|entry| entry::id(entry, "invocationId")).unwrap_or_default()),
        Err(Fault::Missing(_) | Fault::Final(_)) => Ok(String::new()),
        Err(fault) => Err(fault),
    }
}

fn ids(client: &Client, entries: &[SearchEntry]) -> Vec<UserId> {
    entries.iter().filter_map(|entry| id(client.config(), entry)).map(|id| UserId::new(client.name(), &id)).collect()
}

/// Nothing where there were more than we asked for: then it is everybody.
fn all_of(found: Entries) -> Option<Vec<SearchEntry>> {
    (!found.is_cut).then_some(found.entries)
}

/// A change sequence number orders as text does (draft-chu-ldap-csn).
const CSN: &str = "entryCSN";
const TIMESTAMP: &str = "modifyTimestamp";
/// So many changes are read; if there were more, everybody is looked at, which costs less then.
const MOST: i32 = 5000;
/// Milliseconds.
const BEFORE_NOW: u64 = 5 * 60 * 1000;
