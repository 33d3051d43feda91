//! Forms of other sites: posted once more by our own page on the paths that are listed, told to the application as what they are, and
//! repeated nowhere else.

use std::time::Duration;

use http::Method;

use crate::support::client::{Answer, Client, FORM};
use crate::support::node::{Bed, OTHER};
use crate::support::toml::Toml;

const IDP: &str = "https://idp.example";
const FIELDS: &str = "SAMLResponse=PD94%2B%2F%3D&RelayState=%2Fa%3Fb%22%3E&x=1&x=2";

async fn bed() -> Bed {
    Bed::with(Toml::bed().application("cross_site = [\"/saml/acs\", \"/pay/\"]")).await
}

/// As a browser does it: without the cookie.
async fn posted_by_another_site(bed: &Bed, target: &str, more: &[(&str, &str)]) -> Answer {
    let headers =
        [("sec-fetch-mode", "navigate"), ("sec-fetch-site", "cross-site"), ("sec-fetch-dest", "document"), ("origin", IDP)];
    let rest = [("content-type", FORM), ("accept", "text/html")];
    bed.browser().ask(Method::POST, target, &[&headers[..], more, &rest].concat(), FIELDS).await
}

/// Where the page's form goes, and what it holds.
fn form(page: &Answer) -> (String, String) {
    let plain = |text: String| {
        let entities = [("&#34;", "\""), ("&#39;", "'"), ("&#60;", "<"), ("&#62;", ">"), ("&#38;", "&")];
        entities.iter().fold(text, |text, (entity, letter)| text.replace(entity, letter))
    };
    let action = plain(page.between("action=\"", "\"").unwrap_or_else(|| panic!("no form: {} {}", page.status, page.body)));
    let mut fields = form_urlencoded::Serializer::new(String::new());
    for input in page.body.split("<input type=\"hidden\" ").skip(1) {
        let part = |name: &str| input.split_once(&format!("{name}=\"")).unwrap().1.split_once('"').unwrap().0.to_owned();
        fields.append_pair(&plain(part("name")), &plain(part("value")));
    }
    (action, fields.finish())
}

/// Our page's form, as a browser sends it.
async fn hand_over(browser: &Client, page: &Answer, from: &[(&str, &str)]) -> Answer {
    let (action, fields) = form(page);
    let rest = [("content-type", FORM), ("accept", "text/html")];
    browser.ask(Method::POST, &action, &[from, &rest].concat(), &fields).await
}

const BY_OUR_PAGE: [(&str, &str); 4] = [
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-site", "same-origin"),
    ("origin", "null"),
    ("referer", "https://app.example/saml/acs"),
];

#[tokio::test]
async fn a_form_of_another_site_is_posted_once_more_where_it_is_expected() {
    let bed = bed().await;
    let browser = bed.signed_in("alice", "wonderland").await;
    for target in ["/saml/acs", "/saml/acs?tenant=1", "/saml/acs?", "/pay/done"] {
        let page = posted_by_another_site(&bed, target, &[]).await;
        assert!(page.status == 200 && page.says("idp.example sent a form along with you."), "{} {}", page.status, page.body);
        assert_eq!((page.header("set-cookie"), page.header("x-frame-options")), ("", "SAMEORIGIN"));
        assert_eq!(form(&page).1, FIELDS, "the same fields in the same order");
        let answer = hand_over(&browser, &page, &BY_OUR_PAGE).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let told = bed.upstream.last();
        assert!(told.starts_with(&format!("POST {target} HTTP")), "{told}");
        assert!(told.contains(&format!("\norigin: {IDP}\n")) && told.contains("\nsec-fetch-site: cross-site\n"), "{told}");
        assert!(
            told.contains("\nx-forwarded-user: alice\n") && !told.contains("referer") && !told.contains("doorward-form"),
            "{told}"
        );
    }
    assert_eq!(bed.upstream.requests().len(), 4, "each once");
}

#[tokio::test]
async fn browsers_that_say_less_are_understood_too() {
    let bed = bed().await;
    let browser = bed.signed_in("alice", "wonderland").await;
    let rest = [("content-type", FORM), ("accept", "text/html")];
    for (says, origin) in [
        (&[("origin", IDP)][..], IDP),
        (&[("referer", "https://idp.example/sso")], "null"),
        (&[("origin", "null")], "null"),
        (&[], "null"),
    ] {
        let page = bed.browser().ask(Method::POST, "/saml/acs", &[says, &rest].concat(), FIELDS).await;
        let answer = hand_over(&browser, &page, &[("referer", "https://app.example/saml/acs")]).await;
        assert_eq!(answer.status, 200, "{says:?}");
        assert!(bed.upstream.last().contains(&format!("\norigin: {origin}\n")), "{says:?} {}", bed.upstream.last());
    }
}

#[tokio::test]
async fn elsewhere_a_form_of_another_site_is_explained_and_not_repeated() {
    let bed = bed().await;
    for target in
        ["/", "/saml", "/saml/acs/", "/saml/acs/x", "/SAML/acs", "/saml/acs;x", "/saml/%61cs", "/pay", "/pay/%64one", "/pay/x;y"]
    {
        let page = posted_by_another_site(&bed, target, &[]).await;
        assert_eq!(page.status, 403, "{target}");
        assert!(
            page.says("This form came from another site") && !page.says("<form") && !page.says("PD94"),
            "{target} {}",
            page.body
        );
    }
    // Nor anything but a form, a method but POST, a program, or another application.
    for (name, value) in [("content-type", "text/plain"), ("content-type", "multipart/form-data; boundary=x")] {
        let headers = [("sec-fetch-mode", "navigate"), ("sec-fetch-site", "cross-site"), ("origin", IDP), (name, value)];
        let page = bed.browser().ask(Method::POST, "/saml/acs", &headers, "SAMLResponse=PD94").await;
        assert!(page.status == 403 && !page.says("<form") && !page.says("PD94"), "{value}");
    }
    let script = [("sec-fetch-mode", "cors"), ("sec-fetch-site", "cross-site"), ("origin", IDP), ("content-type", FORM)];
    assert_eq!(bed.browser().ask(Method::POST, "/saml/acs", &script, FIELDS).await.status, 401);
    let headers = [("sec-fetch-mode", "navigate"), ("sec-fetch-site", "cross-site"), ("origin", IDP), ("content-type", FORM)];
    assert_eq!(bed.browser_at(OTHER).ask(Method::POST, "/saml/acs", &headers, FIELDS).await.status, 403);
    assert!(bed.upstream.requests().is_empty());
}

#[tokio::test]
async fn a_form_has_its_bounds() {
    let bed = bed().await;
    let headers = [("sec-fetch-mode", "navigate"), ("sec-fetch-site", "cross-site"), ("origin", IDP), ("content-type", FORM)];
    for (body, status) in [
        (format!("a={}", "x".repeat(200 * 1024)), 200),
        (format!("a={}", "x".repeat(256 * 1024)), 413),
        ("a=1&".repeat(100), 200),
        ("a=1&".repeat(101), 403),
        ("a=%00".to_owned(), 403),
    ] {
        let page = bed.browser().ask(Method::POST, "/saml/acs", &headers, &body).await;
        assert_eq!(page.status, status, "{} bytes", body.len());
    }
}

#[tokio::test]
async fn a_mark_is_worth_nothing_elsewhere_later_or_from_another_site() {
    let bed = bed().await;
    let browser = bed.signed_in("alice", "wonderland").await;
    let page = posted_by_another_site(&bed, "/saml/acs", &[]).await;
    let (action, fields) = form(&page);
    let mark = action.split_once('?').unwrap().1;
    let rest = [("content-type", FORM), ("accept", "text/html")];
    let ours = [&BY_OUR_PAGE[..], &rest].concat();

    // At another address, or changed: not passed on at all, as nobody knows where it came from.
    for target in [
        &format!("/pay/done?{mark}"),
        &format!("/saml/acs?a=1&{mark}"),
        &format!("/saml/acs?{mark}A"),
        "/saml/acs?doorward-form=",
    ] {
        let answer = browser.ask(Method::POST, target, &ours, &fields).await;
        assert!(answer.status == 403 && answer.says("came from another site"), "{target} {}", answer.status);
    }
    // From another site the request says itself what it is: with the cookie, as from a browser that knows no SameSite, it goes on as such.
    let foreign =
        [&[("sec-fetch-mode", "navigate"), ("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")][..], &rest]
            .concat();
    assert_eq!(browser.ask(Method::POST, &action, &foreign, &fields).await.status, 200);
    assert!(bed.upstream.last().contains("\norigin: https://evil.example\n"), "{}", bed.upstream.last());
    let again = bed.browser().ask(Method::POST, &action, &foreign, &fields).await;
    assert!(again.says("evil.example sent a form along") && !again.says(mark), "{}", again.body);
    // Without a session it opens nothing.
    let answer = bed.browser().ask(Method::POST, &action, &ours, &fields).await;
    assert!(answer.status == 401 && answer.says("was not passed on to app"), "{}", answer.body);
    // Until it is too old.
    assert_eq!(browser.ask(Method::POST, &action, &ours, &fields).await.status, 200);
    for _ in 0..3 {
        bed.clock.advance(Duration::from_secs(20 * 60));
        assert!(browser.is_in().await);
    }
    assert_eq!(browser.ask(Method::POST, &action, &ours, &fields).await.status, 403);
}

#[tokio::test]
async fn no_form_of_another_site_can_write_into_the_page() {
    let bed = bed().await;
    let headers = [("sec-fetch-mode", "navigate"), ("sec-fetch-site", "cross-site"), ("content-type", FORM)];
    let evil = "\"><script>alert(1)</script>";
    let body = form_urlencoded::Serializer::new(String::new()).append_pair(evil, evil).finish();
    for origin in [evil, "https://a\"><script>", "javascript:alert(1)"] {
        let fields = [&headers[..], &[("origin", origin)]].concat();
        let page = bed.browser().ask(Method::POST, "/saml/acs?a=%22%3E%3Cscript%3E", &fields, &body).await;
        assert_eq!(page.status, 200);
        assert_eq!(page.body.matches("<script").count(), 1, "ours: {}", page.body);
        assert!(!page.says("alert(1)</script>"), "{}", page.body);
    }
}
