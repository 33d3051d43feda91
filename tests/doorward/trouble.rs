//! Pages in place of an answer: `doorward trace` finds what they show, whatever they are about.

use http::Method;

use crate::support::client::Answer;
use crate::support::eventually::eventually;
use crate::support::node::{Bed, detail};
use crate::support::toml::Toml;

const PERSON: &[(&str, &str)] = &[("accept", "text/html")];

async fn bed() -> Bed {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let routes = r#"routes = [{ path = "/public/small", limits = { body = "1 KiB" } }]"#;
    Bed::with(Toml::bed().servers([closed]).application(routes)).await
}

/// Kind and reason of the event that a page's trace id leads to.
async fn found(bed: &Bed, page: &Answer) -> (String, String) {
    let trace = page.between("<code>", "</code>").or_else(|| page.between("\"trace\":\"", "\"")).unwrap();
    let event = eventually(format!("there is an event of {trace}"), async || bed.trace(&trace).await.pop()).await;
    assert_eq!((event.application.as_str(), detail(&event)["address"].as_str()), ("app", Some("127.0.0.1")));
    (event.kind.clone(), detail(&event)["reason"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn every_trace_id_that_a_page_shows_has_an_event() {
    let bed = bed().await;
    let browser = bed.browser();
    let large = "x".repeat(2000);
    let worker = [("service-worker", "script"), ("sec-fetch-mode", "same-origin")];
    let table = [
        (Method::GET, "/public/", PERSON, "", 502, "request-failed", "upstream-down"),
        (Method::GET, "/public/", &[], "", 502, "request-failed", "upstream-down"),
        (Method::POST, "/public/small/thing", PERSON, &large, 413, "request-failed", "too-large"),
        (Method::GET, "/public/a%5Cb", PERSON, "", 400, "request-refused", "backslash"),
        (Method::GET, "/public/a%2fb", PERSON, "", 400, "request-refused", "encoded-slash"),
        (Method::GET, "/worker.js", &worker, "", 403, "request-refused", "forbidden"),
    ];
    for (method, target, headers, body, status, kind, reason) in table {
        // The second and the third of a minute are counted, and found all the same.
        for _ in 0..3 {
            let page = browser.ask(method.clone(), target, headers, body).await;
            assert_eq!(page.status, status, "{target}: {}", page.body);
            assert_eq!(found(&bed, &page).await, (kind.to_owned(), reason.to_owned()), "{target}");
        }
    }
    let written = bed.journal().iter().filter(|event| event.kind.starts_with("request-")).count();
    assert_eq!(written, 5, "one for each kind within a minute");
}
