//! OpenLDAP with password policies: what its binds say beside yes and no, and passwords that are changed there.

use std::time::Duration;

use doorward::base::random::SystemSource;
use doorward::base::{Clock, Secret};
use doorward::config::directory::Ldap as Config;
use doorward::directory::ldap::Ldap;
use doorward::directory::{Account, By, Changed, Complaint, Directory, DirectoryError, Verdict};

use crate::ldap_directory::{config, plain};
use crate::support::peers::{Slapd, dead_port, hung_server, slapd};

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

const FIRST: &str = "first-password";
const POLICIES: (&str, &str) = ("PPOLICY", "1");
const WRITES: (&str, &str) = ("SERVICE_WRITES", "1");

fn open(config: &Config) -> Ldap {
    Ldap::new("corp".into(), config, Clock::by_hand(), &SystemSource).unwrap()
}

async fn named(ldap: &Ldap, name: &str) -> Account {
    ldap.find(&By::Account(name.to_owned())).await.unwrap().pop().unwrap_or_else(|| panic!("nobody is called {name}"))
}

struct Person<'a> {
    ldap: &'a Ldap,
    account: Account,
}

impl<'a> Person<'a> {
    async fn named(ldap: &'a Ldap, name: &str) -> Self {
        Self { account: named(ldap, name).await, ldap }
    }

    async fn verdict(&self, password: &str) -> Verdict {
        self.ldap.verify(&self.account, &secret(password)).await.unwrap()
    }

    async fn change(&self, old: &str, new: &str) -> Changed {
        self.ldap.change(&self.account, &secret(old), &secret(new)).await.unwrap()
    }
}

fn of(slapd: &Slapd) -> Ldap {
    open(&config(slapd))
}

#[tokio::test]
async fn every_state_of_a_password_is_told_only_to_who_knows_it() {
    let Some(slapd) = slapd(&[POLICIES]) else { return };
    let ldap = of(&slapd);
    for (name, expected) in
        [("reset", Verdict::MustChange), ("old", Verdict::Expired), ("grace", Verdict::Expired), ("young", Verdict::Correct)]
    {
        let person = Person::named(&ldap, name).await;
        assert_eq!(person.verdict("not this").await, Verdict::Wrong, "{name}");
        assert_eq!(person.verdict(FIRST).await, expected, "{name}");
    }
    let Verdict::Expiring(left) = Person::named(&ldap, "soon").await.verdict(FIRST).await else { panic!("not warned") };
    let ten_days = Duration::from_secs(864_000);
    assert!(left <= ten_days && left > ten_days - Duration::from_secs(600), "{left:?}");
}

#[tokio::test]
async fn an_account_that_is_locked_says_so_whatever_the_password() {
    let Some(slapd) = slapd(&[POLICIES]) else { return };
    let ldap = of(&slapd);
    let alice = Person::named(&ldap, "alice").await;
    for _ in 0..3 {
        assert_eq!(alice.verdict("wrong").await, Verdict::Wrong);
    }
    assert_eq!(alice.verdict("wrong").await, Verdict::Locked);
    assert_eq!(alice.verdict("wonderland").await, Verdict::Locked);
    assert_eq!(alice.change("wonderland", "looking-glass").await, Changed::WrongOld);
}

#[tokio::test]
async fn a_password_is_changed_by_its_owner_and_the_old_one_is_wrong_then() {
    let Some(slapd) = slapd(&[POLICIES]) else { return };
    let ldap = of(&slapd);
    for name in ["reset", "grace", "soon"] {
        let person = Person::named(&ldap, name).await;
        assert_eq!(person.change(FIRST, "Grüße \u{1f600} \"aus\" Köln ").await, Changed::Yes, "{name}");
        assert!(
            matches!(person.verdict("Grüße \u{1f600} \"aus\" Köln ").await, Verdict::Correct | Verdict::Expiring(_)),
            "{name}"
        );
        assert_eq!(person.verdict(FIRST).await, Verdict::Wrong, "{name}");
    }
}

#[tokio::test]
async fn what_the_policy_has_against_a_new_password_is_told() {
    let Some(slapd) = slapd(&[POLICIES]) else { return };
    let ldap = of(&slapd);
    let reset = Person::named(&ldap, "reset").await;
    assert_eq!(reset.change(FIRST, "short").await, Changed::Refused(Complaint::TooShort));
    assert_eq!(reset.change(FIRST, FIRST).await, Changed::Refused(Complaint::UsedBefore));
    assert_eq!(reset.verdict(FIRST).await, Verdict::MustChange, "nothing was changed");
    let young = Person::named(&ldap, "young").await;
    assert_eq!(young.change(FIRST, "second-password").await, Changed::Refused(Complaint::TooYoung));
    assert_eq!(young.change("not this", "second-password").await, Changed::WrongOld);
    assert_eq!(young.change("", "second-password").await, Changed::WrongOld);
    assert_eq!(young.change(FIRST, "").await, Changed::Refused(Complaint::Policy));
}

#[tokio::test]
async fn one_that_has_run_out_is_changed_by_the_service_user_where_it_may() {
    for environment in [&[POLICIES][..], &[POLICIES, WRITES]] {
        let Some(slapd) = slapd(environment) else { return };
        let ldap = of(&slapd);
        let old = Person::named(&ldap, "old").await;
        assert_eq!(old.change("not this", "second-password").await, Changed::WrongOld);
        let changed = old.change(FIRST, "second-password").await;
        if environment.len() == 1 {
            let Changed::Unable(why) = changed else { panic!("{changed:?}") };
            assert!(why.contains("the service user may not change this password"), "{why}");
            continue;
        }
        assert_eq!(changed, Changed::Yes);
        assert_eq!(old.verdict("second-password").await, Verdict::Correct);
    }
}

#[tokio::test]
async fn a_server_that_lets_nobody_write_a_password_is_unable_and_says_what_is_missing() {
    let Some(slapd) = slapd(&[]) else { return };
    let ldap = of(&slapd);
    let changed = Person::named(&ldap, "alice").await.change("wonderland", "looking-glass").await;
    let Changed::Unable(why) = changed else { panic!("{changed:?}") };
    assert!(why.contains("the user may not change this password: a right to write userPassword is missing"), "{why}");
}

#[tokio::test]
async fn where_no_server_answers_nobody_knows_and_a_dead_one_is_passed_over() {
    let Some(slapd) = slapd(&[POLICIES]) else { return };
    let mut config = config(&slapd);
    config.servers.insert(0, plain(dead_port()));
    let ldap = open(&config);
    let reset = Person::named(&ldap, "reset").await;
    assert_eq!(reset.change(FIRST, "second-password").await, Changed::Yes);

    let (_held, hung) = hung_server();
    for port in [dead_port(), hung] {
        config.servers = vec![plain(port)];
        let changed = open(&config).change(&reset.account, &secret("second-password"), &secret("third-password")).await;
        assert!(matches!(changed, Err(DirectoryError::Unreachable { .. })), "{changed:?}");
    }
}
