//! What the dispatcher's tests stand on: transmitters that answer as they are told, and a house around them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::memory::Memory;
use crate::audit::Journal;
use crate::base::eventually::eventually;
use crate::base::keys::SealKey;
use crate::base::random::SystemSource;
use crate::base::{Channel, Clock, Keys, Language, Later, Secret, Texts, Time, TraceId, UserId};
use crate::config::dispatch_policy::{AddressKind, Rule};
use crate::config::{DispatchPolicy, Limits};
use crate::dispatch::dispatcher::{DispatchError, Dispatcher, Parts};
use crate::dispatch::queue::record::MessageRecord;
use crate::dispatch::{Addresses, Content, Failure, FailureKind, Grouped, Message, Order, Progress, Receipt, Transmitter};
use crate::store::{Kind, Stores, Table};

/// Of each task, far more than a message takes to its end.
const TURNS: usize = 2000;

pub const CODE: &str = "482913";

pub enum Answer {
    Take,
    /// Under this reference.
    TakeAs(&'static str),
    /// In parts, under these.
    TakeInParts(&'static [&'static str]),
    Fail(FailureKind),
    Hang,
}
use Answer::{Fail, Hang, Take, TakeAs, TakeInParts};

/// Answers as it was told to, then takes everything.
pub struct Scripted {
    name: &'static str,
    answers: Mutex<VecDeque<Answer>>,
    seen: Mutex<Vec<Message>>,
    begun: Semaphore,
    /// How busy it says it is; nothing: out of service.
    pub backlog: Mutex<Option<Duration>>,
}

impl Scripted {
    pub fn new(name: &'static str, answers: impl IntoIterator<Item = Answer>) -> Arc<Self> {
        let answers = Mutex::new(answers.into_iter().collect());
        let backlog = Mutex::new(Some(Duration::ZERO));
        Arc::new(Self { name, answers, seen: Mutex::default(), begun: Semaphore::new(0), backlog })
    }

    pub fn seen(&self) -> Vec<Message> {
        self.seen.lock().unwrap().clone()
    }

    /// Waits until another send was begun.
    pub async fn asked(&self) {
        tokio::time::timeout(Duration::from_secs(10), self.begun.acquire()).await.expect("nothing was sent").unwrap().forget();
    }
}

impl Transmitter for Scripted {
    fn name(&self) -> &str {
        self.name
    }

    fn serves(&self, channel: Channel) -> bool {
        match self.name {
            "relay" => channel == Channel::Mail,
            "caller" => channel == Channel::Voice,
            _ => channel == Channel::Sms,
        }
    }

    fn backlog(&self) -> Option<Duration> {
        *self.backlog.lock().unwrap()
    }

    fn send<'a>(&'a self, message: &'a Message, _now: Time) -> Later<'a, Result<Receipt, Failure>> {
        self.seen.lock().unwrap().push(message.clone());
        let answer = self.answers.lock().unwrap().pop_front().unwrap_or(Take);
        self.begun.add_permits(1);
        // The worst that a gateway can say.
        let words = format!("text {} to {}", message.text.expose(), message.to);
        Box::pin(async move {
            match answer {
                Take => Ok(Receipt::last_word(words)),
                TakeAs(reference) => Ok(Receipt { words, references: vec![reference.to_owned()] }),
                TakeInParts(references) => {
                    Ok(Receipt { words, references: references.iter().map(|name| (*name).to_owned()).collect() })
                }
                Fail(kind) => Err(Failure { kind, why: words }),
                Hang => std::future::pending().await,
            }
        })
    }
}

pub fn danish() -> Addresses {
    Addresses { country_prefix: Some("+45".into()), ..Addresses::default() }
}

pub struct House {
    pub memory: Arc<Memory>,
    pub clock: Clock,
    pub dispatcher: Dispatcher,
    pub tasks: TaskTracker,
}

/// Rules: mobile through `a` and then the group `g`; second_mobile through `g`; mail through `relay`.
pub fn house(transmitters: &[Arc<Scripted>], limits: Limits) -> House {
    house_on(Arc::default(), Clock::by_hand(), transmitters, limits)
}

pub fn house_on(memory: Arc<Memory>, clock: Clock, transmitters: &[Arc<Scripted>], limits: Limits) -> House {
    let tasks = TaskTracker::new();
    let dispatcher = Dispatcher::new(Parts {
        transmitters: transmitters.iter().map(grouped).collect(),
        policies: policies(),
        stores: Stores::one(&memory),
        journal: Journal::new(Arc::clone(&memory) as _, clock.clone()),
        keys: keys(),
        texts: Texts::built_in(),
        clock: clock.clone(),
        limits,
        node: "gate1".into(),
        tasks: tasks.clone(),
    });
    House { memory, clock, dispatcher, tasks }
}

fn grouped(transmitter: &Arc<Scripted>) -> Grouped {
    let group = transmitter.name.starts_with('g').then(|| Arc::from("g"));
    Grouped::new(Arc::clone(transmitter) as Arc<dyn Transmitter>, group)
}

fn policies() -> Vec<DispatchPolicy> {
    let rule = |channel, to, through: &[&str]| Rule {
        channel,
        to,
        through: through.iter().map(|name| Arc::from(*name)).collect(),
        to_country: Vec::new(),
        to_country_not: Vec::new(),
        wait: Duration::from_secs(30),
    };
    let rules = vec![
        rule(Channel::Sms, AddressKind::Mobile, &["a", "g"]),
        rule(Channel::Sms, AddressKind::SecondMobile, &["g"]),
        rule(Channel::Mail, AddressKind::Mail, &["relay"]),
    ];
    let calling = vec![
        rule(Channel::Sms, AddressKind::Mobile, &["a"]),
        rule(Channel::Voice, AddressKind::Mobile, &["caller"]),
        rule(Channel::Mail, AddressKind::Mail, &["relay"]),
    ];
    vec![DispatchPolicy { name: "standard".into(), rules }, DispatchPolicy { name: "calling".into(), rules: calling }]
}

pub fn keys() -> Keys {
    Keys::new(vec![SealKey { id: "k1".into(), secret: Secret::new(vec![7; 32]) }]).unwrap()
}

impl House {
    pub fn order(&self, id: &str) -> Order {
        Order {
            id: id.into(),
            trace: TraceId::new(&SystemSource),
            user: UserId::new("people", "anna"),
            application: "mail".into(),
            title: "mail".into(),
            policy: "standard".into(),
            addresses: Addresses { mobile: Some("12 34 56 78".into()), ..danish() },
            content: Content::Passcode(Secret::new(CODE.into())),
            label: "K7".into(),
            host: "mail.example.com".into(),
            language: Language::ENGLISH,
            flash: false,
            resent: false,
            from_rule: 0,
            expires: self.clock.now().plus(Duration::from_secs(300)),
        }
    }

    /// Another configuration, with these transmitters.
    pub fn renew(&self, transmitters: &[Arc<Scripted>]) {
        self.dispatcher.renew(transmitters.iter().map(grouped).collect(), policies(), Limits::default());
    }

    pub async fn hand_over(&self, order: Order) -> Result<Progress, DispatchError> {
        self.dispatcher.hand_over(order).await
    }

    /// Moves the clock on, second by second, until nothing is being sent any more.
    pub async fn done(&self) {
        self.tasks.close();
        for _ in 0..2000 {
            if tokio::time::timeout(Duration::from_millis(3), self.tasks.wait()).await.is_ok() {
                return;
            }
            self.clock.advance(Duration::from_secs(1));
        }
        panic!("the sending does not end");
    }

    pub fn kept(&self, id: &str) -> MessageRecord {
        let record = self.memory.record(Kind::Message, id).expect("a record");
        Table::new(&Stores::one(&self.memory), &keys()).open(record).expect("it opens").row
    }

    /// One that a call and a mail can follow.
    pub fn calling(&self, id: &str) -> Order {
        let order = self.order(id);
        let addresses = Addresses { mail: Some("anna@example.com".into()), ..order.addresses };
        Order { policy: "calling".into(), addresses, ..order }
    }

    pub async fn progress(&self, id: &str) -> Progress {
        self.dispatcher.progress(id).await.unwrap()
    }

    /// Looks after what waits in the store, until it is dropped.
    pub fn runs(&self) -> tokio_util::sync::DropGuard {
        let stop = CancellationToken::new();
        tokio::spawn(self.dispatcher.clone().run(stop.clone()));
        stop.drop_guard()
    }

    /// Waits, without moving the clock, until the message waits for its next try.
    pub async fn paused(&self, id: &str) {
        assert!(self.next_try(id).await.is_some(), "it is over: {:#?}", self.memory.story());
    }

    /// The same; when that is, or nothing where the message has come to its end.
    pub async fn next_try(&self, id: &str) -> Option<Time> {
        eventually("it ends or waits", async || match self.kept(id).work {
            None => Ok(None),
            Some(work) if work.again_at > Some(self.clock.now()) => Ok(work.again_at),
            Some(_) => Err(self.memory.story()),
        })
        .await
    }

    /// Waits until the transmitter is asked nothing more at this moment.
    pub async fn settled(&self, transmitter: &Scripted) {
        let mut seen = (usize::MAX, usize::MAX);
        loop {
            self.all_turns().await;
            let now = (transmitter.seen().len(), self.memory.story().len());
            if now == seen {
                return;
            }
            seen = now;
        }
    }

    /// Until every task of this runtime has done what it can before the clock moves: everything here is in memory and on one thread.
    pub async fn all_turns(&self) {
        for _ in 0..TURNS {
            tokio::task::yield_now().await;
        }
    }

    /// Waits, without moving the clock, until the journal's last event is this.
    pub async fn until(&self, last: &str) {
        eventually(format!("{last:?} is the last event"), async || {
            let story = self.memory.story();
            if story.last().is_some_and(|event| event == last) { Ok(()) } else { Err(story) }
        })
        .await;
    }

    pub async fn was_sent(&self, id: &str) -> bool {
        matches!(self.dispatcher.progress(id).await.unwrap(), Progress::Sent { .. })
    }
}
