//! Requests through the server to an upstream and back, over real sockets.

pub mod bed;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody};
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use bed::{Bed, Wishes, bed, get, mirror, tls_upstream, upstream};
use doorward::server::Limits;

use crate::support::eventually::eventually;
use crate::support::sockets::open_to;

const SOON: Duration = Duration::from_secs(10);

/// A body of unknown length: so many frames of so many bytes.
fn frames(count: usize, size: usize) -> impl http_body::Body<Data = Bytes, Error = std::io::Error> + Send + 'static {
    let data = Bytes::from(vec![b'x'; size]);
    StreamBody::new(futures_util::stream::iter((0..count).map(move |_| Ok(Frame::data(data.clone())))))
}

/// Sends these bytes over TLS and reads until the other side closes or `until` came.
async fn raw(bed: &Bed, sent: &str, until: &str) -> String {
    let mut stream = bed.tls("localhost", "http/1.1").await.unwrap();
    stream.write_all(sent.as_bytes()).await.unwrap();
    read_until(&mut stream, until).await
}

async fn read_until(stream: &mut (impl tokio::io::AsyncRead + Unpin), until: &str) -> String {
    let mut received = Vec::new();
    let mut buffer = [0; 4096];
    while !String::from_utf8_lossy(&received).contains(until) {
        match timeout(SOON, stream.read(&mut buffer)).await.unwrap() {
            Ok(count) if count > 0 => received.extend_from_slice(&buffer[..count]),
            _ => break,
        }
    }
    String::from_utf8_lossy(&received).into_owned()
}

#[tokio::test]
async fn a_request_arrives_as_it_was_sent_without_what_a_client_may_not_say() {
    let (address, _) = mirror().await;
    let bed = bed(&Wishes::to(address));
    let request = "POST /a%2Fb/%E2%82%AC;x?q=%20&&r HTTP/1.1\r\nHost: localhost:8443\r\nX-Forwarded-User: root\r\n\
        x_forwarded_for: 6.6.6.6\r\nCookie: a=1; __Host-doorward=secret; b=\"2\"\r\n\
        Connection: keep-alive, X-Gone, Cookie, X-Forwarded-Proto\r\nX-Gone: 1\r\nExpect: 100-continue\r\n\
        Upgrade: h2c\r\nContent-Length: 4\r\nX-Kept: \u{e6}\r\n\r\nbody";
    let received = raw(&bed, request, "\n\nbody").await;
    let received = received.split("\r\n\r\n").last().unwrap();
    let expected = "POST /a%2Fb/%E2%82%AC;x?q=%20&&r HTTP/1.1\nhost: localhost:8443\ncookie: a=1; b=\"2\"\ncontent-length: 4\nx-kept: \u{e6}\n\
        via: 1.1 doorward\nx-forwarded-for: 127.0.0.1\nx-forwarded-proto: https\n\
        x-forwarded-host: localhost:8443\n\nbody";
    assert_eq!(received, expected);
}

#[tokio::test]
async fn http_2_becomes_http_1_with_its_cookie_crumbs_joined() {
    let (address, _) = mirror().await;
    let bed = bed(&Wishes::to(address));
    let request = Request::post("https://localhost/x?y").header("cookie", "a=1").header("cookie", "__Host-doorward=s");
    let request = request.header("cookie", "b=2").header("x-forwarded-groups", "admins").body(Full::from("body")).unwrap();
    let response = bed.h2().await.send_request(request).await.unwrap();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let expected = "POST /x?y HTTP/1.1\ncookie: a=1; b=2\ncontent-length: 4\nhost: localhost\nvia: 1.1 doorward\n\
        x-forwarded-for: 127.0.0.1\nx-forwarded-proto: https\nx-forwarded-host: localhost\n\nbody";
    assert_eq!(String::from_utf8_lossy(&body), expected);
}

#[tokio::test]
async fn a_coding_other_than_chunked_is_refused() {
    let (address, connections) = mirror().await;
    let bed = bed(&Wishes::to(address));
    let request = "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n";
    assert!(raw(&bed, request, "\r\n\r\n").await.starts_with("HTTP/1.1 501"));
    assert_eq!(connections.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_connection_to_the_upstream_is_used_again_and_a_stale_one_replaced() {
    let (address, connections) = mirror().await;
    let bed = bed(&Wishes::to(address));
    let mut client = bed.h1::<Full<Bytes>>().await;
    for _ in 0..5 {
        client.ready().await.unwrap();
        let response = client.send_request(get("/")).await.unwrap();
        response.into_body().collect().await.unwrap();
    }
    assert_eq!(connections.load(Ordering::Relaxed), 1);

    // This one closes after every answer without saying so.
    let closing = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = closing.local_addr().unwrap();
    let bed = self::bed(&Wishes::to(server));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = closing.accept().await {
            read_until(&mut stream, "\r\n\r\n").await;
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.unwrap();
        }
    });
    let mut client = bed.h1::<Full<Bytes>>().await;
    for _ in 0..50 {
        client.ready().await.unwrap();
        let request = Request::post("/").header("host", "localhost").body(Full::from("x")).unwrap();
        let response = client.send_request(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        response.into_body().collect().await.unwrap();
        eventually("it is closed at our end too", async || open_to(server) == 0).await;
    }
}

#[tokio::test]
async fn a_dead_server_is_passed_over_and_none_left_is_unreachable() {
    let dead = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let (alive, _) = mirror().await;
    let both = bed(&Wishes { servers: vec![dead, alive], ..Wishes::to(dead) });
    assert_eq!(both.ask(get("/")).await.0, StatusCode::OK);
    let alone = bed(&Wishes::to(dead));
    assert_eq!(alone.ask(get("/")).await.0, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn an_upstream_with_tls_must_show_a_certificate_of_its_authority() {
    let (address, ca) = tls_upstream().await;
    let good = bed(&Wishes { ca: Some(ca.path().join("upstream.pem")), ..Wishes::to(address) });
    assert_eq!(good.ask(get("/")).await, (StatusCode::OK, "secured".into()));
    let (_, another) = tls_upstream().await;
    let bad = bed(&Wishes { ca: Some(another.path().join("upstream.pem")), ..Wishes::to(address) });
    assert_eq!(bad.ask(get("/")).await.0, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn an_upstream_that_says_nothing_times_out() {
    let (address, _) = upstream(|_| std::future::pending()).await;
    let bed = bed(&Wishes { response_wait: Duration::from_millis(200), ..Wishes::to(address) });
    assert_eq!(bed.ask(get("/")).await.0, StatusCode::GATEWAY_TIMEOUT);
}

#[tokio::test]
async fn an_answer_that_breaks_off_does_not_look_complete() {
    for head in ["Content-Length: 1000", "Transfer-Encoding: chunked"] {
        let breaking = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let bed = bed(&Wishes::to(breaking.local_addr().unwrap()));
        tokio::spawn(async move {
            let (mut stream, _) = breaking.accept().await.unwrap();
            read_until(&mut stream, "\r\n\r\n").await;
            stream.write_all(format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n5\r\nhello\r\n").as_bytes()).await.unwrap();
        });
        // Already the head may be missing, if the end came with it.
        if let Ok(response) = bed.h1().await.send_request(get("/")).await {
            assert!(response.into_body().collect().await.is_err(), "{head}");
        }
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_before_or_while_it_is_sent() {
    let (address, connections) = mirror().await;
    let bed = bed(&Wishes { body: 1000, ..Wishes::to(address) });
    let request = Request::post("/").header("host", "localhost").body(Full::from(vec![b'x'; 1001])).unwrap();
    assert_eq!(bed.ask(request).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(connections.load(Ordering::Relaxed), 0, "nothing was sent");

    let body = frames(usize::MAX, 300);
    let request = Request::post("/").header("host", "localhost").body(body).unwrap();
    let response = bed.h1().await.send_request(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn a_hundred_mebibytes_pass_both_ways() {
    let (address, _) = upstream(|request| async move {
        let mut count = 0_usize;
        let mut body = request.into_body();
        while let Some(Ok(frame)) = body.frame().await {
            count += frame.data_ref().map_or(0, Bytes::len);
        }
        Response::new(Full::from(vec![b'y'; count]))
    })
    .await;
    let bed = bed(&Wishes::to(address));
    let body = frames(100, 1 << 20);
    let request = Request::post("/").header("host", "localhost").body(body).unwrap();
    let mut body = bed.h1().await.send_request(request).await.unwrap().into_body();
    let mut count = 0;
    while let Some(frame) = body.frame().await {
        count += frame.unwrap().data_ref().map_or(0, Bytes::len);
    }
    assert_eq!(count, 100 << 20);
}

#[tokio::test]
async fn an_upstream_that_stops_reading_makes_the_client_stop_writing() {
    let stopping = TcpListener::bind("127.0.0.1:0").await.unwrap();
    // Small buffers at both ends, so that what is taken is what lies between them.
    SockRef::from(&stopping).set_recv_buffer_size(64 * 1024).unwrap();
    let bed = bed(&Wishes::to(stopping.local_addr().unwrap()));
    let mut client = bed.tls("localhost", "http/1.1").await.unwrap();
    SockRef::from(client.get_ref().0).set_send_buffer_size(64 * 1024).unwrap();
    client.write_all(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 104857600\r\n\r\n").await.unwrap();
    let (_held, _) = stopping.accept().await.unwrap();
    let mut written = 0;
    while let Ok(count) = timeout(Duration::from_millis(500), client.write(&[b'x'; 16 * 1024])).await {
        written += count.unwrap();
        // The kernel lets each of our two sockets grow to several MiB; without back-pressure it would be all hundred.
        assert!(written < 32 << 20, "more than the sockets' buffers hold");
    }
}

#[tokio::test]
async fn the_upstream_hears_when_the_client_goes_away() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let bed = bed(&Wishes::to(listener.local_addr().unwrap()));
    for answer in ["", "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nbegin"] {
        let mut client = bed.tls("localhost", "http/1.1").await.unwrap();
        client.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
        let (mut stream, _) = listener.accept().await.unwrap();
        read_until(&mut stream, "\r\n\r\n").await;
        stream.write_all(answer.as_bytes()).await.unwrap();
        if !answer.is_empty() {
            read_until(&mut client, "begin").await;
        }
        drop(client);
        let count = timeout(SOON, stream.read(&mut [0; 16])).await.expect("it hears of it").unwrap_or(0);
        assert_eq!(count, 0, "{answer:?}");
    }
}

#[tokio::test]
async fn answers_without_a_body_and_interim_answers_keep_their_shape() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let bed = bed(&Wishes::to(listener.local_addr().unwrap()));
    tokio::spawn(async move {
        let answers = [
            "HTTP/1.1 200 OK\r\nContent-Length: 77\r\n\r\n",
            "HTTP/1.1 204 No Content\r\n\r\n",
            "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n",
            "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        ];
        let (mut stream, _) = listener.accept().await.unwrap();
        for answer in answers {
            read_until(&mut stream, "\r\n\r\n").await;
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    let mut client = bed.h1::<Full<Bytes>>().await;
    let mut seen = Vec::new();
    for method in ["HEAD", "GET", "GET", "GET"] {
        client.ready().await.unwrap();
        let request = Request::builder().method(method).uri("/").header("host", "localhost").body(Full::default()).unwrap();
        let response = client.send_request(request).await.unwrap();
        let length = response.headers().get("content-length").map(|value| value.to_str().unwrap().to_owned());
        let status = response.status().as_u16();
        seen.push((status, length, response.into_body().collect().await.unwrap().to_bytes().len()));
    }
    let length = |text: &str| Some(text.to_owned());
    assert_eq!(seen, [(200, length("77"), 0), (204, None, 0), (304, None, 0), (200, length("2"), 2)]);
}

#[tokio::test]
async fn an_answer_that_has_no_body_says_no_length_over_http_2() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let bed = bed(&Wishes::to(listener.local_addr().unwrap()));
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        read_until(&mut stream, "\r\n\r\n").await;
        stream.write_all(b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n").await.unwrap();
    });
    let request = Request::get("https://localhost/").body(Full::default()).unwrap();
    let response = bed.h2().await.send_request(request).await.unwrap();
    assert_eq!((response.status(), response.headers().get("content-length")), (StatusCode::NO_CONTENT, None));
    assert!(response.into_body().collect().await.unwrap().to_bytes().is_empty());
}

#[tokio::test]
async fn a_client_that_stops_sending_is_told_so_after_a_minute() {
    let (address, _) = mirror().await;
    let bed = bed(&Wishes::to(address));
    let mut client = bed.tls("localhost", "http/1.1").await.unwrap();
    client.write_all(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nbegin").await.unwrap();
    // The sweeps must have seen it before the minute passes.
    assert!(timeout(Duration::from_millis(600), client.read(&mut [0; 16])).await.is_err());
    bed.clock.advance(Duration::from_secs(61));
    assert!(read_until(&mut client, "\r\n\r\n").await.starts_with("HTTP/1.1 408"));
}

/// hyper does not ask an answer for more until there is a window for it, so the answer cannot end by itself.
#[tokio::test]
async fn a_stream_that_is_given_no_window_ends_its_connection_after_ten_minutes() {
    let (address, _) = upstream(|_| async { Response::new(Full::from(vec![b'x'; 1 << 20])) }).await;
    let bed = bed(&Wishes::to(address));
    for window in [0, 1] {
        let older = Stuck::begin(&bed, window).await;
        bed.clock.advance(Duration::from_secs(30));
        let younger = Stuck::begin(&bed, window).await;
        bed.clock.advance(Duration::from_secs(575));
        eventually(format!("window {window}: it ends"), async || older.has_ended().await).await;
        // The other was looked at in the same sweep.
        bed.ask(get("/")).await;
        assert!(!younger.has_ended().await, "window {window}: too early");
        bed.clock.advance(Duration::from_secs(30));
        eventually(format!("window {window}: the other ends"), async || younger.has_ended().await).await;
    }
}

/// A stream on a connection of its own, without a window for all that is to come.
struct Stuck {
    sender: h2::client::SendRequest<Bytes>,
    connection: tokio::task::JoinHandle<Result<(), h2::Error>>,
    _body: h2::RecvStream,
}

impl Stuck {
    async fn begin(bed: &Bed, window: u32) -> Self {
        let stream = bed.tls("localhost", "h2").await.unwrap();
        let (mut sender, connection) =
            h2::client::Builder::new().initial_window_size(window).handshake::<_, Bytes>(stream).await.unwrap();
        let connection = tokio::spawn(connection);
        let get = Request::get("https://localhost/").body(()).unwrap();
        let body = sender.send_request(get, true).unwrap().0.await.unwrap().into_body();
        // A sweep comes before the next answer, and sees where it stands.
        bed.clock.advance(Duration::from_secs(1));
        bed.ask(self::get("/")).await;
        Self { sender, connection, _body: body }
    }

    async fn has_ended(&self) -> bool {
        let mut sender = self.sender.clone();
        std::future::poll_fn(|context| sender.poll_ready(context)).await.is_err()
    }
}

impl Drop for Stuck {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

/// An upstream that echoes what comes through a WebSocket.
async fn echo() -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let socket = tokio_tungstenite::accept_async(stream).await.unwrap();
                let (sink, source) = futures_util::StreamExt::split(socket);
                let _ = futures_util::StreamExt::forward(source, sink).await;
            });
        }
    });
    address
}

#[tokio::test]
async fn a_websocket_echoes_until_its_session_is_over() {
    use futures_util::{SinkExt, StreamExt};
    use tokio_tungstenite::tungstenite::Message;
    let bed = bed(&Wishes::to(echo().await));
    let stream = bed.tls("localhost", "http/1.1").await.unwrap();
    let (mut socket, response) = tokio_tungstenite::client_async("wss://localhost/socket", stream).await.unwrap();
    assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
    for size in [0, 1, 100, 100_000, 1_000_000] {
        let message = Message::text("x".repeat(size));
        socket.send(message.clone()).await.unwrap();
        assert_eq!(timeout(SOON, socket.next()).await.unwrap().unwrap().unwrap(), message);
    }
    bed.over.store(true, Ordering::Relaxed);
    let end = timeout(SOON, socket.next()).await.expect("the tunnel is cut");
    assert!(!matches!(end, Some(Ok(_))), "{end:?}");
}

#[tokio::test]
async fn a_tunnel_in_which_nothing_moves_is_closed_after_an_hour() {
    use futures_util::StreamExt;
    let bed = bed(&Wishes::to(echo().await));
    let stream = bed.tls("localhost", "http/1.1").await.unwrap();
    let (mut socket, _) = tokio_tungstenite::client_async("wss://localhost/socket", stream).await.unwrap();
    // The first sweeps must have seen it before the hour passes.
    assert!(timeout(Duration::from_millis(600), socket.next()).await.is_err());
    bed.clock.advance(Duration::from_secs(3601));
    let end = timeout(SOON, socket.next()).await.expect("it is closed");
    assert!(!matches!(end, Some(Ok(_))), "{end:?}");
}

#[tokio::test]
async fn an_upstream_that_refuses_a_websocket_is_heard() {
    let (address, _) = mirror().await;
    let bed = bed(&Wishes::to(address));
    let request =
        "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\n\r\n";
    let received = raw(&bed, request, "x-forwarded-host").await;
    assert!(received.starts_with("HTTP/1.1 200"), "{received}");
    assert!(received.contains("connection: Upgrade\nupgrade: websocket\n"), "{received}");
}

#[tokio::test]
async fn the_end_of_a_session_reaches_waits_answers_and_uploads() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let bed = bed(&Wishes::to(listener.local_addr().unwrap()));
    let waiting = bed.ask(get("/wait"));
    let over = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        read_until(&mut stream, "\r\n\r\n").await;
        bed.over.store(true, Ordering::Relaxed);
        assert_eq!(stream.read(&mut [0; 16]).await.unwrap_or(0), 0, "the upstream's side ends too");
    };
    let ((status, _), ()) = timeout(SOON, async { tokio::join!(waiting, over) }).await.expect("it is cut");
    assert_eq!(status, StatusCode::UNAUTHORIZED);

    bed.over.store(false, Ordering::Relaxed);
    let mut client = bed.h2().await;
    let answer = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        read_until(&mut stream, "\r\n\r\n").await;
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nbegin").await.unwrap();
        stream
    };
    let request = Request::get("https://localhost/poll").body(Full::default()).unwrap();
    let (response, _stream) = tokio::join!(client.send_request(request), answer);
    let mut body = response.unwrap().into_body();
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "begin");
    bed.over.store(true, Ordering::Relaxed);
    assert!(timeout(SOON, body.frame()).await.expect("it is cut").unwrap().is_err());
}

#[tokio::test]
async fn a_stop_lets_open_requests_finish_and_takes_nothing_new() {
    let go = Arc::new(tokio::sync::Notify::new());
    let asked = Arc::new(tokio::sync::Notify::new());
    let (address, _) = upstream({
        let (go, asked) = (Arc::clone(&go), Arc::clone(&asked));
        move |_| {
            let (go, asked) = (Arc::clone(&go), Arc::clone(&asked));
            async move {
                asked.notify_one();
                go.notified().await;
                Response::new(Full::from("finished"))
            }
        }
    })
    .await;
    let bed = bed(&Wishes::to(address));
    let at = bed.address;
    let _idle = bed.h2().await;
    let mut client = bed.h1().await;
    let answer = tokio::spawn(async move { client.send_request(get("/")).await.unwrap().into_body().collect().await });
    asked.notified().await;
    bed.stop.cancel();
    eventually("nobody new is taken", async || TcpStream::connect(at).await.is_err()).await;
    go.notify_one();
    assert_eq!(answer.await.unwrap().unwrap().to_bytes(), "finished");
    timeout(Duration::from_secs(4), bed.end()).await.expect("nothing is open, so nothing is waited for");
}

#[tokio::test]
async fn what_is_still_open_after_the_time_to_finish_is_dropped() {
    let asked = Arc::new(tokio::sync::Notify::new());
    let (address, _) = upstream({
        let asked = Arc::clone(&asked);
        move |_| {
            asked.notify_one();
            std::future::pending()
        }
    })
    .await;
    let wishes = Wishes::to(address);
    let limits = Limits { drain: Duration::from_millis(200), ..wishes.limits };
    let bed = bed(&Wishes { limits, ..wishes });
    let mut client = bed.h1().await;
    let answer = tokio::spawn(async move { client.send_request(get("/")).await });
    asked.notified().await;
    timeout(Duration::from_secs(4), bed.end()).await.expect("it ends");
    assert!(answer.await.unwrap().is_err());
}

#[tokio::test]
async fn one_address_gets_so_many_connections_and_no_more() {
    let (address, _) = mirror().await;
    let wishes = Wishes::to(address);
    let limits = Limits { connections_per_address: 2, ..wishes.limits };
    let bed = bed(&Wishes { limits, ..wishes });
    let first = bed.tls("localhost", "h2").await.unwrap();
    let _second = bed.tls("localhost", "h2").await.unwrap();
    assert!(bed.tls("localhost", "h2").await.is_err());
    drop(first);
    let again = async { while bed.tls("localhost", "h2").await.is_err() {} };
    timeout(SOON, again).await.expect("the place is given back");
}

#[tokio::test]
async fn a_handshake_that_does_not_come_is_dropped() {
    let (address, _) = mirror().await;
    let wishes = Wishes::to(address);
    let limits = Limits { handshake: Duration::from_millis(100), ..wishes.limits };
    let bed = bed(&Wishes { limits, ..wishes });
    let mut silent = TcpStream::connect(bed.address).await.unwrap();
    assert_eq!(timeout(SOON, silent.read(&mut [0; 16])).await.unwrap().unwrap_or(0), 0);
}

#[tokio::test]
async fn the_name_that_is_asked_for_chooses_the_certificate() {
    let (address, _) = mirror().await;
    let bed = bed(&Wishes::to(address));
    let first = bed.tls("localhost", "h2").await.unwrap();
    let second = bed.tls("second.example", "h2").await.unwrap();
    let shown = |stream: &tokio_rustls::client::TlsStream<TcpStream>| stream.get_ref().1.peer_certificates().unwrap()[0].clone();
    assert_ne!(shown(&first), shown(&second));
    assert!(bed.tls("third.example", "h2").await.is_err(), "the first is shown, which does not name it");
}

#[tokio::test]
async fn a_panic_ends_one_request_and_not_the_connection() {
    let (address, _) = mirror().await;
    let bed = bed(&Wishes::to(address));
    let mut client = bed.h2().await;
    let panic = Request::get("https://localhost/panic").body(Full::default()).unwrap();
    assert_eq!(client.send_request(panic).await.unwrap().status(), StatusCode::INTERNAL_SERVER_ERROR);
    let next = Request::get("https://localhost/next").body(Full::default()).unwrap();
    assert_eq!(client.send_request(next).await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn a_redirect_listener_speaks_without_tls() {
    let (address, _) = mirror().await;
    let bed = bed(&Wishes::to(address));
    let mut stream = TcpStream::connect(bed.plain).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    assert!(read_until(&mut stream, "plain").await.starts_with("HTTP/1.1 421"));
}

#[tokio::test]
async fn many_clients_at_once_get_their_own_answers() {
    let (address, _) = mirror().await;
    let bed = Arc::new(bed(&Wishes::to(address)));
    let wrong = Arc::new(AtomicUsize::new(0));
    let tasks = (0..20).map(|client| {
        let (bed, wrong) = (Arc::clone(&bed), Arc::clone(&wrong));
        tokio::spawn(async move {
            let mut sender = bed.h2().await;
            for turn in 0..20 {
                let path = format!("/{client}/{turn}");
                let request = Request::get(format!("https://localhost{path}")).body(Full::default()).unwrap();
                let body = sender.send_request(request).await.unwrap().into_body().collect().await.unwrap().to_bytes();
                if !body.starts_with(format!("GET {path} ").as_bytes()) {
                    wrong.fetch_add(1, Ordering::Relaxed);
                }
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    assert_eq!(wrong.load(Ordering::Relaxed), 0);
}
