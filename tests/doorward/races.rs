//! Two at the same moment, over and over, straight at the house rules: the last try is one try, and one passcode is one session.

use std::time::Duration;

use doorward::auth::session::AccessRequest;
use doorward::auth::{Entered, FlowOver, Told};
use doorward::base::Clock;
use doorward::store::{Counter, Counters, Place, Taken};
use futures_util::StreamExt;

use crate::support::client::{Watch, wrong};
use crate::support::house::{House, house};
use crate::support::node::user;

/// 1,000 with `DOORWARD_LONG=1`, which takes about 20 seconds a test.
fn rounds() -> usize {
    if std::env::var("DOORWARD_LONG").is_ok_and(|long| long == "1") { 1000 } else { 100 }
}

/// A house with a user of their own for every round.
async fn full_house() -> House {
    let one = user("NAME", "wonderland", "mail = \"NAME@mail.example\"");
    house(&(0..rounds()).map(|number| one.replace("NAME", &format!("user{number}"))).collect::<String>()).await
}

/// What became of one round, counted.
struct Round {
    admitted: usize,
    /// Wrong, and may try again.
    again: usize,
    over: usize,
}

impl Round {
    fn of(answers: &[Told]) -> Self {
        let count = |is: fn(&Told) -> bool| answers.iter().filter(|answer| is(answer)).count();
        Self {
            admitted: count(|answer| matches!(answer, Told::Entered(Entered::Session(_)))),
            again: count(|answer| matches!(answer, Told::Again)),
            over: count(|answer| matches!(answer, Told::Over(FlowOver::Ended { .. } | FlowOver::Used { .. }))),
        }
    }
}

async fn play<F, R>(house: &House, round: F) -> Vec<Round>
where
    F: Fn(String, String) -> R,
    R: Future<Output = Round>,
{
    let rounds = futures_util::stream::iter(0..rounds()).map(|number| {
        let round = &round;
        async move {
            let (flow, code) = house.login(&format!("user{number}")).await;
            round(flow, code).await
        }
    });
    rounds.buffer_unordered(8).collect().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_try_taken_twice_at_once_is_one_try() {
    let house = full_house().await;
    let rounds = play(&house, |flow, code| {
        let house = &house;
        async move {
            let guess = wrong(&code);
            for _ in 0..2 {
                assert!(matches!(house.answer(&flow, &guess).await, Told::Again));
            }
            // One of the two is right: whichever takes the last try, the other is not looked at.
            let (one, other) = tokio::join!(house.answer(&flow, &guess), house.answer(&flow, &code));
            Round::of(&[one, other])
        }
    })
    .await;
    let is_fair = |round: &Round| round.again == 0 && round.admitted <= 1 && round.admitted + round.over == 2;
    assert!(rounds.iter().all(is_fair), "both were looked at");
    let admitted: usize = rounds.iter().map(|round| round.admitted).sum();
    assert_eq!(house.sessions.count(), admitted);
    println!("the last try twice at once: {} rounds, the right one was first in {admitted}", rounds.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_right_passcode_twice_at_once_opens_one_session() {
    let house = full_house().await;
    let rounds = play(&house, |flow, code| {
        let house = &house;
        async move {
            let (one, other) = tokio::join!(house.answer(&flow, &code), house.answer(&flow, &code));
            Round::of(&[one, other])
        }
    })
    .await;
    assert!(rounds.iter().all(|round| round.admitted == 1 && round.over == 1));
    assert_eq!(house.sessions.count(), rounds.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_right_passcode_posted_many_times_at_once_is_no_wrong_one() {
    let house = full_house().await;
    play(&house, |flow, code| {
        let house = &house;
        async move {
            let answers = futures_util::future::join_all((0..3).map(|_| house.answer(&flow, &code))).await;
            Round::of(&answers)
        }
    })
    .await;
    let now = Clock::by_hand().now();
    for number in 0..rounds() {
        let id = format!("people:user{number}");
        let place = Place { kind: Counter::WrongFactors, owner: &id, id: &id };
        let taken = house.store.take(place, 10, Duration::from_secs(60), now).await.unwrap();
        assert_eq!(taken, Taken::Yes { left: 9 }, "{id} has a wrong passcode to its name");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_guesses_at_once_are_never_more_than_the_tries() {
    let house = full_house().await;
    let rounds = play(&house, |flow, code| {
        let house = &house;
        async move {
            let guess = wrong(&code);
            let answers = futures_util::future::join_all((0..8).map(|_| house.answer(&flow, &guess))).await;
            let late = house.answer(&flow, &code).await;
            assert!(matches!(late, Told::Over(FlowOver::Ended { .. })), "the right one came after the last try: {late:?}");
            Round::of(&answers)
        }
    })
    .await;
    // The third wrong one ends it, so at most two may hear that they can try again.
    assert!(rounds.iter().all(|round| round.again <= 2 && round.admitted == 0 && round.over >= 6));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_store_is_never_asked_about_a_cookie_that_is_made_up() {
    let house = house(&user("alice", "wonderland", "mail = \"a@mail.example\"")).await;
    let before = house.store.questions();
    let now = Clock::by_hand().now();
    let wanted = AccessRequest { application: "app", host: "app.example", address: [127, 0, 0, 1].into(), now };
    let begun = Watch::start();
    for number in 0_u64..20_000 {
        let mut bytes = [7; 44];
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        let cookie = format!("k1.{}", data_encoding::BASE64URL_NOPAD.encode(&bytes));
        assert!(house.sessions.admit(&cookie, &wanted).is_none());
        assert!(!house.sessions.was_ours(&cookie) && house.sessions.of_cookie(&cookie).is_none());
    }
    println!("made-up cookies: {:.0} a second, unoptimised", 20_000.0 / begun.elapsed().as_secs_f64());
    assert_eq!(house.store.questions(), before);
}
