//! `user unlock --directory`: the directory's own lock is lifted where the service user may, and else it is said which right is missing.

use std::time::Duration;

use doorward::auth::{AccountDone, AccountTask};
use doorward::directory::Unlock;

use crate::account::asked;
use crate::support::node::{Bed, detail};
use crate::support::peers::{Slapd, slapd};
use crate::support::samba::Samba;
use crate::support::toml::Toml;

/// lockoutTime (MS-ADA1 section 2.408), to be read and written.
const DELEGATED: &str = "(OA;;RPWP;28630ebf-41d5-11d1-a9c1-0000f80367c1;;USER)";

/// What became of the directory's lock, which must stand in the journal too.
async fn unlocked(bed: &Bed, name: &str) -> Unlock {
    let done = asked(bed, AccountTask::UnlockInDirectory(name.to_owned())).await.unwrap();
    let AccountDone::Unlocked { user, directory: Some(unlock), .. } = done else { panic!("{done:?}") };
    let journal = bed.journal();
    let newest = |kind: &str| journal.iter().rposition(|event| event.kind == kind).unwrap();
    let (command, event) = (newest("control-used"), newest("directory-unlock"));
    assert!(command < event, "{journal:?}");
    let (command, event) = (&journal[command], &journal[event]);
    assert_eq!(detail(command)["command"], format!("user unlock {user} --directory"));
    let (outcome, why) = match &unlock {
        Unlock::Lifted => ("lifted", None),
        Unlock::NotLocked => ("not-locked", None),
        Unlock::Unable(why) => ("unable", Some(why.as_str())),
    };
    assert_eq!(event.user, user);
    assert_eq!((detail(event)["outcome"].as_str(), detail(event)["why"].as_str()), (Some(outcome), why));
    unlock
}

async fn why_not(bed: &Bed, name: &str) -> String {
    match unlocked(bed, name).await {
        Unlock::Unable(why) => why,
        other => panic!("{name}: {other:?}"),
    }
}

async fn openldap(environment: &[(&str, &str)]) -> Option<(Slapd, Bed)> {
    let slapd = slapd(environment)?;
    let directory = format!(
        "[[directory]]\nname = \"corp\"\nkind = \"ldap\"\ndomain = \"ldap.example\"\nservers = [\"ldap://127.0.0.1:{}\"]\n\
         service_user = \"{}\"\nservice_password = \"{}\"\n\
         users = {{ base = \"ou=people,{}\", names = [\"uid\"], member_of = \"{}\" }}\n",
        slapd.port(),
        slapd.service_user(),
        slapd.service_password(),
        slapd.base(),
        slapd.group(),
    );
    let limits = "failures_per_user = \"100/15m\"";
    Some((slapd, Bed::with(Toml::bed().directory(directory).limits(limits)).await))
}

/// Wrong passwords until the directory looks at none any more.
async fn lock(bed: &Bed, name: &str, count: usize) {
    for number in 0..count {
        assert_eq!(bed.browser().login(name, &format!("wrong {number}")).await.status, 403, "{name}");
    }
}

#[tokio::test]
async fn openldap_lifts_a_lock_where_the_service_user_may() {
    let Some((slapd, bed)) = openldap(&[("PPOLICY", "1"), ("SERVICE_UNLOCKS", "1")]).await else { return };
    let name = "bob@ldap.example";
    assert_eq!(unlocked(&bed, name).await, Unlock::NotLocked);
    lock(&bed, name, 4).await;
    assert_eq!(bed.browser().login(name, "can-we-fix-it").await.status, 403);
    assert_eq!(unlocked(&bed, name).await, Unlock::Lifted);
    assert_eq!(bed.browser().login(name, "can-we-fix-it").await.status, 303);
    assert_eq!(unlocked(&bed, name).await, Unlock::NotLocked);

    // What an administrator has decided is no door for us to open.
    let dn = format!("uid=bob,ou=people,{}", slapd.base());
    slapd.modify(&format!("dn: {dn}\nchangetype: modify\nreplace: pwdAccountLockedTime\npwdAccountLockedTime: 000001010000Z\n"));
    assert!(why_not(&bed, name).await.contains("for good"));
    assert_eq!(bed.browser().login(name, "can-we-fix-it").await.status, 403);
}

#[tokio::test]
async fn without_the_right_or_a_known_kind_of_lock_openldap_stays_as_it_is_and_it_is_said_why() {
    let Some((_slapd, bed)) = openldap(&[("PPOLICY", "1")]).await else { return };
    lock(&bed, "bob@ldap.example", 4).await;
    let why = why_not(&bed, "bob@ldap.example").await;
    assert!(why.contains("lacks the right to write pwdAccountLockedTime") && why.contains("result 50"), "{why}");
    assert_eq!(bed.browser().login("bob@ldap.example", "can-we-fix-it").await.status, 403);
    // A users file beside it.
    assert_eq!(why_not(&bed, "people:alice").await, "a directory of this kind locks no account");
    // Not one of those who may sign in.
    assert!(asked(&bed, AccountTask::UnlockInDirectory("carol@ldap.example".to_owned())).await.is_err());

    let Some((_slapd, bed)) = openldap(&[]).await else { return };
    assert!(why_not(&bed, "bob@ldap.example").await.contains("it is not known how it locks accounts"));
}

#[tokio::test]
async fn active_directory_lifts_a_lock_once_the_right_is_delegated_and_says_so_before() {
    let Some(samba) = Samba::start().await else { return };
    samba.lock_out_after(3, Duration::from_secs(600)).await;
    let admin = samba.admin().await;
    let phone = ("mobile", "+45 20 00 00 01");
    let dn = admin.add_member("alice", "Wonder-land1", &[phone]).await;
    let chief = admin.add_member("chief", "Wonder-land1", &[phone]).await;
    admin.set(&chief, "adminCount", &["1"]).await;
    let bed = Bed::with(Toml::bed().directory(samba.section("corp"))).await;
    let name = format!("alice@{}", samba.domain());
    assert_eq!(unlocked(&bed, &name).await, Unlock::NotLocked);

    // By somebody else: our own limits leave the domain's threshold alone.
    for dn in [&dn, &chief] {
        for _ in 0..4 {
            assert!(!samba.accepts(dn, "wrong").await);
        }
    }
    assert_eq!(bed.browser().login(&name, "Wonder-land1").await.status, 403);
    let why = why_not(&bed, &name).await;
    assert!(why.contains("lacks the right to write lockoutTime") && why.contains("dsacls"), "{why}");
    let why = why_not(&bed, &format!("chief@{}", samba.domain())).await;
    assert!(why.contains("protected as an administrator's"), "{why}");

    samba.permit(&dn, DELEGATED);
    assert_eq!(unlocked(&bed, &name).await, Unlock::Lifted);
    assert_eq!(admin.value(&dn, "lockoutTime").await.as_deref(), Some("0"));
    assert_eq!(bed.browser().login(&name, "Wonder-land1").await.status, 303);
    assert_eq!(unlocked(&bed, &name).await, Unlock::NotLocked);
}
