//! An application that goes by another name than the public one.

use http::Method;

use crate::support::client::{Answer, Client, KEY};
use crate::support::node::{Bed, HOST};
use crate::support::raw::{self, Application};
use crate::support::toml::Toml;

async fn bed(upstream: &'static str) -> (Bed, Application) {
    let application = Application::start().await;
    (Bed::with(Toml::bed().upstream(upstream).servers([application.address])).await, application)
}

/// What the application received, and what became of its answer.
async fn exchange(
    application: &Application,
    browser: &Client,
    (method, fields): (&str, &[(&str, &str)]),
    answer: &str,
) -> (String, Answer) {
    let asked = browser.ask(Method::from_bytes(method.as_bytes()).unwrap(), "/public/a", fields, "");
    let (answer, request) = tokio::join!(asked, async {
        let mut server = application.accept().await;
        let request = server.head().await;
        server.send(format!("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n{answer}\r\n")).await;
        request
    });
    (request, answer)
}

const INNER: &str = r#"host = "Inner.Corp.Example""#;

#[tokio::test]
async fn an_application_is_told_its_own_name_and_the_public_one_beside_it() {
    let (bed, application) = bed(INNER).await;
    // A stranger's `Destination` ends at the door.
    let mut browser = bed.signed_in("alice", "wonderland").await;
    for http2 in [false, true] {
        browser.http2 = http2;
        let fields = [
            ("destination", "https://app.example/public/b%20c"),
            ("origin", "https://app.example"),
            ("referer", "https://app.example/public/?q"),
        ];
        let (request, _) = exchange(&application, &browser, ("MOVE", &fields), "").await;
        for line in [
            "host: inner.corp.example",
            "x-forwarded-host: app.example",
            "destination: http://inner.corp.example/public/b%20c",
            "origin: http://inner.corp.example",
            "referer: http://inner.corp.example/public/?q",
        ] {
            assert!(request.contains(&format!("{line}\r\n")), "{line} is not in {request}");
        }
    }
}

#[tokio::test]
async fn its_answers_speak_of_the_public_name() {
    let (bed, application) = bed(INNER).await;
    let answer = "Location: http://inner.corp.example/b?c\r\nContent-Location: //inner.corp.example/b\r\n\
        Refresh: 5; url=https://inner.corp.example/b\r\nSet-Cookie: a=1; Domain=inner.corp.example; Path=/x; HttpOnly\r\n\
        Set-Cookie: b=2; path=/\r\nSet-Cookie: __Host-doorward=x; Domain=inner.corp.example\r\nLink: <http://inner.corp.example/>\r\n";
    let (_, answer) = exchange(&application, &bed.browser(), ("GET", &[]), answer).await;
    assert_eq!(answer.header("location"), "https://app.example/b?c");
    assert_eq!(answer.header("content-location"), "//app.example/b");
    assert_eq!(answer.header("refresh"), "5; url=https://app.example/b");
    let cookies: Vec<_> = answer.headers.get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["a=1; Path=/x; HttpOnly", "b=2; path=/"]);
    assert_eq!(answer.header("link"), "<http://inner.corp.example/>");
}

#[tokio::test]
async fn the_port_that_the_client_wrote_stays_in_what_it_is_told() {
    let (bed, application) = bed(INNER).await;
    let browser = bed.signed_in("alice", "wonderland").await;
    let cookie = format!("{KEY}={}", browser.cookie(KEY).unwrap());
    let mut client = raw::client(&browser).await;
    let own = format!("{HOST}:{}", bed.address.port());
    client
        .send(format!(
            "MOVE /public/a HTTP/1.1\r\nHost: {own}\r\nCookie: {cookie}\r\nDestination: https://{own}/public/b\r\nOrigin: https://{HOST}\r\n\r\n"
        ))
        .await;
    let mut server = application.accept().await;
    let request = server.head().await;
    assert!(request.contains("destination: http://inner.corp.example/public/b\r\n"), "{request}");
    assert!(request.contains("origin: https://app.example\r\n"), "another port is another site: {request}");
    server.send("HTTP/1.1 201 Created\r\nLocation: http://inner.corp.example/b\r\nContent-Length: 0\r\n\r\n").await;
    assert!(client.head().await.contains(&format!("location: https://{own}/b\r\n")));
}

#[tokio::test]
async fn nothing_is_rewritten_where_there_is_one_name() {
    let (bed, application) = bed("").await;
    let fields =
        [("destination", "https://app.example/b"), ("origin", "https://app.example"), ("referer", "http://inner.corp.example/")];
    let answer = "Location: http://inner.corp.example/b\r\nRefresh: 5; url=http://inner.corp.example/b\r\nSet-Cookie: a=1; Domain=inner.corp.example\r\n";
    let browser = bed.signed_in("alice", "wonderland").await;
    let (request, answer) = exchange(&application, &browser, ("COPY", &fields), answer).await;
    for (name, value) in fields {
        assert!(request.contains(&format!("{name}: {value}\r\n")), "{request}");
    }
    assert!(request.contains("host: app.example\r\n"));
    assert_eq!(answer.header("location"), "http://inner.corp.example/b");
    assert_eq!(answer.header("refresh"), "5; url=http://inner.corp.example/b");
    assert_eq!(answer.header("set-cookie"), "a=1; Domain=inner.corp.example");
}

#[tokio::test]
async fn an_odd_location_leads_nowhere_new() {
    let (bed, application) = bed(INNER).await;
    for location in [
        "http://inner.corp.example@evil.example/",
        "http://inner.corp.example\\@evil.example/",
        "//evil.example/",
        "///inner.corp.example/",
        "/\\inner.corp.example/",
        "http://inner.corp.example.evil.example/",
        "http://inner.corp.example:80:80/",
        "http://[inner.corp.example]/",
    ] {
        let (_, answer) = exchange(&application, &bed.browser(), ("GET", &[]), &format!("Location: {location}\r\n")).await;
        assert_eq!(answer.header("location"), location);
    }
    let (_, answer) =
        exchange(&application, &bed.browser(), ("GET", &[]), "Location: http://inner.corp.example//evil.example/\r\n").await;
    assert_eq!(answer.header("location"), "https://app.example//evil.example/");
}

#[tokio::test]
async fn a_page_of_the_inner_name_cannot_pass_for_the_public_site() {
    let (bed, application) = bed(INNER).await;
    let fields = [("origin", "http://inner.corp.example"), ("referer", "http://inner.corp.example/trap")];
    let (request, _) = exchange(&application, &bed.browser(), ("POST", &fields), "").await;
    assert!(request.contains("origin: null\r\n") && !request.contains("referer"), "{request}");
}
