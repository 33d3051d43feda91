//! Answers that nobody takes, more of them than the node may hold.

use crate::support::eventually::eventually;
use crate::support::greedy::Greedy;
use crate::support::node::Bed;
use crate::support::toml::Toml;
use crate::support::upstream::LARGE;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_connections_that_hold_the_most_go_and_who_takes_their_answers_gets_them() {
    let bed = Bed::with(Toml::bed().node("buffers = \"2 MiB\"")).await;
    let alice = bed.signed_in("alice", "wonderland").await;
    let mut greedy = Vec::new();
    for last in 2..8 {
        let mut stranger = bed.browser().from(last);
        stranger.http2 = true;
        greedy.push(Greedy::begin(&stranger, "/public/large").await);
    }
    eventually("one of them is dropped", async || greedy.iter().any(|client| !client.is_connected())).await;
    // On a busy machine she may be the slowest for a moment.
    for _ in 0..5 {
        eventually("she gets the whole answer", async || {
            let answer = alice.get("/large").await;
            if (answer.status, answer.body.len()) == (200, LARGE) { Ok(()) } else { Err((answer.status, answer.body.len())) }
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn within_the_bound_nobody_is_dropped() {
    let bed = Bed::start().await;
    let mut stranger = bed.browser();
    stranger.http2 = true;
    let greedy = Greedy::begin(&stranger, "/public/large").await;
    greedy.is_answered().await;
    assert_eq!(bed.browser().from(2).get("/public/large").await.body.len(), LARGE);
    assert!(greedy.is_connected());
}
