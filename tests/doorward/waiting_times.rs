//! Times that pages and messages name are the ones that are configured, or what is left of them.

use std::time::Duration;

use crate::support::client::{Answer, wrong};
use crate::support::eventually::eventually;
use crate::support::node::Bed;
use crate::support::toml::Toml;

#[tokio::test]
async fn a_code_of_half_a_minute_is_announced_as_one() {
    let bed = Bed::with(Toml::bed().passcode("lifetime = \"30s\"")).await;
    let page = bed.browser().to_passcode("alice", "wonderland").await;
    let message = bed.messages_for(&page, 1).await.remove(0).text;
    // The machine may have needed a part of it.
    assert!(message.contains(" seconds. Tell nobody.") && !message.contains("minute"), "{message}");
    let life = page.between("The code works for ", ".").unwrap();
    assert!(life.ends_with(" seconds"), "{life}");
}

#[tokio::test]
async fn limits_are_named_with_the_times_that_they_are_configured_with() {
    let limits = "failures_per_user = \"2/20m\"\nmessages_per_user = \"1/3h\"\nwrong_factors_per_user = \"1/90s\"";
    let bed = Bed::with(Toml::bed().section("[notices]\nfactor_paused = true").limits(limits)).await;
    let refused = bed.browser().login("alice", "wrong").await;
    assert!(refused.says("After several wrong attempts, wait at least 20 minutes."), "{}", refused.body);

    let browser = bed.browser();
    let page = browser.to_passcode("bob", "builder").await;
    let code = bed.code(&page).await;
    browser.passcode(&page, &wrong(&code)).await;
    let paused = browser.passcode(&page, &code).await;
    let wait = waits(&paused, 90);
    assert!(paused.says(&format!("Wait {wait} seconds, then sign in again.")), "{}", paused.body);

    bed.clock.advance(Duration::from_secs(100));
    let answer = bed.browser().login("bob", "builder").await;
    let wait = waits(&answer, 3 * 3600);
    assert!(answer.status == 429 && answer.says(&format!("Wait {} hours, then", wait.div_ceil(3600))), "{}", answer.body);
}

/// What `Retry-After` says: no more than the whole time, and not much less.
fn waits(answer: &Answer, whole: u64) -> u64 {
    let seconds: u64 = answer.header("retry-after").parse().unwrap();
    assert!(seconds <= whole && seconds > 0, "{seconds} of {whole}: {}", answer.body);
    seconds
}

#[tokio::test]
async fn a_pause_of_less_than_a_minute_is_told_in_seconds() {
    let limits = "wrong_factors_per_user = \"2/30s\"";
    let bed = Bed::with(Toml::bed().limits(limits)).await;
    let browser = bed.browser();
    let page = browser.to_passcode("alice", "wonderland").await;
    let code = bed.code(&page).await;
    browser.passcode(&page, &wrong(&code)).await;
    browser.passcode_again(&page, &wrong(&code)).await;
    let told = "Codes are refused for up to 30 seconds.";
    eventually(format!("a message says {told:?}"), async || {
        bed.messages().iter().any(|message| message.text.contains(told)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn who_comes_too_often_from_one_address_hears_how_long_that_lasts() {
    let bed = Bed::with(Toml::bed().limits("attempts_per_address = \"2/40m\"")).await;
    let browser = bed.browser();
    let page = browser.to_passcode("alice", "wonderland").await;
    let code = bed.code(&page).await;
    browser.passcode(&page, &wrong(&code)).await;
    let page = browser.passcode(&page, &wrong(&code)).await;
    assert!(page.says("Wait 40 minutes, then enter the code again."), "{}", page.body);
}
