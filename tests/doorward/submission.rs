//! A form that is sent twice is one attempt: whichever form, whether the copies come together or one after the other, and on whichever
//! connection. A copy is recognised in the browser that sent the form and nowhere else.

use std::time::Duration;

use http::Method;
use http_body_util::Full;
use tokio::io::AsyncWriteExt;

use crate::password::to_new_password;
use crate::support::client::{Answer, Client, FLOW, FORM, KEY, encoded, wrong};
use crate::support::eventually::eventually;
use crate::support::node::{Bed, OTHER};
use crate::support::peers::slapd;
use crate::support::toml::Toml;

/// After this time a copy is an attempt of its own.
const KEPT: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_secs(31);
const LOGIN: &str = "/.doorward/login";
const PASSCODE: &str = "/.doorward/login/passcode";

/// A form as it is posted.
#[derive(Clone)]
struct Sent {
    path: &'static str,
    fields: Vec<(&'static str, String)>,
}

impl Sent {
    fn new(path: &'static str, page: &Answer, fields: &[(&'static str, &str)]) -> Self {
        let csrf = std::iter::once(("csrf", page.csrf()));
        Self { path, fields: csrf.chain(fields.iter().map(|(name, value)| (*name, (*value).to_owned()))).collect() }
    }

    fn fields(&self) -> Vec<(&str, &str)> {
        self.fields.iter().map(|(name, value)| (*name, value.as_str())).collect()
    }

    async fn by(&self, browser: &Client) -> Answer {
        browser.post(self.path, &self.fields()).await
    }

    /// Three times, two of them at once; they must be answered alike. The answer.
    async fn thrice(&self, browser: &Client) -> Answer {
        let (first, second) = tokio::join!(self.by(browser), self.by(browser));
        let third = self.by(browser).await;
        assert_eq!(seen(&first), seen(&second));
        assert_eq!(seen(&first), seen(&third));
        first
    }
}

/// What a browser sees of an answer.
fn seen(answer: &Answer) -> (u16, Vec<String>, String, String) {
    let cookies = answer.headers.get_all("set-cookie").iter().map(|line| line.to_str().unwrap().to_owned());
    (answer.status, cookies.collect(), answer.header("location").to_owned(), answer.body.clone())
}

async fn login_form(browser: &Client, name: &str, password: &str) -> Sent {
    let page = browser.get(LOGIN).await;
    Sent::new(LOGIN, &page, &[("username", name), ("password", password)])
}

fn count(bed: &Bed, kind: &str) -> usize {
    bed.journal().iter().filter(|event| event.kind == kind).count()
}

async fn second_copy_by(http2: bool) -> Bed {
    let bed = Bed::start().await;
    let browser = bed.browser();
    let sent = login_form(&browser, "alice", "wonderland").await;
    let (first, mut other) = (sent.by(&browser).await, bed.browser());
    other.http2 = http2;
    other.put(FLOW, &browser.cookie(FLOW).unwrap());
    assert_eq!(seen(&first), seen(&sent.by(&other).await));
    bed
}

#[tokio::test]
async fn a_login_form_that_comes_again_begins_one_flow_and_sends_one_message() {
    let bed = Bed::start().await;
    let browser = bed.browser();
    let answer = login_form(&browser, "alice", "wonderland").await.thrice(&browser).await;
    let page = browser.get(&answer.location()).await;
    let code = bed.code(&page).await;
    assert_eq!(browser.passcode(&page, &code).await.status, 303);
    assert_eq!((count(&bed, "password-right"), bed.messages().len()), (1, 1));
}

#[tokio::test]
async fn a_refused_login_form_that_comes_again_is_one_wrong_password() {
    let bed = Bed::start().await;
    let browser = bed.browser();
    let refused = login_form(&browser, "alice", "wrong").await.thrice(&browser).await;
    assert_eq!((refused.status, count(&bed, "password-refused")), (403, 1));
    // The same words on the page that followed are another attempt.
    let again = Sent::new(LOGIN, &refused, &[("username", "alice"), ("password", "wrong")]).by(&browser).await;
    assert_eq!((again.status, count(&bed, "password-refused")), (403, 2));
    assert_ne!(again.trace(), refused.trace());
}

#[tokio::test]
async fn where_the_password_is_enough_each_copy_leads_into_the_same_session() {
    let bed = Bed::with(Toml::bed().everybody(r#"{ then = "admit" }"#)).await;
    let browser = bed.browser();
    let answer = login_form(&browser, "alice", "wonderland").await.thrice(&browser).await;
    assert!(answer.status == 303 && browser.is_in().await, "{}", answer.body);
    assert_eq!((count(&bed, "password-right"), count(&bed, "signed-in")), (1, 1));
}

#[tokio::test]
async fn a_passcode_that_comes_again_leads_into_the_same_session_until_the_time_is_over() {
    let bed = Bed::start().await;
    let browser = bed.browser();
    let page = browser.to_passcode("alice", "wonderland").await;
    let sent = Sent::new(PASSCODE, &page, &[("passcode", &bed.code(&page).await)]);
    assert_eq!(sent.thrice(&browser).await.status, 303);
    assert!(browser.is_in().await);
    assert_eq!((count(&bed, "passcode-right"), count(&bed, "signed-in")), (1, 1));
    bed.clock.advance(KEPT);
    let late = sent.by(&browser).await;
    assert!(late.status == 200 && late.says("You are already signed in"), "{}", late.body);
    assert!(!late.headers.contains_key("set-cookie"));
}

#[tokio::test]
async fn a_wrong_passcode_that_comes_again_costs_one_try() {
    let bed = Bed::start().await;
    let browser = bed.browser();
    let page = browser.to_passcode("alice", "wonderland").await;
    let code = bed.code(&page).await;
    let sent = Sent::new(PASSCODE, &page, &[("passcode", &wrong(&code))]);
    let page = browser.get(&sent.thrice(&browser).await.location()).await;
    assert!(page.says("You have 2 tries left."), "{}", page.body);
    assert_eq!(browser.passcode(&page, &code).await.status, 303);
}

#[tokio::test]
async fn a_wish_for_a_new_code_or_another_way_that_comes_again_is_one_message() {
    let ways =
        r#"{ channel = "sms", to = "mobile", through = ["screen"] }, { channel = "mail", to = "mail", through = ["screen"] }"#;
    for act in [&[("act", "resend")] as &[_], &[("act", "other"), ("rule", "1")]] {
        let bed = Bed::with(Toml::bed().dispatch(ways)).await;
        let browser = bed.browser();
        let page = browser.to_passcode("alice", "wonderland").await;
        bed.code(&page).await;
        let status = format!("/.doorward/login/status?flow={}", page.flow());
        eventually("the message is done", async || !browser.get(&status).await.says("\"sending\"")).await;
        bed.clock.advance(PAUSE);
        assert_eq!(Sent::new(PASSCODE, &page, act).thrice(&browser).await.status, 303);
        eventually("the second message", async || bed.messages().len() >= 2).await;
        let page = browser.get(&format!("{PASSCODE}?flow={}", page.flow())).await;
        assert!(page.status == 200 && !page.says("It is too early"), "{}", page.body);
        assert_eq!(bed.messages().len(), 2);
        bed.clock.advance(KEPT);
        let early = browser.resend(&page).await;
        assert!(early.says("It is too early for a new code."), "{act:?}: {}", early.body);
    }
}

#[tokio::test]
async fn a_new_password_that_comes_again_is_shown_to_the_directory_once() {
    let Some(slapd) = slapd(&[("PPOLICY", "1")]) else { return };
    let bed = Bed::with(Toml::bed().directory(crate::password::directory(&slapd))).await;
    let browser = bed.browser();
    let page = to_new_password(&bed, &browser, "reset", "first-password").await;
    let both = |new| [("new_password", new), ("new_password_again", new)];
    let short = Sent::new("/.doorward/login/password", &page, &both("short")).thrice(&browser).await;
    assert!(short.status == 403 && count(&bed, "password-change-refused") == 1, "{}", short.body);
    let changed = Sent::new("/.doorward/login/password", &short, &both("second-password")).thrice(&browser).await;
    assert_eq!((changed.status, changed.location().as_str()), (303, "/"));
    assert!(browser.is_in().await);
    assert_eq!((count(&bed, "password-changed"), count(&bed, "signed-in")), (1, 1));
}

#[tokio::test]
async fn signing_out_twice_is_signing_out_once() {
    let bed = Bed::start().await;
    let browser = bed.signed_in("alice", "wonderland").await;
    let key = browser.cookie(KEY).unwrap();
    let sent = Sent::new("/.doorward/logout", &browser.get("/.doorward/logout").await, &[]);
    let answer = sent.by(&browser).await;
    // The browser sent the second before it had heard of the first.
    browser.put(KEY, &key);
    assert_eq!(seen(&answer), seen(&sent.by(&browser).await));
    assert!(answer.says("You are signed out"), "{}", answer.body);
    assert_eq!((count(&bed, "signed-out"), browser.cookie(KEY)), (1, None));
}

#[tokio::test]
async fn a_form_whose_connection_breaks_is_worked_on_and_its_second_copy_gets_the_answer() {
    let bed = Bed::start().await;
    let browser = bed.browser();
    let page = browser.to_passcode("alice", "wonderland").await;
    let sent = Sent::new(PASSCODE, &page, &[("passcode", &bed.code(&page).await)]);
    let headers = [("sec-fetch-site", "same-origin"), ("content-type", FORM)];
    let body = encoded(&sent.fields());
    let head = browser.request(Method::POST, sent.path, &headers, Full::<bytes::Bytes>::default()).into_parts().0;
    let mut text = format!("POST {} HTTP/1.1\r\ncontent-length: {}\r\n", sent.path, body.len());
    for (name, value) in &head.headers {
        text.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
    }
    let mut connection = browser.tls("http/1.1").await;
    connection.write_all(format!("{text}\r\n{body}").as_bytes()).await.unwrap();
    connection.flush().await.unwrap();
    eventually("the first copy is judged", async || count(&bed, "passcode-right") == 1).await;
    drop(connection);
    assert_eq!(sent.by(&browser).await.status, 303);
    assert!(browser.is_in().await);
    assert_eq!((count(&bed, "passcode-right"), count(&bed, "signed-in")), (1, 1));
}

#[tokio::test]
async fn the_second_copy_may_come_over_another_protocol() {
    for http2 in [false, true] {
        let bed = second_copy_by(http2).await;
        assert_eq!(count(&bed, "password-right"), 1);
    }
}

/// What an eavesdropper of forms would try: the answer of the first copy holds the key of a session.
#[tokio::test]
async fn a_stranger_who_sends_somebodys_form_again_gets_no_session_and_learns_nothing() {
    let bed = Bed::start().await;
    let browser = bed.browser();
    let login = login_form(&browser, "alice", "wonderland").await;
    let page = browser.get(&login.by(&browser).await.location()).await;
    let passcode = Sent::new(PASSCODE, &page, &[("passcode", &bed.code(&page).await)]);
    assert_eq!(passcode.by(&browser).await.status, 303);
    let events = bed.journal().len();
    for sent in [&login, &passcode] {
        let nobody = bed.browser();
        let stranger = bed.browser();
        stranger.get(LOGIN).await;
        let elsewhere = bed.browser_at(OTHER);
        elsewhere.put(FLOW, &browser.cookie(FLOW).unwrap());
        let mixed = bed.browser();
        mixed.put(FLOW, &format!("{}; {FLOW}={}", browser.cookie(FLOW).unwrap(), stranger.cookie(FLOW).unwrap()));
        let key = bed.browser();
        key.put(KEY, &browser.cookie(FLOW).unwrap());
        for (who, thief) in [("nobody", nobody), ("stranger", stranger), ("elsewhere", elsewhere), ("mixed", mixed), ("key", key)]
        {
            let answer = sent.by(&thief).await;
            assert!(answer.status == 403 && !thief.is_in().await, "{who}: {} {}", answer.status, answer.body);
            assert!(!answer.headers.contains_key("location"), "{who}");
        }
    }
    assert_eq!(bed.journal().len(), events, "a stranger's copy was worked on");
}

/// With the cookie too, whatever is not the very same form is an attempt of its own.
#[tokio::test]
async fn a_form_that_was_changed_is_no_copy() {
    let bed = Bed::start().await;
    let browser = bed.browser();
    let page = browser.to_passcode("alice", "wonderland").await;
    let mut sent = Sent::new(PASSCODE, &page, &[("passcode", &bed.code(&page).await)]);
    assert_eq!(sent.by(&browser).await.status, 303);
    sent.fields[1].1.push(' ');
    let other = sent.by(&browser).await;
    assert!(other.status == 200 && other.says("You are already signed in"), "{}", other.body);
    assert!(!other.headers.contains_key("set-cookie"));
}
