//! Lifting a lock that wrong passwords have brought about, by the service user's right: Active Directory's `lockoutTime` (MS-ADTS section
//! 3.1.1.8.10), or `pwdAccountLockedTime` of the password policy overlay (draft-behera-ldap-password-policy section 5.3.3). Which of them a
//! server has is seen in the entry. Nothing else of an account is changed.

use std::collections::HashSet;

use ldap3::{LdapResult, Mod, Scope, SearchEntry};

use super::client::Client;
use super::connection::{BUSY, Connection, Question, SUCCESS, UNAVAILABLE, said};
use super::{Fault, entry, password_policy, status};
use crate::base::Time;
use crate::directory::account_status::Restriction;
use crate::directory::{DirectoryError, Unlock};

/// How a server keeps its locks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    ActiveDirectory,
    PasswordPolicy,
}

/// What an entry says of a lock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Lock {
    Held(Kind),
    /// An administrator's decision, and no consequence of wrong passwords.
    ForGood,
    Open,
    /// Neither kind of server, or the service user may read nothing of it.
    Unknown,
}

impl Client {
    /// Of the account with this distinguished name.
    pub async fn unlock(&self, dn: &str, now: Time) -> Result<Unlock, DirectoryError> {
        let service_user = self.config().service_user.as_str();
        let work = self.ask(move |kept| async move { unlock(&kept.connection, dn, (service_user, now)).await });
        self.in_time(work).await
    }
}

async fn unlock(connection: &Connection, dn: &str, (service_user, now): (&str, Time)) -> Result<Unlock, Fault> {
    let question =
        Question { base: dn, scope: Scope::Base, filter: "(objectClass=*)", attributes: &status::ATTRIBUTES, at_most: 1 };
    let found = connection.search(question).await?.entries;
    let Some(entry) = found.first() else {
        return Ok(Unlock::Unable(format!("{dn} is gone, or {service_user} may not see it")));
    };
    let (kind, change) = match lock(entry, now) {
        Lock::Open => return Ok(Unlock::NotLocked),
        Lock::ForGood => return Ok(Unlock::Unable(FOR_GOOD.to_owned())),
        Lock::Unknown if has_policies(connection).await? => return Ok(Unlock::NotLocked),
        Lock::Unknown => return Ok(Unlock::Unable(UNKNOWN.to_owned())),
        Lock::Held(Kind::ActiveDirectory) => {
            let zero = HashSet::from([b"0".to_vec()]);
            (Kind::ActiveDirectory, Mod::Replace(LOCKOUT_TIME.as_bytes().to_vec(), zero))
        }
        // The overlay forgets the failures along with it.
        Lock::Held(Kind::PasswordPolicy) => (Kind::PasswordPolicy, Mod::Delete(LOCKED_TIME.as_bytes().to_vec(), HashSet::new())),
    };
    let result = connection.modify(dn, vec![change]).await?;
    match result.rc {
        BUSY | UNAVAILABLE => Err(Fault::Server(said(&result))),
        _ => Ok(meaning(&result, kind, (service_user, entry))),
    }
}

fn lock(entry: &SearchEntry, now: Time) -> Lock {
    let shows = |attribute: &str| entry::first(entry, attribute).is_some();
    let locked_at = entry::first(entry, LOCKED_TIME);
    if locked_at.as_deref() == Some(status::LOCKED_FOR_GOOD) {
        return Lock::ForGood;
    }
    if locked_at.is_some() {
        return Lock::Held(Kind::PasswordPolicy);
    }
    if status::of(entry, now).restrictions.contains(&Restriction::Locked) {
        return Lock::Held(Kind::ActiveDirectory);
    }
    let is_known = ["userAccountControl", "msDS-User-Account-Control-Computed", LOCKOUT_TIME, "pwdChangedTime"];
    if is_known.into_iter().any(shows) { Lock::Open } else { Lock::Unknown }
}

/// Whether the server knows password policies: an account that was never locked need not show any of their attributes.
async fn has_policies(connection: &Connection) -> Result<bool, Fault> {
    let attributes = &["supportedControl"];
    let question = Question { base: "", scope: Scope::Base, filter: "(objectClass=*)", attributes, at_most: 1 };
    let root = connection.search(question).await?.entries;
    Ok(root.iter().any(|root| entry::all(root, "supportedControl").iter().any(|control| control == password_policy::CONTROL)))
}

/// What the answer to the change means.
fn meaning(result: &LdapResult, kind: Kind, (service_user, entry): (&str, &SearchEntry)) -> Unlock {
    let answer = said(result);
    match (result.rc, kind) {
        (SUCCESS, _) => Unlock::Lifted,
        // Somebody else was faster.
        (NO_SUCH_ATTRIBUTE, Kind::PasswordPolicy) => Unlock::NotLocked,
        (INSUFFICIENT_ACCESS, Kind::ActiveDirectory) if status::is_privileged(entry) => Unlock::Unable(format!(
            "{service_user} may not write {LOCKOUT_TIME} of this account, which is protected as an administrator's (adminCount): no right \
             that is delegated reaches it, an administrator lifts the lock ({answer})"
        )),
        (INSUFFICIENT_ACCESS, Kind::ActiveDirectory) => Unlock::Unable(format!(
            "{service_user} lacks the right to write {LOCKOUT_TIME} of users; an administrator delegates it with: dsacls \"the users' OU\" /I:S \
             /G \"{service_user}:RPWP;{LOCKOUT_TIME};user\" ({answer})"
        )),
        (INSUFFICIENT_ACCESS, Kind::PasswordPolicy) => Unlock::Unable(format!(
            "{service_user} lacks the right to write {LOCKED_TIME} of users; in OpenLDAP: access to attrs={LOCKED_TIME} by \
             dn.exact=\"{service_user}\" write ({answer})"
        )),
        (REFERRAL, _) => Unlock::Unable(format!(
            "the server that was asked is a copy that takes no changes; name one that does in `servers` ({answer})"
        )),
        _ => Unlock::Unable(format!("the directory refused to lift it ({answer})")),
    }
}

const LOCKOUT_TIME: &str = "lockoutTime";
const LOCKED_TIME: &str = "pwdAccountLockedTime";
const FOR_GOOD: &str =
    "an administrator has locked the account for good (pwdAccountLockedTime is 000001010000Z), and that is lifted there alone";
const UNKNOWN: &str = "it shows neither lockoutTime (Active Directory) nor the attributes of a password policy overlay, so it is not known how it \
                       locks accounts: lift the lock there, or let the service user read these attributes";

// RFC 4511 section 4.1.9
const REFERRAL: u32 = 10;
const NO_SUCH_ATTRIBUTE: u32 = 16;
const INSUFFICIENT_ACCESS: u32 = 50;

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(attributes: &[(&str, &str)]) -> SearchEntry {
        let attrs = attributes.iter().map(|(name, value)| ((*name).into(), vec![(*value).into()])).collect();
        SearchEntry { dn: "cn=a".into(), attrs, bin_attrs: std::collections::HashMap::new() }
    }

    #[test]
    fn a_lock_is_known_by_what_the_entry_shows() {
        let table: [(&[(&str, &str)], Lock); 9] = [
            (&[], Lock::Unknown),
            (&[("nsAccountLock", "true")], Lock::Unknown),
            (&[("userAccountControl", "512"), ("lockoutTime", "0")], Lock::Open),
            (&[("lockoutTime", "133444736001234567")], Lock::Held(Kind::ActiveDirectory)),
            (&[("msDS-User-Account-Control-Computed", "16")], Lock::Held(Kind::ActiveDirectory)),
            // It has run out.
            (&[("lockoutTime", "133444736001234567"), ("msDS-User-Account-Control-Computed", "8388608")], Lock::Open),
            (&[("pwdChangedTime", "20231114221320Z")], Lock::Open),
            (&[("pwdAccountLockedTime", "20231114221320Z")], Lock::Held(Kind::PasswordPolicy)),
            (&[("pwdAccountLockedTime", "000001010000Z")], Lock::ForGood),
        ];
        for (attributes, expected) in table {
            assert_eq!(lock(&entry(attributes), Time::from_millis(1_700_000_000_000)), expected, "{attributes:?}");
        }
    }

    #[test]
    fn each_refusal_names_the_right_that_is_missing() {
        let table = [
            (50, Kind::ActiveDirectory, "0", "dsacls \"the users' OU\" /I:S /G \"CORP\\svc:RPWP;lockoutTime;user\""),
            (50, Kind::ActiveDirectory, "1", "protected as an administrator's (adminCount)"),
            (50, Kind::PasswordPolicy, "0", "access to attrs=pwdAccountLockedTime by dn.exact=\"CORP\\svc\" write"),
            (10, Kind::ActiveDirectory, "0", "takes no changes"),
            (53, Kind::PasswordPolicy, "0", "refused to lift it (result 53: no)"),
        ];
        for (rc, kind, admin_count, words) in table {
            let result = LdapResult { rc, matched: String::new(), text: "no".to_owned(), refs: Vec::new(), ctrls: Vec::new() };
            let answer = meaning(&result, kind, ("CORP\\svc", &entry(&[("adminCount", admin_count)])));
            let Unlock::Unable(why) = answer else { panic!("{answer:?}") };
            assert!(why.contains(words) && why.contains(&format!("(result {rc}: no)")), "{why}");
        }
    }
}
