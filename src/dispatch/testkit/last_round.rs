//! Messages that every way failed for a while, on a hand-set clock.

use std::sync::Arc;
use std::time::Duration;

use super::trial::Answer::{self, *};
use super::trial::{CODE, House, Scripted, house, house_on};
use crate::base::{Channel, Rate};
use crate::config::Limits;
use crate::dispatch::FailureKind::{Final, RetryAfter, RetryElsewhere, RetryHere, Unsure};
use crate::dispatch::inner::LEASE;
use crate::dispatch::queue::claims::POLL;
use crate::dispatch::{Addresses, Before, Content, Fate, Order, Progress, Purpose, Ready, Switched};
use crate::store::Kind;

const S: Duration = Duration::from_secs(1);

/// When a house's only transmitter was asked, in seconds after the hand-over, and how it ended.
async fn asked_at(answers: impl IntoIterator<Item = Answer>) -> (Vec<u64>, House) {
    let a = Scripted::new("a", answers);
    let house = house(&[Arc::clone(&a)], Limits::default());
    let runs = house.runs();
    let begun = house.clock.now();
    house.hand_over(house.order("m1")).await.unwrap();
    let mut asked = Vec::new();
    loop {
        a.asked().await;
        asked.push(house.clock.now().since(begun).as_secs());
        let Some(again) = house.next_try("m1").await else { break };
        house.clock.advance(again.since(house.clock.now()));
    }
    drop(runs);
    (asked, house)
}

#[tokio::test]
async fn what_fails_for_a_reason_that_passes_is_tried_again_while_the_code_lives() {
    let after = |seconds| Fail(RetryAfter(Duration::from_secs(seconds)));
    let table: Vec<(Vec<Answer>, &[u64], bool)> = vec![
        (vec![Fail(RetryHere)], &[0, 5], true),
        ((0..6).map(|_| Fail(RetryHere)).collect(), &[0, 5, 15, 35, 75, 115, 155], true),
        ((0..99).map(|_| Fail(RetryHere)).collect(), &[0, 5, 15, 35, 75, 115, 155, 195, 235, 275], false),
        (vec![after(17)], &[0, 17], true),
        (vec![after(100), Fail(RetryHere)], &[0, 100, 110], true),
        (vec![after(0), after(0), after(0), after(0), after(0)], &[0, 1, 3, 7, 15, 23], true),
        (vec![after(300)], &[0], false),
        (vec![Fail(RetryElsewhere)], &[0], false),
        (vec![Fail(Final)], &[0], false),
        (vec![Fail(RetryHere), Fail(RetryElsewhere)], &[0, 5], false),
        (vec![Fail(RetryHere), Fail(Final)], &[0, 5], false),
    ];
    for (place, (answers, at, sent)) in table.into_iter().enumerate() {
        let (asked, house) = asked_at(answers).await;
        assert_eq!(asked, at, "row {place}");
        assert_eq!(house.was_sent("m1").await, sent, "row {place}");
        let story = house.memory.story();
        let tried = story.iter().filter(|event| event.starts_with("message-tried")).count();
        assert_eq!(tried, at.len(), "each try is in the journal: {story:?}");
        assert!(sent || story.last().unwrap() == "message-failed every-rule-failed", "{story:?}");
    }
}

#[tokio::test]
async fn where_it_is_unsure_one_further_copy_goes() {
    for (answers, copies) in
        [(vec![Fail(Unsure), Fail(Unsure)], 2), (vec![Fail(Unsure), Fail(RetryHere), Fail(RetryHere), Fail(Unsure)], 4)]
    {
        let (asked, house) = asked_at(answers).await;
        assert_eq!(asked.len(), copies);
        assert!(matches!(house.progress("m1").await, Progress::Unsure { .. }), "{:?}", house.progress("m1").await);
        assert_eq!(house.memory.story().last().unwrap(), "message-unconfirmed a");
    }
    let (asked, house) = asked_at([Fail(Unsure)]).await;
    assert_eq!(asked, [0, 5]);
    let perhaps = Some(Before { channel: Channel::Sms, to: "•••• 78".into(), fate: Fate::Unsure });
    assert!(matches!(house.progress("m1").await, Progress::Sent { before, .. } if before == perhaps), "the page says so");
}

/// Its only transmitter has failed for a reason that passes, and it waits.
async fn pausing(further: impl IntoIterator<Item = Answer>, limits: Limits) -> (House, Arc<Scripted>) {
    let a = Scripted::new("a", [Fail(RetryHere)].into_iter().chain(further));
    let house = house(&[Arc::clone(&a)], limits);
    house.hand_over(house.order("m1")).await.unwrap();
    house.paused("m1").await;
    (house, a)
}

#[tokio::test]
async fn the_page_hears_that_it_is_tried_again() {
    let (house, _) = pausing([], Limits::default()).await;
    let again = |fate| Progress::Sending { channel: Channel::Sms, to: "•••• 78".into(), before: None, again: Some(fate) };
    let before = Some(Before { channel: Channel::Sms, to: "•••• 78".into(), fate: Fate::NotSent });
    match house.progress("m1").await {
        Progress::Sending { before: said, again: Some(Fate::NotSent), .. } => assert_eq!(said, before),
        other => panic!("{other:?} is not {:?}", again(Fate::NotSent)),
    }
}

#[tokio::test]
async fn other_ways_are_tried_first_and_all_that_may_work_afterwards() {
    let a = Scripted::new("a", [Fail(RetryHere), Fail(RetryHere)]);
    let g = Scripted::new("g1", [Fail(RetryElsewhere)]);
    let relay = Scripted::new("relay", [Fail(RetryHere)]);
    let house = house(&[Arc::clone(&a), Arc::clone(&g), Arc::clone(&relay)], Limits::default());
    let _runs = house.runs();
    let mut order = house.order("m1");
    order.addresses.mail = Some("anna@example.com".into());
    house.hand_over(order).await.unwrap();
    house.paused("m1").await;
    house.clock.advance(5 * S);
    house.until("message-sent relay").await;
    let tried: Vec<String> = house.memory.story().into_iter().filter(|event| event.starts_with("message-tried")).collect();
    let expected = ["a later", "g1 failed", "relay later", "a later", "relay sent"];
    assert_eq!(tried, expected.map(|words| format!("message-tried {words}")), "who failed for good is not asked again");
}

#[tokio::test]
async fn tries_of_one_message_count_as_one() {
    let once = Rate { count: 1, window: Duration::from_secs(3600) };
    let limits = Limits { messages_per_user: once, messages_per_number: once, messages_per_day: 1, ..Limits::default() };
    let (house, a) = pausing([Fail(RetryHere), Fail(RetryHere)], limits).await;
    let _runs = house.runs();
    for _ in 0..40 {
        house.clock.advance(S);
        house.settled(&a).await;
    }
    house.until("message-sent a").await;
    assert_eq!(a.seen().len(), 4);
}

#[tokio::test]
async fn nothing_more_is_tried_once_it_was_entered_or_replaced() {
    for settles in [true, false] {
        let (house, a) = pausing([], Limits::default()).await;
        let _runs = house.runs();
        match settles {
            true => house.dispatcher.settle("m1").await,
            false => house.dispatcher.cancel("m1").await,
        }
        house.clock.advance(60 * S);
        house.settled(&a).await;
        house.done().await;
        assert!(a.seen().len() == 1 && house.kept("m1").work.is_none());
    }
}

#[tokio::test]
async fn another_way_goes_at_once_while_the_first_one_pauses() {
    let (a, caller) = (Scripted::new("a", [Fail(RetryHere)]), Scripted::new("caller", [Fail(RetryHere)]));
    let house = house(&[Arc::clone(&a), Arc::clone(&caller)], Limits::default());
    let _runs = house.runs();
    house.hand_over(house.calling("m1")).await.unwrap();
    house.paused("m1").await;
    assert_eq!(house.dispatcher.switch_channel("m1", 1).await.unwrap(), Switched::Begun);
    house.until("message-sent caller").await;
    assert_eq!((a.seen().len(), caller.seen().len()), (1, 2));
}

#[tokio::test]
async fn another_configuration_in_the_middle_of_a_pause_is_used_at_its_end() {
    let (house, a) = pausing([], Limits::default()).await;
    let _runs = house.runs();
    let g = Scripted::new("g1", []);
    house.renew(&[Arc::clone(&g)]);
    house.clock.advance(5 * S);
    house.until("message-sent g1").await;
    assert_eq!((a.seen().len(), g.seen().len()), (1, 1));
}

#[tokio::test]
async fn what_another_transmitter_took_is_not_sent_again_because_a_call_was_asked_for() {
    let (a, g, caller) = (
        Scripted::new("a", [Fail(RetryHere)]),
        Scripted::new("g1", [TakeAs("r1")]),
        Scripted::new("relay", [Fail(RetryElsewhere)]),
    );
    let house = house(&[Arc::clone(&a), g, Arc::clone(&caller)], Limits::default());
    let _runs = house.runs();
    let order = house.order("m1");
    let addresses = Addresses { mail: Some("anna@example.com".into()), ..order.addresses };
    house.hand_over(Order { addresses, ..order }).await.unwrap();
    house.until("message-sent g1").await;
    assert_eq!(house.dispatcher.switch_channel("m1", 2).await.unwrap(), Switched::Begun);
    caller.asked().await;
    for _ in 0..60 {
        house.clock.advance(S);
        house.settled(&a).await;
    }
    assert_eq!(a.seen().len(), 1, "{:?}", house.memory.story());
    assert!(house.was_sent("m1").await);
}

#[tokio::test]
async fn who_got_in_with_what_was_not_confirmed_is_no_failed_message() {
    let (a, caller) = (Scripted::new("a", [TakeAs("r1")]), Scripted::new("caller", [Fail(RetryHere)]));
    let house = house(&[a, Arc::clone(&caller)], Limits::default());
    let _runs = house.runs();
    let order = house.calling("m1");
    house.hand_over(Order { addresses: Addresses { mail: None, ..order.addresses }, ..order }).await.unwrap();
    house.until("message-sent a").await;
    house.clock.advance(30 * S);
    house.paused("m1").await;
    house.dispatcher.settle("m1").await;
    house.settled(&caller).await;
    assert_eq!(house.memory.story().last().unwrap(), "message-tried caller later");
    assert!(house.was_sent("m1").await);
}

#[tokio::test]
async fn a_restart_and_a_second_node_lose_nothing_and_send_nothing_twice() {
    let (house, a) = pausing([], Limits::default()).await;
    let sealed = house.memory.record(Kind::Message, "m1").unwrap().value;
    assert!(!sealed.windows(CODE.len()).any(|window| window == CODE.as_bytes()));
    let nodes: Vec<_> = (0..2)
        .map(|_| {
            let a = Scripted::new("a", []);
            let node = house_on(Arc::clone(&house.memory), house.clock.clone(), &[Arc::clone(&a)], Limits::default());
            (node.runs(), a, node)
        })
        .collect();
    house.clock.advance(4 * S);
    house.all_turns().await;
    let copies = || nodes.iter().map(|(_, a, _)| a.seen().len()).sum::<usize>();
    assert_eq!(copies(), 0, "not before its time");
    for _ in 0..3 {
        house.clock.advance(LEASE);
        house.all_turns().await;
    }
    house.until("message-sent a").await;
    assert_eq!((copies(), a.seen().len()), (1, 1));
}

#[test]
fn a_crash_in_a_later_try_leads_to_one_further_copy() {
    let life = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let first = life();
    let (memory, clock) = first.block_on(async {
        let (house, a) = pausing([Hang], Limits::default()).await;
        let runs = house.runs();
        a.asked().await;
        house.clock.advance(5 * S);
        a.asked().await;
        drop(runs);
        (Arc::clone(&house.memory), house.clock.clone())
    });
    // A runtime that is dropped ends its tasks where they stand.
    drop(first);
    life().block_on(async {
        let a = Scripted::new("a", []);
        let house = house_on(memory, clock, &[Arc::clone(&a)], Limits::default());
        let _runs = house.runs();
        house.clock.advance(LEASE + POLL);
        house.until("message-sent a").await;
        assert_eq!(a.seen().len(), 1);
        assert!(matches!(house.progress("m1").await, Progress::Sent { before: Some(Before { fate: Fate::Unsure, .. }), .. }));
    });
}

#[tokio::test]
async fn a_transmitter_that_hangs_gets_one_further_copy() {
    let a = Scripted::new("a", [Hang, Hang]);
    let house = house(&[Arc::clone(&a)], Limits::default());
    let _runs = house.runs();
    house.hand_over(house.order("m1")).await.unwrap();
    a.asked().await;
    house.clock.advance(30 * S);
    house.paused("m1").await;
    house.clock.advance(5 * S);
    a.asked().await;
    house.clock.advance(30 * S);
    house.until("message-unconfirmed a").await;
    assert_eq!(a.seen().len(), 2);
}

#[tokio::test]
async fn a_test_says_at_once_that_every_way_failed() {
    let a = Scripted::new("a", [Fail(RetryHere)]);
    let house = house(&[a], Limits::default());
    let mut order = house.order("m1");
    order.content = Content::Ready(Ready { purpose: Purpose::Test, subject: "Test".into(), text: "Test".into() });
    house.hand_over(order).await.unwrap();
    house.until("message-failed every-rule-failed").await;
    assert_eq!(house.progress("m1").await, Progress::Failed);
}
