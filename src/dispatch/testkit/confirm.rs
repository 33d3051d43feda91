//! What becomes of messages after a transmitter took them.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::trial::Answer::*;
use super::trial::{CODE, House, Scripted, house, house_on};
use crate::base::Channel;
use crate::base::eventually::eventually;
use crate::config::Limits;
use crate::dispatch::inner::{LEASE, MOST_EARLY};
use crate::dispatch::{Addresses, Before, Delivery, Fate, Order, Progress, Report, Switched};

fn report(transmitter: &str, reference: &str, delivery: Delivery) -> Report {
    Report { transmitter: transmitter.into(), reference: reference.to_owned(), delivery }
}

fn failed() -> Delivery {
    Delivery::Failed("absent subscriber +45 12 34 56 78".to_owned())
}

const WAIT: Duration = Duration::from_secs(30);

/// A text message was handed over and may be followed by a call.
async fn waiting() -> (House, Arc<Scripted>, Arc<Scripted>) {
    let (a, caller) = (Scripted::new("a", [TakeAs("r1")]), Scripted::new("caller", []));
    let house = house(&[Arc::clone(&a), Arc::clone(&caller)], Limits::default());
    house.hand_over(house.calling("m1")).await.unwrap();
    house.until("message-sent a").await;
    (house, a, caller)
}

fn sent(before: Option<Before>, channel: Channel, awaited: bool) -> impl Fn(&Progress) -> bool {
    move |progress| match progress {
        Progress::Sent { channel: by, awaited: waits, before: past, .. } => {
            *by == channel && *waits == awaited && *past == before
        }
        _ => false,
    }
}

fn text_message(fate: Fate) -> Option<Before> {
    Some(Before { channel: Channel::Sms, to: "•••• 78".into(), fate })
}

#[tokio::test]
async fn a_delivery_ends_it_and_wipes_the_passcode() {
    let (house, _, caller) = waiting().await;
    let _runs = house.runs();
    assert!(sent(None, Channel::Sms, true)(&house.progress("m1").await));
    assert_eq!(house.kept("m1").work.unwrap().passcode.expose(), CODE);
    house.dispatcher.report(report("a", "r1", Delivery::Delivered)).await;
    assert!(matches!(house.progress("m1").await, Progress::Delivered { channel: Channel::Sms, .. }));
    assert!(house.kept("m1").work.is_none());
    house.clock.advance(WAIT * 2);
    house.done().await;
    assert!(caller.seen().is_empty());
    assert_eq!(house.memory.story().last().unwrap(), "message-delivered a");
}

#[tokio::test]
async fn a_long_message_has_arrived_with_its_last_part_and_failed_with_its_first() {
    for (reports, fate) in [(["p1", "p2"], Delivery::Delivered), (["p2", "p1"], Delivery::Delivered), (["p2", "p1"], failed())] {
        let (a, caller) = (Scripted::new("a", [TakeInParts(&["p1", "p2"])]), Scripted::new("caller", []));
        let house = house(&[a, Arc::clone(&caller)], Limits::default());
        let _runs = house.runs();
        house.hand_over(house.calling("m1")).await.unwrap();
        house.until("message-sent a").await;
        house.dispatcher.report(report("a", reports[0], fate.clone())).await;
        if fate == Delivery::Delivered {
            assert!(sent(None, Channel::Sms, true)(&house.progress("m1").await), "one part is missing");
            house.dispatcher.report(report("a", reports[1], fate)).await;
            assert!(matches!(house.progress("m1").await, Progress::Delivered { .. }));
            assert_eq!(house.memory.story().iter().filter(|event| event.starts_with("message-delivered")).count(), 1);
        } else {
            house.until("message-sent caller").await;
        }
    }
}

#[tokio::test]
async fn a_failed_delivery_leads_to_the_next_rule_at_once_with_the_same_passcode() {
    let (house, _, caller) = waiting().await;
    let _runs = house.runs();
    house.dispatcher.report(report("a", "r1", failed())).await;
    house.until("message-sent caller").await;
    assert_eq!(caller.seen()[0].passcode.expose(), CODE);
    assert!(sent(text_message(Fate::Undelivered), Channel::Voice, false)(&house.progress("m1").await));
    let entries = house.memory.entries.lock().unwrap().clone();
    let why = entries.iter().find(|entry| entry.kind == "message-undelivered").unwrap();
    assert!(why.detail.contains("absent subscriber") && !why.detail.contains("12 34"), "{}", why.detail);
}

#[tokio::test]
async fn silence_leads_to_the_next_rule_when_the_wait_is_over() {
    let (house, _, caller) = waiting().await;
    let _runs = house.runs();
    house.clock.advance(WAIT - Duration::from_secs(2));
    house.all_turns().await;
    assert!(caller.seen().is_empty());
    house.clock.advance(Duration::from_secs(2));
    house.until("message-sent caller").await;
    let story = house.memory.story();
    assert!(story.contains(&"message-unconfirmed a".to_owned()), "{story:?}");
    assert!(sent(text_message(Fate::Unconfirmed), Channel::Voice, false)(&house.progress("m1").await));
}

#[tokio::test]
async fn a_late_delivery_stops_what_has_not_left_yet() {
    let (a, caller) = (Scripted::new("a", [TakeAs("r1")]), Scripted::new("caller", [Hang]));
    let relay = Scripted::new("relay", []);
    let house = house(&[a, Arc::clone(&caller), Arc::clone(&relay)], Limits::default());
    let _runs = house.runs();
    house.hand_over(house.calling("m1")).await.unwrap();
    house.until("message-sent a").await;
    house.clock.advance(WAIT);
    caller.asked().await;
    house.dispatcher.report(report("a", "r1", Delivery::Delivered)).await;
    house.done().await;
    assert!(relay.seen().is_empty());
    assert!(matches!(house.progress("m1").await, Progress::Delivered { channel: Channel::Sms, .. }));
}

#[tokio::test]
async fn a_delivery_after_a_failure_counts_and_a_failure_after_a_delivery_does_not() {
    let (house, _, caller) = waiting().await;
    let _runs = house.runs();
    house.dispatcher.report(report("a", "r1", failed())).await;
    house.until("message-sent caller").await;
    house.dispatcher.report(report("a", "r1", Delivery::Delivered)).await;
    assert!(matches!(house.progress("m1").await, Progress::Delivered { .. }));
    let story = house.memory.story();
    for forged in [failed(), Delivery::Delivered, failed()] {
        house.dispatcher.report(report("a", "r1", forged)).await;
    }
    house.done().await;
    assert!(matches!(house.progress("m1").await, Progress::Delivered { .. }));
    assert_eq!((house.memory.story(), caller.seen().len()), (story, 1));
}

/// Two transmitters for one number, the first of which reports.
fn two_for_one_number() -> (House, Order, [Arc<Scripted>; 2]) {
    let (a, g) = (Scripted::new("a", [TakeAs("r1")]), Scripted::new("g1", []));
    let house = house(&[Arc::clone(&a), Arc::clone(&g)], Limits::default());
    let order = house.order("m1");
    let addresses = Addresses { second_mobile: order.addresses.mobile.clone(), ..order.addresses };
    (house, Order { addresses, ..order }, [a, g])
}

#[tokio::test]
async fn a_report_of_one_transmitter_says_nothing_of_what_another_sent_to_the_same_number() {
    let (house, order, _) = two_for_one_number();
    let _runs = house.runs();
    house.hand_over(order).await.unwrap();
    house.until("message-sent a").await;
    house.clock.advance(WAIT);
    house.until("message-sent g1").await;
    assert!(sent(text_message(Fate::Unconfirmed), Channel::Sms, false)(&house.progress("m1").await));
    house.dispatcher.report(report("a", "r1", failed())).await;
    assert!(sent(text_message(Fate::Unconfirmed), Channel::Sms, false)(&house.progress("m1").await));
}

#[tokio::test]
async fn what_was_sent_late_and_does_not_arrive_goes_on_with_the_rules_after_it() {
    let (house, order, [a, g]) = two_for_one_number();
    let _runs = house.runs();
    *a.backlog.lock().unwrap() = Some(Duration::from_secs(100));
    *g.backlog.lock().unwrap() = Some(Duration::from_secs(200));
    house.hand_over(order).await.unwrap();
    house.until("message-sent a").await;
    *g.backlog.lock().unwrap() = Some(Duration::ZERO);
    house.dispatcher.report(report("a", "r1", failed())).await;
    house.until("message-sent g1").await;
    assert_eq!(g.seen().len(), 1);
}

#[tokio::test]
async fn a_failure_that_is_said_many_times_counts_once() {
    let (house, _, caller) = waiting().await;
    let _runs = house.runs();
    for _ in 0..20 {
        house.dispatcher.report(report("a", "r1", failed())).await;
    }
    house.until("message-sent caller").await;
    assert_eq!(caller.seen().len(), 1);
    let undelivered = house.memory.story().iter().filter(|event| event.starts_with("message-undelivered")).count();
    assert_eq!(undelivered, 1);
}

#[tokio::test]
async fn reports_that_are_nobodys_change_nothing() {
    let (house, ..) = waiting().await;
    let before = (house.memory.story(), house.progress("m1").await);
    for (transmitter, reference) in [("a", "r2"), ("caller", "r1"), ("", ""), ("a r1", ""), ("1 a", "r1"), ("a", "m1")] {
        for delivery in [Delivery::Delivered, failed()] {
            house.dispatcher.report(report(transmitter, reference, delivery)).await;
        }
    }
    house.done().await;
    assert_eq!((house.memory.story(), house.progress("m1").await), before);
}

#[tokio::test]
async fn a_flood_of_reports_that_are_nobodys_is_bounded() {
    let (house, ..) = waiting().await;
    for number in 0..2000 {
        house.dispatcher.report(report("a", &format!("x{number}"), Delivery::Delivered)).await;
    }
    assert!(house.tasks.len() <= MOST_EARLY);
    house.done().await;
}

#[tokio::test]
async fn a_burst_of_reports_on_a_busy_disk_is_taken_before_the_waits_are_over() {
    const MANY: usize = 60;
    let names: Vec<&'static str> = (0..MANY).map(|number| &*format!("r{number}").leak()).collect();
    let (a, caller) = (Scripted::new("a", names.iter().map(|name| TakeAs(name))), Scripted::new("caller", []));
    let wide = crate::base::Rate { count: 1000, window: WAIT };
    let limits = Limits { messages_per_user: wide, messages_per_number: wide, ..Limits::default() };
    let house = house(&[Arc::clone(&a), Arc::clone(&caller)], limits);
    let _runs = house.runs();
    for number in 0..MANY {
        house.hand_over(house.calling(&format!("m{number}"))).await.unwrap();
    }
    let sent = || house.memory.story().iter().filter(|event| *event == "message-sent a").count();
    eventually("all are sent", async || sent() >= MANY).await;
    let (reports, reported) = crate::dispatch::Reports::new();
    let listens = tokio::spawn(house.dispatcher.clone().listen(reported, CancellationToken::new()));
    house.clock.advance(WAIT - Duration::from_secs(5));
    house.memory.lag.store(40, std::sync::atomic::Ordering::SeqCst);
    let from = house.clock.now();
    names.iter().for_each(|name| reports.report(report("a", name, Delivery::Delivered)));
    drop(reports);
    listens.await.unwrap();
    println!("{MANY} reports, 40 ms for each call of the store: {} ms", house.clock.now().since(from).as_millis());
    house.memory.lag.store(0, std::sync::atomic::Ordering::SeqCst);
    house.clock.advance(WAIT);
    house.done().await;
    assert_eq!((a.seen().len(), caller.seen().len()), (MANY, 0), "nobody is called who has the code");
}

#[tokio::test]
async fn a_report_that_is_quicker_than_the_record_is_not_lost() {
    let a = Scripted::new("a", [TakeAs("r1")]);
    let house = house(&[Arc::clone(&a)], Limits::default());
    house.dispatcher.report(report("a", "r1", Delivery::Delivered)).await;
    house.hand_over(house.calling("m1")).await.unwrap();
    house.until("message-sent a").await;
    house.done().await;
    assert!(matches!(house.progress("m1").await, Progress::Delivered { .. }));
}

#[tokio::test]
async fn who_is_in_is_not_called_any_more() {
    let (house, _, caller) = waiting().await;
    let _runs = house.runs();
    house.dispatcher.settle("m1").await;
    assert!(house.kept("m1").work.is_none());
    house.clock.advance(WAIT * 2);
    house.done().await;
    assert!(caller.seen().is_empty());
    assert_eq!(house.memory.story().last().unwrap(), "message-sent a");
    house.dispatcher.report(report("a", "r1", failed())).await;
    house.done().await;
    assert!(caller.seen().is_empty(), "a report must not bring it back to life");
}

#[tokio::test]
async fn the_last_way_ends_as_sent_where_nobody_says_anything_and_as_failed_where_it_is_said() {
    for (said, ends_as_sent) in [(None, true), (Some(failed()), false)] {
        let a = Scripted::new("a", [TakeAs("r1")]);
        let house = house(&[a], Limits::default());
        let _runs = house.runs();
        house.hand_over(house.order("m1")).await.unwrap();
        house.until("message-sent a").await;
        match said {
            Some(delivery) => house.dispatcher.report(report("a", "r1", delivery)).await,
            None => house.clock.advance(WAIT),
        }
        eventually("it is over", async || house.kept("m1").work.is_none()).await;
        let progress = house.progress("m1").await;
        assert_eq!(sent(None, Channel::Sms, false)(&progress), ends_as_sent, "{progress:?}");
        assert_eq!(progress == Progress::Failed, !ends_as_sent);
    }
}

#[tokio::test]
async fn another_node_hears_the_report_and_goes_on() {
    let (house, _, caller) = waiting().await;
    let other_caller = Scripted::new("caller", []);
    let other = house_on(
        Arc::clone(&house.memory),
        house.clock.clone(),
        &[Scripted::new("a", []), Arc::clone(&other_caller)],
        Limits::default(),
    );
    let _runs = other.runs();
    other.dispatcher.report(report("a", "r1", failed())).await;
    other.until("message-sent caller").await;
    assert_eq!((caller.seen().len(), other_caller.seen().len()), (0, 1));
}

/// A runtime that is dropped ends its tasks where they stand, as a crash does.
fn in_a_node_that_dies<T>(life: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(life)
}

#[test]
fn a_restarted_node_waits_for_what_is_left_of_the_wait() {
    let (memory, clock) = in_a_node_that_dies(async {
        let (house, ..) = waiting().await;
        (Arc::clone(&house.memory), house.clock.clone())
    });
    clock.advance(Duration::from_secs(20));
    in_a_node_that_dies(async {
        let (a, caller) = (Scripted::new("a", []), Scripted::new("caller", []));
        let house = house_on(memory, clock, &[Arc::clone(&a), Arc::clone(&caller)], Limits::default());
        let _runs = house.runs();
        house.all_turns().await;
        assert!(caller.seen().is_empty());
        house.clock.advance(Duration::from_secs(10));
        house.until("message-sent caller").await;
        assert!(a.seen().is_empty());
    });
}

#[test]
fn crashes_in_the_middle_of_a_hand_over_give_two_copies_at_most() {
    let (memory, clock) = (Arc::default(), crate::base::Clock::by_hand());
    let mut copies = 0;
    for life in 0..6 {
        copies += in_a_node_that_dies(async {
            let a = Scripted::new("a", [Hang]);
            let house = house_on(Arc::clone(&memory), clock.clone(), &[Arc::clone(&a)], Limits::default());
            let _runs = house.runs();
            if life == 0 {
                house.hand_over(house.order("m1")).await.unwrap();
            }
            house.all_turns().await;
            a.seen().len()
        });
        clock.advance(LEASE);
    }
    assert_eq!(copies, 2);
}

#[tokio::test]
async fn a_transmitter_that_cannot_send_in_time_is_passed_over_at_once() {
    let (a, g) = (Scripted::new("a", []), Scripted::new("g1", []));
    let house = house(&[Arc::clone(&a), Arc::clone(&g)], Limits::default());
    *a.backlog.lock().unwrap() = Some(WAIT + Duration::from_secs(1));
    house.hand_over(house.order("m1")).await.unwrap();
    house.until("message-sent g1").await;
    assert!(a.seen().is_empty());
    assert!(house.memory.story().contains(&"message-tried a busy".to_owned()));
    *a.backlog.lock().unwrap() = Some(WAIT);
    house.hand_over(house.order("m2")).await.unwrap();
    house.until("message-sent a").await;
}

#[tokio::test]
async fn where_all_are_too_busy_the_least_busy_sends_it_late() {
    let (a, g) = (Scripted::new("a", []), Scripted::new("g1", []));
    let house = house(&[Arc::clone(&a), Arc::clone(&g)], Limits::default());
    *a.backlog.lock().unwrap() = Some(WAIT + Duration::from_secs(9));
    *g.backlog.lock().unwrap() = Some(WAIT + Duration::from_secs(5));
    house.hand_over(house.order("m1")).await.unwrap();
    house.until("message-sent g1").await;
    assert!(a.seen().is_empty() && house.was_sent("m1").await);
    assert!(house.memory.story().contains(&"message-tried a busy".to_owned()));
}

#[tokio::test]
async fn what_is_out_of_service_is_tried_only_when_nothing_else_works() {
    let (a, g) = (Scripted::new("a", []), Scripted::new("g1", []));
    let house = house(&[Arc::clone(&a), Arc::clone(&g)], Limits::default());
    *a.backlog.lock().unwrap() = None;
    house.hand_over(house.order("m1")).await.unwrap();
    house.until("message-sent g1").await;
    assert!(a.seen().is_empty());
    *g.backlog.lock().unwrap() = None;
    house.hand_over(house.order("m2")).await.unwrap();
    house.until("message-sent a").await;
    assert!(house.was_sent("m2").await);
}

#[tokio::test]
async fn another_way_takes_the_same_passcode_along_at_once() {
    let (house, _, caller) = waiting().await;
    assert_eq!(house.dispatcher.switch_channel("m1", 1).await.unwrap(), Switched::Begun);
    house.until("message-sent caller").await;
    assert_eq!(caller.seen()[0].passcode.expose(), CODE);
    assert!(house.dispatcher.switch_channel("m1", 7).await.is_ok(), "what is done is gone, whatever the rule");
    assert_eq!(house.dispatcher.switch_channel("m1", 1).await.unwrap(), Switched::Gone);
    assert_eq!(house.dispatcher.switch_channel("unknown", 1).await.unwrap(), Switched::Gone);
}

#[tokio::test]
async fn another_way_that_the_policy_does_not_know_leads_nowhere() {
    let (house, _, caller) = waiting().await;
    assert!(house.dispatcher.switch_channel("m1", 7).await.is_err());
    assert!(sent(None, Channel::Sms, true)(&house.progress("m1").await));
    assert!(caller.seen().is_empty());
}
