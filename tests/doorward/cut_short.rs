//! Uploads and answers that stop before their end: whoever gets them must be able to tell, and must not take them for nothing at all.

use std::net::SocketAddr;

use bytes::Bytes;
use doorward::config::upstream::Protocol;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use tokio::net::TcpListener;

use crate::forwarding::bed::{self, get};
use crate::support::node::{Bed, HOST};
use crate::support::raw::{self, Application};
use crate::support::toml::Toml;

async fn bed_of_raw() -> (Bed, Application) {
    let application = Application::start().await;
    (Bed::with(Toml::bed().servers([application.address])).await, application)
}

#[tokio::test]
async fn half_an_upload_is_never_handed_on_as_a_whole_one() {
    let (bed, application) = bed_of_raw().await;
    for reason in [h2::Reason::NO_ERROR, h2::Reason::CANCEL] {
        let (mut sender, connection) = h2::client::handshake(bed.browser().tls("h2").await).await.unwrap();
        let driver = tokio::spawn(connection);
        let post = Request::post(format!("https://{HOST}/public")).body(()).unwrap();
        let (_answer, mut upload) = sender.send_request(post, false).unwrap();
        upload.send_data(Bytes::from_static(b"half of it"), false).unwrap();
        let mut server = application.accept().await;
        server.until("half of it\r\n").await;
        upload.send_reset(reason);
        assert_eq!(server.rest().await, b"", "{reason:?}: it looks whole");
        driver.abort();
    }
}

#[tokio::test]
async fn who_uploads_what_nobody_wants_is_told_that_the_connection_ends() {
    let bed = Bed::with(Toml::bed()).await;
    let table = [
        ("Content-Length: 10000000", "some of it", true),
        ("Content-Length: 3\r\nExpect: 100-continue", "", true),
        ("Content-Length: 3", "all", false),
        ("Transfer-Encoding: chunked", "3\r\nall\r\n0\r\n\r\n", false),
    ];
    for (length, body, ends) in table {
        let mut client = raw::client(&bed.browser()).await;
        client.send(format!("POST /wanted-by-nobody HTTP/1.1\r\nHost: {HOST}\r\n{length}\r\n\r\n{body}")).await;
        let head = client.head().await.to_lowercase();
        assert!(head.starts_with("http/1.1 401 "), "{head}");
        assert_eq!(head.contains("\r\nconnection: close\r\n"), ends, "{length}: {head}");
    }
}

/// Speaks HTTP/2 without TLS and stops in the middle of every answer.
async fn stopping_server(goes_away: bool) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut connection = h2::server::handshake(stream).await.unwrap();
                while let Some(Ok((_, mut answer))) = connection.accept().await {
                    let mut body = answer.send_response(Response::new(()), false).unwrap();
                    body.send_data(Bytes::from_static(b"half of it"), false).unwrap();
                    tokio::spawn(async move {
                        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                        body.send_reset(h2::Reason::NO_ERROR);
                    });
                    if goes_away {
                        connection.graceful_shutdown();
                    }
                }
            });
        }
    });
    address
}

#[tokio::test]
async fn half_an_answer_over_http_2_is_never_handed_on_as_a_whole_one() {
    for goes_away in [false, true] {
        let address = stopping_server(goes_away).await;
        let bed = bed::bed(&bed::Wishes::to(address).with(|upstream| upstream.protocol = Protocol::Http2));
        let over_http1 = bed.h1().await.send_request(get("/")).await.unwrap();
        assert_eq!(over_http1.status(), StatusCode::OK);
        assert!(over_http1.into_body().collect().await.is_err(), "goes away: {goes_away}");
        let request = Request::get("https://localhost/").body(Full::default()).unwrap();
        let over_http2 = bed.h2().await.send_request(request).await.unwrap();
        assert_eq!(over_http2.status(), StatusCode::OK);
        assert!(over_http2.into_body().collect().await.is_err(), "goes away: {goes_away}");
    }
}

/// Who gets nothing at all on a connection that was used before sends the request once more.
#[tokio::test]
async fn what_came_of_an_answer_before_it_broke_off_reaches_the_client() {
    let (bed, application) = bed_of_raw().await;
    let half = format!("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{}", "x".repeat(500));
    for _ in 0..20 {
        let mut client = raw::client(&bed.browser()).await;
        client.send(format!("POST /public HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 0\r\n\r\n")).await;
        let mut server = application.accept().await;
        server.head().await;
        server.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
        client.until("ok").await;
        client.send(format!("POST /public HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 3\r\n\r\nyes")).await;
        server.until("yes").await;
        server.send(&half).await;
        drop(server);
        assert!(client.head().await.starts_with("HTTP/1.1 200 "));
        assert_eq!(client.rest().await, [b'x'; 500]);
    }
    let (mut sender, connection) = h2::client::handshake(bed.browser().tls("h2").await).await.unwrap();
    let driver = tokio::spawn(connection);
    for _ in 0..20 {
        let request = || Request::get(format!("https://{HOST}/public")).body(()).unwrap();
        let (whole, _) = sender.send_request(request(), true).unwrap();
        let mut server = application.accept().await;
        server.head().await;
        server.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
        assert_eq!(whole.await.unwrap().into_body().data().await.unwrap().unwrap(), "ok");
        let (broken, _) = sender.send_request(request(), true).unwrap();
        server.head().await;
        server.send(&half).await;
        drop(server);
        let mut body = broken.await.expect("its head is lost").into_body();
        assert_eq!(body.data().await.unwrap().unwrap().len(), 500);
        assert!(body.data().await.unwrap().is_err());
    }
    driver.abort();
}
