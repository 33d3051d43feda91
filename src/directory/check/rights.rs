//! What the service user may: what it needs and lacks, what it has and should not; and what users may write themselves.

use ldap3::controls::RawControl;
use ldap3::{Scope, SearchEntry};

use super::people::is_there;
use super::policies;
use crate::directory::Examination;
use crate::directory::ldap_client::client::Client;
use crate::directory::ldap_client::connection::{Connection, Question};
use crate::directory::ldap_client::descriptor;
use crate::directory::ldap_client::descriptor::Guid;
use crate::directory::ldap_client::{Fault, entry};

/// Where the parts of an Active Directory are.
pub(in crate::directory) struct Domain {
    base: String,
    schema: String,
}

pub(in crate::directory) async fn domain(connection: &Connection) -> Result<Option<Domain>, Fault> {
    let attributes = ["defaultNamingContext", "schemaNamingContext", "highestCommittedUSN"];
    let question = Question { base: "", scope: Scope::Base, filter: "(objectClass=*)", attributes: &attributes, at_most: 1 };
    let found = connection.search(question).await?.entries;
    let first = |attribute| found.first().and_then(|root| entry::first(root, attribute));
    let parts = first("highestCommittedUSN").and_then(|_| first("defaultNamingContext")).zip(first("schemaNamingContext"));
    Ok(parts.map(|(base, schema)| Domain { base, schema }))
}

pub(in crate::directory) async fn in_active_directory(
    client: &Client,
    connection: &Connection,
    (domain, samples): (&Domain, &[SearchEntry]),
    found: &mut Examination,
) -> Result<(), Fault> {
    for (attribute, what) in NEEDED {
        if !samples.iter().any(|sample| is_there(sample, attribute)) {
            found.problems.push(format!("the service user may not read {attribute} of users: {what}"));
        }
    }
    if !samples.iter().any(|sample| is_there(sample, "replPropertyMetaData")) {
        found.warnings.push(
            "the service user may not read replPropertyMetaData: `mobile_changed_within` counts from when a number was seen first"
                .to_owned(),
        );
    }
    if let Some(sample) = samples.first()
        && token(connection, &sample.dn).await?.is_empty()
    {
        found
            .problems
            .push("the service user may not read tokenGroups of users: group membership cannot be determined".to_owned());
    }
    let question =
        Question { base: &domain.base, scope: Scope::Base, filter: "(objectClass=*)", attributes: &POLICY, at_most: 1 };
    let policy = connection.search(question).await?.entries;
    for attribute in POLICY {
        if !policy.iter().any(|policy| is_there(policy, attribute)) {
            found.warnings.push(format!(
                "the service user may not read {attribute} of {}: the domain's password rules are not known",
                domain.base
            ));
        }
    }
    policies::examine(connection, (&domain.base, samples), found).await?;
    surplus(client, connection, domain, found).await?;
    own_numbers(client, connection, (domain, samples), found).await
}

/// A server of which no more is known than LDAP.
pub(in crate::directory) async fn elsewhere(
    _: &Connection,
    samples: &[SearchEntry],
    found: &mut Examination,
) -> Result<(), Fault> {
    if samples.iter().any(|sample| is_there(sample, "userPassword")) {
        found.warnings.push("the service user may read userPassword, which it does not need: remove that right".to_owned());
    }
    Ok(())
}

/// Security identifiers of an account's groups, those within groups included.
async fn token(connection: &Connection, dn: &str) -> Result<Vec<Vec<u8>>, Fault> {
    let question = Question { base: dn, scope: Scope::Base, filter: "(objectClass=*)", attributes: &["tokenGroups"], at_most: 1 };
    let found = connection.search(question).await?.entries;
    Ok(found.iter().flat_map(|entry| entry::bytes(entry, "tokenGroups").map(<[u8]>::to_vec)).collect())
}

/// Whether the service user is more than a reader.
async fn surplus(client: &Client, connection: &Connection, domain: &Domain, found: &mut Examination) -> Result<(), Fault> {
    let name = &client.config().service_user;
    let account = name.rsplit('\\').next().unwrap_or(name).split('@').next().unwrap_or(name);
    let filter = format!(
        "(|(userPrincipalName={})(sAMAccountName={})(distinguishedName={}))",
        ldap3::ldap_escape(name),
        ldap3::ldap_escape(account),
        ldap3::ldap_escape(name)
    );
    let base = domain.base.as_str();
    let question = Question { base, scope: Scope::Subtree, filter: &filter, attributes: &["adminCount"], at_most: 2 };
    let accounts = connection.search(question).await?.entries;
    let Some(own) = accounts.first() else {
        found.warnings.push(format!("no account {name} was found below {base}, so its other rights are not known"));
        return Ok(());
    };
    let groups = token(connection, &own.dn).await?;
    for group in POWERFUL.iter().filter(|group| groups.iter().any(|sid| group.is(sid))) {
        found.warnings.push(format!(
            "the service user is in {}: an attacker who takes over this machine has the domain; it only needs to read",
            group.name
        ));
    }
    if entry::first(own, "adminCount").is_some_and(|count| count != "0") {
        found.warnings.push("the service user is, or was, an administrator (adminCount)".to_owned());
    }
    Ok(())
}

/// A group that every domain has.
struct Group {
    name: &'static str,
    /// The last part of its security identifier.
    last: u32,
    /// The same in every domain of the world (S-1-5-32-...).
    is_built_in: bool,
}

impl Group {
    fn is(&self, sid: &[u8]) -> bool {
        let is_built_in = sid.len() == 16 && sid.get(8..12) == Some(&[32, 0, 0, 0]);
        sid.last_chunk::<4>().is_some_and(|last| u32::from_le_bytes(*last) == self.last) && is_built_in == self.is_built_in
    }
}

/// A user who writes the number that passcodes go to is their own second factor, and so is whoever has their password.
async fn own_numbers(
    client: &Client,
    connection: &Connection,
    (domain, samples): (&Domain, &[SearchEntry]),
    found: &mut Examination,
) -> Result<(), Fault> {
    let names = &client.config().attributes;
    for attribute in std::iter::once(&names.mobile).chain(&names.second_mobile) {
        let filter = format!("(lDAPDisplayName={})", ldap3::ldap_escape(attribute));
        let attributes = ["schemaIDGUID", "attributeSecurityGUID"];
        let base = domain.schema.as_str();
        let question = Question { base, scope: Scope::OneLevel, filter: &filter, attributes: &attributes, at_most: 1 };
        let schema = connection.search(question).await?.entries;
        let guid = |name| schema.first().and_then(|entry| entry::bytes(entry, name).next()?.try_into().ok());
        let (own, set): (Option<Guid>, Option<Guid>) = (guid("schemaIDGUID"), guid("attributeSecurityGUID"));
        let mut may = None;
        for sample in samples.iter().take(LOOKED_AT) {
            let question = Question {
                base: &sample.dn,
                scope: Scope::Base,
                filter: "(objectClass=*)",
                attributes: &["nTSecurityDescriptor"],
                at_most: 1,
            };
            let read = connection.search_with(question, vec![list_alone()]).await?.entries;
            let bytes = read.first().and_then(|entry| entry::bytes(entry, "nTSecurityDescriptor").next().map(<[u8]>::to_vec));
            may = bytes.and_then(|bytes| descriptor::self_may_write(&bytes, own, set)).or(may);
            if may == Some(true) {
                break;
            }
        }
        match may {
            Some(true) => found.warnings.push(format!(
                "users may write their own {attribute}: a thief of a password can send the codes elsewhere (docs/people.md says how to end it)"
            )),
            Some(false) => found.facts.push(format!("users may not write their own {attribute}")),
            None => found.warnings.push(format!("whether users may write their own {attribute} could not be read")),
        }
    }
    Ok(())
}

/// LDAP_SERVER_SD_FLAGS_OID (MS-ADTS section 3.1.1.3.4.1.11): the list of who may what, without what only administrators may read.
fn list_alone() -> RawControl {
    RawControl { ctype: "1.2.840.113556.1.4.801".to_owned(), crit: true, val: Some(vec![0x30, 3, 2, 1, 4]) }
}

const NEEDED: [(&str, &str); 3] = [
    ("userAccountControl", "who is disabled cannot be told"),
    ("pwdLastSet", "whose password was changed cannot be told"),
    ("msDS-User-Account-Control-Computed", "who is locked or whose password has run out cannot be told"),
];
const POLICY: [&str; 3] = ["lockoutThreshold", "lockOutObservationWindow", "maxPwdAge"];
const POWERFUL: [Group; 8] = [
    Group { name: "Domain Admins", last: 512, is_built_in: false },
    Group { name: "Schema Admins", last: 518, is_built_in: false },
    Group { name: "Enterprise Admins", last: 519, is_built_in: false },
    Group { name: "Administrators", last: 544, is_built_in: true },
    Group { name: "Account Operators", last: 548, is_built_in: true },
    Group { name: "Server Operators", last: 549, is_built_in: true },
    Group { name: "Print Operators", last: 550, is_built_in: true },
    Group { name: "Backup Operators", last: 551, is_built_in: true },
];
/// Users whose rights are read.
const LOOKED_AT: usize = 5;
