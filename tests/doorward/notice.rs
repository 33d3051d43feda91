//! Messages that are no passcode: an operator's test, and what people are told about their account.

use crate::support::client::wrong;
use crate::support::eventually::eventually;
use crate::support::gate::Gate;
use crate::support::node::Bed;
use crate::support::program::Program;
use crate::support::toml::Toml;

#[tokio::test]
async fn a_test_shows_every_step_and_says_how_it_ended() {
    let gate = Gate::new().await;
    gate.write(&gate.configuration("127.0.0.1:0"));
    let folder = gate.folder.path().to_owned();
    let mut program = tokio::task::spawn_blocking(move || Program::serve(&folder)).await.unwrap();
    let (code, text, error) = gate.command(&["send-test", "--user", "al\u{200b}ice"]).await;
    assert_eq!(code, Some(0), "{text}{error}");
    for words in
        ["message-handed-over", "ways: sms ", "message-tried", "screen by sms to ", ": sent after ", "Handed over by sms to "]
    {
        assert!(text.contains(words), "{words} is not in {text}");
    }
    let outbox = std::fs::read_to_string(gate.folder.path().join("outbox.jsonl")).unwrap();
    assert!(outbox.contains("This is a test of the sign-in service for alice."), "{outbox}");

    let (code, _, error) = gate.command(&["send-test", "--user", "nobody"]).await;
    assert!(code == Some(1) && error.contains("nobody is nobody who may sign in"), "{error}");
    let (code, _, error) = gate.command(&["send-test", "--user", "alice", "--policy", "none"]).await;
    assert!(code == Some(1) && error.contains("there is no dispatch policy none, but standard"), "{error}");
    let (code, _, error) = gate.command(&["send-test", "--user", "alice", "--rule", "7"]).await;
    assert!(code == Some(1) && error.contains("no rule of standard from there on leads to alice"), "{error}");
    let (code, _, _) = gate.command(&["send-test", "--user", "alice", "--welcome", "app"]).await;
    let outbox = std::fs::read_to_string(gate.folder.path().join("outbox.jsonl")).unwrap();
    assert!(code == Some(0) && outbox.contains("you can now sign in at "), "{outbox}");
    program.terminate();
    assert!(tokio::task::spawn_blocking(move || program.ended()).await.unwrap().success());
}

/// How many messages say so, once there is one.
async fn told(bed: &Bed, words: &str) -> usize {
    let count = || bed.messages().iter().filter(|message| message.text.contains(words)).count();
    eventually(format!("a message says {words:?}"), async || (count() > 0).then(count)).await
}

#[tokio::test]
async fn a_new_browser_is_told_of_where_it_is_wanted_and_a_known_one_is_not() {
    let bed = Bed::with(Toml::bed().section("[notices]\nnew_place = true")).await;
    let browser = bed.signed_in("alice", "wonderland").await;
    assert_eq!(told(&bed, "in a browser that was not used before").await, 1);
    browser.forget("__Host-doorward");
    let page = browser.to_passcode("alice", "wonderland").await;
    assert_eq!(browser.passcode(&page, &bed.code(&page).await).await.status, 303);
    let quiet = Bed::start().await;
    quiet.signed_in("alice", "wonderland").await;
    assert_eq!(bed.messages().len(), 3, "{:?}", bed.messages());
    assert_eq!(quiet.messages().len(), 1, "{:?}", quiet.messages());
}

#[tokio::test]
async fn whoever_knows_the_password_and_guesses_codes_is_told_of_once() {
    let bed = Bed::with(Toml::bed().limits("wrong_factors_per_user = \"4/15m\"")).await;
    let stranger = bed.browser();
    for _ in 0..2 {
        let page = stranger.to_passcode("alice", "wonderland").await;
        if !page.body.contains("name=\"passcode\"") {
            break;
        }
        let code = bed.code(&page).await;
        for _ in 0..3 {
            stranger.passcode(&page, &wrong(&code)).await;
        }
    }
    assert_eq!(told(&bed, "Too many wrong codes were entered for alice").await, 1);
    stranger.login("alice", "wonderland").await;
    // Somebody else's message comes after it.
    bed.signed_in("bob", "builder").await;
    assert_eq!(told(&bed, "Too many wrong codes were entered for alice").await, 1);
}
