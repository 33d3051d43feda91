//! Who may sign in: groups within groups, the primary group, groups that keep people out.

use std::collections::HashSet;

use doorward::directory::{By, Directory, DirectoryError};
use ldap3::Mod;

use super::{named, open};
use crate::support::samba::Samba;

#[tokio::test]
async fn a_group_within_a_group_counts() {
    let Some(samba) = Samba::shared().await else { return };
    let admin = samba.admin().await;
    let user = admin.add_user("nested", "Wonder-land1", &[]).await;
    admin.add_user("outside", "Wonder-land1", &[]).await;
    let inner = admin.add_group("nest inner", &[&user]).await;
    let middle = admin.add_group("nest middle", &[&inner]).await;
    let plain = admin.add_group("nest outer", &[&middle]).await;
    admin.move_to(&plain, "nest outer, (1)*", &format!("CN=Users,{}", samba.base())).await;
    let outer = format!("CN=nest outer\\, (1)*,CN=Users,{}", samba.base());
    // In a circle, as it happens.
    admin.join(&inner, &outer).await;
    let mut config = samba.config();
    config.ldap.users.member_of = Some(outer.clone());
    let directory = open(&config);
    let groups = named(&directory, "nested").await.unwrap().user.groups;
    for group in [&inner, &middle, &outer, &samba.dn("Domain Users")] {
        assert!(groups.contains(group), "{group}: {groups:?}");
    }
    assert!(named(&directory, "outside").await.is_none());
}

#[tokio::test]
async fn the_primary_group_and_a_group_for_mail_count_too() {
    let Some(samba) = Samba::shared().await else { return };
    let admin = samba.admin().await;
    let user = admin.add_user("mailed", "Wonder-land1", &[]).await;
    admin.add_user("unmailed", "Wonder-land1", &[]).await;
    // A distribution group, global: such are in nobody's security token.
    let inner = admin.add_group("mail inner", &[&user]).await;
    let outer = admin.add_group("mail outer", &[&inner]).await;
    for group in [&inner, &outer] {
        admin.set(group, "groupType", &["2"]).await;
    }
    let mut config = samba.config();
    config.ldap.users.member_of = Some(outer);
    let directory = open(&config);
    assert!(named(&directory, "mailed").await.is_some());
    assert!(named(&directory, "unmailed").await.is_none());

    config.ldap.users.member_of = Some(samba.dn("Domain Users"));
    let directory = open(&config);
    assert!(named(&directory, "unmailed").await.is_some());
    config.ldap.users.member_of = Some(samba.dn("Domain Guests"));
    assert!(named(&open(&config), "unmailed").await.is_none());
}

#[tokio::test]
async fn refused_groups_and_privileged_accounts_are_nobody() {
    let Some(samba) = Samba::shared().await else { return };
    let admin = samba.admin().await;
    let refused = admin.add_member("refused", "Wonder-land1", &[]).await;
    let privileged = admin.add_member("privileged", "Wonder-land1", &[]).await;
    admin.add_member("ordinary", "Wonder-land1", &[]).await;
    let inner = admin.add_group("refused inner", &[&refused]).await;
    let outer = admin.add_group("refused outer", &[&inner]).await;
    // Samba has no process that sets it on members of administrative groups.
    admin.set(&privileged, "adminCount", &["1"]).await;
    let mut config = samba.config();
    let directory = open(&config);
    for name in ["refused", "privileged", "ordinary"] {
        assert!(named(&directory, name).await.is_some(), "{name}");
    }
    config.refuse_groups = vec![samba.dn("Domain Guests"), outer];
    config.refuse_privileged = true;
    let directory = open(&config);
    for (name, expected) in [("refused", false), ("privileged", false), ("ordinary", true)] {
        assert_eq!(named(&directory, name).await.is_some(), expected, "{name}");
    }
}

#[tokio::test]
async fn a_group_that_does_not_exist_lets_nobody_in_and_is_named() {
    let Some(samba) = Samba::shared().await else { return };
    samba.admin().await.add_member("misled", "Wonder-land1", &[]).await;
    let gone = samba.dn("no such group");
    let mut of = samba.config();
    of.ldap.users.member_of = Some(gone.clone());
    let mut refuse = samba.config();
    refuse.refuse_groups = vec![gone.clone()];
    for config in [of, refuse] {
        let found = open(&config).find(&By::Account("misled".into())).await;
        let Err(DirectoryError::Failed { why, .. }) = found else { panic!("{found:?}") };
        assert!(why.contains(&gone), "{why}");
    }
}

#[tokio::test]
async fn a_user_with_hundreds_of_groups_signs_in() {
    let Some(samba) = Samba::start().await else { return };
    // More than the 500 that other directories are read to; Samba takes some milliseconds to make one.
    let count = if std::env::var("DOORWARD_LONG").is_ok_and(|long| long == "1") { 1500 } else { 600 };
    let admin = samba.admin().await;
    let user = admin.add_member("collector", "Wonder-land1", &[]).await;
    let inner = admin.add_group("collected", &[&user]).await;
    for number in 0..count {
        admin.add_group(&format!("collection {number}"), &[&inner]).await;
    }
    let directory = open(&samba.config());
    let groups: HashSet<String> = named(&directory, "collector").await.unwrap().user.groups.into_iter().collect();
    assert!(groups.len() > count && groups.contains(&samba.dn(&format!("collection {}", count - 1))), "{}", groups.len());
}

#[tokio::test]
async fn second_phones_may_be_several_and_the_first_is_taken() {
    let Some(samba) = Samba::shared().await else { return };
    let admin = samba.admin().await;
    let user = admin.add_member("phones", "Wonder-land1", &[("mobile", "  ")]).await;
    let numbers = ["+45 20 00 00 02", "+45 20 00 00 03"].map(|number| number.as_bytes().to_vec());
    admin.modify(&user, vec![Mod::Add(b"otherMobile".to_vec(), HashSet::from(numbers))]).await;
    let user = named(&open(&samba.config()), "phones").await.unwrap().user;
    assert!(user.second_mobile.is_some_and(|number| number.starts_with("+45 20 00 00 0")));
    assert_eq!(user.mobile, None);
}
