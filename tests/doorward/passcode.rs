//! The second step through the front door: tries, times, resends, tabs, and what each page says to do next.

use std::time::Duration;

use futures_util::future::join_all;

use crate::support::client::{Answer, FLOW, wrong};
use crate::support::eventually::eventually;
use crate::support::node::{Bed, detail};
use crate::support::toml::Toml;

const LIFETIME: Duration = Duration::from_secs(300);
const PAUSE: Duration = Duration::from_secs(31);

#[tokio::test]
async fn a_wrong_code_costs_a_try_and_the_page_says_how_many_are_left() {
    let bed = Bed::start().await;
    let browser = bed.browser();
    let page = browser.to_passcode("alice", "wonderland").await;
    let code = bed.code(&page).await;
    let again = browser.passcode_again(&page, &wrong(&code)).await;
    assert!(again.status == 403 && again.says("You have 2 tries left."), "{}", again.body);
    let again = browser.passcode_again(&again, &wrong(&code)).await;
    assert!(again.says("You have 1 try left."), "{}", again.body);
    assert_eq!(browser.passcode(&again, &code).await.status, 303);
    assert!(browser.is_in().await);
}

#[tokio::test]
async fn the_third_wrong_code_ends_it_and_the_right_one_comes_too_late() {
    let bed = Bed::start().await;
    let browser = bed.browser();
    let page = browser.to_passcode("alice", "wonderland").await;
    let code = bed.code(&page).await;
    for _ in 0..2 {
        browser.passcode_again(&page, &wrong(&code)).await;
    }
    let ended = browser.passcode(&page, &wrong(&code)).await;
    assert!(ended.status == 403 && ended.says("The code was wrong too often."), "{}", ended.body);
    let late = browser.passcode(&page, &code).await;
    assert!(late.status == 403 && late.says("The code was wrong too often."), "{}", late.body);
    assert!(!browser.is_in().await);
}

#[tokio::test]
async fn blanks_and_hyphens_in_a_code_do_not_matter() {
    let bed = Bed::start().await;
    let browser = bed.browser();
    let page = browser.to_passcode("alice", "wonderland").await;
    let code = bed.code(&page).await;
    assert_eq!(browser.passcode(&page, &format!(" {} - {}", &code[..3], &code[3..])).await.status, 303);
    assert!(browser.is_in().await);
}

#[tokio::test]
async fn a_code_is_read_out_of_the_message_that_it_came_in() {
    let bed = Bed::start().await;
    let arabic = |code: &str| code.chars().map(|c| char::from_u32(u32::from(c) - 48 + 0x660).unwrap()).collect::<String>();
    type Way<'a> = &'a dyn Fn(&str, &str) -> String;
    let ways: [Way<'_>; 6] = [
        &|message, _| message.to_owned(),
        &|message, _| message.lines().last().unwrap().to_owned(),
        &|_, code| format!("\u{202a}\u{feff}{}\u{200b}{}\u{202c}", &code[..3], &code[3..]),
        &|_, code| format!("\u{201e}{code}\u{201c}"),
        &|_, code| format!("Ihr Code: {code}."),
        &|_, code| arabic(code),
    ];
    for way in ways {
        let browser = bed.browser();
        let page = browser.to_passcode("alice", "wonderland").await;
        let message = bed.messages_for(&page, 1).await.remove(0);
        let typed = way(&message.text, &message.passcode);
        assert_eq!(browser.passcode(&page, &typed).await.status, 303, "{typed:?}");
        assert!(browser.is_in().await);
        bed.clock.advance(Duration::from_secs(3600));
    }
}

#[tokio::test]
async fn two_codes_in_one_form_are_one_wrong_try() {
    let bed = Bed::start().await;
    let browser = bed.browser();
    let page = browser.to_passcode("alice", "wonderland").await;
    let code = bed.code(&page).await;
    let both = browser.passcode_again(&page, &format!("{} {code}", wrong(&code))).await;
    assert!(both.status == 403 && both.says("You have 2 tries left."), "{}", both.body);
    let both = browser.passcode_again(&page, &format!("{code}, {}", wrong(&code))).await;
    assert!(both.status == 403 && both.says("You have 1 try left."), "{}", both.body);
    assert_eq!(browser.passcode(&page, &code).await.status, 303);
}

#[tokio::test]
async fn a_memorable_code_may_be_typed_in_capitals_and_the_page_asks_for_letters() {
    let bed = Bed::with(Toml::bed().passcode("alphabet = \"memorable\"")).await;
    let browser = bed.browser();
    let page = browser.to_passcode("alice", "wonderland").await;
    assert!(page.says("Type capital or small letters") && !page.says("inputmode=\"numeric\""), "{}", page.body);
    let code = bed.code(&page).await;
    assert!(code.len() == 8 && code[..6].bytes().all(|byte| byte.is_ascii_lowercase()), "{code}");
    assert_eq!(browser.passcode(&page, &format!("{} {}", code[..6].to_uppercase(), &code[6..])).await.status, 303);
    assert!(browser.is_in().await);
}

#[tokio::test]
async fn an_empty_code_costs_nothing() {
    let bed = Bed::start().await;
    let browser = bed.browser();
    let page = browser.to_passcode("alice", "wonderland").await;
    for _ in 0..4 {
        assert_eq!(browser.passcode_again(&page, " ").await.status, 200);
    }
    assert_eq!(browser.passcode(&page, &bed.code(&page).await).await.status, 303);
}

#[tokio::test]
async fn an_expired_code_is_said_to_be_expired_and_a_new_one_works() {
    let bed = Bed::start().await;
    let browser = bed.browser();
    let page = browser.to_passcode("alice", "wonderland").await;
    let code = bed.code(&page).await;
    bed.clock.advance(LIFETIME);
    let looked = browser.get(&format!("/.doorward/login/passcode?flow={}", page.flow())).await;
    assert!(looked.status == 200 && looked.says("<h1>Your code has expired</h1>"), "{}", looked.body);
    let status = browser.get(&format!("/.doorward/login/status?flow={}", page.flow())).await;
    assert!(status.says("\"expired\""), "{}", status.body);
    // Right or wrong, none costs a try; no page shows the tick of a code that was sent.
    for typed in [&code, &wrong(&code), &wrong(&code), &wrong(&code), &wrong(&code)] {
        let again = browser.passcode_again(&page, typed).await;
        assert!(again.status == 403 && again.says("is too old. This did not cost you a try."), "{}", again.body);
        assert!(again.says("data-state=\"expired\"") && !again.says("name=\"passcode\""), "{}", again.body);
    }
    let again = browser.get(&format!("/.doorward/login/passcode?flow={}", page.flow())).await;
    let fresh = browser.resend(&again).await;
    assert_eq!(fresh.status, 200, "{}", fresh.body);
    let codes = bed.messages_for(&page, 2).await;
    assert_eq!(browser.passcode(&fresh, &codes[1].passcode).await.status, 303);
    assert!(browser.is_in().await);
}

#[tokio::test]
async fn the_page_says_who_signs_in_as_it_was_typed() {
    let bed = Bed::start().await;
    for (typed, shown) in [("alice", "alice"), (" ALICE ", "ALICE"), ("alice@mail.example", "alice@mail.example")] {
        let posted = bed.browser().login(typed, "wonderland").await;
        if posted.status != 303 {
            continue;
        }
        let browser = bed.browser();
        let page = browser.to_passcode(typed, "wonderland").await;
        assert!(page.says(&format!("as <b>{shown}</b>")) && page.says(">Not you?</a>"), "{}", page.body);
    }
}

#[tokio::test]
async fn the_code_before_a_resend_is_recognised_once_and_costs_no_try() {
    let bed = Bed::start().await;
    let browser = bed.browser();
    let page = browser.to_passcode("alice", "wonderland").await;
    bed.code(&page).await;
    bed.clock.advance(PAUSE);
    browser.resend(&page).await;
    let codes = bed.messages_for(&page, 2).await;
    let again = browser.passcode_again(&page, &codes[0].passcode).await;
    assert!(again.says("That code is from an older message.") && again.says("did not cost you a try"), "{}", again.body);
    let again = browser.passcode_again(&again, &codes[0].passcode).await;
    assert!(again.says("You have 2 tries left."), "{}", again.body);
    assert_eq!(browser.passcode(&again, &codes[1].passcode).await.status, 303);
}

#[tokio::test]
async fn a_new_code_asked_for_too_early_is_not_sent() {
    let bed = Bed::start().await;
    let browser = bed.browser();
    let page = browser.to_passcode("alice", "wonderland").await;
    let code = bed.code(&page).await;
    let early = browser.resend(&page).await;
    assert!(early.status == 429 && early.says("It is too early for a new code."), "{}", early.body);
    assert_eq!(bed.messages().len(), 1);
    assert_eq!(browser.passcode(&early, &code).await.status, 303);
}

#[tokio::test]
async fn a_button_that_is_pressed_twice_is_pressed_once() {
    let bed = Bed::start().await;
    let browser = bed.browser();
    let page = browser.to_passcode("alice", "wonderland").await;
    // On a busy machine the first message may still be on its way, and to it the pause is a transmitter that hangs.
    bed.code(&page).await;
    bed.clock.advance(PAUSE);
    let (first, second) = tokio::join!(browser.resend(&page), browser.resend(&page));
    assert_eq!((first.status, second.status), (200, 200), "{}{}", first.body, second.body);
    let codes = bed.messages_for(&page, 2).await;
    let later = browser.resend(&first).await;
    assert!(later.status == 429 && later.says("It is too early for a new code."), "{}", later.body);
    assert_eq!(bed.messages().len(), 2);
    assert_eq!(browser.passcode(&later, &codes[1].passcode).await.status, 303);
}

#[tokio::test]
async fn a_fourth_new_code_is_not_to_be_had() {
    let bed = Bed::start().await;
    let browser = bed.browser();
    let mut page = browser.to_passcode("alice", "wonderland").await;
    // Or the moved clock finds a message still under way, and it is sent once more.
    until_sent(&bed, 1).await;
    for number in 2..=4 {
        bed.clock.advance(PAUSE);
        page = browser.resend(&page).await;
        bed.messages_for(&page, number).await;
        until_sent(&bed, number).await;
    }
    assert!(page.says("You have asked for all the codes") && !page.says("value=\"resend\""), "{}", page.body);
    bed.clock.advance(PAUSE);
    browser.resend(&page).await;
    let last = bed.messages_for(&page, 4).await;
    assert_eq!(last.len(), 4);
    assert_eq!(browser.passcode(&page, &last[3].passcode).await.status, 303);
}

/// Until the journal says that so many messages were taken.
async fn until_sent(bed: &Bed, number: usize) {
    eventually(format!("{number} messages are sent"), async || {
        let journal = bed.journal();
        let sent = journal.iter().filter(|event| event.kind == "message-sent").count();
        if sent >= number { Ok(()) } else { Err(journal) }
    })
    .await;
}

#[tokio::test]
async fn two_tabs_are_two_logins_with_a_label_each_and_both_finish() {
    let bed = Bed::start().await;
    let browser = bed.browser();
    let one = browser.to_passcode("alice", "wonderland").await;
    let mut other = browser.to_passcode("alice", "wonderland").await;
    while other.label() == one.label() {
        other = browser.to_passcode("alice", "wonderland").await;
    }
    let (first, second) = (bed.code(&one).await, bed.code(&other).await);
    assert_eq!(browser.passcode(&other, &second).await.status, 303);
    assert_eq!(browser.passcode(&one, &first).await.status, 303);
}

#[tokio::test]
async fn the_code_of_one_login_is_wrong_in_another() {
    let bed = Bed::start().await;
    let browser = bed.browser();
    let one = browser.to_passcode("alice", "wonderland").await;
    let other = browser.to_passcode("bob", "builder").await;
    let is_alices = |message: &crate::support::outbox::Message| message.user == "people:alice";
    let code = bed.messages_for(&one, 1).await.into_iter().find(is_alices).unwrap().passcode;
    let again = browser.passcode_again(&other, &code).await;
    assert!(again.says("That code is not right."), "{}", again.body);
}

#[tokio::test]
async fn a_code_that_has_done_its_work_leads_on_and_opens_nothing_more() {
    let bed = Bed::start().await;
    let browser = bed.browser();
    let page = browser.to_passcode("alice", "wonderland").await;
    let code = bed.code(&page).await;
    browser.passcode(&page, &code).await;
    bed.clock.advance(Duration::from_secs(10));
    let again = browser.passcode(&page, &code).await;
    assert!(
        again.status == 200 && again.says("You are already signed in") && again.says("There is nothing more"),
        "{}",
        again.body
    );
    assert!(!again.headers.contains_key("set-cookie"));
}

#[tokio::test]
async fn the_back_button_after_signing_in_says_to_go_on() {
    let bed = Bed::start().await;
    let browser = bed.browser();
    let page = browser.to_passcode("alice", "wonderland").await;
    browser.passcode(&page, &bed.code(&page).await).await;
    let back = browser.get(&format!("/.doorward/login/passcode?flow={}", page.flow())).await;
    assert!(back.says("You are already signed in") && back.says("href=\"/\""), "{}", back.body);
}

#[tokio::test]
async fn a_code_without_our_cookie_leads_to_a_page_on_cookies() {
    let bed = Bed::start().await;
    let browser = bed.browser();
    let page = browser.to_passcode("alice", "wonderland").await;
    browser.forget(FLOW);
    let answer = browser.passcode(&page, &bed.code(&page).await).await;
    assert!(answer.status == 403 && answer.says("Allow cookies to sign in"), "{}", answer.body);
}

#[tokio::test]
async fn a_login_that_was_left_for_an_hour_is_over() {
    let bed = Bed::start().await;
    let browser = bed.browser();
    let page = browser.to_passcode("alice", "wonderland").await;
    let code = bed.code(&page).await;
    bed.clock.advance(Duration::from_secs(3600));
    let answer = browser.passcode(&page, &code).await;
    assert!(answer.status == 403 && answer.says("This sign-in is over"), "{}", answer.body);
    assert!(answer.says("Sign in again"));
}

#[tokio::test]
async fn another_browser_sees_nothing_of_a_login() {
    let bed = Bed::start().await;
    let page = bed.browser().to_passcode("alice", "wonderland").await;
    let other = bed.browser();
    other.get("/.doorward/login").await;
    for target in ["passcode", "status"] {
        let answer = other.get(&format!("/.doorward/login/{target}?flow={}", page.flow())).await;
        let tells = ["78", "alice", &page.label()].iter().any(|word| answer.says(word));
        assert!(!tells && answer.status >= 400, "{} {}", answer.status, answer.body);
    }
}

#[tokio::test]
async fn a_login_begun_at_one_host_is_nothing_at_another() {
    let bed = Bed::start().await;
    let browser = bed.browser();
    let page = browser.to_passcode("alice", "wonderland").await;
    let code = bed.code(&page).await;
    let other = bed.browser_at(crate::support::node::OTHER);
    other.put(FLOW, &browser.cookie(FLOW).unwrap());
    let answer = other.passcode(&page, &code).await;
    assert!(answer.status == 403 && answer.says("This sign-in is over"), "{}", answer.body);
}

#[tokio::test]
async fn the_page_and_its_script_are_told_how_far_the_message_is() {
    let bed = Bed::start().await;
    let browser = bed.browser();
    let page = browser.to_passcode("alice", "wonderland").await;
    assert!(page.says("We sent a text message to") || page.says("We are sending a text message to"));
    bed.code(&page).await;
    let last = eventually("the page says that it was sent", async || {
        let status = browser.get(&format!("/.doorward/login/status?flow={}", page.flow())).await;
        assert_eq!((status.status, status.header("content-type")), (200, "application/json"));
        let status: serde_json::Value = serde_json::from_str(&status.body).unwrap();
        if status["state"] == "sent" { Ok(status) } else { Err(status) }
    })
    .await;
    let text = "We sent a text message to your number ending in 78.";
    let said = last["text"].as_str().unwrap().replace(['\u{2068}', '\u{2069}'], "");
    assert_eq!(said, text);
    let page = browser.get(&format!("/.doorward/login/passcode?flow={}", page.flow())).await;
    assert!(page.says("data-state=\"sent\"") && page.says("Check again"), "{}", page.body);
}

#[tokio::test]
async fn the_message_names_the_login_and_ends_with_the_code_bound_to_its_host() {
    let bed = Bed::start().await;
    let page = bed.browser().to_passcode("alice", "wonderland").await;
    let message = bed.messages_for(&page, 1).await.remove(0);
    assert_eq!((message.channel.as_str(), message.to.as_str()), ("sms", "+4512345678"));
    assert_eq!(message.text.lines().last().unwrap(), format!("@app.example #{}", message.passcode));
    assert!(page.says("autocomplete=\"one-time-code\""));
}

#[tokio::test]
async fn who_had_too_many_messages_is_told_so_instead_of_a_code() {
    let bed = Bed::with(Toml::bed().limits("messages_per_user = \"1/1h\"")).await;
    bed.browser().to_passcode("alice", "wonderland").await;
    let answer = bed.browser().login("alice", "wonderland").await;
    assert!(answer.status == 429 && answer.says("No more codes for now"), "{}", answer.body);
    assert_eq!(bed.reason(&answer).await, "messages-user");
}

#[tokio::test]
async fn a_new_code_that_a_limit_forbids_leaves_the_last_one_good() {
    let bed = Bed::with(Toml::bed().limits("messages_per_user = \"1/1h\"")).await;
    let browser = bed.browser();
    let page = browser.to_passcode("alice", "wonderland").await;
    let code = bed.code(&page).await;
    bed.clock.advance(PAUSE);
    let answer = browser.resend(&page).await;
    assert!(answer.says("We cannot send more codes for now."), "{}", answer.body);
    assert_eq!(browser.passcode(&page, &code).await.status, 303);
    assert!(browser.is_in().await);
}

/// Spends this many wrong codes over as many logins as it takes; the last answer.
async fn guess(bed: &Bed, number: usize) -> Answer {
    let mut last = None;
    let mut left = number;
    while left > 0 {
        let browser = bed.browser();
        let page = browser.to_passcode("alice", "wonderland").await;
        let code = bed.code(&page).await;
        for _ in 0..left.min(3) {
            last = Some(browser.passcode(&page, &wrong(&code)).await);
            left -= 1;
        }
    }
    last.unwrap()
}

#[tokio::test]
async fn wrong_codes_are_counted_over_all_logins_and_pause_the_factor() {
    let bed = Bed::start().await;
    guess(&bed, 9).await;
    let browser = bed.browser();
    let page = browser.to_passcode("alice", "wonderland").await;
    let code = bed.code(&page).await;
    browser.passcode_again(&page, &wrong(&code)).await;
    let paused = browser.passcode(&page, &code).await;
    assert!(paused.status == 403 && paused.says("Wait 15 minutes"), "{}", paused.body);
    let paused = bed.browser().login("alice", "wonderland").await;
    assert!(paused.says("Wait 15 minutes"), "{}", paused.body);
    assert_eq!(paused.header("retry-after"), "900");

    bed.clock.advance(Duration::from_secs(15 * 60));
    bed.signed_in("alice", "wonderland").await;
}

#[tokio::test]
async fn a_sign_in_clears_the_wrong_codes_before_it() {
    let bed = Bed::start().await;
    guess(&bed, 8).await;
    bed.signed_in("alice", "wonderland").await;
    let ended = guess(&bed, 3).await;
    assert!(ended.says("The code was wrong too often."), "{} {}", ended.status, ended.body);
}

#[tokio::test]
async fn the_right_code_posted_many_times_at_once_opens_one_session() {
    let bed = Bed::start().await;
    for _ in 0..10 {
        let browser = bed.browser();
        let page = browser.to_passcode("alice", "wonderland").await;
        let code = bed.code(&page).await;
        let answers = join_all((0..3).map(|_| browser.passcode(&page, &code))).await;
        let opened = answers.iter().filter(|answer| answer.status == 303).count();
        assert_eq!(opened, 1, "{answers:#?}");
    }
}

#[tokio::test]
async fn many_wrong_codes_at_once_are_three_tries() {
    let bed = Bed::start().await;
    let browser = bed.browser();
    let page = browser.to_passcode("alice", "wonderland").await;
    let code = bed.code(&page).await;
    let guess = wrong(&code);
    join_all((0..12).map(|_| browser.passcode(&page, &guess))).await;
    // Twelve posts in one login were three tries: nothing of the account's is used up.
    bed.browser().to_passcode("alice", "wonderland").await;
    assert!(browser.passcode(&page, &code).await.says("The code was wrong too often."));
}

#[tokio::test]
async fn every_wrong_code_is_an_event_with_the_tries_left() {
    let bed = Bed::start().await;
    let browser = bed.browser();
    let page = browser.to_passcode("alice", "wonderland").await;
    let code = bed.code(&page).await;
    for _ in 0..3 {
        browser.passcode(&page, &wrong(&code)).await;
    }
    let refused: Vec<_> = bed.journal().iter().filter(|event| event.kind == "passcode-refused").map(detail).collect();
    let left: Vec<_> = refused.iter().map(|said| said["tries_left"].as_u64().unwrap()).collect();
    assert_eq!(left, [2, 1, 0]);
}
