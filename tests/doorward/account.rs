//! What operators see and do about one account, through the control socket.

use std::time::Duration;

use doorward::app::control::{self, Reply, Request};
use doorward::auth::{AccountDone, AccountTask, AccountView, Paused};

use crate::support::client::wrong;
use crate::support::node::{Bed, detail};
use crate::support::toml::Toml;

pub async fn asked(bed: &Bed, task: AccountTask) -> Result<AccountDone, String> {
    let control = bed.control.clone();
    let reply = tokio::task::spawn_blocking(move || control::ask(&control, &Request::Account(task))).await.unwrap();
    match reply.unwrap() {
        Reply::Account(done) => Ok(done),
        Reply::Error { why } => Err(why),
        other => panic!("{other:?}"),
    }
}

async fn shown(bed: &Bed, name: &str) -> AccountView {
    match asked(bed, AccountTask::Show(name.to_owned())).await.unwrap() {
        AccountDone::Shown(view) => view,
        other => panic!("{other:?}"),
    }
}

fn paused(view: &AccountView) -> Vec<Paused> {
    view.paused.iter().map(|pause| pause.what).collect()
}

#[tokio::test]
async fn a_pause_of_passwords_is_shown_and_lifted_in_every_spelling_of_the_name() {
    let bed = Bed::with(Toml::bed().limits("failures_per_user = \"2/15m\"")).await;
    assert_eq!(paused(&shown(&bed, "alice").await), []);
    for name in ["alice", "CORP\\alice"] {
        // The same one again would not be counted.
        for number in 0..3 {
            bed.browser().login(name, &format!("wrong {number}")).await;
        }
        let refused = bed.browser().login(name, "wonderland").await;
        assert!(bed.reason(&refused).await.ends_with("-paused"));
    }
    let view = shown(&bed, "Alice").await;
    assert!(
        paused(&view).contains(&Paused::NameForStrangers) && paused(&view).contains(&Paused::AccountForStrangers),
        "{view:?}"
    );
    assert!(view.paused.iter().all(|pause| pause.until.unwrap().since(bed.clock.now()) <= Duration::from_secs(15 * 60)));
    assert_eq!(paused(&shown(&bed, "bob").await), []);

    let done = asked(&bed, AccountTask::Unlock("alice".to_owned())).await.unwrap();
    assert!(
        matches!(done, AccountDone::Unlocked { ref user, counters, directory: None } if user == "people:alice" && counters > 0),
        "{done:?}"
    );
    assert_eq!(paused(&shown(&bed, "alice").await), []);
    for name in ["alice", "CORP\\alice"] {
        assert_eq!(bed.browser().login(name, "wonderland").await.status, 303, "{name}");
    }
}

#[tokio::test]
async fn a_pause_of_the_second_factor_is_shown_and_lifted() {
    let bed = Bed::with(Toml::bed().limits("wrong_factors_per_user = \"1/15m\"")).await;
    let browser = bed.browser();
    let page = browser.to_passcode("alice", "wonderland").await;
    let code = bed.code(&page).await;
    browser.passcode(&page, &wrong(&code)).await;
    assert_eq!(paused(&shown(&bed, "alice").await), [Paused::SecondFactor]);
    asked(&bed, AccountTask::Unlock("people:alice".to_owned())).await.unwrap();
    assert_eq!(paused(&shown(&bed, "alice").await), []);
    assert_eq!(browser.passcode(&page, &code).await.status, 303);
}

#[tokio::test]
async fn who_is_forgotten_is_signed_out_and_leaves_nothing_but_events_without_a_name() {
    let bed = Bed::start().await;
    let browser = bed.signed_in("alice", "wonderland").await;
    let other = bed.signed_in("bob", "builder").await;
    let under_way = bed.browser().to_passcode("alice", "wonderland").await;
    bed.code(&under_way).await;
    let view = shown(&bed, "alice").await;
    assert!(view.sessions == 1 && view.records > 3, "{view:?}");

    let done = asked(&bed, AccountTask::Forget("alice".to_owned())).await.unwrap();
    assert!(matches!(done, AccountDone::Forgotten { sessions: 1, records, .. } if records > 3), "{done:?}");
    assert!(!browser.is_in().await && other.is_in().await);
    let view = shown(&bed, "people:alice").await;
    assert_eq!((view.sessions, view.records), (0, 0), "{view:?}");
    let file = rusqlite::Connection::open(bed.state.join("doorward.db")).unwrap();
    let count = |sql: &str| file.query_row(sql, (), |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count("SELECT COUNT(*) FROM account_name WHERE name = 'alice'"), 0);
    assert_eq!(count("SELECT COUNT(*) FROM account_name WHERE name = 'bob'"), 1);
    assert!(count("SELECT COUNT(*) FROM event WHERE user = 'people:alice'") > 0);
    let used = bed.journal().into_iter().rfind(|event| detail(event)["command"] == "user forget people:alice");
    assert!(used.is_some());
    // The account is still in its directory: everything begins anew.
    bed.signed_in("alice", "wonderland").await;
}

#[tokio::test]
async fn somebody_who_is_gone_from_the_directory_can_be_forgotten_by_id_and_a_typing_mistake_cannot() {
    let bed = Bed::start().await;
    let done = asked(&bed, AccountTask::Forget("people:gone".to_owned())).await.unwrap();
    assert!(matches!(done, AccountDone::Forgotten { sessions: 0, records: 0, .. }), "{done:?}");
    for name in ["alcie", "", "a\u{0}b"] {
        assert!(asked(&bed, AccountTask::Forget(name.to_owned())).await.is_err(), "{name:?}");
    }
}
