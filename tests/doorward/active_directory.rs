//! Active Directory, by real domain controllers (Samba): names and the states of an account. The rest is in the folder of this name.

mod bad_days;
mod changing;
mod cost;
mod finding;
mod groups;
mod lock_out;

use std::sync::Arc;
use std::time::Duration;

use doorward::base::random::SystemSource;
use doorward::base::{Clock, Secret};
use doorward::config::active_directory::ActiveDirectory as Config;
use doorward::config::directory::Domain;
use doorward::directory::active_directory::ActiveDirectory;
use doorward::directory::people::Place;
use doorward::directory::{Account, Bar, By, Directory, Found, Name, People, Verdict};

use crate::support::samba::Samba;

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

pub fn open(config: &Config) -> ActiveDirectory {
    ActiveDirectory::new("corp".into(), config, Clock::by_hand(), &SystemSource).unwrap()
}

async fn named(directory: &ActiveDirectory, name: &str) -> Option<Account> {
    let mut found = directory.find(&By::Account(name.to_owned())).await.unwrap();
    assert!(found.len() < 2, "{found:?}");
    found.pop()
}

async fn verdict(directory: &ActiveDirectory, account: &Account, password: &str) -> Verdict {
    directory.verify(account, &secret(password)).await.unwrap()
}

#[tokio::test]
async fn a_person_is_found_and_the_password_judged() {
    let Some(samba) = Samba::shared().await else { return };
    let attributes = [
        ("mobile", "+45 20 00 00 01"),
        ("otherMobile", "+45 20 00 00 02"),
        ("mail", "first@example.test"),
        ("preferredLanguage", "da"),
        ("displayName", "First Person"),
    ];
    samba.admin().await.add_member("first", "Wonder-land1", &attributes).await;
    let directory = open(&samba.config());
    let account = named(&directory, "FIRST").await.unwrap();
    let user = &account.user;
    assert_eq!(user.name, "first");
    assert_eq!(user.id.as_str().len(), "corp:".len() + 32, "{}", user.id);
    assert_eq!(user.mobile.as_deref(), Some("+45 20 00 00 01"));
    assert_eq!(user.second_mobile.as_deref(), Some("+45 20 00 00 02"));
    assert_eq!((user.mail.as_deref(), user.language.as_deref()), (Some("first@example.test"), Some("da")));
    assert_eq!(user.display_name.as_deref(), Some("First Person"));
    assert!(user.groups.contains(&samba.group()), "{:?}", user.groups);
    assert!(user.groups.contains(&samba.dn("Domain Users")), "the primary group: {:?}", user.groups);
    assert_eq!(verdict(&directory, &account, "Wonder-land1").await, Verdict::Correct);
    assert_eq!(verdict(&directory, &account, "wonder-land1").await, Verdict::Wrong);
    directory.verify_nobody(&secret("Wonder-land1")).await.unwrap();
}

#[tokio::test]
async fn each_state_of_an_account_shows_with_the_right_password_alone() {
    let Some(samba) = Samba::shared().await else { return };
    let admin = samba.admin().await;
    let states: [(&str, &str, &str, Verdict); 5] = [
        ("state-disabled", "userAccountControl", "514", Verdict::Barred(Bar::Disabled)),
        ("state-over", "accountExpires", "125911584000000000", Verdict::Barred(Bar::AccountExpired)),
        ("state-hours", "logonHours", "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", Verdict::Barred(Bar::Hours)),
        ("state-place", "userWorkstations", "ELSEWHERE", Verdict::Barred(Bar::Workstation)),
        ("state-must", "pwdLastSet", "0", Verdict::MustChange),
    ];
    for (name, attribute, value, _) in &states {
        let dn = admin.add_member(name, "Wonder-land1", &[]).await;
        admin.set(&dn, attribute, &[value]).await;
    }
    admin.add_member("state-old", "Wonder-land1", &[]).await;
    samba.age_password("state-old", Duration::from_secs(400 * 24 * 60 * 60));
    let directory = open(&samba.config());
    let states = states.into_iter().map(|(name, .., verdict)| (name, verdict));
    for (name, expected) in states.chain([("state-old", Verdict::Expired)]) {
        let account = named(&directory, name).await.expect(name);
        assert_eq!(verdict(&directory, &account, "wrong").await, Verdict::Wrong, "{name}");
        assert_eq!(verdict(&directory, &account, "Wonder-land1").await, expected, "{name}");
    }
}

#[tokio::test]
async fn a_locked_account_says_so_to_any_password() {
    let Some(samba) = Samba::start().await else { return };
    samba.lock_out_after(3, Duration::from_secs(60)).await;
    samba.admin().await.add_member("alice", "Wonder-land1", &[]).await;
    let directory = open(&samba.config());
    let account = named(&directory, "alice").await.unwrap();
    for _ in 0..3 {
        assert_eq!(verdict(&directory, &account, "wrong").await, Verdict::Wrong);
    }
    assert_eq!(verdict(&directory, &account, "wrong").await, Verdict::Locked);
    assert_eq!(verdict(&directory, &account, "Wonder-land1").await, Verdict::Locked);
}

#[tokio::test]
async fn every_spelling_that_windows_knows_means_the_same_person() {
    let Some(samba) = Samba::shared().await else { return };
    let admin = samba.admin().await;
    admin.add_member("spelt", "Wonder-land1", &[("userPrincipalName", "s.pelt@sales.test"), ("mail", "sp@mail.test")]).await;
    let directory = open(&samba.config());
    let domain = Domain { dns: Some(samba.domain().into()), netbios: Some(samba.netbios().into()), whole_names: true };
    for typed in [
        "ADEX\\spelt",
        "adex\\SPELT",
        "ad.example.test\\spelt",
        "spelt@ad.example.test",
        "SPELT@AD.Example.Test",
        "spelt@ADEX",
        "s.pelt@sales.test",
        "S.Pelt@SALES.test",
    ] {
        let by = Name::parse(typed).unwrap().exact_in(&domain).expect(typed);
        let found = directory.find(&by).await.unwrap();
        assert_eq!(found.iter().map(|account| account.user.name.as_str()).collect::<Vec<_>>(), ["spelt"], "{typed}");
    }
    for typed in ["s.pelt@ad.example.test", "spelt@sales.test", "sp@mail.test", "OTHER\\spelt"] {
        let by = Name::parse(typed).unwrap().exact_in(&domain);
        let found = match by {
            Some(by) => directory.find(&by).await.unwrap(),
            None => Vec::new(),
        };
        assert!(found.is_empty(), "{typed}: {found:?}");
    }
    let by_mail = directory.find(&By::Mail("SP@mail.test".into())).await.unwrap();
    assert_eq!(by_mail.len(), 1);
    assert_eq!(named(&directory, "spelt").await.unwrap().user.name, "spelt");
}

#[tokio::test]
async fn an_address_of_two_people_is_nobodys() {
    let Some(samba) = Samba::shared().await else { return };
    let admin = samba.admin().await;
    // Samba, unlike Windows, lets nobody have another one's name as userPrincipalName, so an address alone can be shared here.
    admin.add_member("twice", "Wonder-land1", &[("userPrincipalName", "other@sales.test"), ("mail", "both@mail.test")]).await;
    admin.add_member("second", "Wonder-land1", &[("mail", "both@mail.test")]).await;
    let directory = Arc::new(open(&samba.config()));
    let people = people(&samba, Arc::clone(&directory));
    let found = people.find(&Name::parse("both@mail.test").unwrap()).await.unwrap();
    assert!(matches!(&found, Found::Several(ids) if ids.len() == 2), "{found:?}");
    for typed in ["twice", "ADEX\\twice", "second", "other@sales.test"] {
        let found = people.find(&Name::parse(typed).unwrap()).await.unwrap();
        assert!(matches!(found, Found::One(_)), "{typed}: {found:?}");
    }
}

#[tokio::test]
async fn no_name_leaves_its_place_in_the_filter() {
    let Some(samba) = Samba::shared().await else { return };
    samba.admin().await.add_member("victim", "Wonder-land1", &[("mail", "victim@mail.test")]).await;
    let people = people(&samba, Arc::new(open(&samba.config())));
    let long = format!("{}@{}", "ü".repeat(200), samba.domain());
    for typed in [
        "*",
        "vict*",
        "victim)(cn=*",
        "*)(objectClass=*",
        "victim\\2a",
        "ADEX\\*",
        "ADEX\\victim)(cn=*",
        "*@ad.example.test",
        "vict*@ad.example.test",
        "victim)(cn=*)@ad.example.test",
        "*@mail.test",
        "victim@mail.test)(cn=*",
        "victim\"",
        "victim,",
        "CN=victim,CN=Users,DC=ad,DC=example,DC=test",
        "😀",
        &"x".repeat(256),
        &long,
    ] {
        let found = people.find(&Name::parse(typed).unwrap()).await.unwrap();
        assert!(matches!(found, Found::Nobody), "{typed}: {found:?}");
    }
    // What no typed name can be, asked of the directory all the same.
    let directory = open(&samba.config());
    for by in [By::Account("victim\0".into()), By::Mail("\0".into()), By::Whole { name: "victim\0@x".into(), account: None }] {
        assert!(directory.find(&by).await.unwrap().is_empty(), "{by:?}");
    }
    assert!(matches!(people.find(&Name::parse("victim@mail.test").unwrap()).await.unwrap(), Found::One(_)));
}

#[tokio::test]
async fn unusual_names_and_passwords_sign_in() {
    let Some(samba) = Samba::shared().await else { return };
    let admin = samba.admin().await;
    let planes: String = ["Aa1", "é", "漢", "\u{fffd}", "😀", "\u{2f81a}", "\u{e0041}", "\u{10fffd}"].concat();
    let table = [
        ("jürgen.groß", "Grüße aus Köln 1"),
        ("smile😀", &planes),
        ("odd(name)&co!", "\"Quoted\" 'Passw0rd'\\"),
        ("spaces in it", "Trailing spaces 1  "),
        ("héĺĺö#%^{}~`$", " Leading Space 1"),
        ("$(id)", "Wonder-land1;*)(uid=*"),
    ];
    let directory = open(&samba.config());
    for (name, password) in table {
        admin.add_member(name, password, &[]).await;
        let account = named(&directory, name).await.unwrap_or_else(|| panic!("{name}"));
        assert_eq!(account.user.name, name);
        assert_eq!(verdict(&directory, &account, password).await, Verdict::Correct, "{name}");
        let cut: String = password.chars().take(password.chars().count() - 1).collect();
        for wrong in ["", "\0", &format!("{password}\0"), &format!("{password} "), &cut] {
            assert_eq!(verdict(&directory, &account, wrong).await, Verdict::Wrong, "{name} {wrong:?}");
        }
    }
}

#[tokio::test]
async fn whoever_is_renamed_and_moved_stays_the_same_and_whoever_is_made_again_is_another() {
    let Some(samba) = Samba::shared().await else { return };
    let admin = samba.admin().await;
    let directory = open(&samba.config());
    let old = admin.add_member("before", "Wonder-land1", &[]).await;
    let id = named(&directory, "before").await.unwrap().user.id;
    let by_id = By::Id(id.as_str().strip_prefix("corp:").unwrap().to_owned());

    admin.set(&old, "sAMAccountName", &["after"]).await;
    admin.move_to(&old, "Some, One", &format!("CN=Computers,{}", samba.base())).await;
    let account = named(&directory, "after").await.unwrap();
    assert_eq!(account.user.id, id);
    assert_eq!(verdict(&directory, &account, "Wonder-land1").await, Verdict::Correct);
    assert!(named(&directory, "before").await.is_none());
    assert_eq!(directory.find(&by_id).await.unwrap()[0].user.name, "after");

    admin.remove(&account.handle).await;
    assert!(directory.find(&by_id).await.unwrap().is_empty());
    admin.add_member("after", "Wonder-land1", &[]).await;
    assert_ne!(named(&directory, "after").await.unwrap().user.id, id);
}

#[tokio::test]
async fn the_day_on_which_a_password_runs_out_is_told() {
    let Some(samba) = Samba::shared().await else { return };
    let admin = samba.admin().await;
    admin.add_member("fresh", "Wonder-land1", &[]).await;
    let eternal = admin.add_member("eternal", "Wonder-land1", &[]).await;
    admin.set(&eternal, "userAccountControl", &["66048"]).await;
    let directory = open(&samba.config());
    let expires = named(&directory, "fresh").await.unwrap().user.password_expires.unwrap();
    // The domain's rule is 42 days.
    let days = expires.since(Clock::system().now()).as_secs() / 3600 / 24;
    assert!((41..=42).contains(&days), "{days}");
    assert_eq!(named(&directory, "eternal").await.unwrap().user.password_expires, None);
}

/// As the application looks for people.
fn people(samba: &Samba, directory: Arc<ActiveDirectory>) -> People {
    let domain = Domain { dns: Some(samba.domain().into()), netbios: Some(samba.netbios().into()), whole_names: true };
    People::new(vec![Place {
        directory,
        domain,
        country_prefix: None,
        default: true,
        recheck: std::time::Duration::from_secs(60),
    }])
}
