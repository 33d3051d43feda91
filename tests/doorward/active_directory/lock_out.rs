//! The rule that locks an account: read from the domain and from rules for some people, less what others have used up.

use std::time::Duration;

use doorward::directory::{Directory, LockOut, Verdict};

use super::{named, open, secret, verdict};
use crate::support::samba::Samba;

const WINDOW: Duration = Duration::from_secs(600);

fn rule(threshold: u32, spent: u32) -> Option<LockOut> {
    Some(LockOut { threshold, window: WINDOW, spent })
}

#[tokio::test]
async fn it_is_read_from_the_domain_and_for_some_from_a_rule_of_their_own() {
    let Some(samba) = Samba::start().await else { return };
    let admin = samba.admin().await;
    admin.add_member("alice", "Wonder-land1", &[]).await;
    let directory = open(&samba.config());
    assert_eq!(named(&directory, "alice").await.unwrap().lock_out, None, "a new domain locks nobody out");

    samba.lock_out_after(5, WINDOW).await;
    let bob = admin.add_member("bob", "Wonder-land1", &[]).await;
    admin.lock_out_of(&bob, 3, WINDOW).await;
    let directory = open(&samba.config());
    assert_eq!(named(&directory, "alice").await.unwrap().lock_out, rule(5, 0));
    // By default such rules are for administrators' eyes alone; the domain's is taken then.
    assert_eq!(named(&directory, "bob").await.unwrap().lock_out, rule(5, 0));
    let mut config = samba.config();
    (config.ldap.service_user, config.ldap.service_password) = samba.administrator();
    assert_eq!(named(&open(&config), "bob").await.unwrap().lock_out, rule(3, 0));
}

#[tokio::test]
async fn wrong_passwords_from_elsewhere_are_used_up_and_ours_are_not_counted_twice() {
    let Some(samba) = Samba::start().await else { return };
    samba.lock_out_after(5, WINDOW).await;
    let dn = samba.admin().await.add_member("alice", "Wonder-land1", &[]).await;
    let directory = open(&samba.config());
    let alice = named(&directory, "alice").await.unwrap();
    assert_eq!(verdict(&directory, &alice, "wrong").await, Verdict::Wrong);
    assert_eq!(named(&directory, "alice").await.unwrap().lock_out, rule(5, 0), "ours");

    // Another program of the same domain.
    let elsewhere = open(&samba.config());
    for _ in 0..2 {
        assert_eq!(elsewhere.verify(&alice, &secret("wrong")).await.unwrap(), Verdict::Wrong);
    }
    assert_eq!(named(&directory, "alice").await.unwrap().lock_out, rule(5, 2));
    assert_eq!(verdict(&directory, &alice, "Wonder-land1").await, Verdict::Correct);
    assert_eq!(named(&directory, "alice").await.unwrap().lock_out, rule(5, 0), "forgotten with the right password");
    assert_eq!(samba.admin().await.value(&dn, "badPwdCount").await.as_deref(), Some("0"));
}
