//! What the queue costs: from the order to the transmitter, orders a second, memory while many wait. Figures are printed; every day a
//! few orders go through to see that nothing is lost.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use doorward::base::random::SystemSource;
use doorward::base::{Channel, Clock, Language, Later, Secret, Time, TraceId, UserId};
use doorward::config::dispatch_policy::{AddressKind, Rule};
use doorward::dispatch::{Addresses, Content, Failure, Grouped, Message, Order, Receipt, Transmitter};
use doorward::store::{Expect, Kind, Place, Put, Records};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use crate::support::client::Watch;
use crate::support::eventually::eventually;
use crate::support::house::{House, Sends, sending_house};

/// Takes everything at once and remembers when, or nothing ever.
struct Sink {
    watch: Watch,
    begun: Mutex<HashMap<String, Duration>>,
    answers: bool,
    count: AtomicUsize,
}

impl Transmitter for Sink {
    fn name(&self) -> &str {
        "sink"
    }

    fn serves(&self, _: Channel) -> bool {
        true
    }

    fn send<'a>(&'a self, message: &'a Message, _now: Time) -> Later<'a, Result<Receipt, Failure>> {
        self.begun.lock().unwrap().insert(message.id.clone(), self.watch.elapsed());
        self.count.fetch_add(1, Ordering::SeqCst);
        let answers = self.answers;
        Box::pin(async move { if answers { Ok(Receipt::last_word("taken")) } else { std::future::pending().await } })
    }
}

async fn house(answers: bool) -> (House, Arc<Sink>) {
    let sink = Sink { watch: Watch::start(), begun: Mutex::default(), answers, count: AtomicUsize::new(0) };
    let (folder, sink) = (Arc::new(tempfile::tempdir().unwrap()), Arc::new(sink));
    let rule = Rule {
        channel: Channel::Sms,
        to: AddressKind::Mobile,
        through: vec!["sink".into()],
        to_country: Vec::new(),
        to_country_not: Vec::new(),
        wait: Duration::from_secs(600),
    };
    let sends = Sends { transmitters: vec![Grouped::new(Arc::clone(&sink) as _, None)], rules: vec![rule] };
    (sending_house(&folder, "", Clock::by_hand(), sends).await, sink)
}

fn order(house: &House, number: usize) -> Order {
    Order {
        id: format!("order{number}"),
        trace: TraceId::new(&SystemSource),
        user: UserId::new("people", &format!("u{number}")),
        application: "app".into(),
        title: String::new(),
        policy: "standard".into(),
        addresses: Addresses { mobile: Some(format!("+4531{number:06}")), ..Addresses::default() },
        content: Content::Passcode(Secret::new("482913".into())),
        label: "K7".into(),
        host: "app.example".into(),
        language: Language::ENGLISH,
        flash: false,
        resent: false,
        from_rule: 0,
        expires: house.clock.now().plus(Duration::from_secs(600)),
    }
}

/// Three times a sign of life is more than a lease.
const SIGNS: usize = 4;
const A_SIGN: Duration = Duration::from_millis(3100);

fn long(number: usize, everyday: usize) -> usize {
    if std::env::var_os("DOORWARD_LONG").is_some() { number } else { everyday }
}

/// So many orders, this many of them at once.
async fn hand_over(house: &House, numbers: std::ops::Range<usize>, at_once: usize) {
    let mut under_way = FuturesUnordered::new();
    for number in numbers {
        under_way.push(house.dispatcher.hand_over(order(house, number)));
        if under_way.len() >= at_once {
            under_way.next().await.unwrap().unwrap();
        }
    }
    while let Some(done) = under_way.next().await {
        done.unwrap();
    }
}

async fn until(sink: &Sink, count: usize) {
    eventually(format!("{count} are sent"), async || {
        let sent = sink.count.load(Ordering::SeqCst);
        if sent >= count { Ok(()) } else { Err(sent) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_is_with_its_transmitter_in_no_time() {
    let (house, sink) = house(true).await;
    let number = long(2000, 100);
    let mut spans = Vec::new();
    for place in 0..number {
        let from = sink.watch.elapsed();
        house.dispatcher.hand_over(order(&house, place)).await.unwrap();
        until(&sink, place + 1).await;
        spans.push(sink.begun.lock().unwrap()[&format!("order{place}")].saturating_sub(from));
    }
    spans.sort();
    println!("order to transmitter: {:?} median, {:?} p99", spans[number / 2], spans[number * 99 / 100]);
    assert!(spans[number / 2] < Duration::from_secs(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_orders_at_once_are_all_sent() {
    let (house, sink) = house(true).await;
    let number = long(10_000, 200);
    let watch = Watch::start();
    hand_over(&house, 0..number, 256).await;
    until(&sink, number).await;
    println!("orders through the queue: {:.0} a second", number as f64 / watch.elapsed().as_secs_f64());
    let watch = Watch::start();
    let ids: Vec<String> = (0..number).map(|place| format!("record{place}")).collect();
    let (store, now, mut under_way) = (house.events(), house.clock.now(), FuturesUnordered::new());
    for id in &ids {
        let place = Place { kind: Kind::Receipt, owner: "", id };
        let expires = now.plus(Duration::from_secs(600));
        under_way.push(store.put_if(Put { place, value: vec![7; 600], expires, expect: Expect::Absent }, now));
        if under_way.len() >= 256 {
            assert!(under_way.next().await.unwrap().unwrap());
        }
    }
    while let Some(put) = under_way.next().await {
        assert!(put.unwrap());
    }
    println!("puts into the store: {:.0} a second", number as f64 / watch.elapsed().as_secs_f64());
    assert_eq!(sink.count.load(Ordering::SeqCst), number);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_orders_that_wait_take_little_memory() {
    let (house, sink) = house(false).await;
    let (warm, number) = (16, long(10_000, 200));
    hand_over(&house, 0..warm, 16).await;
    until(&sink, warm).await;
    let before = resident();
    hand_over(&house, warm..warm + number, 256).await;
    let each = resident().saturating_sub(before) * 1024 / u64::try_from(number).unwrap();
    println!("{number} orders wait: {each} bytes each, {} KiB in all", resident());
    // A sign of life of each, again and again, until their leases would be over.
    for _ in 0..SIGNS {
        let before = house.store.questions();
        house.clock.advance(A_SIGN);
        eventually("each has shown that it lives", async || house.store.questions() >= before + number).await;
    }
    assert_eq!(sink.count.load(Ordering::SeqCst), 16, "nobody was taken over while its sender lives");
    assert!(each < 40_000, "{each}");
}

/// Memory of this process, in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
