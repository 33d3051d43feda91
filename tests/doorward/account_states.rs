//! What the house rules make of everything that a directory can say of a password, with a directory that says what the test wants.

use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use doorward::auth::flow::change::Unchanged;
use doorward::auth::{Attempt, Declined, Entered, FlowOver, OfFlow, Step, Told};
use doorward::base::{Dn, Later, Secret, UserId};
use doorward::config::group::Group;
use doorward::directory::{
    Account, AccountStatus, Bar, By, Changed, Changes, Directory, DirectoryError, Examination, Lister, LockOut, Mark, Meaning,
    Membership, Unlock, User, Verdict,
};

use crate::support::client::Watch;
use crate::support::house::{CHALLENGE, House, house_of};
use crate::support::runs::Runs;

/// Knows alice alone. Her password is `wonderland`; of any other it says `Wrong` and counts, as a real one does.
pub struct Scripted {
    said: Mutex<Said>,
    lock_out: Option<LockOut>,
}

struct Said {
    of_right: Verdict,
    password: String,
    /// What a change is answered, where it is not simply made.
    change: Option<fn() -> Result<Changed, DirectoryError>>,
    /// Nobody is found any more once the password was changed.
    dies_after_change: bool,
    /// How many wrong passwords it was shown; the most at once would be its threshold.
    wrong: u32,
    changes: u32,
    /// How many passwords it was shown, those of nobody too.
    asked: u32,
    is_dead: bool,
    /// The account may sign in no more.
    is_gone: bool,
}

impl Scripted {
    pub fn says(of_right: Verdict) -> Arc<Self> {
        Self::with_lock_out(of_right, None)
    }

    fn with_lock_out(of_right: Verdict, lock_out: Option<LockOut>) -> Arc<Self> {
        let said = Said {
            of_right,
            password: "wonderland".into(),
            change: None,
            dies_after_change: false,
            wrong: 0,
            changes: 0,
            asked: 0,
            is_dead: false,
            is_gone: false,
        };
        Arc::new(Self { said: Mutex::new(said), lock_out })
    }

    fn set(&self, change: impl FnOnce(&mut Said)) {
        change(&mut self.said.lock().unwrap());
    }

    fn wrong(&self) -> u32 {
        self.said.lock().unwrap().wrong
    }

    fn dead() -> DirectoryError {
        DirectoryError::Unreachable { directory: "people".into(), why: "dead".into() }
    }
}

impl Directory for Scripted {
    fn name(&self) -> &'static str {
        "people"
    }

    fn find<'a>(&'a self, by: &'a By) -> Later<'a, Result<Vec<Account>, DirectoryError>> {
        Box::pin(async move {
            if self.said.lock().unwrap().is_dead {
                return Err(Self::dead());
            }
            if self.said.lock().unwrap().is_gone {
                return Ok(Vec::new());
            }
            let names = ["alice", "CORP\\alice", "alice@corp.example", "alice@corp.test"];
            let is_alice = match by {
                By::Account(name) => names.iter().any(|known| known.eq_ignore_ascii_case(name)),
                By::Mail(mail) => mail == "alice@mail.example",
                By::Id(id) => id == "1:2",
                By::Whole { .. } => false,
            };
            let user =
                User { mail: Some("alice@mail.example".into()), ..User::new(UserId::new("people", "1:2"), "alice".into()) };
            let account = Account { user, handle: "alice".into(), lock_out: self.lock_out };
            Ok(is_alice.then_some(account).into_iter().collect())
        })
    }

    fn verify<'a>(&'a self, _: &'a Account, password: &'a Secret<String>) -> Later<'a, Result<Verdict, DirectoryError>> {
        Box::pin(async move {
            let mut said = self.said.lock().unwrap();
            said.asked += 1;
            if said.of_right == Verdict::Locked {
                return Ok(Verdict::Locked);
            }
            if *password.expose() == said.password {
                return Ok(said.of_right);
            }
            said.wrong += 1;
            Ok(Verdict::Wrong)
        })
    }

    fn verify_nobody<'a>(&'a self, _: &'a Secret<String>) -> Later<'a, Result<(), DirectoryError>> {
        self.set(|said| said.asked += 1);
        Box::pin(std::future::ready(Ok(())))
    }

    fn change<'a>(
        &'a self,
        _: &'a Account,
        old: &'a Secret<String>,
        new: &'a Secret<String>,
    ) -> Later<'a, Result<Changed, DirectoryError>> {
        Box::pin(async move {
            // Somebody else gets a turn in between.
            tokio::time::sleep(Duration::from_millis(5)).await;
            let mut said = self.said.lock().unwrap();
            said.changes += 1;
            if let Some(answer) = said.change {
                return answer();
            }
            if *old.expose() != said.password {
                said.wrong += 1;
                return Ok(Changed::WrongOld);
            }
            said.password = new.expose().clone();
            said.of_right = Verdict::Correct;
            said.is_dead = said.dies_after_change;
            Ok(Changed::Yes)
        })
    }

    fn unlock<'a>(&'a self, _: &'a Account) -> Later<'a, Result<Unlock, DirectoryError>> {
        Box::pin(std::future::ready(Ok(Unlock::Unable("a directory of this kind locks no account".to_owned()))))
    }

    fn changes_since<'a>(&'a self, _: Option<&'a Mark>) -> Later<'a, Result<Changes, DirectoryError>> {
        Box::pin(std::future::ready(Err(Self::dead())))
    }

    fn statuses<'a>(&'a self, _: &'a [UserId]) -> Later<'a, Result<Vec<(UserId, AccountStatus)>, DirectoryError>> {
        Box::pin(std::future::ready(Err(Self::dead())))
    }

    fn list(&self, _: Lister) -> Later<'_, Result<(), DirectoryError>> {
        Box::pin(std::future::ready(Err(Self::dead())))
    }

    fn memberships<'a>(&'a self, _: &'a UserId, _: &'a [Group]) -> Later<'a, Result<Vec<Option<Membership>>, DirectoryError>> {
        Box::pin(std::future::ready(Err(Self::dead())))
    }

    fn meaning<'a>(&'a self, _: &'a Group) -> Later<'a, Result<Meaning, DirectoryError>> {
        Box::pin(std::future::ready(Err(Self::dead())))
    }

    fn tree(&self) -> Option<&Dn> {
        None
    }

    fn examine(&self) -> Later<'_, Examination> {
        Box::pin(std::future::ready(Examination::default()))
    }
}

const ADMIT: &str = r#"{ then = "admit" }"#;

async fn house(directory: &Arc<Scripted>, rules: &str) -> House {
    house_of(tempfile::tempdir().unwrap(), Arc::clone(directory) as _, rules).await
}

/// As far as the page for a new password.
async fn to_change(house: &House) -> String {
    match house.password(House::attempt(), "alice", "wonderland").await {
        Told::Next { flow, step: Step::NewPassword } => flow,
        other => panic!("{other:?}"),
    }
}

async fn change(house: &House, flow: &str, new: &str) -> Told {
    let typed = || Secret::new(new.to_owned());
    house.of_flow(flow, OfFlow::Change { new: typed(), again: typed() }).await
}

#[tokio::test]
async fn an_account_that_is_barred_is_told_so_on_the_half_second_and_nothing_is_counted() {
    let barred = [Bar::Disabled, Bar::AccountExpired, Bar::Hours, Bar::Workstation].map(|bar| async move {
        let directory = Scripted::says(Verdict::Barred(bar));
        let house = house(&directory, ADMIT).await;
        for _ in 0..7 {
            let begun = Watch::start();
            let answer = house.password(House::attempt(), "alice", "wonderland").await;
            assert!(matches!(answer, Told::Declined { why: Declined::HelpDesk, .. }), "{bar:?}: {answer:?}");
            assert!(begun.elapsed() >= Duration::from_millis(490), "{bar:?}: {:?}", begun.elapsed());
            house.clock.advance(Duration::from_secs(5));
        }
        let answer = house.password(House::attempt(), "alice", "wrong").await;
        assert!(matches!(answer, Told::Refused { .. }), "{bar:?} is told to who does not know the password");
        assert_eq!(house.sessions.count(), 0);
    });
    futures_util::future::join_all(barred).await;
}

#[tokio::test]
async fn a_locked_account_reads_like_any_other_and_is_not_counted() {
    let directory = Scripted::says(Verdict::Locked);
    let house = house(&directory, ADMIT).await;
    for _ in 0..7 {
        let answer = house.password(House::attempt(), "alice", "wonderland").await;
        assert!(matches!(answer, Told::Refused { .. }), "{answer:?}");
    }
    directory.set(|said| said.of_right = Verdict::Correct);
    let answer = house.password(House::attempt(), "alice", "wonderland").await;
    assert!(matches!(answer, Told::Entered(Entered::Session(_))), "{answer:?}");
}

#[tokio::test]
async fn there_is_no_session_before_the_directory_says_that_the_password_is_changed() {
    for verdict in [Verdict::MustChange, Verdict::Expired] {
        let directory = Scripted::says(verdict);
        let house = house(&directory, ADMIT).await;
        let flow = to_change(&house).await;
        assert_eq!(house.sessions.count(), 0);
        let later = house.of_flow(&flow, OfFlow::ChangeLater).await;
        assert!(matches!(later, Told::Over(FlowOver::Gone)), "{later:?}");
        let same = change(&house, &flow, "wonderland").await;
        assert!(matches!(same, Told::Unchanged(Unchanged::Complaint(_))), "{same:?}");
        assert_eq!(directory.said.lock().unwrap().changes, 0, "the old one was shown as a new one");
        assert!(matches!(change(&house, &flow, "looking-glass").await, Told::Entered(Entered::Session(_))));
        assert_eq!(house.sessions.count(), 1);
    }
}

#[tokio::test]
async fn a_right_password_and_the_second_factor_come_before_the_change() {
    let directory = Scripted::says(Verdict::MustChange);
    let house = house(&directory, CHALLENGE).await;
    let answer = house.password(House::attempt(), "alice", "wonderland").await;
    let Told::Next { flow, step: Step::Factor } = answer else { panic!("{answer:?}") };
    assert!(matches!(change(&house, &flow, "looking-glass").await, Told::Over(FlowOver::Gone)));
    assert_eq!(directory.said.lock().unwrap().changes, 0);
}

#[tokio::test]
async fn a_directory_that_dies_after_the_change_leaves_a_new_password_and_no_session() {
    let directory = Scripted::says(Verdict::Expired);
    let house = house(&directory, ADMIT).await;
    let flow = to_change(&house).await;
    directory.set(|said| said.dies_after_change = true);
    let answer = change(&house, &flow, "looking-glass").await;
    assert!(matches!(answer, Told::Declined { why: Declined::PasswordSet, .. }), "{answer:?}");
    assert_eq!(house.sessions.count(), 0);
    directory.set(|said| said.is_dead = false);
    assert!(matches!(house.password(House::attempt(), "alice", "looking-glass").await, Told::Entered(Entered::Session(_))));
}

#[tokio::test]
async fn an_account_that_is_barred_before_the_change_is_for_the_help_desk_and_stays_so() {
    let directory = Scripted::says(Verdict::Expired);
    let house = house(&directory, ADMIT).await;
    let flow = to_change(&house).await;
    directory.set(|said| said.is_gone = true);
    let answer = change(&house, &flow, "looking-glass").await;
    assert!(matches!(answer, Told::Declined { why: Declined::HelpDesk, .. }), "{answer:?}");
    directory.set(|said| said.is_gone = false);
    let again = change(&house, &flow, "looking-glass").await;
    assert!(matches!(again, Told::Over(FlowOver::ChangeEnded { .. })), "{again:?}");
    assert_eq!((house.sessions.count(), directory.said.lock().unwrap().changes), (0, 0));
}

#[tokio::test]
async fn a_directory_that_cannot_change_it_is_for_the_help_desk_unless_it_can_wait() {
    let directory = Scripted::says(Verdict::Expired);
    let house_a = house(&directory, ADMIT).await;
    directory.set(|said| said.change = Some(|| Ok(Changed::Unable("a right is missing".into()))));
    let flow = to_change(&house_a).await;
    let answer = change(&house_a, &flow, "looking-glass").await;
    assert!(matches!(answer, Told::Declined { why: Declined::HelpDesk, .. }), "{answer:?}");

    let house_b = house(&directory, ADMIT).await;
    directory.set(|said| said.of_right = Verdict::Expiring(Duration::from_secs(3600)));
    let flow = to_change(&house_b).await;
    let answer = change(&house_b, &flow, "looking-glass").await;
    assert!(matches!(answer, Told::Unchanged(Unchanged::Unable)), "{answer:?}");
    assert!(matches!(house_b.of_flow(&flow, OfFlow::ChangeLater).await, Told::Entered(Entered::Session(_))));
}

#[tokio::test]
async fn one_that_runs_out_later_than_the_warning_is_not_spoken_of() {
    for (days, expected) in [(13, true), (15, false)] {
        let directory = Scripted::says(Verdict::Expiring(Duration::from_secs(days * 86_400)));
        let house = house(&directory, ADMIT).await;
        let answer = house.password(House::attempt(), "alice", "wonderland").await;
        assert_eq!(matches!(answer, Told::Next { step: Step::NewPassword, .. }), expected, "{days} days: {answer:?}");
    }
}

#[tokio::test]
async fn a_change_with_a_wrong_old_password_is_taken_from_what_the_account_bears() {
    let lock_out = Some(LockOut { threshold: 5, window: Duration::from_secs(1800), spent: 0 });
    let directory = Scripted::with_lock_out(Verdict::MustChange, lock_out);
    let house = house(&directory, ADMIT).await;
    let mut flows = Vec::new();
    for _ in 0..8 {
        flows.push(to_change(&house).await);
    }
    directory.set(|said| said.password = "changed elsewhere".into());
    let mut paused = 0;
    for flow in &flows {
        match change(&house, flow, "looking-glass").await {
            Told::Over(FlowOver::PasswordStale { .. }) => {}
            Told::Unchanged(Unchanged::TooMany) => paused += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((directory.wrong(), paused), (2, 6), "the owner's share is two of four");
    for number in 0..9 {
        house.password(House::attempt(), "alice", &format!("guess {number}")).await;
    }
    assert_eq!(directory.wrong(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_at_once_are_one_change_one_session_and_no_wrong_password() {
    let directory = Scripted::says(Verdict::MustChange);
    let house = house(&directory, ADMIT).await;
    for round in 0..50 {
        directory.set(|said| {
            said.password = "wonderland".into();
            said.of_right = Verdict::MustChange;
        });
        let flow = to_change(&house).await;
        let (first, second) = (format!("first {round}"), format!("second {round}"));
        let answers = tokio::join!(
            change(&house, &flow, &first),
            change(&house, &flow, &second),
            change(&house, &flow, &first),
            house.of_flow(&flow, OfFlow::ChangeLater)
        );
        let all = [&answers.0, &answers.1, &answers.2, &answers.3];
        let admitted = all.iter().filter(|answer| matches!(answer, Told::Entered(Entered::Session(_)))).count();
        assert_eq!(admitted, 1, "round {round}: {answers:?}");
    }
    assert_eq!((house.sessions.count(), directory.wrong()), (50, 0));
    assert_eq!(directory.said.lock().unwrap().changes, 50);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guesses_at_once_in_every_spelling_stay_below_every_threshold() {
    for (threshold, strangers) in [(2, 1), (3, 1), (4, 1), (5, 2), (10, 4)] {
        let lock_out = Some(LockOut { threshold, window: Duration::from_secs(1800), spent: 0 });
        let directory = Scripted::with_lock_out(Verdict::Correct, lock_out);
        let house = house(&directory, ADMIT).await;
        let guesses = (0..200).map(|number| {
            let house = &house;
            let name =
                ["alice", "ALICE", "corp\\Alice", "alice@corp.example", "alice@CORP.test", "alice@mail.example"][number % 6];
            let at = Attempt { address: Some([127, 0, 1, u8::try_from(number % 50).unwrap()].into()), ..House::attempt() };
            async move { house.password(at, name, &format!("guess {number}")).await }
        });
        let answers = futures_util::future::join_all(guesses).await;
        assert!(answers.iter().all(|answer| matches!(answer, Told::Refused { .. })));
        assert_eq!(directory.wrong(), strangers, "threshold {threshold}");
        house.clock.advance(Duration::from_secs(1800 + 31));
        assert!(matches!(house.password(House::attempt(), "alice", "wonderland").await, Told::Entered(Entered::Session(_))));
    }
}

#[tokio::test]
async fn a_name_that_is_nobodys_is_refused_and_costs_like_one_whose_account_is_paused() {
    let lock_out = Some(LockOut { threshold: 5, window: Duration::from_secs(1800), spent: 0 });
    let mut costs = Vec::new();
    for name in ["alice", "mallory"] {
        let directory = Scripted::with_lock_out(Verdict::Correct, lock_out);
        let house = house(&directory, ADMIT).await;
        // Each refusal takes half a second.
        let _runs = Runs::fast(&house.clock);
        let mut asked = Vec::new();
        // Every third password comes twice.
        for number in [0, 1, 2, 2, 3, 4, 5, 5, 6, 7] {
            let answer = house.password(House::attempt(), name, &format!("guess {number}")).await;
            assert!(matches!(answer, Told::Refused { .. }), "{name}: {answer:?}");
            asked.push(directory.said.lock().unwrap().asked);
        }
        costs.push(asked);
    }
    assert_eq!(costs[0], costs[1]);
}
