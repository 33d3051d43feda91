//! One client that takes every place at an application, and what is left for the others.

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use http_body_util::Full;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::task::JoinSet;

use crate::support::client::Client;
use crate::support::eventually::eventually;
use crate::support::node::Bed;
use crate::support::toml::Toml;

/// A client that asks for a hundred answers and takes nothing of any of them.
struct Greedy {
    // Ends with it.
    _tasks: JoinSet<()>,
}

impl Greedy {
    async fn begin(client: &Client, path: &str) -> Self {
        let mut tasks = JoinSet::new();
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder.initial_stream_window_size(0);
        let (sender, connection) = builder.handshake(TokioIo::new(client.tls("h2").await)).await.unwrap();
        tasks.spawn(async move { drop(connection.await) });
        for _ in 0..100 {
            let mut sender = sender.clone();
            let request = client.request(Method::GET, path, &[], Full::<Bytes>::default());
            tasks.spawn(async move {
                let answer = sender.send_request(request).await;
                std::future::pending::<()>().await;
                drop(answer);
            });
        }
        Self { _tasks: tasks }
    }
}

async fn has_reached(bed: &Bed, path: &str, count: usize) {
    let asked = format!("GET {path} ");
    eventually(format!("{count} requests for {path} have reached the application"), async || {
        let reached = bed.upstream.requests().iter().filter(|request| request.starts_with(&asked)).count();
        if reached == count { Ok(()) } else { Err(reached) }
    })
    .await;
}

async fn bed(connections: u32) -> Bed {
    Bed::with(Toml::bed().upstream(format!("connections = {connections}, queue_wait = \"5m\""))).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_who_takes_no_answer_leaves_places_for_others() {
    let bed = bed(10).await;
    let mut stranger = bed.browser();
    stranger.http2 = true;
    let alice = bed.signed_in("alice", "wonderland").await;
    let _greedy = Greedy::begin(&stranger, "/public/download").await;
    // Two tenths are not theirs: one is for the signed-in, one for strangers who have nothing.
    has_reached(&bed, "/public/download", 8).await;
    assert_eq!(bed.browser().from(2).get("/public/one").await.status, 200);
    for _ in 0..5 {
        assert_eq!(alice.get("/").await.status, 200);
    }
    has_reached(&bed, "/public/download", 8).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_who_takes_no_answer_leaves_places_for_others() {
    let bed = bed(10).await;
    let mut alice = bed.signed_in("alice", "wonderland").await;
    alice.http2 = true;
    let bob = bed.signed_in("bob", "builder").await;
    let _greedy = Greedy::begin(&alice, "/download").await;
    has_reached(&bed, "/download", 9).await;
    for _ in 0..5 {
        assert_eq!(bob.get("/").await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_nobody_takes_lose_their_places_to_those_who_wait() {
    // Too few to keep one free for anybody.
    let bed = bed(3).await;
    let mut stranger = bed.browser();
    stranger.http2 = true;
    let alice = bed.signed_in("alice", "wonderland").await;
    let _greedy = Greedy::begin(&stranger, "/public/download").await;
    has_reached(&bed, "/public/download", 3).await;
    let asked = bed.clock.now();
    let asking = tokio::spawn(async move { alice.get("/").await });
    eventually("alice is answered", async || {
        bed.clock.advance(Duration::from_millis(50));
        asking.is_finished()
    })
    .await;
    assert_eq!(asking.await.unwrap().status, 200);
    let waited = bed.clock.now().since(asked);
    assert!(waited < Duration::from_secs(20), "{waited:?}");
}
