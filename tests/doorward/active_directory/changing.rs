//! A password is changed by the old one, over the service user's connection.

use std::time::Duration;

use doorward::config::directory::LdapServer;
use doorward::directory::active_directory::ActiveDirectory;
use doorward::directory::{Changed, Complaint, Directory, Verdict};

use super::{named, open, secret, verdict};
use crate::support::samba::Samba;

async fn change(directory: &ActiveDirectory, name: &str, old: &str, new: &str) -> Changed {
    let account = named(directory, name).await.unwrap();
    directory.change(&account, &secret(old), &secret(new)).await.unwrap()
}

#[tokio::test]
async fn whoever_knows_the_old_one_gets_a_new_one() {
    let Some(samba) = Samba::shared().await else { return };
    samba.admin().await.add_member("changer", "Wonder-land1", &[]).await;
    let directory = open(&samba.config());
    assert_eq!(change(&directory, "changer", "wrong", "Looking-glass2").await, Changed::WrongOld);
    assert_eq!(change(&directory, "changer", "", "Looking-glass2").await, Changed::WrongOld);
    assert_eq!(change(&directory, "changer", "Wonder-land1", "").await, Changed::Refused(Complaint::Policy));
    let odd = "L\"ooking😀 glass2 ";
    assert_eq!(change(&directory, "changer", "Wonder-land1", odd).await, Changed::Yes);
    let account = named(&directory, "changer").await.unwrap();
    assert_eq!(verdict(&directory, &account, "Wonder-land1").await, Verdict::Wrong);
    assert_eq!(verdict(&directory, &account, odd).await, Verdict::Correct);
}

#[tokio::test]
async fn one_that_must_be_changed_or_has_expired_is_changed_too() {
    let Some(samba) = Samba::shared().await else { return };
    let admin = samba.admin().await;
    let must = admin.add_member("must-now", "Wonder-land1", &[]).await;
    admin.set(&must, "pwdLastSet", &["0"]).await;
    admin.add_member("expired-now", "Wonder-land1", &[]).await;
    samba.age_password("expired-now", Duration::from_secs(400 * 24 * 3600));
    let directory = open(&samba.config());
    for (name, before) in [("must-now", Verdict::MustChange), ("expired-now", Verdict::Expired)] {
        let account = named(&directory, name).await.unwrap();
        assert_eq!(verdict(&directory, &account, "Wonder-land1").await, before);
        assert_eq!(change(&directory, name, "Wonder-land1", "Looking-glass2").await, Changed::Yes, "{name}");
        assert_eq!(verdict(&directory, &account, "Looking-glass2").await, Verdict::Correct, "{name}");
    }
}

#[tokio::test]
async fn what_the_domain_has_against_a_new_one_is_told() {
    let Some(samba) = Samba::start().await else { return };
    let admin = samba.admin().await;
    admin.add_member("alice", "Wonder-land1", &[]).await;
    let directory = open(&samba.config());
    let complaint = async |new: &str| change(&directory, "alice", "Wonder-land1", new).await;
    assert_eq!(complaint("Lg-2").await, Changed::Refused(Complaint::TooShort));
    assert_eq!(complaint("lookingglass").await, Changed::Refused(Complaint::NotComplex));
    assert_eq!(complaint("Wonder-land1").await, Changed::Refused(Complaint::UsedBefore));
    admin.set(samba.base(), "minPwdAge", &["-864000000000"]).await;
    assert_eq!(complaint("Looking-glass2").await, Changed::Refused(Complaint::TooYoung));
    admin.set(samba.base(), "minPwdAge", &["0"]).await;
    assert_eq!(complaint("Looking-glass2").await, Changed::Yes);
}

#[tokio::test]
async fn a_locked_account_keeps_its_password() {
    let Some(samba) = Samba::start().await else { return };
    samba.lock_out_after(2, Duration::from_secs(60)).await;
    samba.admin().await.add_member("alice", "Wonder-land1", &[]).await;
    let directory = open(&samba.config());
    for _ in 0..2 {
        assert_eq!(change(&directory, "alice", "wrong", "Looking-glass2").await, Changed::WrongOld);
    }
    let changed = change(&directory, "alice", "Wonder-land1", "Looking-glass2").await;
    assert!(matches!(&changed, Changed::Unable(why) if why.contains("locked")), "{changed:?}");
}

#[tokio::test]
async fn no_password_is_changed_where_others_could_read_it() {
    let Some(samba) = Samba::shared().await else { return };
    samba.admin().await.add_member("clear", "Wonder-land1", &[]).await;
    let mut config = samba.config();
    config.ldap.servers = vec![LdapServer { tls: false, host: samba.address().into(), port: 389 }];
    let directory = open(&config);
    let changed = change(&directory, "clear", "Wonder-land1", "Looking-glass2").await;
    assert!(matches!(&changed, Changed::Unable(why) if why.contains("TLS")), "{changed:?}");
    config.ldap.starttls = true;
    config.ldap.servers[0].host = samba.address().into();
    assert_eq!(change(&open(&config), "clear", "Wonder-land1", "Looking-glass2").await, Changed::Yes);
}
