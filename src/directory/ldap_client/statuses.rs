//! How many users stand at once: a few questions for all of them together, whoever they are.

use std::collections::{HashMap, HashSet};

use ldap3::{Scope, SearchEntry};

use super::bulk::{Bulk, UID, account_name, id, listed_names};
use super::client::Client;
use super::connection::{Connection, Question};
use super::status;
use super::{Fault, filter};
use crate::base::{Dn, UserId};
use crate::directory::account_status::{AccountStatus, Restriction};

/// Some entries, and who is what among them, by id.
pub(in crate::directory) struct Judged {
    /// Nothing where everybody may sign in.
    members: Option<HashSet<String>>,
    refused: HashSet<String>,
}

impl Bulk {
    pub(in crate::directory) async fn statuses_with(
        &self,
        client: &Client,
        connection: &Connection,
        ids: &[UserId],
    ) -> Result<Vec<(UserId, AccountStatus)>, Fault> {
        let config = client.config();
        let filter = filter::of_ids(&config.users, &config.attributes, ids.iter().map(UserId::in_directory));
        let own = [config.attributes.id.as_str(), account_name(config), UID];
        let attributes: Vec<&str> = own.into_iter().chain(status::ATTRIBUTES).collect();
        let base = config.users.base.as_str();
        let question = Question { base, scope: Scope::Subtree, filter: &filter, attributes: &attributes, at_most: MOST };
        let found = connection.paged(question).await?;
        if found.is_cut {
            return Err(Fault::Final(format!("the server shows fewer than {} entries at once: raise its size limit", ids.len())));
        }
        if found.entries.is_empty() {
            is_anybody_there(client, connection).await?;
        }
        let judged = self.judge(client, connection, &found.entries).await?;
        let statuses = found.entries.iter().filter_map(|entry| self.status(client, entry, &judged));
        let mut known: HashMap<UserId, AccountStatus> = statuses.collect();
        let gone = || AccountStatus { restrictions: vec![Restriction::Gone], ..AccountStatus::default() };
        Ok(ids.iter().map(|id| (id.clone(), known.remove(id).unwrap_or_else(gone))).collect())
    }

    /// One entry's; nothing where it has no id.
    pub(in crate::directory) fn status(
        &self,
        client: &Client,
        entry: &SearchEntry,
        judged: &Judged,
    ) -> Option<(UserId, AccountStatus)> {
        let id = id(client.config(), entry)?;
        let mut status = status::of(entry, self.clock.now());
        if judged.refused.contains(&id) || (self.refused.privileged && status::is_privileged(entry)) {
            status.restrictions.insert(0, Restriction::Privileged);
        }
        if judged.members.as_ref().is_some_and(|members| !members.contains(&id)) {
            status.restrictions.insert(0, Restriction::NotMember);
        }
        Some((UserId::new(client.name(), &id), status))
    }

    /// Who of these is a member, and who is in a group that is refused.
    pub(in crate::directory) async fn judge(
        &self,
        client: &Client,
        connection: &Connection,
        entries: &[SearchEntry],
    ) -> Result<Judged, Fault> {
        let mut judged = Judged { members: None, refused: HashSet::new() };
        let ids: Vec<String> = entries.iter().filter_map(|entry| id(client.config(), entry)).collect();
        if let Some(group) = &client.config().users.member_of {
            judged.members = Some(self.members(client, connection, (group, entries, &ids)).await?);
        }
        for group in &self.refused.groups {
            judged.refused.extend(self.members(client, connection, (group, entries, &ids)).await?);
        }
        Ok(judged)
    }

    async fn members(
        &self,
        client: &Client,
        connection: &Connection,
        (group, entries, ids): (&str, &[SearchEntry], &[String]),
    ) -> Result<HashSet<String>, Fault> {
        if ids.is_empty() {
            return Ok(HashSet::new());
        }
        if self.speaks_active_directory() {
            let clause = nested_clause(connection, group).await?;
            return matching(client, connection, ids, &clause).await;
        }
        let mut members = matching(client, connection, ids, &filter::of_members(group)).await?;
        if members.len() < ids.len() {
            add_listed(client, connection, (group, entries), &mut members).await?;
        }
        Ok(members)
    }
}

/// A service user that may read nobody any more sees nobody: that is no reason to end anybody's session.
async fn is_anybody_there(client: &Client, connection: &Connection) -> Result<(), Fault> {
    let users = &client.config().users;
    let question =
        Question { base: &users.base, scope: Scope::Subtree, filter: &users.filter, attributes: NO_ATTRIBUTES, at_most: 1 };
    let is_empty = connection.search(question).await?.entries.is_empty();
    if is_empty { Err(Fault::Final(format!("not one user is visible below {}", users.base))) } else { Ok(()) }
}

/// Which of these ids match `clause`.
async fn matching(client: &Client, connection: &Connection, ids: &[String], clause: &str) -> Result<HashSet<String>, Fault> {
    let config = client.config();
    let filter = filter::of_ids(&config.users, &config.attributes, ids.iter().map(String::as_str));
    let filter = format!("(&{clause}{filter})");
    let attributes = [config.attributes.id.as_str()];
    let base = config.users.base.as_str();
    let question = Question { base, scope: Scope::Subtree, filter: &filter, attributes: &attributes, at_most: MOST };
    let found = connection.paged(question).await?;
    Ok(found.entries.iter().filter_map(|entry| id(config, entry)).collect())
}

/// Matches members through any number of groups, and those whose primary group leads there: that one is in no list of members.
pub(in crate::directory) async fn nested_clause(connection: &Connection, group: &str) -> Result<String, Fault> {
    let filter = format!("(|{})", filter::of_groups_leading_to(group));
    let base = filter::root(group);
    let question =
        Question { base: &base, scope: Scope::Subtree, filter: &filter, attributes: &["objectSid"], at_most: MOST_NESTED };
    let found = connection.paged(question).await?;
    if found.is_cut {
        return Err(Fault::Final(format!("more than {MOST_NESTED} groups lead to {group}, or the server shows no more")));
    }
    let groups = found.entries;
    // The group itself is among them, however it is spelled.
    if groups.is_empty() {
        return Err(missing(group));
    }
    let primary: String = groups.iter().filter_map(relative_id).map(|id| format!("(primaryGroupID={id})")).collect();
    Ok(format!("(|{}{primary})", filter::of_members_in_chain(group)))
}

/// Adds those whom the group itself lists: for servers that do not fill `memberOf`.
async fn add_listed(
    client: &Client,
    connection: &Connection,
    (group, entries): (&str, &[SearchEntry]),
    members: &mut HashSet<String>,
) -> Result<(), Fault> {
    let question =
        Question { base: group, scope: Scope::Base, filter: "(objectClass=*)", attributes: &filter::LISTS, at_most: 1 };
    let found = connection.search(question).await?;
    let listed = found.entries.first().ok_or_else(|| missing(group))?;
    let values =
        |list| listed.attrs.iter().filter(move |(name, _)| name.eq_ignore_ascii_case(list)).flat_map(|(_, values)| values);
    let by_dn: HashSet<Dn> = values("member").chain(values("uniqueMember")).filter_map(|dn| Dn::parse(dn).ok()).collect();
    let by_name: HashSet<&String> = values(filter::NAMES).collect();
    let is_empty = by_dn.is_empty() && by_name.is_empty();
    let mut asked = 0;
    for entry in entries {
        let Some(id) = id(client.config(), entry).filter(|id| !members.contains(id)) else { continue };
        let names = listed_names(client.config(), entry);
        let mut is_member =
            Dn::parse(&entry.dn).is_ok_and(|dn| by_dn.contains(&dn)) || names.iter().any(|name| by_name.contains(name));
        if !is_member && !is_empty && asked < MOST_ASKED {
            // One name can be written in several ways, and the server knows them better than we do.
            asked += 1;
            let filter = filter::of_groups_with(&entry.dn, &names);
            let question = Question { base: group, scope: Scope::Base, filter: &filter, attributes: NO_ATTRIBUTES, at_most: 1 };
            is_member = !connection.search(question).await?.entries.is_empty();
        }
        if is_member {
            members.insert(id);
        }
    }
    Ok(())
}

fn missing(group: &str) -> Fault {
    Fault::Missing(format!("the group {group} does not exist, or the service user may not read it"))
}

/// The last part of a security identifier, little-endian (MS-DTYP section 2.4.2.2).
fn relative_id(entry: &SearchEntry) -> Option<u32> {
    let binary =
        entry.bin_attrs.iter().find(|(name, _)| name.eq_ignore_ascii_case("objectSid")).and_then(|(_, sids)| sids.first());
    let text = entry.attrs.iter().find(|(name, _)| name.eq_ignore_ascii_case("objectSid")).and_then(|(_, sids)| sids.first());
    let bytes = binary.map(Vec::as_slice).or_else(|| text.map(String::as_bytes))?;
    bytes.last_chunk::<4>().map(|last| u32::from_le_bytes(*last))
}

const NO_ATTRIBUTES: &[&str] = &["1.1"];
/// More than are ever asked for at once.
const MOST: i32 = 1000;
/// Groups within the group whose primary members are looked for.
const MOST_NESTED: i32 = 5000;
/// Of those who seem to be no members any more so many are asked about one by one.
const MOST_ASKED: usize = 20;
