//! Several servers of one application: who gets a request, what happens when servers go and come back, caps and queues.

mod server;
mod tls;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use doorward::config::health::Health;
use doorward::config::upstream::{Balance, Cap, Sticky};
use http::{Method, Request, StatusCode};
use http_body_util::Full;

use self::server::Server;
use crate::forwarding::bed::{Bed, Wishes, bed, get};
use crate::support::eventually::eventually;
use crate::support::node;
use crate::support::sockets::open_to;
use crate::support::toml::Toml;

const SOON: Duration = Duration::from_secs(10);

fn to(servers: &[&Server]) -> Wishes {
    Wishes { servers: servers.iter().map(|server| server.address).collect(), ..Wishes::to(servers[0].address) }
}

/// Asks until `stop`, one after another; what came each time.
async fn hammer(bed: Arc<Bed>, stop: Arc<AtomicBool>) -> Vec<StatusCode> {
    hammer_and_count(bed, stop, Arc::default()).await
}

/// The same; how much came is counted meanwhile.
async fn hammer_and_count(bed: Arc<Bed>, stop: Arc<AtomicBool>, count: Arc<AtomicUsize>) -> Vec<StatusCode> {
    let mut statuses = Vec::new();
    let mut client = bed.h1::<Full<Bytes>>().await;
    while !stop.load(Ordering::Relaxed) {
        if client.ready().await.is_err() {
            client = bed.h1().await;
        }
        let Ok(response) = client.send_request(get("/")).await else { panic!("the front broke off") };
        statuses.push(response.status());
        count.fetch_add(1, Ordering::Relaxed);
        drop(http_body_util::BodyExt::collect(response.into_body()).await);
    }
    statuses
}

#[tokio::test]
async fn servers_take_turns() {
    let servers = [Server::start().await, Server::start().await, Server::start().await];
    for rule in [Balance::RoundRobin, Balance::LeastConnections] {
        let before: Vec<_> = servers.iter().map(Server::answered).collect();
        let wishes = to(&servers.each_ref());
        let bed = match rule {
            Balance::RoundRobin => bed(&wishes.with(|upstream| upstream.balance = Balance::RoundRobin)),
            Balance::LeastConnections => bed(&wishes),
        };
        for _ in 0..9 {
            assert_eq!(bed.ask(get("/")).await.0, StatusCode::OK);
        }
        let counts: Vec<_> = servers.iter().zip(before).map(|(server, before)| server.answered() - before).collect();
        assert_eq!(counts, [3, 3, 3], "{rule:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_loses_no_request_that_was_not_under_way() {
    let (mut first, second) = (Server::start().await, Server::start().await);
    let bed = Arc::new(bed(&to(&[&first, &second])));
    let stop = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..8).map(|_| tokio::spawn(hammer(Arc::clone(&bed), Arc::clone(&stop)))).collect();
    eventually("both serve", async || first.answered() > 100 && second.answered() > 100).await;
    first.kill();
    let known = second.answered();
    eventually("the other serves alone", async || second.answered() > known + 500).await;
    stop.store(true, Ordering::Relaxed);
    for client in clients {
        let statuses = client.await.unwrap();
        let lost = statuses.iter().filter(|status| **status != StatusCode::OK).count();
        assert!(lost <= 1, "only what was under way: {lost} of {}", statuses.len());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_all_servers_down_it_is_said_and_one_that_comes_back_serves_at_once_and_more_and_more() {
    let (mut first, mut second) = (Server::start().await, Server::start().await);
    // The clock is moved while requests are under way; that must not be what ends them.
    let hour = Duration::from_secs(3600);
    let bed = Arc::new(bed(&Wishes { response_wait: hour, ..to(&[&first, &second]) }));
    assert_eq!(bed.ask(get("/")).await.0, StatusCode::OK);
    first.kill();
    second.kill();
    for _ in 0..20 {
        let (status, text) = bed.ask(get("/")).await;
        assert!(matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::BAD_GATEWAY), "{status}");
        assert!(!text.is_empty());
    }
    let stop = Arc::new(AtomicBool::new(false));
    let refused = Arc::new(AtomicUsize::new(0));
    let ask = || tokio::spawn(hammer_and_count(Arc::clone(&bed), Arc::clone(&stop), Arc::clone(&refused)));
    let early: Vec<_> = (0..16).map(|_| ask()).collect();
    eventually("many are refused", async || refused.load(Ordering::Relaxed) > 200).await;
    first.revive().await;
    stop.store(true, Ordering::Relaxed);
    for client in early {
        client.await.unwrap();
    }
    // From here on nothing is lost, although the other is still down and nobody waited for the end of a pause.
    let stop = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..16).map(|_| tokio::spawn(hammer(Arc::clone(&bed), Arc::clone(&stop)))).collect();
    eventually("one serves alone", async || first.answered() > 300).await;
    // It has its full share again.
    bed.clock.advance(Duration::from_secs(30));
    second.revive().await;
    // Step by step, so that little of its return is over when the pause is.
    eventually("the other is tried", async || {
        bed.clock.advance(Duration::from_millis(if second.answered() > 0 { 0 } else { 500 }));
        second.answered() > 0
    })
    .await;
    let before = (first.answered(), second.answered());
    eventually("some more", async || first.answered() > before.0 + 1000).await;
    let share = (second.answered() - before.1) as f64 / (first.answered() - before.0) as f64;
    assert!(share < 0.6, "it gets a small share at first: {share}");
    bed.clock.advance(Duration::from_secs(30));
    let known = first.answered();
    eventually("what was chosen before is answered", async || first.answered() > known + 100).await;
    let before = (first.answered(), second.answered());
    eventually("some more", async || first.answered() > before.0 + 1000).await;
    let share = (second.answered() - before.1) as f64 / (first.answered() - before.0) as f64;
    assert!(share > 0.7, "and in the end its part: {share}");
    stop.store(true, Ordering::Relaxed);
    for client in clients {
        assert!(client.await.unwrap().iter().all(|status| *status == StatusCode::OK));
    }
}

#[tokio::test]
async fn a_server_whose_checks_are_bad_gets_nothing_until_they_are_good() {
    let (first, second) = (Server::start().await, Server::start().await);
    first.well(false);
    let health = |upstream: &mut doorward::config::application::Upstream| {
        let short = Duration::from_millis(20);
        let status = (200..=399).collect();
        upstream.health = Some(Health { path: "/up".into(), interval: short, wait: SOON, fall: 2, rise: 2, status });
    };
    let bed = bed(&Wishes { cores: 2, ..to(&[&first, &second]) }.with(health));
    eventually("it was asked", async || first.checks() >= 4).await;
    let known = first.answered();
    for _ in 0..10 {
        assert_eq!(bed.ask(get("/")).await.0, StatusCode::OK);
    }
    assert_eq!((first.answered(), second.answered()), (known, 10));
    first.well(true);
    let asked = first.checks();
    eventually("it was asked again", async || first.checks() >= asked + 4).await;
    bed.clock.advance(Duration::from_secs(30));
    for _ in 0..10 {
        assert_eq!(bed.ask(get("/")).await.0, StatusCode::OK);
    }
    assert!(first.answered() >= 3);
    // Once for the node, not once for each core.
    assert!(first.checks().abs_diff(second.checks()) <= 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_server_ever_has_more_than_its_cap() {
    let servers = [Server::start().await, Server::start().await];
    servers.iter().for_each(|server| server.slow(Duration::from_millis(2)));
    let cap = |upstream: &mut doorward::config::application::Upstream| {
        upstream.cap = Some(Cap { connections: 3, queue: 100, queue_wait: SOON });
    };
    let bed = Arc::new(bed(&Wishes { cores: 2, ..to(&servers.each_ref()) }.with(cap)));
    let stop = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..30).map(|_| tokio::spawn(hammer(Arc::clone(&bed), Arc::clone(&stop)))).collect();
    eventually("enough was asked", async || servers.iter().all(|server| server.answered() > 500)).await;
    stop.store(true, Ordering::Relaxed);
    for client in clients {
        let statuses = client.await.unwrap();
        assert!(statuses.len() > 5 && statuses.iter().all(|status| *status == StatusCode::OK), "{}", statuses.len());
    }
    for server in &servers {
        assert_eq!(server.most(), 3, "requests at once");
        eventually("it has heard of every connection that was closed", async || server.open() <= 3).await;
    }
}

#[tokio::test]
async fn who_finds_the_queue_full_or_waits_too_long_is_told_to_come_again() {
    let server = Server::start().await;
    let with_wait = |queue_wait| {
        let cap = Some(Cap { connections: 1, queue: 1, queue_wait });
        Arc::new(bed(&to(&[&server]).with(move |upstream: &mut doorward::config::application::Upstream| upstream.cap = cap)))
    };
    let ask = |bed: &Arc<Bed>| {
        let bed = Arc::clone(bed);
        tokio::spawn(async move { bed.ask(get("/")).await.0 })
    };
    let bed = with_wait(Duration::from_secs(600));
    server.hold(true);
    let first = ask(&bed);
    eventually("it is busy", async || server.busy() == 1).await;
    // One of them waits; for the other there is no room.
    let (refused, waiting) = futures_util::future::select(ask(&bed), ask(&bed)).await.factor_first();
    assert_eq!(refused.unwrap(), StatusCode::SERVICE_UNAVAILABLE);
    server.hold(false);
    assert_eq!((first.await.unwrap(), waiting.await.unwrap()), (StatusCode::OK, StatusCode::OK));

    let bed = with_wait(Duration::from_millis(300));
    server.hold(true);
    let first = ask(&bed);
    eventually("it is busy", async || server.busy() == 1).await;
    assert_eq!(bed.ask(get("/")).await.0, StatusCode::SERVICE_UNAVAILABLE);
    server.hold(false);
    assert_eq!(first.await.unwrap(), StatusCode::OK);
}

#[tokio::test]
async fn a_cookie_keeps_a_browser_at_its_server_and_is_renewed_when_that_is_gone() {
    let mut servers = [Server::start().await, Server::start().await, Server::start().await];
    let bed = bed(&to(&servers.each_ref()).with(|upstream| upstream.sticky = Sticky::Cookie));
    let mut client = bed.h1::<Full<Bytes>>().await;
    let ask =
        |cookie: &str| Request::get("/").header("host", "localhost").header("cookie", cookie).body(Full::default()).unwrap();
    let first = client.send_request(ask("a=1")).await.unwrap();
    let set = first.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(
        set.starts_with("__Host-doorward-server=") && set.ends_with("; Path=/; Secure; HttpOnly; SameSite=Lax; Priority=High"),
        "{set}"
    );
    drop(http_body_util::BodyExt::collect(first.into_body()).await);
    let cookie = set.split(';').next().unwrap().to_owned();
    let own = servers.iter().position(|server| server.answered() == 1).unwrap();
    for _ in 0..6 {
        client.ready().await.unwrap();
        let response = client.send_request(ask(&format!("a=1; {cookie}"))).await.unwrap();
        assert!(!response.headers().contains_key("set-cookie"));
        let body = http_body_util::BodyExt::collect(response.into_body()).await.unwrap().to_bytes();
        assert_eq!(body, "a=1", "the application does not see it");
    }
    assert_eq!(servers[own].answered(), 7);
    servers[own].kill();
    eventually("its connections are closed", async || open_to(servers[own].address) == 0).await;
    client.ready().await.unwrap();
    let response = client.send_request(ask(&cookie)).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert!(!response.headers()["set-cookie"].to_str().unwrap().starts_with(&cookie));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_stays_at_its_server_over_every_connection_and_moves_when_that_is_gone() {
    let mut servers = [Server::start().await, Server::start().await, Server::start().await];
    let addresses = servers.each_ref().map(|server| server.address);
    let door = node::Bed::with(Toml::bed().servers(addresses).upstream("sticky = \"session\"")).await;
    let mut homes = Vec::new();
    for (name, password) in [("alice", "wonderland"), ("bob", "builder"), ("alice", "wonderland"), ("bob", "builder")] {
        let browser = door.signed_in(name, password).await;
        let before: Vec<_> = servers.iter().map(Server::answered).collect();
        // Each of them over a connection of its own.
        for _ in 0..6 {
            assert_eq!(browser.get("/").await.status, StatusCode::OK);
        }
        let served: Vec<_> = servers.iter().zip(before).map(|(server, before)| server.answered() - before).collect();
        assert_eq!(served.iter().max(), Some(&6), "{served:?}");
        homes.push((browser, served.iter().position(|count| *count == 6).unwrap()));
    }
    let (browser, home) = homes.swap_remove(0);
    servers[home].kill();
    for _ in 0..6 {
        assert_eq!(browser.get("/").await.status, StatusCode::OK);
    }
    for (browser, home_of_other) in homes {
        let before = servers[home_of_other].answered();
        assert_eq!(browser.get("/").await.status, StatusCode::OK);
        assert!(home_of_other == home || servers[home_of_other].answered() == before + 1, "nobody else moved");
    }
}

#[tokio::test]
async fn a_server_that_takes_the_connection_and_says_nothing_is_left_after_the_limit() {
    // The kernel accepts for it; the TLS handshake never comes.
    let (_held, port) = crate::support::peers::hung_server();
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, made.cert.pem()).unwrap();
    let wishes = Wishes {
        ca: Some(ca),
        request: |limits| limits.connect_wait = Duration::from_secs(1),
        ..Wishes::to(([127, 0, 0, 1], port).into())
    };
    let bed = bed(&wishes);
    let (status, text) = tokio::time::timeout(SOON, bed.ask(get("/"))).await.expect("it is waited for without end");
    assert!(status.is_server_error() && !text.is_empty(), "{status} {text:?}");
}

#[tokio::test]
async fn an_answer_that_stands_still_for_too_long_is_cut() {
    let server = Server::start().await;
    let bed = bed(&Wishes { request: |limits| limits.body_wait = Duration::from_secs(30), ..to(&[&server]) });
    let mut client = bed.h1::<Full<Bytes>>().await;
    let response = client.send_request(get("/half")).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let (begun, body) = (bed.clock.now(), tokio::spawn(http_body_util::BodyExt::collect(response.into_body())));
    // By steps, each of which the core has seen before it answers a request.
    eventually("it is cut", async || {
        bed.clock.advance(Duration::from_secs(1));
        bed.ask(get("/")).await;
        body.is_finished()
    })
    .await;
    let ended = bed.clock.now().since(begun).as_secs();
    assert!((30..40).contains(&ended), "after {ended} s");
    assert!(body.await.unwrap().is_err());
}

#[tokio::test]
async fn a_route_has_limits_of_its_own() {
    let wishes = Toml::bed().application(r#"routes = [{ path = "/public/small", limits = { body = "1 KiB" } }]"#);
    let bed = node::Bed::with(wishes).await;
    let browser = bed.browser();
    let body = "x".repeat(2000);
    assert_eq!(browser.ask(Method::POST, "/public/small/thing", &[], &body).await.status, 413);
    assert_eq!(browser.ask(Method::POST, "/public/other", &[], &body).await.status, 200);
}
