//! The journal through the front door: every decision of a sign-in can be read afterwards under the trace id that the page showed.

use crate::support::client::wrong;
use crate::support::node::{Bed, detail};
use crate::support::toml::Toml;

#[tokio::test]
async fn every_decision_of_a_sign_in_is_an_event_under_one_trace_id() {
    let bed = Bed::start().await;
    let browser = bed.browser();
    let page = browser.to_passcode("alice", "wonderland").await;
    let code = bed.code(&page).await;
    browser.passcode(&page, &wrong(&code)).await;
    browser.passcode(&page, &code).await;
    let trace = bed.journal().iter().find(|event| event.kind == "password-right").unwrap().trace.unwrap();
    let events = bed.trace(&trace.to_string()).await;
    let kinds: Vec<&str> = events.iter().map(|event| event.kind.as_str()).filter(|kind| !kind.starts_with("message-")).collect();
    assert_eq!(kinds, ["password-right", "policy-decided", "passcode-issued", "passcode-refused", "passcode-right", "signed-in"]);
    let messages: Vec<&str> =
        events.iter().map(|event| event.kind.as_str()).filter(|kind| kind.starts_with("message-")).collect();
    assert_eq!(messages.first(), Some(&"message-handed-over"));
    assert!(messages.contains(&"message-sent"), "{messages:?}");
    assert!(events.iter().all(|event| event.user == "people:alice" && event.application == "app"), "{events:#?}");
}

#[tokio::test]
async fn the_trace_id_on_a_refusal_leads_to_its_reason() {
    let bed = Bed::start().await;
    let refused = bed.browser().login("alice", "wrong").await;
    let events = bed.trace(&refused.trace()).await;
    let [event] = events.as_slice() else { panic!("{events:#?}") };
    assert_eq!((event.kind.as_str(), event.user.as_str(), event.outcome.as_str()), ("password-refused", "people:alice", "no"));
    assert_eq!((detail(event)["reason"].as_str(), detail(event)["address"].as_str()), (Some("wrong"), Some("127.0.0.1")));
}

#[tokio::test]
async fn a_name_that_means_nobody_is_kept_as_hash_and_length_alone() {
    let bed = Bed::start().await;
    let refused = bed.browser().login("my-password-by-mistake", "x").await;
    let event = bed.trace(&refused.trace()).await.remove(0);
    let name = &detail(&event)["name"];
    assert_eq!((name["length"].as_u64(), name["hash"].as_str().map(str::len)), (Some(22), Some(16)));
    let journal = format!("{:?}", bed.journal());
    assert!(!journal.contains("by-mistake") && event.user.is_empty(), "{journal}");
}

#[tokio::test]
async fn no_event_tells_a_password_a_passcode_or_a_whole_number() {
    let bed = Bed::with(Toml::bed().passcode("length = 10")).await;
    let browser = bed.browser();
    let page = browser.to_passcode("alice", "wonderland").await;
    let code = bed.code(&page).await;
    let typed = wrong(&code);
    browser.passcode(&page, &typed).await;
    browser.passcode(&page, &code).await;
    browser.sign_out().await;
    let journal = format!("{:?}", bed.journal());
    for secret in ["wonderland", &code, &typed, "12345678", "12 34 56 78"] {
        assert!(!journal.contains(secret), "{secret}: {journal}");
    }
}

#[tokio::test]
async fn who_reads_the_journal_is_in_it() {
    let bed = Bed::start().await;
    bed.trace("0000-0000-0000").await;
    let journal = bed.journal();
    let used = journal.iter().find(|event| event.kind == "control-used").unwrap();
    assert_eq!(detail(used)["command"].as_str(), Some("trace 0000-0000-0000"));
}
