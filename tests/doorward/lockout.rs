//! Nobody is locked out by us: guesses in parallel at one account of a real Active Directory, in every spelling, from many addresses,
//! while its owner goes on signing in.

mod others;
mod restarted;

use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::StreamExt;

use crate::support::client::{Answer, Client, Watch};
use crate::support::eventually::eventually;
use crate::support::node::Bed;
use crate::support::samba::Samba;
use crate::support::toml::Toml;

const RIGHT: &str = "Wonder-land-1";
const WINDOW: Duration = Duration::from_secs(1800);
const ADDRESSES: usize = 50;
const AT_ONCE: usize = 100;

/// 10,000 with `DOORWARD_LONG=1`.
fn guesses() -> usize {
    if std::env::var("DOORWARD_LONG").is_ok_and(|long| long == "1") { 10_000 } else { 500 }
}

/// Everything that means this account, and some that look as if they might.
fn spellings(samba: &Samba) -> Vec<String> {
    let (domain, netbios) = (samba.domain(), samba.netbios());
    vec![
        "owner".into(),
        "OWNER".into(),
        " Owner ".into(),
        format!("{netbios}\\owner"),
        format!("{}\\oWNER", netbios.to_lowercase()),
        format!("owner@{domain}"),
        format!("OWNER@{}", domain.to_uppercase()),
        "the.owner@sales.example.test".into(),
        "The.Owner@Sales.Example.Test".into(),
        "owner.mail@example.test".into(),
        "OWNER.MAIL@EXAMPLE.TEST".into(),
        format!("owner@{netbios}"),
    ]
}

async fn bed(samba: &Samba) -> Bed {
    let directory = samba.section("corp");
    // Nothing but the count of the account itself stands in the way.
    let limits = "attempts_per_address = \"1000000/1m\"\nfailures_per_user = \"1000000/15m\"\nconnections_per_address = 1000\n\
                  messages_per_number = \"1000/1h\"";
    Bed::with(Toml::bed().directory(directory).limits(limits)).await
}

/// A stranger with a login page, from one of fifty addresses.
async fn stranger(bed: &Bed, number: usize) -> (Client, Answer) {
    let last = u8::try_from(1 + number % ADDRESSES).unwrap();
    let mut client = bed.browser();
    client.from = IpAddr::from([127, 0, 1, last]);
    let page = client.get("/.doorward/login").await;
    (client, page)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guesses_in_every_spelling_from_fifty_addresses_lock_nobody_out() {
    let Some(samba) = Samba::start().await else { return };
    samba.lock_out_after(5, WINDOW).await;
    let admin = samba.admin().await;
    let more = [
        ("userPrincipalName", "the.owner@sales.example.test"),
        ("mail", "owner.mail@example.test"),
        ("mobile", "+45 12 34 56 78"),
    ];
    let dn = admin.add_member("owner", RIGHT, &more).await;
    let bed = bed(&samba).await;
    // The controller may not keep up.
    bed.expects_errors("a password could not be checked");
    let owner = bed.signed_in("owner", RIGHT).await;
    owner.sign_out().await;

    let names = spellings(&samba);
    let mut strangers = Vec::new();
    for number in 0..ADDRESSES {
        strangers.push(stranger(&bed, number).await);
    }
    let (all, done, unanswered, begun) = (guesses(), AtomicUsize::new(0), AtomicUsize::new(0), Watch::start());
    let attack = futures_util::stream::iter(0..all).map(|number| {
        let ((client, page), name) = (&strangers[number % ADDRESSES], &names[number % names.len()]);
        let (done, unanswered) = (&done, &unanswered);
        async move {
            let refused = client.login_on(page, name, &format!("guess {number}")).await;
            // The controller may not keep up; then nobody was judged.
            match refused.status {
                503 => drop(unanswered.fetch_add(1, Ordering::Relaxed)),
                status => assert!(status == 403 && refused.says("We could not sign you in."), "{name}: {}", refused.body),
            }
            done.fetch_add(1, Ordering::Relaxed);
        }
    });
    let meanwhile = async {
        eventually("a quarter of the guesses are judged", async || done.load(Ordering::Relaxed) >= all / 4).await;
        assert_eq!(patient(&owner, "Wonder-land-2").await.status, 403);
        let begun = Watch::start();
        let page = owner.get(&patient(&owner, RIGHT).await.location()).await;
        owner.passcode(&page, &bed.code(&page).await).await;
        assert!(owner.is_in().await, "the owner is kept out");
        // The right password from a place where nobody has signed in before.
        let mut elsewhere = bed.browser();
        elsewhere.from = IpAddr::from([127, 0, 1, 200]);
        let refused = patient(&elsewhere, RIGHT).await;
        assert_eq!((refused.status, bed.reason(&refused).await.as_str()), (403, "account-paused"));
        begun.elapsed()
    };
    let (_, signed_in) = tokio::join!(attack.buffer_unordered(AT_ONCE).collect::<Vec<()>>(), meanwhile);
    let took = begun.elapsed();

    let locked = admin.value(&dn, "lockoutTime").await.unwrap_or_else(|| "0".to_owned());
    let counted: u32 = admin.value(&dn, "badPwdCount").await.unwrap_or_default().parse().unwrap();
    let reasons = reasons(&bed);
    println!(
        "{all} guesses from {ADDRESSES} addresses in {} spellings: {took:?}, {:.0} a second; the owner mistyped once and was in {signed_in:?} \
         later; badPwdCount {counted} of 5, lockoutTime {locked}; {} were not answered; in the journal: {reasons}",
        names.len(),
        f64::from(u32::try_from(all).unwrap()) / took.as_secs_f64(),
        unanswered.load(Ordering::Relaxed),
    );
    assert_eq!(locked, "0");
    assert!(counted < 5, "{counted}");

    // The domain forgets soon, and so do we after the window that we have read.
    samba.lock_out_after(5, Duration::from_secs(1)).await;
    tokio::time::sleep(Duration::from_millis(1200)).await;
    bed.clock.advance(WINDOW + Duration::from_secs(60));
    let (client, _) = stranger(&bed, 0).await;
    assert_eq!(client.login("owner", RIGHT).await.status, 303, "strangers have no allowance again");
    assert_eq!(client.login("owner", "one more").await.status, 403);
    assert_eq!(client.login("owner", RIGHT).await.status, 303);
    assert_eq!(admin.value(&dn, "lockoutTime").await.unwrap_or_else(|| "0".to_owned()), "0");
}

#[tokio::test]
async fn an_owner_who_slips_between_the_right_password_and_its_code_is_not_locked_out_by_it() {
    let Some(samba) = Samba::start().await else { return };
    samba.lock_out_after(5, WINDOW).await;
    let admin = samba.admin().await;
    let dn = admin.add_member("owner", RIGHT, &[("mobile", "+45 12 34 56 78")]).await;
    let bed = bed(&samba).await;
    let owner = bed.signed_in("owner", RIGHT).await;
    owner.sign_out().await;
    // The domain forgets what was wrong with the right password, not with its code.
    let page = owner.to_passcode("owner", RIGHT).await;
    for number in 0..4 {
        assert_eq!(owner.login("owner", &format!("slip {number}")).await.status, 403);
        let (stranger, page) = stranger(&bed, number).await;
        assert_eq!(stranger.login_on(&page, "owner", &format!("guess {number}")).await.status, 403);
    }
    assert_eq!(admin.value(&dn, "badPwdCount").await.as_deref(), Some("4"));
    assert_eq!(owner.passcode(&page, &bed.code(&page).await).await.status, 303);
    owner.sign_out().await;
    for number in 4..8 {
        owner.login("owner", &format!("slip {number}")).await;
    }
    assert_eq!(admin.value(&dn, "lockoutTime").await.unwrap_or_else(|| "0".to_owned()), "0");
}

/// A person who is told to try again does.
async fn patient(browser: &Client, password: &str) -> Answer {
    for _ in 0..20 {
        let answer = browser.login("owner", password).await;
        if answer.status != 503 {
            return answer;
        }
    }
    panic!("the directory never answers");
}

/// How often which reason stands in the journal; those by limits that repeat are one a minute with a count, which is not here.
fn reasons(bed: &Bed) -> String {
    let mut counts = std::collections::BTreeMap::<String, usize>::new();
    for event in bed.journal().iter().filter(|event| event.kind == "password-refused") {
        let detail: serde_json::Value = serde_json::from_str(&event.detail).unwrap();
        *counts.entry(detail["reason"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
    }
    counts.iter().map(|(reason, count)| format!("{reason} {count}")).collect::<Vec<_>>().join(", ")
}
