//! Where bodies end, and what a request's target says of us: one reading of it, in both versions and both directions.

use bytes::Bytes;
use doorward::config::upstream::Protocol;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use tokio::net::TcpListener;

use crate::forwarding::bed::{self, Wishes, get};
use crate::support::node::{Bed, HOST};
use crate::support::raw::{self, Application};
use crate::support::toml::Toml;

async fn bed_of_raw() -> (Bed, Application) {
    let application = Application::start().await;
    (Bed::with(Toml::bed().servers([application.address])).await, application)
}

/// The values of a field in a raw head.
fn values<'a>(head: &'a str, name: &str) -> Vec<&'a str> {
    let fields = head.lines().filter_map(|line| line.split_once(": "));
    fields.filter(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
}

const DONE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

#[tokio::test]
async fn the_length_of_a_request_goes_on_in_one_spelling() {
    let (bed, application) = bed_of_raw().await;
    for lengths in ["010", "10\r\nContent-Length: 10", "10\r\nContent-Length: 010", "000000000000000000000000010"] {
        let mut client = raw::client(&bed.browser()).await;
        client.send(format!("POST /public HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {lengths}\r\n\r\n0123456789")).await;
        let mut server = application.accept().await;
        assert_eq!(values(&server.head().await, "content-length"), ["10"], "{lengths}");
        assert_eq!(server.exactly(10).await, b"0123456789");
        server.send(DONE).await;
        assert!(client.head().await.starts_with("HTTP/1.1 200 "));
    }
    let refused = ["10, 11", "10\r\nContent-Length: 11", "", "+10", "-10", "0x10", "1e1", "1 0", "99999999999999999999", "10;x"];
    for lengths in refused {
        let mut client = raw::client(&bed.browser()).await;
        client.send(format!("POST /public HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {lengths}\r\n\r\n0123456789")).await;
        assert!(client.head().await.starts_with("HTTP/1.1 400 "), "{lengths}");
        client.rest().await;
    }
    assert!(application.is_alone().await);
}

#[tokio::test]
async fn the_length_of_a_request_over_http_2_goes_on_in_one_spelling() {
    let (bed, application) = bed_of_raw().await;
    let table: [(&[&str], bool); 7] = [
        (&["010"], true),
        (&["10", "10"], true),
        (&["10", "010"], true),
        (&["10", "11"], false),
        (&["10, 10"], false),
        (&["+10"], false),
        (&[""], false),
    ];
    for (lengths, is_good) in table {
        let (mut sender, connection) = h2::client::handshake(bed.browser().tls("h2").await).await.unwrap();
        let driver = tokio::spawn(connection);
        let mut post = Request::post(format!("https://{HOST}/public"));
        for length in lengths {
            post = post.header("content-length", *length);
        }
        let (answer, mut upload) = sender.send_request(post.body(()).unwrap(), false).unwrap();
        // A stream that was refused takes nothing.
        let sent = upload.send_data(Bytes::from_static(b"0123456789"), true);
        if is_good {
            sent.unwrap();
            let mut server = application.accept().await;
            assert_eq!(values(&server.head().await, "content-length"), ["10"], "{lengths:?}");
            assert_eq!(server.exactly(10).await, b"0123456789");
            server.send(DONE).await;
            assert_eq!(answer.await.unwrap().status(), 200);
        } else {
            assert!(answer.await.is_err_and(|error| error.is_reset()) || application.is_alone().await, "{lengths:?}");
        }
        driver.abort();
    }
    assert!(application.is_alone().await);
}

#[tokio::test]
async fn the_length_of_an_answer_comes_in_one_spelling_or_not_at_all() {
    let (bed, application) = bed_of_raw().await;
    let (ok, not_modified, none) = ("200 OK", "304 Not Modified", "204 No Content");
    // Over HTTP/1.1 the library leaves the length of a 304 out.
    type Row<'a> = (&'a str, &'a str, &'a str, Result<Option<&'a str>, u16>);
    let table: &[Row<'_>] = &[
        ("GET", ok, "05", Ok(Some("5"))),
        ("GET", ok, "5, 5", Ok(Some("5"))),
        ("GET", ok, "5\r\nContent-Length: 005", Ok(Some("5"))),
        ("GET", ok, "5\r\nContent-Length: 6", Err(502)),
        ("GET", ok, "+5", Err(502)),
        ("GET", ok, "", Err(502)),
        ("HEAD", ok, "05", Ok(Some("5"))),
        ("HEAD", ok, "5, 5", Ok(Some("5"))),
        ("HEAD", ok, "5\r\nContent-Length: 5", Ok(Some("5"))),
        ("HEAD", ok, "5\r\nContent-Length: 6", Err(502)),
        ("HEAD", ok, "5, 6", Err(502)),
        ("HEAD", ok, "+5", Err(502)),
        ("HEAD", ok, "", Err(502)),
        ("GET", not_modified, "5, 5", Ok(None)),
        ("GET", not_modified, "5\r\nContent-Length: 6", Err(502)),
        ("GET", not_modified, "-5", Err(502)),
        ("GET", none, "5", Ok(None)),
    ];
    for http2 in [false, true] {
        for (method, status, lengths, expected) in table {
            let mut browser = bed.browser();
            browser.http2 = http2;
            let asked = browser.request(Method::from_bytes(method.as_bytes()).unwrap(), "/public", &[], Full::<Bytes>::default());
            let answers = async {
                let mut server = application.accept().await;
                server.head().await;
                let body = if *method == "GET" && *status == ok { "12345" } else { "" };
                let head = format!("HTTP/1.1 {status}\r\nContent-Length: {lengths}\r\nConnection: close\r\n\r\n{body}");
                server.send(head).await;
                server
            };
            let (answer, server) = tokio::join!(browser.send(asked), answers);
            let what = format!("h2 {http2} {method} {status} {lengths:?}");
            match expected {
                Ok(length) => {
                    assert!(answer.status().as_u16() < 400, "{what}: {}", answer.status());
                    let found: Vec<_> = answer.headers().get_all("content-length").iter().collect();
                    let length = if http2 && *status == not_modified { Some("5") } else { *length };
                    assert_eq!(found, length.into_iter().collect::<Vec<_>>(), "{what}");
                    assert!(answer.into_body().collect().await.is_ok(), "{what}");
                }
                Err(refused) => assert_eq!(answer.status(), *refused, "{what}"),
            }
            drop(server);
        }
    }
}

#[tokio::test]
async fn the_length_of_an_answer_over_http_2_is_judged_too() {
    let table: [(Method, &[&str], Option<&str>); 4] = [
        (Method::HEAD, &["5", "05"], Some("5")),
        (Method::GET, &["05"], Some("5")),
        (Method::HEAD, &[""], None),
        (Method::HEAD, &["5", "6"], None),
    ];
    for (method, lengths, expected) in table {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let mut connection = h2::server::handshake(stream).await.unwrap();
            while let Some(Ok((request, mut respond))) = connection.accept().await {
                let mut answer = Response::builder();
                for length in lengths {
                    answer = answer.header("content-length", *length);
                }
                let is_head = request.method() == Method::HEAD;
                let mut body = respond.send_response(answer.body(()).unwrap(), is_head).unwrap();
                if !is_head {
                    body.send_data(Bytes::from_static(b"12345"), true).unwrap();
                }
            }
        });
        let bed = bed::bed(&Wishes::to(address).with(|upstream| upstream.protocol = Protocol::Http2));
        let mut request = get("/");
        *request.method_mut() = method.clone();
        let answer = bed.h1().await.send_request(request).await.unwrap();
        match expected {
            Some(length) => assert!(answer.headers().get_all("content-length").iter().eq([length]), "{lengths:?}"),
            None => assert_eq!(answer.status(), StatusCode::BAD_GATEWAY, "{lengths:?}"),
        }
    }
}

#[tokio::test]
async fn a_body_goes_on_whatever_the_method() {
    let (bed, application) = bed_of_raw().await;
    for method in ["GET", "HEAD", "DELETE", "OPTIONS", "POST", "PROPFIND", "REPORT", "SEARCH", "MY-OWN"] {
        for (framing, body) in [("Content-Length: 4", "body"), ("Transfer-Encoding: chunked", "4\r\nbody\r\n0\r\n\r\n")] {
            let mut client = raw::client(&bed.browser()).await;
            client.send(format!("{method} /public HTTP/1.1\r\nHost: {HOST}\r\n{framing}\r\n\r\n{body}")).await;
            let mut server = application.accept().await;
            let head = server.head().await;
            assert!(head.to_lowercase().contains(&framing.to_lowercase()), "{method}: {head}");
            assert_eq!(server.exactly(body.len()).await, body.as_bytes(), "{method} {framing}");
            server.send(DONE).await;
            assert!(client.head().await.starts_with("HTTP/1.1 200 "), "{method}");
        }
        let (mut sender, connection) = h2::client::handshake(bed.browser().tls("h2").await).await.unwrap();
        let driver = tokio::spawn(connection);
        let request = Request::builder().method(method).uri(format!("https://{HOST}/public")).body(()).unwrap();
        let (answer, mut upload) = sender.send_request(request, false).unwrap();
        upload.send_data(Bytes::from_static(b"body"), true).unwrap();
        let mut server = application.accept().await;
        let head = server.head().await;
        assert_eq!(values(&head, "transfer-encoding"), ["chunked"], "{method}: {head}");
        assert_eq!(server.exactly(14).await, b"4\r\nbody\r\n0\r\n\r\n", "{method}");
        server.send(DONE).await;
        assert_eq!(answer.await.unwrap().status(), 200);
        driver.abort();
    }
}

#[tokio::test]
async fn a_connection_that_carried_the_body_of_a_get_carries_nothing_else() {
    let (bed, application) = bed_of_raw().await;
    for (method, is_used_again) in [("GET", false), ("DELETE", false), ("POST", true)] {
        let mut client = raw::client(&bed.browser()).await;
        client.send(format!("{method} /public HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 4\r\n\r\nbody")).await;
        let mut server = application.accept().await;
        server.until("body").await;
        server.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        client.head().await;
        if is_used_again {
            client.send(format!("GET /public HTTP/1.1\r\nHost: {HOST}\r\n\r\n")).await;
            assert!(server.head().await.starts_with("GET "));
        } else {
            assert_eq!(server.rest().await, b"", "{method}");
        }
    }
}

#[tokio::test]
async fn an_empty_body_has_a_length_where_there_usually_is_a_body() {
    let (bed, application) = bed_of_raw().await;
    for (method, expected) in [("POST", &["0"][..]), ("PUT", &["0"]), ("PATCH", &["0"]), ("GET", &[]), ("DELETE", &[])] {
        for http2 in [false, true] {
            let mut browser = bed.browser();
            browser.http2 = http2;
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let asked = browser.request(method.clone(), "/public", &[], http_body_util::Empty::<Bytes>::new());
            let answers = async {
                let mut server = application.accept().await;
                let head = server.head().await;
                server.send(DONE).await;
                head
            };
            let (answer, head) = tokio::join!(browser.send(asked), answers);
            assert_eq!(answer.status(), 200);
            assert_eq!(values(&head, "content-length"), expected, "h2 {http2} {method}: {head}");
            assert!(values(&head, "transfer-encoding").is_empty(), "{head}");
        }
    }
}

#[tokio::test]
async fn a_target_means_this_door_or_is_refused() {
    let (bed, application) = bed_of_raw().await;
    let own = bed.address.port();
    let good = [
        format!("GET https://{HOST}/public HTTP/1.1\r\nHost: {HOST}\r\n\r\n"),
        format!("GET https://{HOST}:443/public HTTP/1.1\r\nHost: {HOST}\r\n\r\n"),
        format!("GET HTTPS://{HOST}:{own}/public HTTP/1.1\r\nHost: {HOST}:{own}\r\n\r\n"),
    ];
    for request in good {
        let mut client = raw::client(&bed.browser()).await;
        client.send(&request).await;
        let mut server = application.accept().await;
        assert!(server.head().await.starts_with("GET /public HTTP/1.1\r\n"), "{request}");
        server.send(DONE).await;
        client.head().await;
    }
    let bad = [
        format!("GET http://{HOST}/public HTTP/1.1\r\nHost: {HOST}\r\n\r\n"),
        format!("GET ftp://{HOST}/public HTTP/1.1\r\nHost: {HOST}\r\n\r\n"),
        format!("GET https://{HOST}:444/public HTTP/1.1\r\nHost: {HOST}:444\r\n\r\n"),
        format!("GET https://{HOST}:{own}/public HTTP/1.1\r\nHost: {HOST}\r\n\r\n"),
        format!("GET https://{HOST}/public HTTP/1.1\r\nHost: {HOST}:{own}\r\n\r\n"),
        format!("GET https://user@{HOST}/public HTTP/1.1\r\nHost: {HOST}\r\n\r\n"),
    ];
    for request in bad {
        let mut client = raw::client(&bed.browser()).await;
        client.send(&request).await;
        assert!(client.head().await.starts_with("HTTP/1.1 400 "), "{request}");
    }
    let (mut sender, connection) = h2::client::handshake(bed.browser().tls("h2").await).await.unwrap();
    let driver = tokio::spawn(connection);
    let plain = Request::get(format!("http://{HOST}/public")).body(()).unwrap();
    assert_eq!(sender.send_request(plain, true).unwrap().0.await.unwrap().status(), 400);
    driver.abort();
    assert!(application.is_alone().await);
}

#[tokio::test]
async fn an_application_is_told_no_port_but_ours() {
    let (bed, application) = bed_of_raw().await;
    let own = format!("{HOST}:{}", bed.address.port());
    let table = [
        (HOST.to_owned(), HOST.to_owned()),
        (format!("{HOST}:443"), format!("{HOST}:443")),
        (own.clone(), own.clone()),
        (format!("{HOST}:9999"), own.clone()),
        (format!("{HOST}:80"), own.clone()),
        (format!("{HOST}:0443"), format!("{HOST}:443")),
        (format!("{}:1", HOST.to_uppercase()), own.clone()),
    ];
    for (written, told) in table {
        let mut client = raw::client(&bed.browser()).await;
        client.send(format!("GET /public HTTP/1.1\r\nHost: {written}\r\n\r\n")).await;
        let mut server = application.accept().await;
        let head = server.head().await;
        assert_eq!(values(&head, "host"), [told.as_str()], "{written}");
        assert_eq!(values(&head, "x-forwarded-host"), [told.as_str()], "{written}");
        server.send(DONE).await;
        client.head().await;
    }
}

#[tokio::test]
async fn a_port_that_something_in_front_maps_is_ours_too() {
    let application = Application::start().await;
    let bed = Bed::with(Toml::bed().servers([application.address]).first_listener("public_port = 8443")).await;
    let mut client = raw::client(&bed.browser()).await;
    client.send(format!("GET /public HTTP/1.1\r\nHost: {HOST}:8443\r\n\r\n")).await;
    let mut server = application.accept().await;
    assert_eq!(values(&server.head().await, "x-forwarded-host"), [format!("{HOST}:8443").as_str()]);
}
