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
    let mut config = samba.config();
    (config.ldap.service_user, config.ldap.service_password) = samba.administrator();
    assert_eq!(named(&open(&config), "bob").await.unwrap().lock_out, rule(3, 0));
}

#[tokio::test]
async fn one_that_may_not_be_read_is_taken_to_be_strict_until_it_may() {
    let Some(samba) = Samba::start().await else { return };
    let admin = samba.admin().await;
    let mut people = Vec::new();
    for (name, threshold) in [("alice", 0), ("bob", 20), ("carol", 2)] {
        people.push(admin.add_member(name, "Wonder-land1", &[]).await);
        if threshold > 0 {
            admin.lock_out_of(&people[people.len() - 1], threshold, WINDOW).await;
        }
    }
    let hour = Duration::from_secs(3600);
    let strict = |threshold| Some(LockOut { threshold, window: hour, spent: 0 });
    // Such rules are for administrators' eyes alone. The domain's says nothing of them, be it that it locks nobody out or later than
    // they do; and one that is stricter still is taken in their place.
    for (of_domain, alice, bob) in [(0, None, strict(3)), (5, rule(5, 0), strict(3)), (2, rule(2, 0), strict(2))] {
        samba.lock_out_after(of_domain, WINDOW).await;
        let directory = open(&samba.config());
        assert_eq!(named(&directory, "alice").await.unwrap().lock_out, alice, "{of_domain}");
        assert_eq!(named(&directory, "bob").await.unwrap().lock_out, bob, "{of_domain}");
    }
    samba.permit(&samba.policies(), "(A;CI;RPLCLORC;;;USER)");
    let directory = open(&samba.config());
    for (name, threshold) in [("alice", 2), ("bob", 20), ("carol", 2)] {
        assert_eq!(named(&directory, name).await.unwrap().lock_out, rule(threshold, 0), "{name}");
    }
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
