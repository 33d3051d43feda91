//! The house rules without sockets, for what must be tried thousands of times: real store, real dispatcher, users in a file, and
//! every question to the store counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use doorward::audit::Journal;
use doorward::auth::{Ask, Attempt, Door, Entered, Gatekeeper, OfFlow, Parts, PasswordAttempt, Services, Sessions, Step, Told};
use doorward::base::keys::SealKey;
use doorward::base::random::SystemSource;
use doorward::base::{Clock, Keys, Language, Secret, Texts, Time, UserId};
use doorward::config;
use doorward::config::DispatchPolicy;
use doorward::config::directory::Domain;
use doorward::config::dispatch_policy::Rule;
use doorward::directory::local::Local;
use doorward::directory::people::Place as DirectoryPlace;
use doorward::directory::{Directory, People};
use doorward::dispatch::console::ConsoleTransmitter;
use doorward::dispatch::{Dispatcher, Grouped, Parts as DispatchParts};
use doorward::store::sqlite::Sqlite;
use doorward::store::{
    Counter, Counters, Entry, EventLog, Fed, Feed, Kind, Place, Put, Queue, Queued, Record, Records, Search, StoreFuture, Stores,
    Taken,
};

use super::eventually::eventually;
use super::outbox;
use super::toml::Toml;

pub struct House {
    pub gatekeeper: Gatekeeper,
    pub clock: Clock,
    pub sessions: Sessions,
    pub store: Arc<Counted>,
    pub dispatcher: Dispatcher,
    folder: Arc<tempfile::TempDir>,
}

/// Other ways of sending than a console by mail.
pub struct Sends {
    pub transmitters: Vec<Grouped>,
    /// Of the dispatch policy.
    pub rules: Vec<Rule>,
}

/// The same in a folder that outlives it, with these ways of sending; what waits in the store is looked after as in a whole node.
pub async fn sending_house(folder: &Arc<tempfile::TempDir>, users: &str, clock: Clock, sends: Sends) -> House {
    std::fs::write(folder.path().join("users.toml"), users).unwrap();
    let file = config::directory::Local { file: folder.path().join("users.toml") };
    let directory = Arc::new(Local::open("people".into(), &file).unwrap());
    let house = built(Arc::clone(folder), directory, (clock, CHALLENGE), Some(sends)).await;
    tokio::spawn(house.dispatcher.clone().run(tokio_util::sync::CancellationToken::new()));
    house
}

/// `users` is the text of a users file. Limits are as wide as a test of races needs.
pub async fn house(users: &str) -> House {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("users.toml"), users).unwrap();
    let file = config::directory::Local { file: folder.path().join("users.toml") };
    let directory = Arc::new(Local::open("people".into(), &file).unwrap());
    house_of(folder, directory, CHALLENGE).await
}

/// The same with any directory, which must be called `people`, and with these rules.
pub async fn house_of(folder: tempfile::TempDir, directory: Arc<dyn Directory>, rules: &str) -> House {
    built(Arc::new(folder), directory, (Clock::by_hand(), rules), None).await
}

/// Everybody in this directory is let in by the password alone.
pub async fn open_house(directory: Arc<dyn Directory>, clock: Clock) -> House {
    built(Arc::new(tempfile::tempdir().unwrap()), directory, (clock, r#"{ then = "admit" }"#), None).await
}

async fn built(
    folder: Arc<tempfile::TempDir>,
    directory: Arc<dyn Directory>,
    (clock, rules): (Clock, &str),
    sends: Option<Sends>,
) -> House {
    let by_mail = r#"{ channel = "mail", to = "mail", through = ["screen"] }"#;
    let config = Toml::site().named("app", "app.example").dispatch(by_mail).everybody(rules).limits(WIDE).parse(folder.path());
    let keys = Keys::new(vec![SealKey { id: "k1".into(), secret: Secret::new(vec![7; 32]) }]);
    let (keys, random) = (keys.unwrap(), Arc::new(SystemSource));
    let store = Arc::new(Sqlite::open(&folder.path().join("doorward.db")).unwrap());
    let journal = Journal::new(Arc::clone(&store) as _, clock.clone());
    let store = Arc::new(Counted { store, questions: AtomicUsize::new(0) });
    let stores = Services { stores: Stores::one(&store), journal: journal.clone(), keys: keys.clone(), clock, random };
    let sessions = Sessions::load(stores.clone()).await.unwrap();
    let console = config::transmitter::Console { outbox: Some(folder.path().join("outbox.jsonl")) };
    let (transmitters, policies) = match sends {
        Some(Sends { transmitters, rules }) => (transmitters, vec![DispatchPolicy { name: "standard".into(), rules }]),
        None => {
            let screen = Arc::new(ConsoleTransmitter::new("screen".into(), console));
            (vec![Grouped::new(screen, None)], config.dispatch_policies.clone())
        }
    };
    let dispatcher = Dispatcher::new(DispatchParts {
        transmitters,
        policies,
        stores: stores.stores.clone(),
        journal,
        keys,
        texts: Texts::built_in(),
        clock: stores.clock.clone(),
        limits: config.limits.clone(),
        node: "test".into(),
        tasks: tokio_util::task::TaskTracker::new(),
    });
    let place = DirectoryPlace {
        directory,
        domain: Domain::default(),
        country_prefix: None,
        default: true,
        recheck: Duration::from_secs(60),
    };
    let parts = Parts {
        applications: config.applications,
        authentication_policies: config.authentication_policies,
        passcode_policies: config.passcode_policies,
        limits: config.limits,
        notices: doorward::config::Notices::default(),
        people: People::new(vec![place]),
        password_warnings: [("people".into(), Duration::from_secs(14 * 86_400))].into(),
        dispatcher: dispatcher.clone(),
        sessions: sessions.clone(),
        services: stores,
    };
    let clock = parts.services.clock.clone();
    let gatekeeper = Gatekeeper::new(parts, tokio::runtime::Handle::current());
    House { gatekeeper, clock, sessions, store, dispatcher, folder }
}

impl House {
    pub fn attempt() -> Attempt {
        let door = Door::Browser {
            application: "app".into(),
            host: "app.example".into(),
            cookie: Secret::new("browser".repeat(6)),
            known: None,
            agent: None,
        };
        Attempt { door, address: Some([127, 0, 0, 1].into()) }
    }

    /// A question about a flow, in the browser of [`House::attempt`].
    pub async fn of_flow(&self, flow: &str, what: OfFlow) -> Told {
        self.gatekeeper.ask(Ask::Flow { at: Self::attempt(), flow: flow.to_owned(), what }).await
    }

    /// The journal.
    pub fn events(&self) -> &Sqlite {
        &self.store.store
    }

    /// The first step with any password.
    pub async fn password(&self, at: Attempt, name: &str, password: &str) -> Told {
        let attempt = PasswordAttempt {
            at,
            name: name.to_owned(),
            password: Secret::new(password.to_owned()),
            back: "/".into(),
            language: Language::ENGLISH,
            language_chosen: false,
        };
        self.gatekeeper.ask(Ask::Password(attempt)).await
    }

    /// The first step; flow and passcode.
    pub async fn login(&self, name: &str) -> (String, String) {
        let answer = self.password(Self::attempt(), name, "wonderland").await;
        let Told::Next { flow, step: Step::Factor } = answer else { panic!("not challenged") };
        (flow, self.code(&format!("people:{name}")).await)
    }

    /// Signs in where the password is enough.
    pub async fn enter(&self, name: &str, password: &str) {
        let answer = self.password(Self::attempt(), name, password).await;
        assert!(matches!(answer, Told::Entered(Entered::Session(_))), "{name}: {answer:?}");
    }

    /// The journal's events of one kind, oldest first.
    pub async fn journaled(&self, kind: &str) -> Vec<Entry> {
        let events = self.events().search(Search::default()).await.unwrap();
        events.into_iter().filter(|event| event.kind == kind).collect()
    }

    /// The newest passcode that was sent to this user.
    pub async fn code(&self, user: &str) -> String {
        eventually(format!("a message for {user}"), async || {
            let sent = outbox::sent(self.folder.path());
            sent.into_iter().rfind(|message| message.user == user).map(|message| message.passcode)
        })
        .await
    }

    pub async fn answer(&self, flow: &str, code: &str) -> Told {
        self.of_flow(flow, OfFlow::Answer(Secret::new(code.to_owned()))).await
    }
}

/// Asks the real store and counts.
pub struct Counted {
    store: Arc<Sqlite>,
    questions: AtomicUsize,
}

impl Counted {
    pub fn questions(&self) -> usize {
        self.questions.load(Ordering::Relaxed)
    }

    fn asked(&self) -> &Sqlite {
        self.questions.fetch_add(1, Ordering::Relaxed);
        &self.store
    }
}

impl Records for Counted {
    fn find<'a>(&'a self, kind: Kind, id: &'a str, now: Time) -> StoreFuture<'a, Option<Record>> {
        self.asked().find(kind, id, now)
    }

    fn put_all<'a>(&'a self, puts: Vec<Put<'a>>, now: Time) -> StoreFuture<'a, bool> {
        self.asked().put_all(puts, now)
    }

    fn remove<'a>(&'a self, kind: Kind, id: &'a str, now: Time) -> StoreFuture<'a, bool> {
        Records::remove(self.asked(), kind, id, now)
    }

    fn by_owner<'a>(&'a self, kind: Kind, owner: &'a str, now: Time) -> StoreFuture<'a, Vec<Record>> {
        self.asked().by_owner(kind, owner, now)
    }

    fn erase<'a>(&'a self, user: &'a UserId) -> StoreFuture<'a, u64> {
        Records::erase(self.asked(), user)
    }

    fn sweep(&self, now: Time) -> StoreFuture<'_, u64> {
        Records::sweep(self.asked(), now)
    }
}

impl Counters for Counted {
    fn take<'a>(&'a self, place: Place<'a, Counter>, limit: u32, window: Duration, now: Time) -> StoreFuture<'a, Taken> {
        self.asked().take(place, limit, window, now)
    }

    fn give_back<'a>(&'a self, counter: Counter, id: &'a str, now: Time) -> StoreFuture<'a, ()> {
        self.asked().give_back(counter, id, now)
    }

    fn starting<'a>(&'a self, counter: Counter, beginning: &'a str, now: Time) -> StoreFuture<'a, Vec<doorward::store::Counted>> {
        self.asked().starting(counter, beginning, now)
    }

    fn remove<'a>(&'a self, counter: Counter, id: &'a str, now: Time) -> StoreFuture<'a, bool> {
        Counters::remove(self.asked(), counter, id, now)
    }

    fn erase<'a>(&'a self, user: &'a UserId) -> StoreFuture<'a, u64> {
        Counters::erase(self.asked(), user)
    }

    fn sweep(&self, now: Time) -> StoreFuture<'_, u64> {
        Counters::sweep(self.asked(), now)
    }
}

impl Queue for Counted {
    fn claim<'a>(&'a self, kind: Queued, node: &'a str, lease: Time, now: Time) -> StoreFuture<'a, Option<Record>> {
        self.asked().claim(kind, node, lease, now)
    }

    fn due<'a>(&'a self, kind: Queued, id: &'a str, due: Option<Time>, now: Time) -> StoreFuture<'a, ()> {
        self.asked().due(kind, id, due, now)
    }
}

impl Feed for Counted {
    fn changes_since(&self, kind: Fed, mark: u64, most: u32, now: Time) -> StoreFuture<'_, (Vec<Record>, u64)> {
        self.asked().changes_since(kind, mark, most, now)
    }
}

pub const CHALLENGE: &str = r#"{ then = "challenge", factors = ["passcode"], dispatch = "standard" }"#;

const WIDE: &str = r#"
attempts_per_address = "1000000/1m"
wrong_factors_per_user = "1000000/1h"
messages_per_user = "1000000/1h"
messages_per_number = "1000000/1h"
messages_per_address = "1000000/1h"
messages_per_prefix = "1000000/1h"
messages_per_day = 1000000
"#;
