//! What is left of a message's ways when every rule was tried in vain: those that were too busy or out of service, and those that failed for
//! a reason that passes. The latter are tried again while the message lives. It waits in the store meanwhile, so that a restart loses
//! nothing and only one node goes on with it.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::board::{Line, Route};
use super::sending::{MOST_DOUBTS, Sending, Went};
use super::{Fate, Progress, Purpose};
use crate::base::Time;

/// The pauses before the next tries; the last one is repeated. The first is longer than a modem's first rest.
const PAUSES: [Duration; 4] = [Duration::from_secs(5), Duration::from_secs(10), Duration::from_secs(20), Duration::from_secs(40)];
/// A server that asks for less than this part of our own pause does not get more tries out of us.
const LEAST_PART: u32 = 5;
/// Ways whose time comes so soon are tried with those whose time has come.
const TOGETHER: Duration = Duration::from_secs(1);

pub(super) type Ways = Vec<(Route, Arc<Line>)>;

/// Ways that are tried once more when all others failed.
#[derive(Default)]
pub(super) struct Rest {
    /// They could not send at all.
    pub silent: Ways,
    /// They could not send in time: a code that comes late is better than none.
    pub busy: Ways,
}

/// A way that failed for a reason that passes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Retry {
    pub rule: usize,
    pub transmitter: String,
    pub not_before: Time,
}

impl Retry {
    fn is(&self, route: &Route, line: &Line) -> bool {
        (self.rule, self.transmitter.as_str()) == (route.rule, line.transmitter.name())
    }
}

impl Sending {
    /// Tries those that could not send before, then those whose pause is over, and leaves the message in the store where a further try may
    /// help. `On`: nothing more can be done.
    pub(super) async fn late(&mut self, rest: Rest, cancelled: &CancellationToken) -> Went {
        let ways = self.in_line(rest.busy).into_iter().chain(rest.silent).chain(self.due()).collect::<Ways>();
        let mut refused = Vec::new();
        for (route, line) in ways {
            if self.is_in_doubt(&route) || refused.contains(&route.rule) {
                continue;
            }
            self.work.retries.retain(|retry| !retry.is(&route, &line));
            // What follows if it is not delivered are the rules after this one.
            self.work.rule = route.rule;
            let queued = line.enter(self.work.purpose());
            match self.attempt(&route, (&line, queued), cancelled).await {
                Went::Done => return Went::Done,
                Went::NextRule => refused.push(route.rule),
                // No place became free: that passes too.
                Went::OnAndWait => self.try_later(&route, &line, None),
                Went::On => {}
            }
        }
        self.pause().await
    }

    /// Where another configuration took a way off during the pause, the rules are tried anew from there: what stands in its place may work.
    pub(super) fn begin_anew(&mut self) {
        let ways = self.inner.ways();
        let routes = ways.board.routes(&self.work.policy, &self.work.addresses).unwrap_or_default();
        let leads =
            |retry: &Retry| routes.iter().any(|route| route.rule == retry.rule && ways.board.leads(route, &retry.transmitter));
        let (kept, gone): (Vec<_>, Vec<_>) = std::mem::take(&mut self.work.retries).into_iter().partition(leads);
        self.work.retries = kept;
        if let Some(rule) = gone.iter().map(|retry| retry.rule).min().filter(|_| self.work.again_at.is_some()) {
            let waits = self.work.retries.iter().filter(|retry| retry.rule == rule);
            self.work.asked = waits.map(|retry| retry.transmitter.clone()).collect();
            (self.work.again_at, self.work.rule) = (None, rule);
        }
    }

    /// This way failed for a reason that passes: it is tried again after a pause, or when it asked for that itself.
    pub(super) fn try_later(&mut self, route: &Route, line: &Line, asked: Option<Duration>) {
        let usual = PAUSES.get(self.work.pauses).or(PAUSES.last()).copied().unwrap_or_default();
        let pause = asked.map_or(usual, |asked| asked.max(usual / LEAST_PART));
        self.work.retries.retain(|retry| !retry.is(route, line));
        let (rule, transmitter) = (route.rule, line.transmitter.name().to_owned());
        self.work.retries.push(Retry { rule, transmitter, not_before: self.inner.clock.now().plus(pause) });
    }

    /// Whoever goes on with the message begins with this transmitter: it was being asked, or about to be.
    pub(super) fn ask_again(&mut self, rule: usize, transmitter: &str) {
        self.work.asked.retain(|asked| asked != transmitter);
        if self.work.again_at.is_some() {
            let (transmitter, not_before) = (transmitter.to_owned(), self.inner.clock.now());
            self.work.retries.push(Retry { rule, transmitter, not_before });
        }
    }

    /// Whether it may have gone out by this channel so often that one more copy would be too much.
    pub(super) fn is_in_doubt(&self, route: &Route) -> bool {
        self.work.doubts.iter().filter(|channel| **channel == route.channel).count() >= MOST_DOUBTS
    }

    /// The ways whose pause is over, in the policy's order.
    fn due(&self) -> Ways {
        let (ways, soon) = (self.inner.ways(), self.inner.clock.now().plus(TOGETHER));
        let routes = ways.board.routes(&self.work.policy, &self.work.addresses).unwrap_or_default();
        let way = |retry: &Retry| {
            let route = routes.iter().find(|route| route.rule == retry.rule)?;
            Some((route.clone(), ways.board.line(&retry.transmitter)?))
        };
        // What has failed just now is not tried again before the first pause.
        let due = self.work.retries.iter().filter(|retry| self.work.again_at.is_some() && retry.not_before <= soon);
        let mut found: Ways = due.filter_map(way).collect();
        found.sort_by_cached_key(|(route, line)| (route.rule, line.backlog(self.work.purpose()).unwrap_or(Duration::MAX)));
        found
    }

    /// Leaves the message in the store until the next try, where there is one within its life.
    async fn pause(&mut self) -> Went {
        let ways = self.inner.ways();
        let routes = ways.board.routes(&self.work.policy, &self.work.addresses).unwrap_or_default();
        let mut retries = std::mem::take(&mut self.work.retries);
        let route = |retry: &Retry| routes.iter().find(|route| route.rule == retry.rule);
        // Another configuration may have come meanwhile.
        retries.retain(|retry| ways.board.line(&retry.transmitter).is_some());
        retries
            .retain(|retry| retry.not_before < self.work.expires && route(retry).is_some_and(|route| !self.is_in_doubt(route)));
        retries.sort_by_key(|retry| retry.rule);
        let first = retries.first().and_then(route);
        let next = retries.iter().map(|retry| retry.not_before).min();
        // Whoever tests wants to be told what is wrong, and not in five minutes.
        let (Some(first), Some(next)) = (first, next.filter(|_| self.work.purpose() != Purpose::Test)) else { return Went::On };
        self.work.again_at = Some(next);
        self.work.pauses += 1;
        self.work.retries = retries;
        let progress = self.sending_progress(first);
        if self.write(progress).await
            && let Err(error) = self.inner.wake_at(&self.id, next).await
        {
            // Its lease runs out, and then it is taken up again.
            self.lost(&error);
        }
        Went::Done
    }

    /// Which way is being tried, or is waited for.
    pub(super) fn sending_progress(&self, route: &Route) -> Progress {
        let fate = if self.work.unsure.is_some() { Fate::Unsure } else { Fate::NotSent };
        let again = (self.work.pauses > 0).then_some(fate);
        Progress::Sending { channel: route.channel, to: route.masked(), before: self.before(), again }
    }

    /// The least busy first, each for as long as the passcode lives.
    fn in_line(&self, busy: Ways) -> Ways {
        let left = self.work.expires.since(self.inner.clock.now());
        let mut ways: Ways = busy.into_iter().map(|(route, line)| (Route { wait: left, ..route }, line)).collect();
        ways.sort_by_cached_key(|(_, line)| line.backlog(self.work.purpose()).unwrap_or(Duration::MAX));
        ways
    }
}

#[cfg(test)]
mod tests {
    use super::super::FailureKind::{Final, RetryAfter, RetryElsewhere, RetryHere, Unsure};
    use super::super::claims::POLL;
    use super::super::dispatcher::LEASE;
    use super::super::kept::KIND;
    use super::super::trial::Answer::{self, *};
    use super::super::trial::{CODE, House, Scripted, house, house_on};
    use super::super::{Addresses, Before, Content, Jump, Order, Ready};
    use super::*;
    use crate::base::{Channel, Rate};
    use crate::config::Limits;

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
        let again =
            |fate| Progress::Sending { channel: Channel::Sms, to: "•••• 78".into(), before: None, again: Some(fate) };
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
        assert_eq!(house.dispatcher.jump("m1", 1).await.unwrap(), Jump::Begun);
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
        assert_eq!(house.dispatcher.jump("m1", 2).await.unwrap(), Jump::Begun);
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
        let sealed = house.memory.value(KIND, "m1").unwrap();
        assert!(!sealed.windows(CODE.len()).any(|window| window == CODE.as_bytes()));
        let nodes: Vec<_> = (0..2)
            .map(|_| {
                let a = Scripted::new("a", []);
                let node = house_on(Arc::clone(&house.memory), house.clock.clone(), &[Arc::clone(&a)], Limits::default());
                (node.runs(), a, node)
            })
            .collect();
        house.clock.advance(4 * S);
        tokio::time::sleep(Duration::from_millis(30)).await;
        let copies = || nodes.iter().map(|(_, a, _)| a.seen().len()).sum::<usize>();
        assert_eq!(copies(), 0, "not before its time");
        for _ in 0..3 {
            house.clock.advance(LEASE);
            tokio::time::sleep(Duration::from_millis(30)).await;
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
}
