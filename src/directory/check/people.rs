//! Who there is: how many users, how many of them members, and what the service user may read of them.

use ldap3::{Scope, SearchEntry};

use crate::config::directory::Ldap as Config;
use crate::directory::Examination;
use crate::directory::ldap_client::client::Client;
use crate::directory::ldap_client::connection::{Connection, Pages, Question};
use crate::directory::ldap_client::list::TOO_SMALL;
use crate::directory::ldap_client::{Fault, entry, filter};

/// A few of the users, where there are any.
pub(in crate::directory) async fn examine(
    client: &Client,
    connection: &Connection,
    is_active_directory: bool,
    found: &mut Examination,
) -> Option<Vec<SearchEntry>> {
    let config = client.config();
    let users = &config.users;
    let (count, samples, is_cut) = match counted(config, connection, &users.filter).await {
        Ok(counted) => counted,
        Err(fault) => {
            found.problems.push(fault.words());
            return None;
        }
    };
    if count == 0 {
        found
            .problems
            .push(format!("no entry below {} matches {}, or the service user may not read any", users.base, users.filter));
        return None;
    }
    found.facts.push(format!("{count} users below {}", users.base));
    if is_cut {
        found.warnings.push(format!("{TOO_SMALL}; the report cannot show everybody"));
    }
    if let Some(group) = &users.member_of {
        match members(config, connection, (group, is_active_directory)).await {
            Ok(Some(0)) => found.warnings.push(format!("{group} has no members, so no user can sign in")),
            Ok(Some(members)) => found.facts.push(format!("{members} of them are in {group}")),
            Ok(None) => found.facts.push(format!("{group} is there")),
            Err(fault) => found.problems.push(format!("member_of: {}", fault.words())),
        }
    }
    attributes(config, &samples, found);
    Some(samples)
}

/// How many match, and the first of them with what is read of people.
async fn counted(config: &Config, connection: &Connection, filter: &str) -> Result<(usize, Vec<SearchEntry>, bool), Fault> {
    let names = &config.attributes;
    let own = [&names.id, &names.mobile, &names.mail, &names.display_name].map(String::as_str);
    let own = own.into_iter().chain(names.second_mobile.as_deref()).chain(config.users.names.iter().map(String::as_str));
    let attributes: Vec<&str> = own.chain(STATES).collect();
    let base = config.users.base.as_str();
    let question = Question { base, scope: Scope::Subtree, filter, attributes: &attributes, at_most: i32::MAX };
    let (mut count, mut samples) = (0, Vec::new());
    let mut pages = Pages::begin(connection, question).await?;
    while let Some(entry) = pages.next().await? {
        count += 1;
        if samples.len() < SAMPLES {
            samples.push(entry);
        }
    }
    Ok((count, samples, pages.is_cut))
}

/// How many users the group has; nothing where only the group itself could tell.
async fn members(config: &Config, connection: &Connection, (group, nested): (&str, bool)) -> Result<Option<usize>, Fault> {
    let question = Question { base: group, scope: Scope::Base, filter: "(objectClass=*)", attributes: &["1.1"], at_most: 1 };
    if connection.search(question).await?.entries.is_empty() {
        return Err(Fault::Missing(format!("{group} does not exist, or the service user may not read it")));
    }
    let clause = if nested { filter::of_members_in_chain(group) } else { filter::of_members(group) };
    let filter = format!("(&{}{clause})", config.users.filter);
    let question =
        Question { base: &config.users.base, scope: Scope::Subtree, filter: &filter, attributes: &["1.1"], at_most: i32::MAX };
    let (mut count, mut pages) = (0, Pages::begin(connection, question).await?);
    while pages.next().await?.is_some() {
        count += 1;
    }
    Ok((nested || count > 0).then_some(count))
}

fn attributes(config: &Config, samples: &[SearchEntry], found: &mut Examination) {
    let names = &config.attributes;
    let with = |attribute: &str| samples.iter().filter(|sample| is_there(sample, attribute)).count();
    let all = samples.len();
    let account = filter::account_names(&config.users, &names.mail).next().unwrap_or(&names.mail);
    for attribute in [names.id.as_str(), account] {
        if with(attribute) == 0 {
            found.problems.push(format!("of the first {all} users none shows {attribute}: the service user may not read it"));
        }
    }
    let phones = [Some(names.mobile.as_str()), names.second_mobile.as_deref()];
    if phones.into_iter().flatten().all(|attribute| with(attribute) == 0) {
        let names = phones.into_iter().flatten().collect::<Vec<_>>().join(" or ");
        found.warnings.push(format!(
            "of the first {all} users none shows {names}: no user has a phone number, or the service user may not read it"
        ));
    }
}

pub(in crate::directory) fn is_there(entry: &SearchEntry, attribute: &str) -> bool {
    entry::bytes(entry, attribute).next().is_some()
}

/// Read here too, so that no sample is asked for twice; and what nobody needs to be able to read.
const STATES: [&str; 5] =
    ["userAccountControl", "pwdLastSet", "msDS-User-Account-Control-Computed", "replPropertyMetaData", "userPassword"];
const SAMPLES: usize = 50;
