//! `mobile_changed_within`: whoever has a new phone number is treated as the policy says until it is old enough.

use std::time::Duration;

use crate::support::node::{Bed, user};
use crate::support::samba::Samba;
use crate::support::toml::Toml;

const DAY: Duration = Duration::from_secs(86_400);
const REFUSES: &str = r#"{ when = { mobile_changed_within = "7d" }, then = "refuse" },"#;

/// Whether the right password leads on to the passcode page.
async fn gets_on(bed: &Bed, name: &str, password: &str) -> bool {
    let answer = bed.browser().login(name, password).await;
    assert!([303, 403].contains(&answer.status), "{}: {}", answer.status, answer.body);
    answer.status == 303
}

#[tokio::test]
async fn a_number_is_new_when_it_is_seen_first_and_when_it_is_another() {
    let bed = Bed::with(Toml::bed().rules(REFUSES)).await;
    assert!(!gets_on(&bed, "alice", "wonderland").await);
    bed.clock.advance(6 * DAY);
    assert!(!gets_on(&bed, "alice", "wonderland").await);
    bed.clock.advance(DAY);
    assert!(gets_on(&bed, "alice", "wonderland").await);
    let another = user("alice", "wonderland", "mobile = \"+45 87 65 43 21\"");
    std::fs::write(bed.folder().join("users.toml"), another).unwrap();
    assert!(!gets_on(&bed, "alice", "wonderland").await);
    bed.clock.advance(7 * DAY);
    assert!(gets_on(&bed, "alice", "wonderland").await);
    let database = std::fs::read(bed.state.join("doorward.db")).unwrap();
    let holds = |number: &str| database.windows(number.len()).any(|window| window == number.as_bytes());
    assert!(!holds("87 65 43 21"), "the number is in the records");
}

#[tokio::test]
async fn active_directory_says_itself_when_a_number_was_written() {
    let Some(samba) = Samba::start().await else { return };
    let admin = samba.admin().await;
    let dn = admin.add_member("alice", "Wonder-land1", &[("mobile", "+45 20 00 00 01")]).await;
    let bed = Bed::with(Toml::bed().directory(samba.section("corp")).rules(REFUSES)).await;
    let name = format!("alice@{}", samba.domain());
    assert!(!gets_on(&bed, &name, "Wonder-land1").await);
    bed.clock.advance(8 * DAY);
    // Never seen here before, and old all the same.
    admin.set(&dn, "mail", &["alice@example.test"]).await;
    assert!(gets_on(&bed, &name, "Wonder-land1").await);
}
