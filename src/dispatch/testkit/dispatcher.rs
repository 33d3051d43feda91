//! The dispatcher with transmitters that say what a test wants.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::memory::Memory;
use super::trial::Answer::*;
use super::trial::{CODE, Scripted, danish, house, house_on, keys};
use crate::base::{Channel, Clock, Rate};
use crate::config::Limits;
use crate::dispatch::FailureKind::*;
use crate::dispatch::dispatcher::DispatchError;
use crate::dispatch::inner::LEASE;
use crate::dispatch::queue::claims::POLL;
use crate::dispatch::{Addresses, Before, Fate, MessageLimit, Progress};
use crate::store::Kind;

#[tokio::test]
async fn a_message_goes_out_by_the_first_transmitter_and_leaves_no_passcode_behind() {
    let a = Scripted::new("a", [Hang]);
    let house = house(&[Arc::clone(&a)], Limits::default());
    let order = house.order("m1");
    let sending = Progress::Sending { channel: Channel::Sms, to: "•••• 78".into(), before: None, again: None };
    assert_eq!(house.hand_over(order).await.unwrap(), sending);
    a.asked().await;
    assert_eq!(house.dispatcher.progress("m1").await.unwrap(), sending);
    let value = house.memory.record(Kind::Message, "m1").unwrap().value;
    assert!(!value.windows(6).any(|window| window == CODE.as_bytes()), "the passcode is on record unsealed");
    assert!(house.kept("m1").work.is_some());
    house.dispatcher.settle("m1").await;
    house.done().await;
    assert!(house.kept("m1").work.is_none());
    house.tasks.reopen();

    house.hand_over(house.order("m2")).await.unwrap();
    house.done().await;
    let message = a.seen().remove(1);
    assert_eq!(message.to, "+4512345678");
    assert!(message.text.expose().ends_with("\n@mail.example.com #482913"), "{}", message.text.expose());
    assert!(house.was_sent("m2").await && house.kept("m2").work.is_none());
    let value = house.memory.record(Kind::Message, "m2").unwrap().value;
    let plain = String::from_utf8(keys().open(Kind::Message.name(), b"m2", &value[1..]).unwrap()).unwrap();
    assert!(!plain.contains(CODE), "{plain}");
}

#[tokio::test]
async fn the_next_transmitter_and_then_the_next_rule_is_tried() {
    let a = Scripted::new("a", [Fail(RetryElsewhere)]);
    let g = Scripted::new("g1", [Fail(RetryElsewhere), Fail(RetryElsewhere)]);
    let relay = Scripted::new("relay", []);
    let house = house(&[a, g, Arc::clone(&relay)], Limits::default());
    let mut order = house.order("m1");
    order.addresses.second_mobile = Some("+46 70 123 45 67".into());
    order.addresses.mail = Some("anna@example.com".into());
    house.hand_over(order).await.unwrap();
    house.done().await;
    let story = [
        "message-handed-over",
        "message-tried a failed",
        "message-tried g1 failed",
        "message-tried g1 failed",
        "message-tried relay sent",
        "message-sent relay",
    ];
    assert_eq!(house.memory.story(), story);
    assert!(relay.seen()[0].subject.contains("K7"));
    assert!(house.was_sent("m1").await);
}

#[tokio::test]
async fn what_transmitters_repeat_does_not_reach_the_journal() {
    let house = house(&[Scripted::new("a", [Fail(RetryElsewhere)]), Scripted::new("g1", [])], Limits::default());
    house.hand_over(house.order("m1")).await.unwrap();
    house.done().await;
    let entries = house.memory.entries.lock().unwrap();
    assert_eq!(entries.len(), 4);
    for entry in entries.iter() {
        assert!(!entry.detail.contains(CODE) && !entry.detail.contains("12345678"), "{}", entry.detail);
    }
}

#[tokio::test]
async fn a_refused_address_skips_the_rest_of_its_rule() {
    let (a, g) = (Scripted::new("a", [Fail(Final)]), Scripted::new("g1", []));
    let house = house(&[a, Arc::clone(&g)], Limits::default());
    let mut order = house.order("m1");
    order.addresses.second_mobile = Some("87654321".into());
    house.hand_over(order).await.unwrap();
    house.done().await;
    assert_eq!(g.seen().iter().map(|message| message.to.clone()).collect::<Vec<_>>(), ["+4587654321"]);
}

#[tokio::test]
async fn a_transmitter_that_said_later_is_asked_once_more_at_the_end() {
    let (a, g) = (Scripted::new("a", [Fail(RetryHere)]), Scripted::new("g1", [Fail(RetryElsewhere)]));
    let house = house(&[Arc::clone(&a), g], Limits::default());
    let _runs = house.runs();
    house.hand_over(house.order("m1")).await.unwrap();
    house.paused("m1").await;
    house.clock.advance(Duration::from_secs(5));
    house.until("message-sent a").await;
    assert_eq!(a.seen().len(), 2);
    assert!(house.was_sent("m1").await);
}

#[tokio::test]
async fn when_everything_fails_the_message_has_failed() {
    let (a, g) = (Scripted::new("a", [Fail(RetryElsewhere)]), Scripted::new("g1", [Fail(RetryElsewhere)]));
    let house = house(&[a, g], Limits::default());
    house.hand_over(house.order("m1")).await.unwrap();
    house.done().await;
    assert_eq!(house.dispatcher.progress("m1").await.unwrap(), Progress::Failed);
    assert_eq!(house.memory.story().last().unwrap(), "message-failed every-rule-failed");
    assert!(house.kept("m1").work.is_none());
}

#[tokio::test]
async fn a_hanging_transmitter_costs_one_wait_and_blocks_nobody() {
    let (a, g) = (Scripted::new("a", (0..40).map(|_| Hang)), Scripted::new("g1", []));
    let house = house(
        &[Arc::clone(&a), Arc::clone(&g)],
        Limits {
            messages_per_user: Rate { count: 100, window: Duration::from_secs(60) },
            messages_per_number: Rate { count: 100, window: Duration::from_secs(60) },
            ..Limits::default()
        },
    );
    for number in 0..40 {
        house.hand_over(house.order(&format!("hangs{number}"))).await.unwrap();
    }
    a.asked().await;
    let mut other = house.order("other");
    other.addresses = Addresses { second_mobile: Some("87654321".into()), ..danish() };
    house.hand_over(other).await.unwrap();
    g.asked().await;
    assert_eq!(g.seen().len(), 1, "the clock was not moved, so nothing else can have gone on");
    let begun = house.clock.now();
    house.done().await;
    assert_eq!(g.seen().len(), 41);
    assert!(house.clock.now().since(begun) < Duration::from_secs(60));
}

#[tokio::test]
async fn a_message_past_its_life_is_dropped() {
    let (a, g) = (Scripted::new("a", [Hang]), Scripted::new("g1", []));
    let house = house(&[Arc::clone(&a), Arc::clone(&g)], Limits::default());
    let mut order = house.order("m1");
    order.expires = house.clock.now().plus(Duration::from_secs(20));
    house.hand_over(order).await.unwrap();
    house.done().await;
    assert!(g.seen().is_empty());
    assert_eq!(house.memory.story().last().unwrap(), "message-unconfirmed a", "it may have been taken");
    let mut late = house.order("m2");
    late.expires = house.clock.now();
    house.tasks.reopen();
    house.hand_over(late).await.unwrap();
    house.done().await;
    assert_eq!(house.memory.story().last().unwrap(), "message-failed expired");
    assert_eq!((a.seen().len(), g.seen().len()), (1, 0));
}

#[tokio::test]
async fn what_may_have_been_sent_is_not_called_a_failure() {
    let a = Scripted::new("a", [Fail(Unsure), Fail(Unsure)]);
    let g = Scripted::new("g1", [Fail(RetryElsewhere), Fail(RetryElsewhere)]);
    let relay = Scripted::new("relay", [Hang, Fail(RetryElsewhere)]);
    let house = house(&[a, g, Arc::clone(&relay)], Limits::default());
    let mut order = house.order("m1");
    order.addresses.mail = Some("anna@example.com".into());
    house.hand_over(order).await.unwrap();
    relay.asked().await;
    let before = Some(Before { channel: Channel::Sms, to: "•••• 78".into(), fate: Fate::Unsure });
    let mailing = Progress::Sending { channel: Channel::Mail, to: "a•••@example.com".into(), before, again: None };
    assert_eq!(house.progress("m1").await, mailing);
    let _runs = house.runs();
    house.clock.advance(Duration::from_secs(30));
    house.paused("m1").await;
    house.clock.advance(Duration::from_secs(30));
    house.until("message-unconfirmed a").await;
    assert!(matches!(house.progress("m1").await, Progress::Unsure { channel: Channel::Sms, .. }));
    assert!(house.memory.story().contains(&"message-tried a unknown".to_owned()), "{:?}", house.memory.story());
}

#[test]
fn what_a_crash_left_and_nobody_takes_any_more_may_have_been_sent() {
    let (memory, clock) = crashed_while_sending();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let g = Scripted::new("g1", [Fail(Final)]);
        let house = house_on(memory, clock, &[g], Limits::default());
        let _runs = house.runs();
        house.clock.advance(LEASE + POLL);
        house.until("message-unconfirmed g1").await;
        let unsure = |progress: Progress| matches!(progress, Progress::Unsure { channel: Channel::Sms, .. });
        assert!(unsure(house.progress("m1").await));
        // The same when its life is over, as long as anybody can look.
        house.clock.advance(Duration::from_secs(400));
        assert!(unsure(house.progress("m1").await));
    });
}

#[tokio::test]
async fn nothing_more_of_a_replaced_message_is_sent() {
    let (a, g) = (Scripted::new("a", [Hang]), Scripted::new("g1", []));
    let house = house(&[Arc::clone(&a), Arc::clone(&g)], Limits::default());
    house.hand_over(house.order("m1")).await.unwrap();
    a.asked().await;
    house.dispatcher.cancel("m1").await;
    house.tasks.close();
    house.tasks.wait().await;
    assert!(g.seen().is_empty() && house.kept("m1").work.is_none());
    assert_eq!(house.dispatcher.progress("m1").await.unwrap(), Progress::Failed);
    assert_eq!(house.memory.story(), ["message-handed-over", "message-failed replaced"]);
    house.dispatcher.cancel("m1").await;
    house.dispatcher.cancel("unknown").await;
    assert_eq!(house.memory.story().len(), 2);
}

#[tokio::test]
async fn another_node_that_replaces_a_message_stops_it_here() {
    let (a, g) = (Scripted::new("a", [Hang]), Scripted::new("g1", []));
    let house = house(&[Arc::clone(&a), Arc::clone(&g)], Limits::default());
    house.hand_over(house.order("m1")).await.unwrap();
    a.asked().await;
    let other = house_on(Arc::clone(&house.memory), house.clock.clone(), &[], Limits::default());
    other.dispatcher.cancel("m1").await;
    house.done().await;
    assert!(g.seen().is_empty());
    assert_eq!(house.dispatcher.progress("m1").await.unwrap(), Progress::Failed);
}

/// A runtime that is dropped ends its tasks where they stand, as a crash does.
fn crashed_while_sending() -> (Arc<Memory>, Clock) {
    let (memory, clock) = (Arc::<Memory>::default(), Clock::by_hand());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let a = Scripted::new("a", [Fail(RetryElsewhere)]);
        let g = Scripted::new("g1", [Hang]);
        let house = house_on(Arc::clone(&memory), clock.clone(), &[a, Arc::clone(&g)], Limits::default());
        house.hand_over(house.order("m1")).await.unwrap();
        g.asked().await;
    });
    drop(runtime);
    (memory, clock)
}

#[test]
fn what_a_crash_left_is_sent_by_whoever_comes_next() {
    let (memory, clock) = crashed_while_sending();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (a, g) = (Scripted::new("a", []), Scripted::new("g1", []));
        let house = house_on(memory, clock, &[Arc::clone(&a), Arc::clone(&g)], Limits::default());
        let stop = CancellationToken::new();
        let run = tokio::spawn(house.dispatcher.clone().run(stop.clone()));
        tokio::task::yield_now().await;
        assert!(g.seen().is_empty(), "as long as its sender may live it is not taken over");
        house.clock.advance(LEASE + POLL);
        g.asked().await;
        house.done().await;
        assert!(house.was_sent("m1").await);
        assert_eq!(g.seen()[0].passcode.expose(), CODE);
        stop.cancel();
        run.await.unwrap();
        assert_eq!((a.seen().len(), g.seen().len()), (0, 1), "who had failed is not asked again");
    });
}

#[test]
fn what_a_crash_left_for_too_long_is_journaled_as_unconfirmed() {
    let (memory, clock) = crashed_while_sending();
    clock.advance(Duration::from_secs(400));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let a = Scripted::new("a", []);
        let house = house_on(Arc::clone(&memory), clock, &[Arc::clone(&a)], Limits::default());
        let run = tokio::spawn(house.dispatcher.clone().run(CancellationToken::new()));
        let lost = async {
            while memory.story().last().is_none_or(|last| last != "message-unconfirmed g1") {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), lost).await.unwrap();
        assert!(a.seen().is_empty());
        run.abort();
    });
}

#[tokio::test]
async fn a_node_that_is_stopped_leaves_the_rest_to_the_next() {
    let (a, g) = (Scripted::new("a", [Hang]), Scripted::new("g1", []));
    let house = house(&[Arc::clone(&a), Arc::clone(&g)], Limits::default());
    let stop = CancellationToken::new();
    let run = tokio::spawn(house.dispatcher.clone().run(stop.clone()));
    house.hand_over(house.order("m1")).await.unwrap();
    a.asked().await;
    stop.cancel();
    run.await.unwrap();
    house.done().await;
    assert!(g.seen().is_empty());
    let next = house_on(Arc::clone(&house.memory), house.clock.clone(), &[Arc::clone(&g)], Limits::default());
    let run = tokio::spawn(next.dispatcher.clone().run(CancellationToken::new()));
    g.asked().await;
    next.done().await;
    assert!(next.was_sent("m1").await);
    run.abort();
}

#[tokio::test]
async fn the_least_busy_of_a_group_is_asked_first() {
    let (g1, g2) = (Scripted::new("g1", [Hang, Take]), Scripted::new("g2", []));
    let house = house(&[Arc::clone(&g1), Arc::clone(&g2)], Limits::default());
    house.hand_over(house.order("m1")).await.unwrap();
    g1.asked().await;
    house.hand_over(house.order("m2")).await.unwrap();
    g2.asked().await;
    assert_eq!((g1.seen().len(), g2.seen().len()), (1, 1));
    house.done().await;
}

#[tokio::test]
async fn too_many_messages_are_refused_and_cost_nothing_else() {
    let few = |user, number, day| Limits {
        messages_per_user: Rate { count: user, window: Duration::from_secs(3600) },
        messages_per_number: Rate { count: number, window: Duration::from_secs(3600) },
        messages_per_day: day,
        ..Limits::default()
    };
    let table = [(1, 9, 9, MessageLimit::User), (9, 1, 9, MessageLimit::Number), (9, 9, 1, MessageLimit::Day)];
    for (user, number, day, limit) in table {
        let a = Scripted::new("a", []);
        let house = house(&[Arc::clone(&a)], few(user, number, day));
        house.hand_over(house.order("m1")).await.unwrap();
        for _ in 0..12 {
            let refused = house.hand_over(house.order("m2")).await;
            assert!(matches!(&refused, Err(DispatchError::TooMany(reached)) if reached.limit == limit), "{refused:?}");
        }
        assert!(house.memory.story().contains(&format!("message-refused {}", limit.name())));
        house.done().await;
        house.tasks.reopen();
        assert_eq!(a.seen().len(), 1);
        house.clock.advance(Duration::from_secs(25 * 3600));
        house.hand_over(house.order("m3")).await.unwrap();
        house.done().await;
        assert_eq!(a.seen().len(), 2);
    }
}

#[tokio::test]
async fn a_number_that_had_its_share_leaves_the_other_number() {
    let (a, g) = (Scripted::new("a", []), Scripted::new("g1", []));
    let limits = Limits { messages_per_number: Rate { count: 1, window: Duration::from_secs(3600) }, ..Limits::default() };
    let house = house(&[a, Arc::clone(&g)], limits);
    house.hand_over(house.order("m1")).await.unwrap();
    let mut order = house.order("m2");
    order.addresses.second_mobile = Some("87654321".into());
    let progress = house.hand_over(order).await.unwrap();
    assert_eq!(progress, Progress::Sending { channel: Channel::Sms, to: "•••• 21".into(), before: None, again: None });
    house.done().await;
    assert_eq!(g.seen()[0].to, "+4587654321");
}

#[tokio::test]
async fn somebody_without_an_address_is_not_reached() {
    let house = house(&[Scripted::new("a", [])], Limits::default());
    let reaches =
        |mobile: Option<&str>| house.dispatcher.reaches("standard", &Addresses { mobile: mobile.map(Into::into), ..danish() });
    assert_eq!(reaches(Some("12345678")), Ok(()));
    assert!(reaches(None).is_err() && reaches(Some(" ")).is_err());
    let why = reaches(Some("ask my secretary")).unwrap_err();
    assert!(why.contains("mobile: it holds 'a'"), "{why}");
    assert!(house.dispatcher.reaches("unknown", &house.order("m").addresses).is_err());
    let mut order = house.order("m1");
    order.addresses.mobile = Some("none".into());
    assert!(matches!(house.hand_over(order).await, Err(DispatchError::NoRoute)));
    assert!(house.memory.story()[0].starts_with("message-refused no-route: mobile: it holds 'n'"));
}

#[tokio::test]
async fn an_order_handed_over_twice_is_sent_once() {
    let a = Scripted::new("a", []);
    let house = house(&[Arc::clone(&a)], Limits::default());
    house.hand_over(house.order("m1")).await.unwrap();
    house.hand_over(house.order("m1")).await.unwrap();
    house.done().await;
    assert_eq!(a.seen().len(), 1);
}

#[tokio::test]
async fn what_cannot_be_put_on_record_is_not_sent() {
    let a = Scripted::new("a", []);
    let house = house(&[Arc::clone(&a)], Limits::default());
    house.memory.broken.store(true, Ordering::SeqCst);
    assert!(matches!(house.hand_over(house.order("m1")).await, Err(DispatchError::Store(_))));
    house.done().await;
    assert!(a.seen().is_empty());
}
