//! What the passcode page says of a code on its way, and the other ways that it offers, through the front door.

use std::time::Duration;

use crate::support::client::{Answer, Client};
use crate::support::eventually::eventually;
use crate::support::node::Bed;
use crate::support::outbox::Message;
use crate::support::toml::Toml;

const PAUSE: Duration = Duration::from_secs(31);

const THREE_WAYS: &str = r#"{ channel = "sms", to = "mobile", through = ["screen"] },
    { channel = "voice", to = "mobile", through = ["screen"] },
    { channel = "mail", to = "mail", through = ["screen"] }"#;

async fn bed(dispatch: &'static str) -> Bed {
    Bed::with(Toml::bed().dispatch(dispatch)).await
}

/// Presses the button of another way; the page that follows.
async fn press(browser: &Client, page: &Answer, rule: &str) -> Answer {
    let fields = [("csrf", page.csrf()), ("act", "other".to_owned()), ("rule", rule.to_owned())];
    let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
    let posted = browser.post("/.doorward/login/passcode", &fields).await;
    if posted.status == 303 { browser.get(&posted.location()).await } else { posted }
}

/// All messages, once there are so many; a call does not say which login it belongs to.
async fn sent(bed: &Bed, number: usize) -> Vec<Message> {
    eventually(format!("{number} messages"), async || {
        let messages = bed.messages();
        if messages.len() >= number { Ok(messages) } else { Err(messages) }
    })
    .await
}

/// The pause before another way, once the message is done.
async fn pass(bed: &Bed, browser: &Client, page: &Answer) {
    pass_for(bed, browser, page, PAUSE).await;
}

async fn pass_for(bed: &Bed, browser: &Client, page: &Answer, time: Duration) {
    let status = format!("/.doorward/login/status?flow={}", page.flow());
    eventually("the message is done", async || !browser.get(&status).await.says("\"sending\"")).await;
    bed.clock.advance(time);
}

fn words(page: &Answer) -> String {
    page.body.replace(['\u{2068}', '\u{2069}'], "").replace('\u{a0}', " ")
}

#[tokio::test]
async fn the_page_offers_what_the_policy_has_for_this_person_and_nothing_else() {
    let bed = bed(THREE_WAYS).await;
    let page = words(&bed.browser().to_passcode("alice", "wonderland").await);
    assert!(
        has_ways(&page, &["Call me", "E-mail the code", "Send a new code"]) && page.contains("To a•••@mail.example"),
        "{page}"
    );
    assert!(!page.contains("Send a text message"), "{page}");
    let bob = words(&bed.browser().to_passcode("bob", "builder").await);
    assert!(bob.contains("On your number ending in 21") && has_ways(&bob, &["Call me", "Send a new code"]), "{bob}");
}

#[tokio::test]
async fn a_way_that_was_not_tried_is_taken_at_once_and_one_that_was_after_the_pause() {
    let bed = bed(THREE_WAYS).await;
    let browser = bed.browser();
    let page = browser.to_passcode("alice", "wonderland").await;
    bed.code(&page).await;
    let called = press(&browser, &page, "1").await;
    let messages = sent(&bed, 2).await;
    assert_eq!((messages[0].channel.as_str(), messages[1].channel.as_str()), ("sms", "voice"));
    assert!(has_ways(&called.body, &["E-mail the code", "Send a new code", "Send a text message"]), "{}", called.body);
    // Presses within two seconds are one.
    pass_for(&bed, &browser, &page, Duration::from_secs(3)).await;
    let early = press(&browser, &called, "0").await;
    assert!(early.status == 429 && early.says("It is too early for a new code."), "{}", early.body);
    pass(&bed, &browser, &page).await;
    press(&browser, &called, "0").await;
    let messages = sent(&bed, 3).await;
    assert_eq!(messages[2].channel, "sms");
    let page = browser.get(&format!("/.doorward/login/passcode?flow={}", page.flow())).await;
    assert_eq!(browser.passcode(&page, &messages[2].passcode).await.status, 303);
    assert!(browser.is_in().await);
}

#[tokio::test]
async fn after_a_failover_the_next_untried_way_comes_first_and_a_new_code_goes_the_way_that_worked() {
    let bed = Bed::with(Toml::bed().directory(DEAD.to_owned()).dispatch(
        r#"{ channel = "sms", to = "mobile", through = ["dead"] }, { channel = "mail", to = "mail", through = ["screen"] },
            { channel = "voice", to = "mobile", through = ["screen"] }"#,
    ))
    .await;
    let browser = bed.browser();
    let page = browser.to_passcode("alice", "wonderland").await;
    sent(&bed, 1).await;
    pass(&bed, &browser, &page).await;
    let page = browser.get(&format!("/.doorward/login/passcode?flow={}", page.flow())).await;
    assert!(has_ways(&page.body, &["Call me", "Send a new code", "Send a text message"]), "{}", page.body);
    assert!(page.says("By e-mail again"), "{}", page.body);
    let again = browser.resend(&page).await;
    assert_eq!(again.status, 200, "{}", again.body);
    assert_eq!(sent(&bed, 2).await[1].channel, "mail");
    pass(&bed, &browser, &page).await;
    let page = browser.get(&format!("/.doorward/login/passcode?flow={}", page.flow())).await;
    assert!(has_ways(&page.body, &["Call me", "Send a new code", "Send a text message"]), "{}", page.body);
}

/// Whether the page offers these ways in this order, and no other.
fn has_ways(page: &str, names: &[&str]) -> bool {
    let ways: Vec<&str> = page.split("</svg><b>").skip(1).filter_map(|rest| rest.split("</b>").next()).collect();
    ways == names
}

#[tokio::test]
async fn a_forged_way_does_nothing() {
    let bed = bed(THREE_WAYS).await;
    let browser = bed.browser();
    let page = browser.to_passcode("alice", "wonderland").await;
    let code = bed.code(&page).await;
    pass(&bed, &browser, &page).await;
    for rule in ["0", "3", "99", "18446744073709551616", "-1", "", "1 ", "mail", "\u{661}"] {
        let again = press(&browser, &page, rule).await;
        assert_eq!(again.status, 200, "{rule:?} {}", again.body);
    }
    assert_eq!(bed.messages().len(), 1);
    assert_eq!(browser.passcode(&page, &code).await.status, 303);
}

#[tokio::test]
async fn ways_and_new_codes_are_counted_together() {
    let bed = bed(THREE_WAYS).await;
    let browser = bed.browser();
    let mut page = browser.to_passcode("alice", "wonderland").await;
    sent(&bed, 1).await;
    for (number, rule) in [(2, Some("1")), (3, None), (4, Some("2"))] {
        pass(&bed, &browser, &page).await;
        page = match rule {
            Some(rule) => press(&browser, &page, rule).await,
            None => browser.resend(&page).await,
        };
        sent(&bed, number).await;
    }
    assert!(page.says("You have asked for all the codes") && !page.says("name=\"rule\""), "{}", page.body);
    pass(&bed, &browser, &page).await;
    press(&browser, &page, "1").await;
    assert_eq!(bed.messages().len(), 4);
}

#[tokio::test]
async fn a_way_that_failed_is_named_before_the_one_that_worked() {
    let bed = Bed::with(Toml::bed().directory(DEAD.to_owned()).dispatch(
        r#"{ channel = "sms", to = "mobile", through = ["dead"] }, { channel = "mail", to = "mail", through = ["screen"] }"#,
    ))
    .await;
    let browser = bed.browser();
    let page = browser.to_passcode("alice", "wonderland").await;
    bed.code(&page).await;
    let page = eventually("the page says so", async || {
        let page = words(&browser.get(&format!("/.doorward/login/passcode?flow={}", page.flow())).await);
        if page.contains("We sent an e-mail to a•••@mail.example.") { Ok(page) } else { Err(page) }
    })
    .await;
    assert!(page.contains("The text message to your number ending in 78 did not get through. We sent an e-mail"), "{page}");
}

/// A gateway where nobody listens.
const DEAD: &str = r#"
[[transmitter]]
name = "dead"
kind = "http"
method = "POST"
url = "http://127.0.0.1:9/send"
content_type = "application/json"
body = '{"to":"{{to_e164}}","text":"{{text}}"}'
"#;

/// Takes what it is given and never answers.
async fn silent_gateway() -> (u16, tokio::task::JoinHandle<()>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let serves = tokio::spawn(async move {
        let mut taken = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            taken.push(stream);
        }
    });
    (port, serves)
}

#[tokio::test]
async fn a_code_that_may_have_been_sent_is_not_called_a_failure() {
    let (port, _serves) = silent_gateway().await;
    let directory = format!(
        "[[transmitter]]\nname = \"silent\"\nkind = \"http\"\nurl = \"http://127.0.0.1:{port}/send\"\nbody = '{{{{to_e164}}}} {{{{text}}}}'\ncontent_type = \"text/plain\"\ntimeout = \"1s\"\n"
    );
    let dispatch = r#"{ channel = "sms", to = "mobile", through = ["silent"] }"#;
    let bed = Bed::with(Toml::bed().directory(directory).dispatch(dispatch)).await;
    for (language, said, button) in [
        (
            "en",
            "We may have sent a text message to your number ending in 78, but we are not sure. If it comes, enter the code.",
            "Send a new code",
        ),
        ("de", "Vielleicht haben wir eine SMS an Ihre Nummer mit der Endung 78 gesendet. Sicher sind wir nicht.", "Neuen Code"),
    ] {
        let browser = bed.browser().with("accept-language", language);
        let page = browser.to_passcode("alice", "wonderland").await;
        let status = format!("/.doorward/login/status?flow={}", page.flow());
        eventually("it is unsure", async || {
            // The pause before the second try passes sooner.
            bed.clock.advance(Duration::from_millis(100));
            browser.get(&status).await.says("\"unsure\"")
        })
        .await;
        let page = words(&browser.get(&format!("/.doorward/login/passcode?flow={}", page.flow())).await);
        assert!(page.contains(said) && page.contains(button), "{page}");
        assert!(page.contains("name=\"passcode\""), "it can be entered: {page}");
    }
}
