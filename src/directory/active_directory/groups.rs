//! In which groups somebody is: nested ones and the primary group too.
//!
//! The controller works that out (`tokenGroups`) and answers with numbers (SIDs). Their names, and the numbers of the groups that the
//! operator names, change hardly ever and are kept for some minutes.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use ldap3::{Scope, SearchEntry, ldap_escape};

use super::ActiveDirectory;
use super::cache::Cache;
use super::sid::Sid;
use crate::directory::ldap_client::connection::{Connection, Question};
use crate::directory::ldap_client::{Fault, entry};

/// The security groups somebody is in, however deep.
pub(super) struct Groups {
    all: HashSet<Sid>,
    token: Token,
}

/// What the controller says of somebody's security groups.
pub(super) enum Token {
    /// All of them.
    Shown(HashSet<Sid>),
    /// Everybody is in a group, so the service user may not read this attribute of theirs.
    Hidden,
}

impl Token {
    pub fn of(sids: HashSet<Sid>) -> Self {
        if sids.is_empty() { Self::Hidden } else { Self::Shown(sids) }
    }
}

impl Token {
    /// Whether it says for certain who is in this group: it holds every security group, and no other.
    pub fn decides(&self, named: &Named) -> bool {
        matches!(self, Self::Shown(_)) && named.is_for_security
    }
}

impl Groups {
    fn token(&self) -> &Token {
        &self.token
    }
}

/// What was learnt of groups lately.
#[derive(Default)]
pub(super) struct KnownGroups {
    /// Nothing: it is of another domain, or hidden from the service user.
    names: Cache<Sid, Option<Arc<str>>>,
    /// By the name the operator wrote.
    named: Cache<String, Named>,
}

/// A group from the configuration.
#[derive(Clone)]
pub(super) struct Named {
    /// As the controller spells it.
    dn: String,
    sid: Sid,
    /// Those of the other kind (distribution groups) are in nobody's `tokenGroups`.
    is_for_security: bool,
}

impl ActiveDirectory {
    pub(super) async fn groups_of(&self, connection: &Connection, candidate: &SearchEntry) -> Result<Groups, Fault> {
        let token = Token::of(self.token_of(connection, candidate).await?);
        if let Token::Shown(sids) = &token {
            return Ok(Groups { all: sids.clone(), token });
        }
        // The slow way then.
        let mut all = self.groups_above(connection, &candidate.dn).await?;
        if let Some(primary) = primary_group(candidate) {
            let known = self.learn_names(connection, std::slice::from_ref(&primary)).await?;
            if let Some(dn) = known.into_iter().next() {
                all.extend(self.groups_above(connection, &dn).await?);
            }
            all.insert(primary);
        }
        Ok(Groups { all, token })
    }

    /// `tokenGroups`, which a controller tells of one entry at a time.
    pub(super) async fn token_of(&self, connection: &Connection, candidate: &SearchEntry) -> Result<HashSet<Sid>, Fault> {
        let question =
            Question { base: &candidate.dn, scope: Scope::Base, filter: ANYTHING, attributes: &[TOKEN_GROUPS], at_most: 1 };
        let found = connection.search(question).await?;
        Ok(found.entries.iter().flat_map(|entry| entry::bytes(entry, TOKEN_GROUPS)).filter_map(Sid::read).collect())
    }

    /// Whether somebody is in the group that the operator named so.
    pub(super) async fn is_in(
        &self,
        connection: &Connection,
        candidate: &SearchEntry,
        groups: &Groups,
        group: &str,
    ) -> Result<bool, Fault> {
        let named = self.named(connection, group).await?;
        self.is_within(connection, (candidate, groups.token()), &named).await
    }

    /// The controller's token decides for security groups. Groups of the other kind are in no token, and a token may be hidden: then the
    /// chains of groups are asked for, from the person and from the primary group, which is in no list of members.
    pub(super) async fn is_within(
        &self,
        connection: &Connection,
        (candidate, token): (&SearchEntry, &Token),
        named: &Named,
    ) -> Result<bool, Fault> {
        if matches!(token, Token::Shown(sids) if sids.contains(&named.sid)) {
            return Ok(true);
        }
        if token.decides(named) {
            return Ok(false);
        }
        let filter = format!("(memberOf:{IN_CHAIN}:={})", ldap_escape(named.dn.as_str()));
        let question =
            Question { base: &candidate.dn, scope: Scope::Base, filter: &filter, attributes: NO_ATTRIBUTES, at_most: 1 };
        if !connection.search(question).await?.entries.is_empty() {
            return Ok(true);
        }
        let Some(primary) = primary_group(candidate) else {
            return Err(Fault::Final(format!("{} shows no primary group, or the service user may not read it", candidate.dn)));
        };
        if primary == named.sid {
            return Ok(true);
        }
        let filter = format!("(&(objectSid={}){filter})", primary.escaped());
        Ok(!self.search_domain(connection, &filter, 1).await?.is_empty())
    }

    /// Whether the group lists somebody, directly or through others.
    pub(super) async fn lists(&self, connection: &Connection, named: &Named, person: &SearchEntry) -> Result<bool, Fault> {
        let filter = format!("(member:{IN_CHAIN}:={})", ldap_escape(person.dn.as_str()));
        let question = Question { base: &named.dn, scope: Scope::Base, filter: &filter, attributes: NO_ATTRIBUTES, at_most: 1 };
        Ok(!connection.search(question).await?.entries.is_empty())
    }

    /// Their distinguished names; those that cannot be learnt are left out.
    pub(super) async fn names_of(&self, connection: &Connection, groups: &Groups) -> Result<Vec<String>, Fault> {
        let sids: Vec<Sid> = groups.all.iter().cloned().collect();
        let mut names: Vec<String> =
            self.learn_names(connection, &sids).await?.into_iter().map(|name| name.as_ref().to_owned()).collect();
        names.sort_unstable();
        Ok(names)
    }

    async fn learn_names(&self, connection: &Connection, sids: &[Sid]) -> Result<Vec<Arc<str>>, Fault> {
        let now = self.clock.now();
        let known: Vec<_> = sids.iter().map(|sid| (sid, self.groups.names.recall(sid, now))).collect();
        let unknown: Vec<&Sid> = known.iter().filter(|(_, name)| name.is_none()).map(|(sid, _)| *sid).collect();
        let mut names: Vec<Arc<str>> = known.iter().filter_map(|(_, name)| name.clone().flatten()).collect();
        for some in unknown.chunks(AT_ONCE) {
            let any: String = some.iter().map(|sid| format!("(objectSid={})", sid.escaped())).collect();
            let filter = format!("(|{any})");
            let found = self.search_domain(connection, &filter, AT_ONCE_AND_MORE).await?;
            let mut learnt: HashMap<Sid, Arc<str>> =
                found.into_iter().filter_map(|entry| Some((sid_of(&entry)?, Arc::from(entry.dn)))).collect();
            for sid in some {
                let name = learnt.remove(*sid);
                names.extend(name.clone());
                self.groups.names.keep((*sid).clone(), name, now);
            }
        }
        Ok(names)
    }

    async fn named(&self, connection: &Connection, group: &str) -> Result<Named, Fault> {
        let now = self.clock.now();
        if let Some(named) = self.groups.named.recall(group, now) {
            return Ok(named);
        }
        let named = self.look_at_group(connection, group).await?;
        self.groups.named.keep(group.to_owned(), named.clone(), now);
        Ok(named)
    }

    /// The group with this distinguished name, as it is now.
    pub(super) async fn look_at_group(&self, connection: &Connection, group: &str) -> Result<Named, Fault> {
        let question =
            Question { base: group, scope: Scope::Base, filter: ANYTHING, attributes: &["objectSid", "groupType"], at_most: 1 };
        let unreadable = || Fault::Final(format!("the group {group} does not exist, or the service user may not read it"));
        let found = match connection.search(question).await {
            Err(Fault::Missing(_)) => return Err(unreadable()),
            other => other?.entries.into_iter().next().ok_or_else(unreadable)?,
        };
        let sid = sid_of(&found).ok_or_else(|| Fault::Final(format!("{group} is not a group")))?;
        let kind: i64 = entry::first(&found, "groupType")
            .and_then(|kind| kind.parse().ok())
            .ok_or_else(|| Fault::Final(format!("{group} is not a group, or the service user may not read its groupType")))?;
        Ok(Named { dn: found.dn, sid, is_for_security: kind & FOR_SECURITY != 0 })
    }

    /// Every group that holds this one or somebody, however deep.
    async fn groups_above(&self, connection: &Connection, dn: &str) -> Result<HashSet<Sid>, Fault> {
        let filter = format!("(member:{IN_CHAIN}:={})", ldap_escape(dn));
        let question = Question {
            base: self.client.root(),
            scope: Scope::Subtree,
            filter: &filter,
            attributes: &["objectSid"],
            at_most: MOST_GROUPS,
        };
        Ok(connection.paged(question).await?.entries.iter().filter_map(sid_of).collect())
    }

    async fn search_domain(&self, connection: &Connection, filter: &str, at_most: i32) -> Result<Vec<SearchEntry>, Fault> {
        let question = Question { base: self.client.root(), scope: Scope::Subtree, filter, attributes: &["objectSid"], at_most };
        Ok(connection.search(question).await?.entries)
    }
}

fn sid_of(entry: &SearchEntry) -> Option<Sid> {
    entry::bytes(entry, "objectSid").next().and_then(Sid::read)
}

fn primary_group(candidate: &SearchEntry) -> Option<Sid> {
    sid_of(candidate)?.sibling(entry::first(candidate, "primaryGroupID")?.parse().ok()?)
}

const TOKEN_GROUPS: &str = "tokenGroups";
/// LDAP_MATCHING_RULE_IN_CHAIN (MS-ADTS section 3.1.1.3.4.4.3).
const IN_CHAIN: &str = "1.2.840.113556.1.4.1941";
/// GROUP_TYPE_SECURITY_ENABLED, the sign of a number of 32 bits (MS-ADTS section 2.2.12).
const FOR_SECURITY: i64 = -0x8000_0000;
const ANYTHING: &str = "(objectClass=*)";
const NO_ATTRIBUTES: &[&str] = &["1.1"];
/// Names that are asked for in one search.
const AT_ONCE: usize = 200;
/// One more than there can be, so that the answer is never cut.
const AT_ONCE_AND_MORE: i32 = 201;
/// More are not told to applications; rules ask for the groups that they name.
const MOST_GROUPS: i32 = 5000;
