//! A flood of made-up names at the login page of a site with a users file, whose passwords are slow to check.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use doorward::base::Secret;
use doorward::base::random::SystemSource;
use doorward::directory::password::hash;
use tokio::task::JoinSet;

use crate::support::eventually::eventually;
use crate::support::node::Bed;
use crate::support::toml::Toml;

const FLOOD: usize = 120;

/// Alice with a hash as `doorward hash-password` makes them.
async fn bed() -> Bed {
    let hash = hash(&Secret::new("wonderland".to_owned()), &SystemSource);
    let alice = format!("[[user]]\nname = \"alice\"\npassword = \"{hash}\"\nmobile = \"+45 12 34 56 78\"\n");
    Bed::with(Toml::bed().users(alice).limits("attempts_per_address = \"10000/1m\"")).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_signed_in_in_this_browser_before_does_not_wait_behind_a_flood() {
    let bed = bed().await;
    bed.expects_errors("too many passwords are being checked");
    let alice = bed.signed_in("alice", "wonderland").await;
    alice.forget("__Host-doorward");
    let page = alice.get("/.doorward/login").await;
    let (mut flood, sent, answered) = (JoinSet::new(), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    for number in 0..FLOOD {
        let stranger = bed.browser().from(u8::try_from(2 + number % 20).unwrap());
        let (sent, answered) = (Arc::clone(&sent), Arc::clone(&answered));
        flood.spawn(async move {
            let page = stranger.get("/.doorward/login").await;
            sent.fetch_add(1, Ordering::Relaxed);
            stranger.login_on(&page, &format!("nobody{number}"), "guess").await;
            answered.fetch_add(1, Ordering::Relaxed);
        });
    }
    eventually("the flood is on its way", async || sent.load(Ordering::Relaxed) == FLOOD).await;
    let posted = alice.login_on(&page, "alice", "wonderland").await;
    let before = answered.load(Ordering::Relaxed);
    assert_eq!(posted.status, 303, "{}", posted.body);
    assert!(before < FLOOD, "all of the flood was answered before");
    while flood.join_next().await.is_some() {}
}
