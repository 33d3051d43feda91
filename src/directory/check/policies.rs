//! Fine-grained password policies (PSO): whether the service user may read what they say, and whom they are for. Active Directory shows
//! them to administrators alone; whose rule cannot be read may be locked out sooner than the domain's rule says.

use std::collections::BTreeSet;

use ldap3::{Scope, SearchEntry};

use super::people::is_there;
use crate::directory::Examination;
use crate::directory::ldap_client::connection::{Connection, Question};
use crate::directory::ldap_client::{Fault, entry};

/// `base`: of the domain.
pub(in crate::directory) async fn examine(
    connection: &Connection,
    (base, samples): (&str, &[SearchEntry]),
    found: &mut Examination,
) -> Result<(), Fault> {
    let container = format!("CN=Password Settings Container,CN=System,{base}");
    let question = Question {
        base: &container,
        scope: Scope::OneLevel,
        filter: ANYTHING,
        attributes: &[THRESHOLD, APPLIES_TO],
        at_most: MOST,
    };
    let policies = match connection.search(question).await {
        Ok(found) => found.entries,
        Err(Fault::Missing(_) | Fault::Final(_)) => Vec::new(),
        Err(fault) => return Err(fault),
    };
    let mut hidden: BTreeSet<String> =
        policies.iter().filter(|policy| !is_there(policy, THRESHOLD)).map(|policy| policy.dn.clone()).collect();
    if policies.is_empty() {
        // Not even their names are shown; those that people have may be known all the same.
        hidden = named_by(connection, samples).await?;
    }
    if !hidden.is_empty() {
        found.warnings.push(format!(
            "the service user may not read {THRESHOLD} of {} fine-grained password policies below {container}: users with one are assumed to be locked out after 3 wrong passwords in an hour, or sooner where the domain says so; docs/active-directory.md says how to let \
             it read them ({})",
            hidden.len(),
            hidden.iter().take(MOST_NAMED).map(String::as_str).collect::<Vec<_>>().join("; ")
        ));
        return Ok(());
    }
    match unseen(connection, base, &policies).await? {
        Some(dn) => found.warnings.push(format!(
            "the service user may not read {RESULTANT} of {dn}: users with a fine-grained password policy are treated by the domain's rule, and guesses may lock them out"
        )),
        None if policies.is_empty() => {}
        None => found.facts.push(format!("{} fine-grained password policies, all of them readable", policies.len())),
    }
    Ok(())
}

/// The policies of some of these people.
async fn named_by(connection: &Connection, samples: &[SearchEntry]) -> Result<BTreeSet<String>, Fault> {
    let mut names = BTreeSet::new();
    for sample in samples.iter().take(MOST_ASKED) {
        let question = Question { base: &sample.dn, scope: Scope::Base, filter: ANYTHING, attributes: &[RESULTANT], at_most: 1 };
        names.extend(connection.search(question).await?.entries.iter().filter_map(|person| entry::first(person, RESULTANT)));
    }
    Ok(names)
}

/// Somebody who has one of these policies and does not show it.
async fn unseen(connection: &Connection, base: &str, policies: &[SearchEntry]) -> Result<Option<String>, Fault> {
    for whom in policies.iter().flat_map(|policy| entry::all(policy, APPLIES_TO)).take(MOST_NAMED) {
        let whom = ldap3::ldap_escape(whom);
        let filter = format!("(&(objectCategory=person)(objectClass=user)(|(distinguishedName={whom})(memberOf={whom})))");
        let question = Question { base, scope: Scope::Subtree, filter: &filter, attributes: &[RESULTANT], at_most: 1 };
        let people = connection.search(question).await?.entries;
        if let Some(person) = people.iter().find(|person| !is_there(person, RESULTANT)) {
            return Ok(Some(person.dn.clone()));
        }
    }
    Ok(None)
}

const ANYTHING: &str = "(objectClass=*)";
const RESULTANT: &str = "msDS-ResultantPSO";
const THRESHOLD: &str = "msDS-LockoutThreshold";
const APPLIES_TO: &str = "msDS-PSOAppliesTo";
/// Nobody has so many.
const MOST: i32 = 500;
const MOST_NAMED: usize = 5;
const MOST_ASKED: usize = 20;
