//! One client that takes every place at an application, and what is left for the others.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;

use crate::support::eventually::eventually;
use crate::support::greedy::Greedy;
use crate::support::node::Bed;
use crate::support::toml::Toml;
use crate::support::upstream::LARGE;

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

/// An application that speaks HTTP/2, without TLS, and has answers of 8 MiB.
async fn http2_application() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = service_fn(async |request: Request<Incoming>| {
                let is_large = request.uri().path().ends_with("/large");
                let body: &'static [u8] = if is_large { &[b'x'; LARGE] } else { &[b'x'; 1000] };
                Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(body))))
            });
            tokio::spawn(http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service));
        }
    });
    address
}

/// The window of a connection that many share must not be used up by those who take nothing (RFC 9113 section 5.2).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_nobody_takes_leave_a_shared_connection_to_the_others() {
    let address = http2_application().await;
    let bed = Bed::with(Toml::bed().servers([address]).upstream("protocol = \"h2\"")).await;
    let mut stranger = bed.browser();
    stranger.http2 = true;
    let greedy = Greedy::begin(&stranger, "/public/large").await;
    greedy.is_answered().await;
    for _ in 0..5 {
        assert_eq!(bed.browser().from(2).get("/public/small").await.body.len(), 1000);
    }
}
