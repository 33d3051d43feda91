//! Codes on their way: many people at once through slow devices of which one dies, deliveries that fail, and people who ask for a code
//! again and again.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use doorward::auth::{AskedView, Before, Entered, Fate, OfFlow, Progress, Step, Told};
use doorward::base::{Channel, Clock, Time};
use doorward::config::dispatch_policy::{AddressKind, Rule};
use doorward::dispatch::{Delivery, Grouped, Reports, Transmitter};
use doorward::store::EventLog;
use futures_util::future::join_all;

use crate::support::eventually::eventually;
use crate::support::house::{House, Sends, sending_house};
use crate::support::node::user;
use crate::support::runs::Runs;
use crate::support::slow::{Slow, Taken};

fn rule(channel: Channel, to: AddressKind, through: &[&str], wait: u64) -> Rule {
    Rule {
        channel,
        to,
        through: through.iter().map(|name| Arc::from(*name)).collect(),
        to_country: Vec::new(),
        to_country_not: Vec::new(),
        wait: Duration::from_secs(wait),
    }
}

fn alone(transmitter: &Arc<Slow>) -> Grouped {
    Grouped::new(Arc::clone(transmitter) as Arc<dyn Transmitter>, None)
}

fn in_group(transmitter: &Arc<Slow>) -> Grouped {
    Grouped::new(Arc::clone(transmitter) as Arc<dyn Transmitter>, Some("modems".into()))
}

/// People `u0`, `u1`, ...; every fifth has a number of the operator whose numbers begin with `+4520`.
fn users(number: usize) -> String {
    let mut text = String::new();
    let mut hashed = user("x", "wonderland", "");
    hashed.truncate(hashed.trim_end().len());
    for place in 0..number {
        let operator = if place % 5 == 0 { "20" } else { "31" };
        let more = format!("mobile = \"+45 {operator}{place:06}\"\nmail = \"u{place}@mail.example\"\n\n");
        text.push_str(&hashed.replace("name = \"x\"", &format!("name = \"u{place}\"")));
        text.push('\n');
        text.push_str(&more);
    }
    text
}

fn long(number: usize, everyday: usize) -> usize {
    if std::env::var_os("DOORWARD_LONG").is_some() { number } else { everyday }
}

/// When somebody's password was right, and the flow.
type Begun = (String, String, Time);

/// So many logins, evenly within so many seconds.
async fn log_in(house: &House, number: usize, within: u64) -> Vec<Begun> {
    let begun = house.clock.now();
    let logins = (0..number).map(|place| async move {
        let span = Duration::from_secs(within).mul_f64(place as f64 / number as f64);
        house.clock.sleep_until(begun.plus(span)).await;
        log_in_as(house, &format!("u{place}")).await
    });
    join_all(logins).await
}

async fn log_in_as(house: &House, name: &str) -> Begun {
    let at = house.clock.now();
    match house.password(House::attempt(), name, "wonderland").await {
        Told::Next { flow, step: Step::Factor } => (format!("people:{name}"), flow, at),
        other => panic!("{name}: {other:?}"),
    }
}

/// Waits until everybody has a code; the first of each.
async fn everybody_has_one(begun: &[Begun], transmitters: &[&Arc<Slow>]) -> HashMap<String, Taken> {
    eventually("everybody has a code", async || {
        let mut first: HashMap<String, Taken> = HashMap::new();
        for taken in transmitters.iter().flat_map(|transmitter| transmitter.taken()) {
            let known = first.entry(taken.user.clone()).or_insert_with(|| taken.clone());
            if taken.at < known.at {
                *known = taken;
            }
        }
        let missing = begun.iter().filter(|(user, ..)| !first.contains_key(user)).count();
        if missing == 0 { Ok(first) } else { Err(missing) }
    })
    .await
}

/// Median, 95th of a hundred, longest; in seconds.
fn distribution(begun: &[Begun], first: &HashMap<String, Taken>) -> (f64, f64, f64) {
    let mut spans: Vec<f64> = begun.iter().map(|(user, _, at)| first[user].at.since(*at).as_secs_f64()).collect();
    spans.sort_by(f64::total_cmp);
    let at = |percent: usize| spans[(spans.len() - 1) * percent / 100];
    (at(50), at(95), at(100))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_gets_a_living_code_though_one_of_two_slow_devices_dies() {
    let (folder, clock, number) = (Arc::new(tempfile::tempdir().unwrap()), Clock::by_hand(), 40);
    let six = Duration::from_secs(6);
    let (one, two) = (Slow::modem("one", &clock, six), Slow::modem("two", &clock, six));
    let gateway = Slow::gateway("gateway", Channel::Sms, &clock, Duration::from_millis(300));
    let sends = Sends {
        transmitters: vec![in_group(&one), in_group(&two), alone(&gateway)],
        rules: vec![rule(Channel::Sms, AddressKind::Mobile, &["modems", "gateway"], 30)],
    };
    let house = sending_house(&folder, &users(number), clock.clone(), sends).await;
    let _runs = Runs::fast(&clock);
    let dies = async {
        clock.sleep_until(clock.now().plus(Duration::from_secs(30))).await;
        one.die();
    };
    let (begun, ()) = tokio::join!(log_in(&house, number, 60), dies);
    let first = everybody_has_one(&begun, &[&one, &two, &gateway]).await;
    let (median, most, longest) = distribution(&begun, &first);
    let each = [&one, &two, &gateway].map(|transmitter| transmitter.taken().len());
    println!("{number} logins: arrival after {median:.1} s median, {most:.1} s p95, {longest:.1} s longest; taken {each:?}");
    for (user, flow, _) in &begun {
        let answer = house.answer(flow, &first[user].passcode).await;
        assert!(matches!(answer, Told::Entered(Entered::Session(_))), "{user}: {answer:?}");
    }
    // Nobody died in the middle of a hand-over, so nobody has two.
    assert_eq!(each.iter().sum::<usize>(), number);
    assert!(longest < 60.0 && each[1] > 5, "{longest} {each:?}");
}

/// Numbers of one operator are switched off.
fn one_operator_fails(message: &doorward::dispatch::Message) -> Delivery {
    if message.to.starts_with("+4520") { Delivery::Failed("absent subscriber".into()) } else { Delivery::Delivered }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whose_operator_delivers_nothing_is_called_and_the_page_says_so() {
    let (folder, clock, number) = (Arc::new(tempfile::tempdir().unwrap()), Clock::by_hand(), 20);
    let (reports, reported) = Reports::new();
    let gateway = Slow::reporting("gateway", &clock, reports, one_operator_fails);
    let caller = Slow::gateway("caller", Channel::Voice, &clock, Duration::from_secs(2));
    let sends = Sends {
        transmitters: vec![alone(&gateway), alone(&caller)],
        rules: vec![
            rule(Channel::Sms, AddressKind::Mobile, &["gateway"], 30),
            rule(Channel::Voice, AddressKind::Mobile, &["caller"], 60),
        ],
    };
    let house = sending_house(&folder, &users(number), clock.clone(), sends).await;
    tokio::spawn(house.dispatcher.clone().listen(reported, tokio_util::sync::CancellationToken::new()));
    let _runs = Runs::fast(&clock);
    let begun = log_in(&house, number, 10).await;
    let late = clock.now().plus(Duration::from_secs(120));
    eventually("everybody is called", async || clock.now() >= late || caller.taken().len() >= number.div_ceil(5)).await;
    // What is reported of the last ones.
    clock.sleep_until(clock.now().plus(Duration::from_secs(5))).await;
    let (texts, calls) = (gateway.taken(), caller.taken());
    assert_eq!((texts.len(), calls.len()), (number, number.div_ceil(5)));
    let called: HashMap<_, _> = calls.iter().map(|taken| (taken.user.clone(), taken.passcode.clone())).collect();
    for (place, (user, flow, _)) in begun.iter().enumerate() {
        let Told::Flow(view) = house.of_flow(flow, OfFlow::Look).await else { panic!("no flow") };
        let AskedView::Passcode(asked) = view.asked;
        match asked.progress {
            Progress::Delivered { channel: Channel::Sms, .. } => assert_ne!(place % 5, 0),
            Progress::Sent { channel: Channel::Voice, before, .. } => {
                let before = before.map(|Before { channel, fate, .. }| (channel, fate));
                assert_eq!((place % 5, before), (0, Some((Channel::Sms, Fate::Undelivered))));
            }
            other => panic!("{user}: {other:?}"),
        }
        let code = texts.iter().find(|taken| taken.user == *user).unwrap().passcode.clone();
        // A failover sends the same code.
        assert!(called.get(user).is_none_or(|called| *called == code), "{user}");
        assert!(matches!(house.answer(flow, &code).await, Told::Entered(Entered::Session(_))), "{user}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_clicks_send_four_messages() {
    let (folder, clock, clicks) = (Arc::new(tempfile::tempdir().unwrap()), Clock::by_hand(), long(10_000, 1_000));
    let gateway = Slow::gateway("gateway", Channel::Sms, &clock, Duration::from_millis(1));
    let relay = Slow::gateway("relay", Channel::Mail, &clock, Duration::from_millis(1));
    let sends = Sends {
        transmitters: vec![alone(&gateway), alone(&relay)],
        rules: vec![
            rule(Channel::Sms, AddressKind::Mobile, &["gateway"], 30),
            rule(Channel::Mail, AddressKind::Mail, &["relay"], 30),
        ],
    };
    let house = sending_house(&folder, &users(2), clock.clone(), sends).await;
    let begun = log_in(&house, 1, 0).await;
    let (clicked, flow, _) = &begun[0];
    for round in 0..clicks / 50 {
        let click = |number: usize| {
            let (house, flow) = (&house, flow.clone());
            async move {
                match number % 3 {
                    0 => house.of_flow(&flow, OfFlow::Resend).await,
                    rule => house.of_flow(&flow, OfFlow::OtherWay { rule: rule - 1 }).await,
                }
            }
        };
        join_all((0..50).map(click)).await;
        // Not so often that the flow grows old.
        if round % 2 == 0 && round < 20 {
            clock.advance(Duration::from_secs(31));
        }
    }
    // Somebody who comes after all that has a code: what the clicks have asked for is sent by then.
    let last = log_in_as(&house, "u1").await;
    everybody_has_one(&[last], &[&gateway, &relay]).await;
    let taken = [gateway.taken(), relay.taken()].concat();
    let sent = taken.iter().filter(|taken| taken.user == *clicked).count();
    assert!((2..=4).contains(&sent), "{sent}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_passcode_stands_in_the_journal_or_in_the_store() {
    let (folder, clock) = (Arc::new(tempfile::tempdir().unwrap()), Clock::by_hand());
    let (reports, reported) = Reports::new();
    let gateway = Slow::reporting("gateway", &clock, reports, |message| {
        Delivery::Failed(format!("no {} to {}", message.text.expose(), message.to))
    });
    let caller = Slow::modem("caller", &clock, Duration::from_secs(1));
    let sends = Sends {
        transmitters: vec![alone(&gateway), alone(&caller)],
        rules: vec![
            rule(Channel::Sms, AddressKind::Mobile, &["gateway"], 30),
            rule(Channel::Sms, AddressKind::Mobile, &["caller"], 30),
        ],
    };
    let house = sending_house(&folder, &users(5), clock.clone(), sends).await;
    tokio::spawn(house.dispatcher.clone().listen(reported, tokio_util::sync::CancellationToken::new()));
    let _runs = Runs::fast(&clock);
    let begun = log_in(&house, 5, 1).await;
    let first = everybody_has_one(&begun, &[&caller]).await;
    let entries = house.events().search(Default::default()).await.unwrap();
    assert!(entries.iter().any(|entry| entry.kind == "message-undelivered"));
    for Taken { passcode, .. } in first.values() {
        for entry in &entries {
            assert!(!entry.detail.contains(passcode), "{}", entry.detail);
        }
        for file in std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().path()) {
            let bytes = std::fs::read(&file).unwrap();
            assert!(!bytes.windows(passcode.len()).any(|window| window == passcode.as_bytes()), "{}", file.display());
        }
    }
}
