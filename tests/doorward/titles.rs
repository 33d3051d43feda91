//! What applications are called, and their pictures: on pages and in messages, in the reader's language.

use std::net::SocketAddr;

use http::Method;

use crate::support::node::Bed;
use crate::support::peers::dead_port;
use crate::support::toml::Toml;

const LOGO: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 1 1\"/>";

#[tokio::test]
async fn an_application_has_a_title_in_the_readers_language() {
    let keys = "title = { en = \"Mail & <Calendar>\", de = \"Post für alle\" }\nlogo = \"mail.svg\"";
    let pages = "[pages]\ntitle = { en = \"Example Corp\", de = \"Beispiel AG\" }\n\
                 support = { en = \"Call [us](tel:+4512345678)\", de = \"Rufen Sie [uns](tel:+4512345679) an\" }";
    let bed = Bed::with(Toml::bed().application(keys).section(pages).file("mail.svg", LOGO)).await;
    let english = bed.browser();
    let page = english.get("/.doorward/login?language=en").await;
    for part in [
        "<h1>Sign in to Mail &#38; &#60;Calendar&#62;</h1>",
        "– Example Corp</title>",
        "Call <a href=\"tel:+4512345678\">us</a>",
        "/.doorward/assets/logo.",
    ] {
        assert!(page.says(part), "{part}: {}", page.body);
    }
    let picture =
        english.get(&format!("/.doorward/assets/logo.{}", page.between("/.doorward/assets/logo.", "\"").unwrap())).await;
    assert!(picture.status == 200 && picture.body == LOGO, "{} {}", picture.status, picture.body);

    let german = bed.browser();
    let page = german.get("/.doorward/login?language=de").await;
    for part in
        ["<h1>Anmelden bei Post für alle</h1>", "– Beispiel AG</title>", "Rufen Sie <a href=\"tel:+4512345679\">uns</a> an"]
    {
        assert!(page.says(part), "{part}: {}", page.body);
    }
    let posted = german.login_on(&page, "alice", "wonderland").await;
    let page = german.get(&posted.location()).await;
    assert!(page.says("<b>Post für alle</b>"), "{}", page.body);
    let message = bed.messages_for(&page, 1).await.remove(0);
    assert!(message.text.contains("Ihr Code für Post für alle,"), "{}", message.text);
    assert_eq!(german.passcode(&page, &message.text).await.status, 303, "the whole message is read as its code");
}

#[tokio::test]
async fn a_page_about_a_dead_application_names_it_and_who_is_signed_in() {
    let dead = SocketAddr::from(([127, 0, 0, 1], dead_port()));
    let title = "title = { en = \"Mail & <Calendar>\", de = \"Post für alle\" }";
    let bed = Bed::with(Toml::bed().servers([dead]).application(title)).await;
    let browser = bed.browser();
    bed.sign_in(&browser, "alice", "wonderland").await;
    let page = browser.get("/").await;
    for part in [
        "<h1>Mail &#38; &#60;Calendar&#62; is not answering</h1>",
        "Signed in as <b>alice</b>",
        "You are signed in and your account is fine. The fault is in Mail &#38; &#60;Calendar&#62; itself.",
    ] {
        assert!(page.status == 502 && page.says(part), "{part}: {}", page.body);
    }
    assert_eq!(bed.trace(&page.trace()).await.last().unwrap().kind, "request-failed");
    let navigation = [("sec-fetch-mode", "navigate"), ("accept", "text/html"), ("accept-language", "de")];
    let german = browser.ask(Method::GET, "/", &navigation, "").await;
    for part in ["<h1>Post für alle antwortet nicht</h1>", "Angemeldet als <b>alice</b>"] {
        assert!(german.says(part), "{part}: {}", german.body);
    }
    let stranger = bed.browser().get("/public").await;
    assert!(stranger.status == 502 && stranger.says("is not answering"), "{}", stranger.body);
    assert!(!stranger.says("igned in"), "a stranger is told of a session: {}", stranger.body);
}

#[tokio::test]
async fn a_title_that_looks_like_a_code_does_not_hide_the_code() {
    let bed = Bed::with(Toml::bed().application("title = \"Archive 202401\"")).await;
    let browser = bed.browser();
    let page = browser.to_passcode("alice", "wonderland").await;
    let message = bed.messages_for(&page, 1).await.remove(0);
    let (words, _) = message.text.rsplit_once('\n').unwrap();
    assert!(words.contains("Archive 202401"), "{words}");
    assert_eq!(browser.passcode(&page, words).await.status, 303);
}

#[tokio::test]
async fn a_title_of_another_script_stands_on_the_page_and_makes_no_second_text_message() {
    let bed = Bed::with(Toml::bed().application("title = \"邮件与日历\"")).await;
    let browser = bed.browser();
    let page = browser.to_passcode("alice", "wonderland").await;
    assert!(page.says("<b>邮件与日历</b>"), "{}", page.body);
    let message = bed.messages_for(&page, 1).await.remove(0);
    assert!(message.text.is_ascii(), "{}", message.text);
}
