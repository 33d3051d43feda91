//! Many people at once: what it costs to know that all who are signed in still may, and to list everybody. With `DOORWARD_LONG=1` as
//! many as a large site has, and the figures are printed.

use std::sync::Arc;
use std::time::Duration;

use doorward::auth::session::recheck::{Looked, Recheck};
use doorward::base::Clock;
use doorward::base::random::SystemSource;
use doorward::config;
use doorward::directory::active_directory::ActiveDirectory;
use doorward::directory::ldap::Ldap;
use doorward::directory::{Directory, Listed};
use futures_util::StreamExt;

use crate::support::client::Watch;
use crate::support::house::{House, open_house};
use crate::support::peers::{Slapd, slapd};
use crate::support::samba::Samba;

const PASSWORD: &str = "Wonder-land1";

fn is_long() -> bool {
    std::env::var("DOORWARD_LONG").is_ok_and(|long| long == "1")
}

/// So many people `u0`, `u1`, ... with a number each, all in the group.
fn fill(slapd: &Slapd, count: usize) {
    let base = slapd.base();
    let mut ldif = String::new();
    for number in 0..count {
        ldif += &format!(
            "dn: uid=u{number},ou=people,{base}\nchangetype: add\nobjectClass: inetOrgPerson\nuid: u{number}\ncn: u{number}\nsn: u\n\
             mobile: +4520{number:06}\nuserPassword: {PASSWORD}\n\n"
        );
    }
    ldif += &format!("dn: {}\nchangetype: modify\nadd: member\n", slapd.group());
    for number in 0..count {
        ldif += &format!("member: uid=u{number},ou=people,{base}\n");
    }
    slapd.modify(&ldif);
}

fn ldap(slapd: &Slapd, clock: &Clock) -> Arc<dyn Directory> {
    let config = config::directory::Ldap {
        servers: vec![config::directory::LdapServer { tls: false, host: "127.0.0.1".into(), port: slapd.port() }],
        starttls: false,
        ca: None,
        service_user: slapd.service_user().to_owned(),
        service_password: doorward::base::Secret::new(slapd.service_password().to_owned()),
        users: config::directory::Users {
            base: format!("ou=people,{}", slapd.base()),
            filter: "(objectClass=person)".into(),
            names: vec!["uid".into()],
            member_of: Some(slapd.group().to_owned()),
        },
        attributes: config::directory::Attributes::default(),
        country_prefix: None,
    };
    Arc::new(Ldap::new("people".into(), &config, clock.clone(), &SystemSource).unwrap())
}

async fn all_enter(house: &House, count: usize) {
    let begun = Watch::start();
    let names = futures_util::stream::iter((0..count).map(|number| format!("u{number}")));
    names.for_each_concurrent(32, |name| async move { house.enter(&name, PASSWORD).await }).await;
    assert_eq!(house.sessions.count(), count);
    println!("{count} people signed in within {:?}", begun.elapsed());
}

async fn look(recheck: &mut Recheck, what: &str, searches: &impl Fn() -> usize) -> (Looked, usize) {
    let (before, begun) = (searches(), Watch::start());
    let looked = recheck.look().await.unwrap();
    let elapsed = begun.elapsed();
    let asked = searches() - before;
    println!("{what}: {} looked at, {} ended, {asked} questions, {elapsed:?}", looked.users, looked.ended);
    (looked, asked)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_look_at_openldap_costs_a_few_questions_however_many_are_signed_in() {
    let Some(slapd) = slapd(&[("LOG", "256")]) else { return };
    let count = if is_long() { 10_000 } else { 600 };
    fill(&slapd, count);
    let clock = Clock::by_hand();
    let directory = ldap(&slapd, &clock);
    let house = open_house(Arc::clone(&directory), clock.clone()).await;
    all_enter(&house, count).await;
    let mut recheck = Recheck::new(directory, Duration::from_secs(60), house.sessions.clone(), clock);
    let searches = || slapd.searches();

    let batches = count.div_ceil(500);
    let (looked, asked) = look(&mut recheck, "everybody", &searches).await;
    // Besides, ten are asked about in turn, whoever is signed in.
    let in_turn = 2 * 10;
    assert_eq!((looked, asked <= 3 + 3 * batches + in_turn), (Looked { users: count, ended: 0 }, true), "{asked}");
    // Those who were made a moment ago are new to the first look at changes.
    look(&mut recheck, "what is new", &searches).await;
    let (looked, asked) = look(&mut recheck, "nothing has changed", &searches).await;
    assert_eq!(looked, Looked::default());
    assert!(asked <= 3 + in_turn, "{asked} questions");
    look(&mut recheck, "everybody", &searches).await;

    let leaves =
        format!("dn: {}\nchangetype: modify\ndelete: member\nmember: uid=u7,ou=people,{}\n", slapd.group(), slapd.base());
    slapd.modify(&leaves);
    let (looked, asked) = look(&mut recheck, "one left the group", &searches).await;
    assert_eq!(looked.ended, 1);
    assert!(asked <= 6 + 4 * batches + in_turn, "{asked} questions");
    assert_eq!(house.sessions.count(), count - 1);

    let gone = format!("dn: uid=u8,ou=people,{}\nchangetype: delete\n", slapd.base());
    slapd.modify(&gone);
    let mut ended = 0;
    for _ in 0..2 {
        ended += look(&mut recheck, "one was deleted", &searches).await.0.ended;
    }
    assert_eq!(ended, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_look_at_active_directory_finds_who_has_left() {
    let Some(samba) = Samba::start().await else { return };
    let count = if is_long() { 2_000 } else { 60 };
    let admin = samba.admin().await;
    for number in 0..count {
        admin.add_user(&format!("u{number}"), PASSWORD, &[("mobile", &format!("+4520{number:06}"))]).await;
    }
    let people = admin
        .add_group(
            "people",
            &(0..count).map(|n| samba.dn(&format!("u{n}"))).collect::<Vec<_>>().iter().map(String::as_str).collect::<Vec<_>>(),
        )
        .await;
    admin.join(&samba.group(), &people).await;
    let clock = Clock::by_hand();
    let directory: Arc<dyn Directory> =
        Arc::new(ActiveDirectory::new("people".into(), &samba.config(), clock.clone(), &SystemSource).unwrap());
    list(directory.as_ref(), count).await;
    let house = open_house(Arc::clone(&directory), clock.clone()).await;
    all_enter(&house, count).await;
    let mut recheck = Recheck::new(directory, Duration::from_secs(60), house.sessions.clone(), clock);
    let nobody_counts = || 0;
    assert_eq!(look(&mut recheck, "everybody", &nobody_counts).await.0, Looked { users: count, ended: 0 });
    assert_eq!(look(&mut recheck, "nothing has changed", &nobody_counts).await.0, Looked::default());
    look(&mut recheck, "everybody", &nobody_counts).await;
    admin.set(&samba.dn("u7"), "userAccountControl", &["514"]).await;
    assert_eq!(look(&mut recheck, "one was disabled", &nobody_counts).await.0, Looked { users: 1, ended: 1 });
    look(&mut recheck, "everybody", &nobody_counts).await;
    admin.leave(&people, &samba.dn("u8")).await;
    assert_eq!(look(&mut recheck, "one left a group in the group", &nobody_counts).await.0.ended, 1);
}

/// Everybody whom a directory lists, among whom must be so many.
async fn list(directory: &dyn Directory, count: usize) {
    let begun = Watch::start();
    let (into, mut listed) = tokio::sync::mpsc::channel::<Vec<Listed>>(1);
    let reading = async {
        let (mut total, mut most) = (0, 0);
        while let Some(some) = listed.recv().await {
            total += some.len();
            most = most.max(some.len());
        }
        (total, most)
    };
    let (done, (total, most)) = tokio::join!(directory.list(into), reading);
    done.unwrap();
    println!("{total} people listed within {:?}, at most {most} at a time; {} KiB of memory in all", begun.elapsed(), resident());
    assert!(total >= count && most <= 500, "{total} {most}");
}

/// What the whole test program holds.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[tokio::test]
async fn a_large_directory_is_listed_a_few_people_at_a_time() {
    let Some(slapd) = slapd(&[]) else { return };
    let count = if is_long() { 50_000 } else { 3_000 };
    fill(&slapd, count);
    let directory = ldap(&slapd, &Clock::system());
    println!("{} KiB of memory before", resident());
    list(directory.as_ref(), count).await;
}
