//! What our own pages answer to requests of every shape: which methods, which forms, and with what headers.

use http::Method;
use http_body_util::{Full, StreamBody};

use crate::support::client::{Answer, Client, FORM, read};
use crate::support::node::Bed;

const FORMS: [&str; 4] = ["/.doorward/login", "/.doorward/login/passcode", "/.doorward/login/password", "/.doorward/logout"];
const OURS: (&str, &str) = ("sec-fetch-site", "same-origin");
const FOREIGN: (&str, &str) = ("sec-fetch-site", "cross-site");
const TYPED: (&str, &str) = ("content-type", FORM);

/// A browser that has the cookies which the pages ask for first.
async fn browser(bed: &Bed) -> Client {
    let browser = bed.signed_in("alice", "wonderland").await;
    assert!(browser.get("/.doorward/logout").await.says("csrf"));
    browser
}

async fn posted(browser: &Client, target: &str, headers: &[(&str, &str)], body: &str) -> u16 {
    browser.ask(Method::POST, target, headers, body).await.status
}

#[tokio::test]
async fn every_form_refuses_what_is_no_form_of_ours() {
    let bed = Bed::start().await;
    let browser = browser(&bed).await;
    let (long, many) = ("x".repeat(16 * 1024 + 1), "x=1&".repeat(16));
    type Row<'a> = (&'a [(&'a str, &'a str)], &'a str, u16);
    let table: &[Row<'_>] = &[
        (&[FOREIGN, TYPED], "", 403),
        (&[FOREIGN, TYPED], &long, 403),
        (&[FOREIGN], "", 403),
        (&[OURS], "", 400),
        (&[OURS, ("content-type", "text/plain")], "csrf=x", 400),
        (&[OURS, ("content-type", "text/plain")], &long, 400),
        (&[OURS, ("content-type", "application/json")], "{}", 400),
        (&[OURS, ("content-type", "application/x-www-form-urlencodedx")], "csrf=x", 400),
        (&[OURS, TYPED], &long, 413),
        (&[OURS, TYPED], &format!("{many}x=1"), 400),
        (&[OURS, TYPED], &format!("csrf=a&{many}"), 400),
        (&[OURS, TYPED], "csrf=a&csrf=a", 400),
        (&[OURS, TYPED], "csrf=a&x=1&csrf=b", 400),
        (&[OURS, TYPED], "csrf=a&%63srf=b", 400),
        (&[OURS, TYPED], "csrf&csrf", 400),
    ];
    for target in FORMS {
        for (headers, body, expected) in table {
            let status = posted(&browser, target, headers, body).await;
            assert_eq!(status, *expected, "{target} {headers:?} {}", &body[..body.len().min(60)]);
        }
        // Where it comes from is not told: the field that is missing decides. The page to sign out asks once more.
        let untold = if target == "/.doorward/logout" { 200 } else { 403 };
        assert_eq!(posted(&browser, target, &[TYPED], "").await, untold, "{target}");
    }
    assert!(browser.is_in().await);
}

#[tokio::test]
async fn a_field_of_a_form_may_be_there_once() {
    let bed = Bed::start().await;
    let browser = browser(&bed).await;
    for (target, fields) in [
        ("/.doorward/login", &["csrf", "username", "password"][..]),
        ("/.doorward/login/passcode", &["csrf", "passcode", "act", "rule"]),
        ("/.doorward/login/password", &["csrf", "new_password", "new_password_again", "act"]),
        ("/.doorward/logout", &["csrf"]),
    ] {
        for field in fields {
            let twice = format!("{field}=a&other=b&{field}=");
            assert_eq!(posted(&browser, target, &[OURS, TYPED], &twice).await, 400, "{target} {field}");
        }
    }
}

/// The form is read; what it asks for is then refused in its own way.
#[tokio::test]
async fn every_form_is_read_whatever_else_is_in_it() {
    let bed = Bed::start().await;
    let browser = browser(&bed).await;
    let (full, most) = (format!("csrf=a{}", "&x=1".repeat(15)), "x".repeat(16 * 1024));
    for body in ["", "&&&", "=", "csrf", "csrf=a", "x=1&x=2", "csrf=%ff%fe&%ff=%ff", "csrf=%zz&+=+", &full, &most] {
        let answers = FORMS.map(|target| (target, if target == "/.doorward/logout" { 200 } else { 403 }));
        for (target, expected) in answers {
            let status = posted(&browser, target, &[OURS, TYPED], body).await;
            assert_eq!(status, expected, "{target} {}", &body[..body.len().min(60)]);
        }
    }
    for kind in ["Application/X-WWW-Form-URLEncoded", " application/x-www-form-urlencoded ; charset=utf-8"] {
        assert_eq!(posted(&browser, "/.doorward/login", &[OURS, ("content-type", kind)], "csrf=a").await, 403, "{kind}");
    }
    assert!(browser.is_in().await, "and none of it signed anybody out");
}

#[tokio::test]
async fn a_form_that_does_not_say_its_length_may_be_as_long_and_no_longer() {
    let bed = Bed::start().await;
    let mut browser = browser(&bed).await;
    for http2 in [false, true] {
        browser.http2 = http2;
        for (length, expected) in [(16 * 1024, 403), (16 * 1024 + 1, 413), (200 * 1024, 413)] {
            let pieces: Vec<_> = "x".repeat(length).as_bytes().chunks(4000).map(bytes::Bytes::copy_from_slice).collect();
            let frames = pieces.into_iter().map(|piece| Ok::<_, std::convert::Infallible>(http_body::Frame::data(piece)));
            let body = StreamBody::new(futures_util::stream::iter(frames));
            let request = browser.request(Method::POST, "/.doorward/login", &[OURS, TYPED], body);
            assert_eq!(browser.send(request).await.status(), expected, "{http2} {length}");
        }
    }
}

#[tokio::test]
async fn a_page_is_there_for_the_methods_it_has() {
    let bed = Bed::start().await;
    let browser = browser(&bed).await;
    let style = bed.browser().get("/.doorward/login").await.between("stylesheet\" href=\"", "\"").unwrap();
    for target in FORMS.iter().copied().chain(["/.doorward/login/status", "/.doorward/health", style.as_str()]) {
        for method in ["PUT", "DELETE", "PATCH", "OPTIONS", "POST", "PROPFIND"] {
            if method == "POST" && FORMS.contains(&target) {
                continue;
            }
            let answer = browser.ask(Method::from_bytes(method.as_bytes()).unwrap(), target, &[OURS, TYPED], "csrf=a").await;
            assert_eq!((answer.status, answer.header("allow")), (405, "GET, HEAD, POST"), "{method} {target}");
        }
        let (got, head) = (browser.get(target).await, asked(&browser, Method::HEAD, target).await);
        assert_eq!((head.status, head.body.as_str()), (got.status, ""), "{target}");
        let kind = |answer: &Answer| answer.header("content-type").to_owned();
        assert_eq!(kind(&head), kind(&got), "{target}");
    }
    assert!(browser.is_in().await);
}

#[tokio::test]
async fn what_comes_with_a_request_for_a_page_is_not_read() {
    let bed = Bed::start().await;
    let browser = bed.browser();
    let body = Full::from("x".repeat(100 * 1024));
    let request = browser.request(Method::GET, "/.doorward/login", &[("accept", "text/html")], body);
    assert_eq!(browser.send(request).await.status(), 200);
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let bed = Bed::start().await;
    let browser = bed.browser();
    for target in [
        "/.doorward",
        "/.doorward/",
        "/.doorward/login/",
        "/.doorward/Login",
        "/.doorward/login/nothing",
        "/.Doorward/login",
        "/%2edoorward/login",
        "/.doorward;x/login",
        "/.doorward/receipt/vonage/token",
        "/.doorward/assets/",
        "/.doorward/assets/page.css",
        "/.doorward/assets/page.0123456789abcdef.css",
    ] {
        for method in [Method::GET, Method::HEAD] {
            assert_eq!(asked(&browser, method.clone(), target).await.status, 404, "{method} {target}");
        }
    }
    assert_eq!(asked(&browser, Method::POST, "/.doorward/nothing").await.status, 404);
}

async fn asked(browser: &Client, method: Method, target: &str) -> Answer {
    let request = browser.request(method, target, &[("sec-fetch-mode", "navigate")], Full::default());
    read(browser.send(request).await).await
}

/// The headers that keep an answer of ours from being kept, sniffed, framed or scripted.
#[tokio::test]
async fn every_answer_of_ours_is_guarded() {
    let bed = Bed::start().await;
    let browser = browser(&bed).await;
    let pages = ["/.doorward/login?back=%2F", "/.doorward/login/passcode?flow=1", "/.doorward/login/password?flow=1"];
    let mut answers = Vec::new();
    for target in pages.into_iter().chain(["/.doorward/logout", "/.doorward/login/status?flow=1", "/.doorward/health"]) {
        answers.push((target, bed.browser().get(target).await));
        answers.push((target, browser.get(target).await));
        answers.push((target, browser.post(target, &[]).await));
        answers.push((target, browser.ask(Method::POST, target, &[FOREIGN, TYPED], "").await));
    }
    for target in ["/", "/.doorward/nothing", "//"] {
        answers.push((target, bed.browser().get(target).await));
        answers.push((target, bed.browser().ask(Method::GET, target, &[], "").await));
    }
    for (target, answer) in answers {
        for (name, value) in
            [("cache-control", "no-store"), ("x-content-type-options", "nosniff"), ("referrer-policy", "no-referrer")]
        {
            let values: Vec<_> = answer.headers.get_all(name).iter().collect();
            assert_eq!(values, [value], "{target} {} {name}", answer.status);
        }
        if answer.header("content-type").starts_with("text/html") {
            let policy = answer.header("content-security-policy");
            assert!(policy.starts_with("default-src 'none';") && !policy.contains("unsafe"), "{target} {policy}");
            assert_eq!(answer.header("x-frame-options"), "DENY", "{target}");
            assert_eq!(answer.header("cross-origin-opener-policy"), "same-origin", "{target}");
            assert!(answer.headers.contains_key("permissions-policy"), "{target}");
        }
    }
}

/// What a page's length would tell about the secret field in it, with what the request said beside that (BREACH).
#[tokio::test]
async fn no_page_is_ever_compressed() {
    let bed = Bed::start().await;
    let (browser, fresh) = (browser(&bed).await, bed.browser());
    let targets = FORMS.into_iter().chain(["/.doorward/login/status", "/.doorward/health", "/.doorward/nothing", "/", "//"]);
    let targets: Vec<&str> =
        targets.chain(["/.doorward/login?back=%2Fgzip%2Fgzip%2Fgzip%2Fgzip", "/.doorward/assets/x.css"]).collect();
    for accepted in ["gzip", "gzip, deflate, br, zstd", "*", "identity;q=0, *;q=1", "x-gzip", "br;q=1", "identity;q=0"] {
        let headers = [("accept-encoding", accepted), ("accept", "text/html"), OURS, TYPED];
        for target in &targets {
            for (method, who) in [(Method::GET, &browser), (Method::GET, &fresh), (Method::POST, &fresh), (Method::PUT, &fresh)] {
                let answer = who.ask(method.clone(), target, &headers, "csrf=x").await;
                let upstream = answer.body.starts_with("upstream");
                assert!(upstream || answer.header("content-encoding").is_empty(), "{method} {target} {accepted}");
                assert!(upstream || answer.header("vary").is_empty(), "{method} {target} {accepted}");
            }
        }
    }
}

#[tokio::test]
async fn what_pages_load_is_compressed_for_those_who_take_it() {
    let bed = Bed::start().await;
    let browser = bed.browser();
    let style = browser.get("/.doorward/login").await.between("stylesheet\" href=\"", "\"").unwrap();
    let ask = |method: Method, accepted: &'static str| {
        let headers = if accepted.is_empty() { vec![] } else { vec![("accept-encoding", accepted)] };
        let request = browser.request(method, &style, &headers, Full::<bytes::Bytes>::default());
        async { browser.send(request).await }
    };
    let plain = read(ask(Method::GET, "").await).await;
    let small = ask(Method::GET, "br, gzip").await;
    assert_eq!(
        (small.headers()["content-encoding"].as_bytes(), small.headers()["vary"].as_bytes()),
        (&b"gzip"[..], &b"accept-encoding"[..])
    );
    assert_eq!((plain.header("content-encoding"), plain.header("vary")), ("", "accept-encoding"));
    let head = ask(Method::HEAD, "gzip").await;
    assert_eq!(head.headers()["content-length"], small.headers()["content-length"]);
    let body = http_body_util::BodyExt::collect(small.into_body()).await.unwrap().to_bytes();
    assert!(body.len() * 2 < plain.body.len(), "{} of {}", body.len(), plain.body.len());
    assert_eq!(unpacked(&body), plain.body);
    for refused in ["gzip;q=0", "identity", "br"] {
        assert_eq!(read(ask(Method::GET, refused).await).await.body, plain.body, "{refused}");
    }
}

fn unpacked(gzip: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.gz");
    std::fs::write(&file, gzip).unwrap();
    let out = std::process::Command::new("gzip").arg("-dc").arg(file).output().unwrap();
    assert!(out.status.success());
    String::from_utf8(out.stdout).unwrap()
}
