//! What is in use is not cut: a session whose user sends or takes something goes on, however long ago its last request began; what a page
//! does by itself renews nothing. Minutes are the node's, by its clock.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use doorward::app::control::{self, Reply, Request};
use doorward::auth::SessionSelector;
use http::Method;
use http_body_util::{BodyExt, Empty, StreamBody};
use hyper::body::Frame;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::client::{Client, KEY, read};
use crate::support::eventually::eventually;
use crate::support::node::{Bed, HOST};
use crate::support::raw::{self, Application, Raw};
use crate::support::toml::Toml;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const SOON: Duration = Duration::from_secs(10);

async fn bed(session: &'static str) -> (Bed, Application) {
    let application = Application::start().await;
    (Bed::with(Toml::bed().servers([application.address]).session(session)).await, application)
}

const HALF_AN_HOUR: &str = r#"{ idle = "30m", absolute = "12h" }"#;

fn get(browser: &Client, path: &str) -> http::Request<Empty<Bytes>> {
    browser.request(Method::GET, path, &[], Empty::new())
}

/// An answer under way: its body at the client, its other end at the application.
async fn streaming(
    bed: &Bed,
    application: &Application,
    http2: bool,
    kind: &str,
) -> (Client, hyper::body::Incoming, Raw<TcpStream>) {
    let mut browser = bed.signed_in("alice", "wonderland").await;
    browser.http2 = http2;
    let (answer, server) = tokio::join!(browser.send(get(&browser, "/long")), async {
        let mut server = application.accept().await;
        server.head().await;
        server.send(format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: 1000000000\r\n\r\n")).await;
        server
    });
    (browser, answer.into_body(), server)
}

async fn pass(server: &mut Raw<TcpStream>, body: &mut hyper::body::Incoming) {
    server.send("piece").await;
    assert_eq!(timeout(SOON, body.frame()).await.expect("nothing comes").unwrap().unwrap().into_data().unwrap(), "piece");
}

async fn is_cut(body: &mut hyper::body::Incoming) {
    assert!(timeout(SOON, body.frame()).await.expect("it goes on").unwrap().is_err());
}

/// So much time passes once the newest session counts as used a moment ago, which the node notes a little later.
async fn is_noted_and_then(bed: &Bed, time: Duration) {
    eventually("the session is in use", async || {
        let (control, meant) = (bed.control.clone(), SessionSelector::All);
        let reply = tokio::task::spawn_blocking(move || control::ask(&control, &Request::SessionList { meant })).await.unwrap();
        let Reply::Sessions { sessions, .. } = reply.unwrap() else { panic!("no sessions") };
        let used = sessions.into_iter().map(|session| session.last_seen).max();
        let ago = used.map(|used| bed.clock.now().since(used));
        if ago.is_some_and(|ago| ago < 10 * SECOND) { Ok(()) } else { Err(ago) }
    })
    .await;
    bed.clock.advance(time);
}

/// Whether a request opens the session; its answer is the next that the application gives.
async fn is_in(browser: &Client, application: &Application) {
    let answers = async {
        loop {
            let mut server = application.accept().await;
            server.head().await;
            server.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nin").await;
        }
    };
    let asks = eventually("the session is alive", async || {
        let answer = read(browser.send(get(browser, "/")).await).await;
        if answer.status == 200 { Ok(()) } else { Err(answer.status) }
    });
    tokio::select! {
        () = answers => {}
        () = asks => {}
    }
}

async fn is_out(browser: &Client) {
    assert_eq!(read(browser.send(get(browser, "/")).await).await.status, 401);
}

#[tokio::test]
async fn a_download_renews_the_session_as_long_as_it_is_taken() {
    let (bed, application) = bed(HALF_AN_HOUR).await;
    for http2 in [false, true] {
        let (browser, mut body, mut server) = streaming(&bed, &application, http2, "application/zip").await;
        for _ in 0..4 {
            pass(&mut server, &mut body).await;
            is_noted_and_then(&bed, 29 * MINUTE).await;
        }
        pass(&mut server, &mut body).await;
        is_in(&browser, &application).await;
        bed.clock.advance(31 * MINUTE);
        is_cut(&mut body).await;
        is_out(&browser).await;
    }
}

#[tokio::test]
async fn what_is_taken_does_not_hold_off_the_absolute_time() {
    let (bed, application) = bed(r#"{ idle = "30m", absolute = "1h" }"#).await;
    let (browser, mut body, mut server) = streaming(&bed, &application, false, "application/zip").await;
    for _ in 0..2 {
        pass(&mut server, &mut body).await;
        is_noted_and_then(&bed, 29 * MINUTE).await;
    }
    pass(&mut server, &mut body).await;
    bed.clock.advance(2 * MINUTE);
    is_cut(&mut body).await;
    is_out(&browser).await;
}

#[tokio::test]
async fn an_event_stream_renews_nothing() {
    let (bed, application) = bed(HALF_AN_HOUR).await;
    for (http2, kind) in [(false, "text/event-stream"), (true, "Text/Event-Stream; charset=utf-8")] {
        let (browser, mut body, mut server) = streaming(&bed, &application, http2, kind).await;
        pass(&mut server, &mut body).await;
        bed.clock.advance(29 * MINUTE);
        pass(&mut server, &mut body).await;
        bed.clock.advance(2 * MINUTE);
        is_cut(&mut body).await;
        is_out(&browser).await;
    }
}

#[tokio::test]
async fn a_client_that_takes_nothing_renews_nothing() {
    let (bed, application) = bed(HALF_AN_HOUR).await;
    for http2 in [false, true] {
        let mut is_full = false;
        // On a busy machine a moment without a byte is not yet a way that is full; then the try says nothing.
        for _ in 0..10 {
            let (browser, body, mut server) = streaming(&bed, &application, http2, "application/zip").await;
            while timeout(Duration::from_secs(3), server.stream.write_all(&[b'x'; 16 * 1024])).await.is_ok() {}
            bed.clock.advance(29 * MINUTE);
            // More of it is there, and nobody takes it.
            is_full = timeout(Duration::from_millis(300), server.stream.write_all(b"x")).await.is_err();
            bed.clock.advance(2 * MINUTE);
            if is_full {
                is_out(&browser).await;
                break;
            }
            drop(body);
        }
        assert!(is_full, "it is taken");
    }
}

#[tokio::test]
async fn an_upload_renews_the_session_as_long_as_it_comes() {
    let (bed, application) = bed(r#"{ idle = "1m", absolute = "12h" }"#).await;
    for http2 in [false, true] {
        let mut browser = bed.signed_in("alice", "wonderland").await;
        browser.http2 = http2;
        let (pieces, body) = tokio::sync::mpsc::channel::<Result<Frame<Bytes>, Infallible>>(1);
        let stream = futures_util::stream::unfold(body, |mut body| async { Some((body.recv().await?, body)) });
        let request = browser.request(Method::PUT, "/file", &[], StreamBody::new(Box::pin(stream)));
        let (answer, ()) = tokio::join!(async { read(browser.send(request).await).await }, async {
            let mut server = application.accept().await;
            server.head().await;
            for _ in 0..4 {
                pieces.send(Ok(Frame::data("piece".into()))).await.unwrap();
                server.until("piece\r\n").await;
                // A client that sends nothing for a minute has stalled.
                is_noted_and_then(&bed, 50 * SECOND).await;
            }
            drop(pieces);
            server.until("0\r\n\r\n").await;
            server.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nsaved").await;
        });
        assert_eq!((answer.status, answer.body.as_str()), (200, "saved"));
    }
}

/// A WebSocket by hand, both ends of it.
async fn socket(
    bed: &Bed,
    application: &Application,
) -> (Client, Raw<impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin>, Raw<TcpStream>) {
    let browser = bed.signed_in("alice", "wonderland").await;
    let mut client = raw::client(&browser).await;
    let cookie = browser.cookie(KEY).unwrap();
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
    client.send(format!("GET /ws HTTP/1.1\r\nHost: {HOST}\r\nCookie: {KEY}={cookie}\r\n{upgrade}\r\n")).await;
    let mut server = application.accept().await;
    server.head().await;
    server.send(format!("HTTP/1.1 101 Switching Protocols\r\n{upgrade}\r\n")).await;
    client.head().await;
    (browser, client, server)
}

/// One end says this and the other hears it.
async fn say<S, T>(from: &mut Raw<S>, to: &mut Raw<T>, bytes: &[u8])
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    from.send(bytes).await;
    assert_eq!(to.exactly(bytes.len()).await, bytes);
}

/// Masked with nothing, which changes nothing.
fn frame(opcode: u8, text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).unwrap();
    [&[0x80 | opcode, 0x80 | length, 0, 0, 0, 0], text.as_bytes()].concat()
}

#[tokio::test]
async fn what_is_typed_into_a_web_socket_renews_the_session() {
    let (bed, application) = bed(HALF_AN_HOUR).await;
    let (browser, mut client, mut server) = socket(&bed, &application).await;
    for opcode in [1, 2, 0, 1] {
        say(&mut client, &mut server, &frame(opcode, "typed")).await;
        is_noted_and_then(&bed, 29 * MINUTE).await;
    }
    say(&mut client, &mut server, &frame(1, "typed")).await;
    is_in(&browser, &application).await;
}

#[tokio::test]
async fn pings_and_what_the_application_says_keep_no_session_alive() {
    let (bed, application) = bed(HALF_AN_HOUR).await;
    let (browser, mut client, mut server) = socket(&bed, &application).await;
    for _ in 0..2 {
        for opcode in [9, 10] {
            say(&mut client, &mut server, &frame(opcode, "alive")).await;
        }
        say(&mut server, &mut client, &frame(1, "news")).await;
        bed.clock.advance(16 * MINUTE);
    }
    assert_eq!(timeout(SOON, client.rest()).await.expect("it goes on"), b"");
    is_out(&browser).await;
}

#[tokio::test]
async fn what_pages_ask_for_by_themselves_renews_nothing() {
    let session = r#"{ idle = "30m", absolute = "12h", background = ["/ping", "/?_action=refresh"] }"#;
    let bed = Bed::with(Toml::bed().session(session)).await;
    for (path, renews) in
        [("/ping", false), ("/PING/1", false), ("/?_action=refresh&_remote=1", false), ("/?_action=show", true), ("/pings", true)]
    {
        let browser = bed.signed_in("alice", "wonderland").await;
        bed.clock.advance(29 * MINUTE);
        assert_eq!(browser.get(path).await.status, 200, "{path}: it opens what any other request opens");
        bed.clock.advance(2 * MINUTE);
        assert_eq!(browser.is_in().await, renews, "{path}");
    }
}

#[tokio::test]
async fn a_poll_may_bring_as_much_as_it_likes() {
    let application = Application::start().await;
    let session = r#"{ idle = "30m", absolute = "12h", background = ["/long"] }"#;
    let bed = Bed::with(Toml::bed().servers([application.address]).session(session)).await;
    let (browser, mut body, mut server) = streaming(&bed, &application, false, "application/json").await;
    for _ in 0..2 {
        pass(&mut server, &mut body).await;
        bed.clock.advance(16 * MINUTE);
    }
    is_cut(&mut body).await;
    is_out(&browser).await;
}
