//! Parts of files: a real nginx asked directly and through the door says the same, byte for byte.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::support::client::Client;
use crate::support::nginx::nginx;
use crate::support::node::Bed;
use crate::support::toml::Toml;

struct Said {
    status: u16,
    headers: HeaderMap,
    body: Bytes,
}

async fn direct(server: SocketAddr, method: &Method, fields: &[(&str, &str)]) -> Said {
    let stream = TcpStream::connect(server).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let mut request = Request::builder().method(method).uri("/public/file").header("host", "app.example");
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    said(sender.send_request(request.body(Empty::<Bytes>::new()).unwrap()).await.unwrap()).await
}

async fn through(browser: &Client, method: &Method, fields: &[(&str, &str)]) -> Said {
    said(browser.send(browser.request(method.clone(), "/public/file", fields, Empty::<Bytes>::new())).await).await
}

async fn said(response: http::Response<hyper::body::Incoming>) -> Said {
    let (parts, body) = response.into_parts();
    Said { status: parts.status.as_u16(), headers: parts.headers, body: body.collect().await.unwrap().to_bytes() }
}

/// What is the same in two answers: not the time, what is ours or belongs to one connection, or
/// the boundary, which nginx counts up.
fn comparable(said: &Said) -> (u16, Vec<String>, String) {
    let boundary =
        said.headers["content-type"].to_str().unwrap().split_once("boundary=").map(|(_, boundary)| boundary.to_owned());
    let plain = |text: &str| boundary.as_ref().map_or(text.to_owned(), |boundary| text.replace(boundary, "BOUNDARY"));
    let headers =
        said.headers.iter().filter(|(name, _)| !matches!(name.as_str(), "date" | "connection" | "strict-transport-security"));
    let mut headers: Vec<_> = headers.map(|(name, value)| plain(&format!("{name}: {}", value.to_str().unwrap()))).collect();
    headers.sort();
    // The file is letters, so nothing is lost.
    (said.status, headers, plain(&String::from_utf8_lossy(&said.body)))
}

#[tokio::test]
async fn every_kind_of_range_is_answered_as_the_application_answers_it() {
    let Some(nginx) = nginx(1) else { return };
    let text: String = (0..20_000).map(|number| format!("line {number}\n")).collect();
    std::fs::write(nginx.file("public/file"), &text).unwrap();
    let server = SocketAddr::from(([127, 0, 0, 1], nginx.port()));
    let bed = Bed::with(Toml::bed().servers([server])).await;
    let whole = direct(server, &Method::GET, &[]).await;
    let (tag, modified) = (whole.headers["etag"].to_str().unwrap(), whole.headers["last-modified"].to_str().unwrap());
    assert!(whole.body == text && whole.headers["accept-ranges"] == "bytes");

    let asks: &[(&[(&str, &str)], u16)] = &[
        (&[], 200),
        (&[("range", "bytes=0-0")], 206),
        (&[("range", "bytes=100-199")], 206),
        (&[("range", "bytes=-10")], 206),
        (&[("range", "bytes=1000-")], 206),
        (&[("range", "bytes=0-9,20-29,-5")], 206),
        (&[("range", "bytes=999999999-")], 416),
        (&[("range", "bytes=9-0")], 416),
        (&[("range", "lines=1-2")], 200),
        (&[("range", "bytes=0-9"), ("if-range", tag)], 206),
        (&[("range", "bytes=0-9"), ("if-range", "\"other\"")], 200),
        (&[("range", "bytes=0-9"), ("if-range", modified)], 206),
        (&[("if-none-match", tag)], 304),
        (&[("if-modified-since", modified)], 304),
        (&[("if-match", "\"other\"")], 412),
        (&[("range", "bytes=0-9"), ("if-match", tag)], 206),
    ];
    for http2 in [false, true] {
        let mut browser = bed.browser();
        browser.http2 = http2;
        for (fields, status) in asks {
            for method in [Method::GET, Method::HEAD] {
                let (mut direct, mut through) = (direct(server, &method, fields).await, through(&browser, &method, fields).await);
                assert_eq!(direct.status, *status, "{fields:?}");
                for said in [&mut direct, &mut through] {
                    said.headers.entry("content-type").or_insert("none".parse().unwrap());
                }
                let ((status, headers, body), expected) = (comparable(&through), comparable(&direct));
                assert_eq!((status, headers), (expected.0, expected.1), "{method} {fields:?}");
                assert!(body == expected.2, "{method} {fields:?}: the bodies differ");
            }
        }
    }
}
