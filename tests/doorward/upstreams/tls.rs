//! Servers with TLS of their own making, and HTTP/2 to a server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use doorward::config::listener::Certificate;
use doorward::config::upstream::Protocol;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use tokio::net::TcpListener;

use super::server::Server;
use crate::forwarding::bed::{Wishes, bed, get};
use crate::support::nginx::{Nginx, nginx};

/// To nginx by its address, which is not in its certificate.
fn to_nginx(nginx: &Nginx) -> Wishes {
    let address = SocketAddr::from(([127, 0, 0, 1], nginx.tls_port()));
    Wishes { ca: Some(nginx.ca()), ..Wishes::to(address) }
}

fn certificate(folder: &std::path::Path) -> Certificate {
    Certificate { chain: folder.join("client.pem"), key: folder.join("client.key") }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nginx_sees_the_client_certificate_the_name_and_the_protocol_that_were_configured() {
    let Some(nginx) = nginx(9) else { return };
    for (protocol, said) in [(Protocol::Http1, "HTTP/1.1"), (Protocol::Http2, "HTTP/2.0")] {
        let certificate = certificate(nginx.ca().parent().unwrap());
        let known = bed(&to_nginx(&nginx).with(move |upstream| {
            upstream.servers[0].host = "127.0.0.1".into();
            upstream.server_name = Some("localhost".into());
            upstream.protocol = protocol;
            upstream.client_certificate = Some(certificate.clone());
        }));
        let (status, text) = known.ask(get("/tls")).await;
        assert_eq!((status, &*text), (StatusCode::OK, format!("{said} localhost CN=doorward").as_bytes()));
        let unknown = bed(&to_nginx(&nginx).with(move |upstream| upstream.protocol = protocol));
        assert_eq!(unknown.ask(get("/tls")).await.0, StatusCode::FORBIDDEN);
        let misnamed = bed(&to_nginx(&nginx).with(|upstream| upstream.servers[0].host = "127.0.0.1".into()));
        assert_eq!(misnamed.ask(get("/ok")).await.0, StatusCode::SERVICE_UNAVAILABLE);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_http_2_bodies_go_both_ways_and_nginx_loses_nothing_when_it_closes_a_connection() {
    let Some(nginx) = nginx(9) else { return };
    let bed = bed(&to_nginx(&nginx).with(|upstream| upstream.protocol = Protocol::Http2));
    let big = Bytes::from(vec![b'x'; 3 << 20]);
    let upload = Request::post("/upload").header("host", "localhost").body(Full::new(big)).unwrap();
    let (status, text) = bed.ask(upload).await;
    assert_eq!((status, &*text), (StatusCode::OK, &b"3145728 bytes\n"[..]));
    let (status, file) = bed.ask(get("/10m.bin")).await;
    assert_eq!((status, file.len()), (StatusCode::OK, 10 << 20));
    // nginx closes a connection after a thousand requests.
    let mut client = bed.h2().await;
    for _ in 0..75 {
        let asked: Vec<_> = (0..32)
            .map(|_| {
                let request = Request::get("https://localhost/ok").body(Full::default()).unwrap();
                client.send_request(request)
            })
            .collect();
        for response in futures_util::future::join_all(asked).await {
            assert_eq!(response.unwrap().status(), StatusCode::OK);
        }
    }
}

/// Speaks HTTP/2 without TLS and refuses every stream, or answers with the pseudo header fields; how many connections it was given.
async fn http2_server(refuses: bool) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, count) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
    let connections = Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            connections.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(async move {
                let mut connection = h2::server::handshake(stream).await.unwrap();
                while let Some(Ok((request, mut answer))) = connection.accept().await {
                    if refuses {
                        answer.send_reset(h2::Reason::REFUSED_STREAM);
                        continue;
                    }
                    let text = format!("{} {} {:?}", request.method(), request.uri(), request.headers().get("host"));
                    let mut body = answer.send_response(Response::new(()), false).unwrap();
                    body.send_data(Bytes::from(text), true).unwrap();
                }
            });
        }
    });
    (address, count)
}

#[tokio::test]
async fn many_requests_share_one_connection_over_http_2() {
    let (address, connections) = http2_server(false).await;
    let bed = bed(&Wishes::to(address).with(|upstream| upstream.protocol = Protocol::Http2));
    let (status, text) = bed.ask(get("/a?b")).await;
    assert_eq!((status, &*text), (StatusCode::OK, &b"GET https://localhost/a?b None"[..]));
    let mut client = bed.h2().await;
    let asked = (0..50).map(|_| client.send_request(Request::get("https://localhost/").body(Full::default()).unwrap()));
    for response in futures_util::future::join_all(asked.collect::<Vec<_>>()).await {
        assert_eq!(response.unwrap().status(), StatusCode::OK);
    }
    assert_eq!(connections.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_stream_that_was_refused_goes_to_the_next_server_and_a_body_that_left_does_not() {
    let ((refusing, _), (other, _)) = (http2_server(true).await, http2_server(false).await);
    let wishes = Wishes { servers: vec![refusing, other], ..Wishes::to(refusing) };
    let both = bed(&wishes.with(|upstream| upstream.protocol = Protocol::Http2));
    for _ in 0..4 {
        assert_eq!(both.ask(get("/")).await.0, StatusCode::OK);
    }
    let alone = bed(&Wishes::to(refusing).with(|upstream| upstream.protocol = Protocol::Http2));
    assert_eq!(alone.ask(get("/")).await.0, StatusCode::SERVICE_UNAVAILABLE);
    let post = Request::post("/").header("host", "localhost").body(Full::from("pay once")).unwrap();
    assert_eq!(alone.ask(post).await.0, StatusCode::BAD_GATEWAY);
}

#[tokio::test]
async fn a_server_that_does_not_agree_to_http_2_is_no_server() {
    let (address, ca) = crate::forwarding::bed::tls_upstream().await;
    let wishes = Wishes { ca: Some(ca.path().join("upstream.pem")), ..Wishes::to(address) };
    let bed = bed(&wishes.with(|upstream| upstream.protocol = Protocol::Http2));
    assert_eq!(bed.ask(get("/")).await.0, StatusCode::SERVICE_UNAVAILABLE);
    let plain = Server::start().await;
    let bed = self::bed(&Wishes::to(plain.address).with(|upstream| upstream.protocol = Protocol::Http2));
    assert!(bed.ask(get("/")).await.0.is_server_error());
}
