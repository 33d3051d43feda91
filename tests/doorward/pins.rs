//! Sign-in that belongs to the connection (NTLM, Negotiate) goes through to a pinned application, and to no application does anybody
//! ever come over a connection that somebody else has used so.

mod server;

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::Mutex;

use self::server::{Server, hello, proof, ticket};
use crate::support::client::{Answer, Client, KEY, read};
use crate::support::eventually::eventually;
use crate::support::node::{Bed, HOST, OTHER};
use crate::support::toml::Toml;

const PINNED: &str = "pinned = true";
const PEOPLE: [(&str, &str); 2] = [("alice", "wonderland"), ("bob", "builder")];
const LIMITS: &str = "attempts_per_address = \"100000/1m\"\nmessages_per_user = \"10000/1h\"\nmessages_per_number = \"10000/1h\"\n\
    messages_per_address = \"10000/1h\"";

async fn bed(server: &Server, upstream: &'static str) -> Bed {
    Bed::with(Toml::bed().servers([server.address]).upstream(upstream).limits(LIMITS)).await
}

/// One connection of a browser.
struct Line(http1::SendRequest<Full<Bytes>>);

impl Line {
    async fn to_door(browser: &Client) -> Self {
        let (sender, connection) = http1::handshake(TokioIo::new(browser.tls("http/1.1").await)).await.unwrap();
        tokio::spawn(connection);
        Self(sender)
    }

    /// Straight to the server, without us between.
    async fn to_server(server: &Server) -> Self {
        let stream = TcpStream::connect(server.address).await.unwrap();
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Self(sender)
    }

    /// A request of this person's, with the cookies of this browser.
    async fn ask(&mut self, browser: &Client, who: &str, more: &[(&str, &str)], body: &str) -> Answer {
        self.0.ready().await.unwrap();
        let method = if body.is_empty() { Method::GET } else { Method::POST };
        let headers = [&[("x-marker", who)], more].concat();
        let request = browser.request(method, "/data", &headers, Full::from(body.to_owned()));
        read(self.0.send_request(request).await.unwrap()).await
    }

    async fn credentials(&mut self, browser: &Client, who: &str, credentials: &str) -> Answer {
        self.ask(browser, who, &[("authorization", credentials)], "").await
    }

    /// The whole sign-in at the server, as a browser does it after a 401; the last answer.
    async fn sign_on(&mut self, browser: &Client, who: &str, scheme: &str) -> Answer {
        if scheme == "Kerberos" {
            return self.credentials(browser, who, &ticket(who)).await;
        }
        let challenged = self.credentials(browser, who, &hello(scheme)).await;
        assert_eq!(challenged.status, 401);
        let proof = proof(scheme, challenged.header("www-authenticate"), who).unwrap();
        self.credentials(browser, who, &proof).await
    }
}

/// Rounds of each client connection: 10,000 requests in all with `DOORWARD_LONG=1`, else 1,000.
fn rounds() -> usize {
    if std::env::var("DOORWARD_LONG").is_ok_and(|long| long == "1") { 50 } else { 5 }
}

const LINES: usize = 8;
const REQUESTS: usize = 25;

/// What several client connections do at the same time, each for the one and the other in turn: in every round somebody signs in
/// here, asks, and in some signs out again; now and then the client connection is another. What came, round by round.
async fn hustle<T, R>(bed: Arc<Bed>, round: impl Fn(Line, Arc<Client>, (usize, usize)) -> R + Clone + Send + 'static) -> Vec<T>
where
    T: Send + 'static,
    R: Future<Output = (Line, T)> + Send + 'static,
{
    // One sign-in at a time, so that everybody finds their own message.
    let door = Arc::new(Mutex::new(()));
    let lines = (0..LINES).map(|number| {
        let (bed, door, round) = (Arc::clone(&bed), Arc::clone(&door), round.clone());
        tokio::spawn(async move {
            let mut results = Vec::new();
            let mut line = Line::to_door(&bed.browser()).await;
            for turn in 0..rounds() {
                let person = (number + turn) % 2;
                let (name, password) = PEOPLE[person];
                let browser = {
                    let _alone = door.lock().await;
                    Arc::new(bed.signed_in(name, password).await)
                };
                let (used, result) = round(line, Arc::clone(&browser), (person, turn)).await;
                results.push(result);
                line = used;
                if turn % 3 != 2 {
                    browser.sign_out().await;
                    assert_eq!(browser.cookie(KEY), None, "it is over");
                }
                if turn % 4 == 3 {
                    line = Line::to_door(&browser).await;
                }
            }
            results
        })
    });
    let mut results = Vec::new();
    for line in lines.collect::<Vec<_>>() {
        results.extend(line.await.unwrap());
    }
    results
}

#[tokio::test]
async fn the_server_of_these_tests_notices_mixing() {
    let server = Server::start().await;
    let browser = Client::new(server.address, "server.example", &{
        let folder = tempfile::tempdir().unwrap().keep();
        let made = rcgen::generate_simple_self_signed(vec!["server.example".to_owned()]).unwrap();
        std::fs::write(folder.join("cert.pem"), made.cert.pem()).unwrap();
        folder.join("cert.pem")
    });
    let mut line = Line::to_server(&server).await;
    let signed_on = line.sign_on(&browser, "alice", "NTLM").await;
    assert_eq!((signed_on.status, signed_on.header("x-user"), server.mixed()), (200, "alice", 0));
    let foreign = line.ask(&browser, "bob", &[], "").await;
    assert_eq!((foreign.status, foreign.header("x-user"), server.mixed()), (200, "alice", 1));
    let mut other = Line::to_server(&server).await;
    let challenged = line.credentials(&browser, "alice", &hello("NTLM")).await;
    let proof = proof("NTLM", challenged.header("www-authenticate"), "alice").unwrap();
    assert_eq!((other.credentials(&browser, "alice", &proof).await.status, server.broken()), (401, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pinned_connections_of_two_people_are_never_mixed_and_stay_signed_on() {
    let server = Server::start().await;
    let bed = Arc::new(bed(&server, PINNED).await);
    let results = hustle(Arc::clone(&bed), |mut line, browser, (person, turn)| async move {
        let who = PEOPLE[person].0;
        // Whoever was here before has left nothing.
        assert_eq!(line.ask(&browser, who, &[], "").await.status, 401);
        let scheme = ["NTLM", "Negotiate", "Kerberos"][turn % 3];
        let signed_on = line.sign_on(&browser, who, scheme).await;
        let connection = signed_on.header("x-connection").to_owned();
        let mut good = 0;
        for number in 0..REQUESTS - if scheme == "Kerberos" { 2 } else { 3 } {
            let body = if number % 3 == 0 { "x".repeat(number * 100) } else { String::new() };
            let answer = line.ask(&browser, who, &[], &body).await;
            let same = answer.header("x-user") == who && answer.header("x-connection") == connection && answer.body == body;
            good += usize::from(answer.status == 200 && same);
        }
        (line, (good, scheme))
    })
    .await;
    for (good, scheme) in &results {
        assert_eq!(*good, REQUESTS - if *scheme == "Kerberos" { 2 } else { 3 }, "{scheme}");
    }
    assert_eq!((server.mixed(), server.broken()), (0, 0));
    assert_eq!(server.answered(), LINES * rounds() * REQUESTS);
    eventually("nothing is kept of clients that have gone", async || server.open() == 0).await;
    println!("{} requests over {} connections, none mixed", server.answered(), server.connections());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_pins_nobody_is_signed_on_by_somebody_elses_connection_either() {
    let server = Server::start().await;
    let bed = Arc::new(bed(&server, "").await);
    let kept = hustle(Arc::clone(&bed), |mut line, browser, (person, turn)| async move {
        let who = PEOPLE[person].0;
        let mut kept = 0;
        for number in 0..REQUESTS / 5 {
            kept += usize::from(line.ask(&browser, who, &[], "").await.status == 200);
            let scheme = ["NTLM", "Negotiate"][(turn + number) % 2];
            assert_eq!(line.sign_on(&browser, who, scheme).await.status, 401, "the second half is on another connection");
            let at_once = line.sign_on(&browser, who, "Kerberos").await;
            assert_eq!((at_once.status, at_once.header("x-user")), (200, who));
            kept += usize::from(line.ask(&browser, who, &[], "").await.status == 200);
        }
        (line, kept)
    })
    .await;
    assert_eq!(kept.iter().sum::<usize>(), 0, "nobody stays signed on");
    assert_eq!(server.mixed(), 0);
    assert_eq!(server.answered(), LINES * rounds() * REQUESTS);
    println!("{} requests over {} connections, none mixed", server.answered(), server.connections());
}

#[tokio::test]
async fn two_sessions_over_one_client_connection_have_a_pinned_connection_each() {
    let server = Server::start().await;
    let bed = bed(&server, PINNED).await;
    let browsers = [bed.signed_in("alice", "wonderland").await, bed.signed_in("bob", "builder").await];
    let mut line = Line::to_door(&browsers[0]).await;
    for (browser, (who, _)) in browsers.iter().zip(PEOPLE) {
        assert_eq!(line.ask(browser, who, &[], "").await.status, 401);
        assert_eq!(line.sign_on(browser, who, "NTLM").await.status, 200);
    }
    for turn in 0..10 {
        let answer = line.ask(&browsers[turn % 2], PEOPLE[turn % 2].0, &[], "").await;
        assert_eq!((answer.status, answer.header("x-user")), (200, PEOPLE[turn % 2].0));
    }
    assert_eq!((server.mixed(), server.open()), (0, 2));
}

#[tokio::test]
async fn a_pinned_connection_ends_with_its_session() {
    let server = Server::start().await;
    let bed = bed(&server, PINNED).await;
    let browser = bed.signed_in("alice", "wonderland").await;
    let mut line = Line::to_door(&browser).await;
    assert_eq!(line.sign_on(&browser, "alice", "NTLM").await.status, 200);
    assert_eq!(server.open(), 1);
    browser.sign_out().await;
    eventually("it is closed, though the client's is not", async || server.open() == 0).await;
    assert!(line.0.ready().await.is_ok());
}

#[tokio::test]
async fn a_public_path_is_pinned_to_the_client_connection_and_left_behind_at_sign_in() {
    let server = Server::start().await;
    let toml = Toml::bed().servers([server.address]).upstream(PINNED);
    let bed = Bed::with(toml).await;
    let browser = bed.browser();
    let mut line = Line::to_door(&browser).await;
    let request = |browser: &Client, who: &str, more: &[(&str, &str)]| {
        browser.request(Method::GET, "/public/rpc", &[&[("x-marker", who)], more].concat(), Full::default())
    };
    let challenged =
        read(line.0.send_request(request(&browser, "alice", &[("authorization", &hello("NTLM"))])).await.unwrap()).await;
    let proof = proof("NTLM", challenged.header("www-authenticate"), "alice").unwrap();
    line.0.ready().await.unwrap();
    let signed_on = read(line.0.send_request(request(&browser, "alice", &[("authorization", &proof)])).await.unwrap()).await;
    assert_eq!((signed_on.status, signed_on.header("x-user")), (200, "alice"));
    // Another connection of the same browser is not signed on.
    let mut other = Line::to_door(&browser).await;
    assert_eq!(read(other.0.send_request(request(&browser, "bob", &[])).await.unwrap()).await.status, 401);
    // Nor is who signs in here over this one, on whatever path.
    bed.sign_in(&browser, "bob", "builder").await;
    line.0.ready().await.unwrap();
    assert_eq!(read(line.0.send_request(request(&browser, "bob", &[])).await.unwrap()).await.status, 401);
    assert_eq!(line.ask(&browser, "bob", &[], "").await.status, 401);
    assert_eq!(server.mixed(), 0);
}

#[tokio::test]
async fn a_server_that_hung_up_is_connected_to_anew_and_no_request_is_lost() {
    let server = Server::start().await;
    let bed = bed(&server, PINNED).await;
    let browser = bed.signed_in("alice", "wonderland").await;
    let mut line = Line::to_door(&browser).await;
    for _ in 0..5 {
        assert_eq!(line.sign_on(&browser, "alice", "Negotiate").await.status, 200);
        assert_eq!(line.ask(&browser, "alice", &[], "something").await.body, "something");
        server.hang_up();
        eventually("it has hung up", async || server.open() == 0).await;
        assert_eq!(line.ask(&browser, "alice", &[], "something").await.status, 401);
    }
    assert_eq!((server.connections(), server.mixed(), server.broken()), (6, 0, 0));
}

#[tokio::test]
async fn the_host_of_a_pinned_application_is_not_served_over_http2() {
    let server = Server::start().await;
    let bed = bed(&server, PINNED).await;
    let protocol = |host: &'static str, offered: &'static [&'static str]| {
        let browser = bed.browser_at(host);
        async move { browser.agrees(offered).await }
    };
    assert_eq!(protocol(HOST, &["h2", "http/1.1"]).await.as_deref(), Some("http/1.1"));
    assert_eq!(protocol(HOST, &["h2"]).await, None, "rather nothing than HTTP/2");
    assert_eq!(protocol(OTHER, &["h2", "http/1.1"]).await.as_deref(), Some("h2"));
    // A browser that has a connection for the other host may try this one over it (RFC 9113 section 9.1.1).
    let mut other = bed.browser_at(OTHER);
    other.http2 = true;
    let request = Request::get(format!("https://{HOST}/public/x")).body(Full::<Bytes>::default()).unwrap();
    assert_eq!(other.send(request).await.status(), 421);
    let request = Request::get(format!("https://{OTHER}/")).body(Full::<Bytes>::default()).unwrap();
    assert_eq!(other.send(request).await.status(), 401);
    assert_eq!(server.answered(), 0);
}
