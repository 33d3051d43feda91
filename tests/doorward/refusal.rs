//! What is refused before the password is right: one text in one time whatever the reason, and who is made to wait for whose failures.

use std::time::Duration;

use futures_util::future::join_all;

use crate::support::client::{Answer, Client, Watch};
use crate::support::node::{Bed, user};
use crate::support::toml::Toml;

const QUARTER: Duration = Duration::from_secs(15 * 60);

/// So many different wrong passwords at once.
async fn fail(bed: &Bed, names: &[&str]) {
    let tries = names.iter().enumerate().map(|(number, name)| async move {
        let refused = bed.browser().login(name, &format!("wrong {number}")).await;
        assert_eq!(refused.status, 403);
    });
    join_all(tries).await;
}

fn everybody() -> Toml {
    let phone = "mobile = \"+45 12 34 56 78\"";
    let users = ["alice", "bob", "carol"].map(|name| user(name, "wonderland", phone)).concat();
    Toml::bed().users(users).limits("attempts_per_address = \"30/1h\"")
}

/// The answer without what may differ: the sealed field, the trace id and the name that is filled in again.
fn plain(answer: &Answer, name: &str) -> (u16, Vec<String>, String) {
    let filled = name.trim().replace('&', "&amp;");
    let body = answer.body.replace(&answer.csrf(), "CSRF").replace(&answer.trace(), "TRACE");
    let body = body.replace(&format!("value=\"{filled}\""), "value=\"NAME\"");
    let differs = |name: &str| matches!(name, "date" | "content-length");
    let headers = answer.headers.iter().filter(|(name, _)| !differs(name.as_str()));
    (answer.status, headers.map(|(name, value)| format!("{name}: {value:?}")).collect(), body)
}

#[tokio::test]
async fn every_refusal_reads_the_same_and_comes_on_the_half_second() {
    let bed = Bed::with(everybody()).await;
    fail(&bed, &["bob"; 5]).await;
    fail(&bed, &["carol", "carol", "CORP\\carol", "CORP\\carol", "carol@corp.example"]).await;
    let busy = bed.browser().from(9);
    join_all((0..30).map(|_| busy.login("nobody at all", ""))).await;

    let long = "x".repeat(1025);
    let longer = "n".repeat(257);
    let table: [(&str, u8, &str, &str); 9] = [
        ("wrong", 2, "alice", "not this"),
        ("nobody", 3, "mallory", "wonderland"),
        ("malformed", 4, "alice", ""),
        ("malformed", 4, "alice", "wonder\0land"),
        ("malformed", 4, "alice", &long),
        ("malformed", 4, &longer, "wonderland"),
        ("name-paused", 5, "bob", "wonderland"),
        ("account-paused", 6, "carol", "wonderland"),
        ("address-busy", 9, "alice", "wonderland"),
    ];
    let mut first = None;
    for (reason, from, name, password) in table {
        let mut late = Duration::ZERO;
        // A busy machine may be late once; a grid that is not there is missed every time.
        for _ in 0..3 {
            let browser = bed.browser().from(from);
            let page = browser.get("/.doorward/login").await;
            let begun = Watch::start();
            let refused = browser.login_on(&page, name, password).await;
            late = begun.elapsed();
            let expected = first.get_or_insert_with(|| plain(&refused, name));
            assert_eq!(&plain(&refused, name), expected, "{reason}");
            let said = bed.reason(&refused).await;
            assert!(said == reason || said == "refused-again", "{said} instead of {reason}");
            assert!(late >= Duration::from_millis(500), "{reason} came after {late:?}");
            if late.as_millis() % 500 < 150 {
                break;
            }
        }
        assert!(late.as_millis() % 500 < 150, "{reason} came after {late:?}");
    }
}

#[tokio::test]
async fn after_five_wrong_passwords_even_the_right_one_waits_a_quarter_of_an_hour() {
    let bed = Bed::start().await;
    fail(&bed, &["alice"; 5]).await;
    let refused = bed.browser().login("alice", "wonderland").await;
    assert_eq!((refused.status, bed.reason(&refused).await.as_str()), (403, "name-paused"));
    bed.clock.advance(QUARTER);
    assert_eq!(bed.browser().login("alice", "wonderland").await.status, 303);
}

#[tokio::test]
async fn no_spelling_of_a_name_has_a_counter_of_its_own() {
    for nobody in [false, true] {
        let bed = Bed::start().await;
        let name = if nobody { "mallory" } else { "alice" };
        let (first, rest) = name.split_at(1);
        let spellings = [
            format!("{first}\u{200b}{rest}"),
            format!("\u{feff}{}", name.to_uppercase()),
            format!("{first}\u{301}{rest}"),
            format!("{}{rest}", char::from_u32(u32::from(first.chars().next().unwrap()) + 0xfee0).unwrap()),
            format!("{name}\u{ad}"),
        ];
        fail(&bed, &spellings.each_ref().map(String::as_str)).await;
        let refused = bed.browser().login(name, "wonderland").await;
        assert_eq!((refused.status, bed.reason(&refused).await.as_str()), (403, "name-paused"), "{name}");
    }
}

#[tokio::test]
async fn one_account_is_counted_under_all_its_names() {
    let bed = Bed::start().await;
    fail(&bed, &["alice", "CORP\\alice", "alice@corp.example", "alice@mail.example", "ALICE"]).await;
    let refused = bed.browser().login("alice@mail.example", "wonderland").await;
    assert_eq!((refused.status, bed.reason(&refused).await.as_str()), (403, "account-paused"));
}

#[tokio::test]
async fn an_owner_in_a_known_browser_gets_in_while_strangers_are_paused() {
    let bed = Bed::start().await;
    let owner = bed.signed_in("alice", "wonderland").await;
    owner.sign_out().await;
    fail(&bed, &["alice"; 5]).await;
    assert_eq!(bed.browser().login("alice", "wonderland").await.status, 403);
    bed.sign_in(&owner, "alice", "wonderland").await;
    assert!(owner.is_in().await);
}

#[tokio::test]
async fn somebody_elses_known_browser_is_a_strangers() {
    let bed = Bed::start().await;
    let bobs = bed.signed_in("bob", "builder").await;
    bobs.sign_out().await;
    fail(&bed, &["alice"; 5]).await;
    assert_eq!(bobs.login("alice", "wonderland").await.status, 403);
}

#[tokio::test]
async fn the_same_wrong_password_again_is_not_counted() {
    let bed = Bed::start().await;
    assert_eq!(bed.browser().login("alice", "last year's").await.status, 403);
    // Not all at once: while one is looked at it is taken, and given back afterwards.
    for _ in 0..2 {
        let again = join_all((0..3).map(|_| async { bed.browser().login("alice", "last year's").await })).await;
        assert_eq!(bed.reason(&again[2]).await, "refused-again");
    }
    assert_eq!(bed.browser().login("alice", "wonderland").await.status, 303);
}

#[tokio::test]
async fn a_sign_in_clears_what_was_counted() {
    let bed = Bed::start().await;
    fail(&bed, &["alice"; 4]).await;
    bed.signed_in("alice", "wonderland").await;
    let tries = (4..8).map(|number| bed.browser().login_by("alice", format!("wrong {number}")));
    assert!(join_all(tries).await.iter().all(|refused| refused.status == 403));
    assert_eq!(bed.browser().login("alice", "wonderland").await.status, 303);
}

#[tokio::test]
async fn an_address_without_attempts_left_is_refused_and_another_is_not() {
    let bed = Bed::with(Toml::bed().limits("attempts_per_address = \"3/1m\"")).await;
    let office = bed.browser().from(7);
    join_all((0..3).map(|_| office.login("nobody at all", ""))).await;
    let refused = bed.browser().from(7).login("alice", "wonderland").await;
    assert_eq!((refused.status, bed.reason(&refused).await.as_str()), (403, "address-busy"));
    assert_eq!(bed.browser().from(8).login("alice", "wonderland").await.status, 303);
    bed.clock.advance(Duration::from_secs(21));
    assert_eq!(bed.browser().from(7).login("alice", "wonderland").await.status, 303);
}

#[tokio::test]
async fn a_known_browser_has_attempts_of_its_own_behind_a_busy_address() {
    let bed = Bed::with(Toml::bed().limits("attempts_per_address = \"4/1m\"")).await;
    let owner = bed.signed_in("alice", "wonderland").await;
    owner.sign_out().await;
    join_all((0..4).map(|_| async { bed.browser().login("nobody at all", "").await })).await;
    assert_eq!(bed.browser().login("bob", "builder").await.status, 403);
    bed.sign_in(&owner, "alice", "wonderland").await;
    assert!(owner.is_in().await);
}

impl Client {
    async fn login_by(self, name: &str, password: String) -> Answer {
        self.login(name, &password).await
    }
}
