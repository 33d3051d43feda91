//! The journal through the front door: every decision of a sign-in can be read afterwards under the trace id that the page showed.

use std::time::Duration;

use doorward::app::control::{self, Reply, Request};
use doorward::auth::JournalQuery;
use doorward::store::Entry;

use crate::support::client::wrong;
use crate::support::eventually::eventually;
use crate::support::journal::whole;
use crate::support::node::{Bed, HOST, detail, user};
use crate::support::toml::Toml;

#[tokio::test]
async fn every_decision_of_a_sign_in_is_an_event_under_one_trace_id() {
    let bed = Bed::start().await;
    let browser = bed.browser();
    let page = browser.to_passcode("alice", "wonderland").await;
    let code = bed.code(&page).await;
    browser.passcode(&page, &wrong(&code)).await;
    browser.passcode(&page, &code).await;
    let trace = bed.journal().iter().find(|event| event.kind == "password-right").unwrap().trace.unwrap();
    let events = bed.trace(&trace.to_string()).await;
    let kinds: Vec<&str> = events.iter().map(|event| event.kind.as_str()).filter(|kind| !kind.starts_with("message-")).collect();
    assert_eq!(kinds, ["password-right", "policy-decided", "passcode-issued", "passcode-refused", "passcode-right", "signed-in"]);
    let messages: Vec<&str> =
        events.iter().map(|event| event.kind.as_str()).filter(|kind| kind.starts_with("message-")).collect();
    assert_eq!(messages.first(), Some(&"message-handed-over"));
    assert!(messages.contains(&"message-sent"), "{messages:?}");
    assert!(events.iter().all(|event| event.user == "people:alice" && event.application == "app"), "{events:#?}");
}

#[tokio::test]
async fn the_trace_id_on_a_refusal_leads_to_its_reason() {
    let bed = Bed::start().await;
    let refused = bed.browser().login("alice", "wrong").await;
    let events = bed.trace(&refused.trace()).await;
    let [event] = events.as_slice() else { panic!("{events:#?}") };
    assert_eq!((event.kind.as_str(), event.user.as_str(), event.outcome.as_str()), ("password-refused", "people:alice", "no"));
    assert_eq!((detail(event)["reason"].as_str(), detail(event)["address"].as_str()), (Some("wrong"), Some("127.0.0.1")));
}

#[tokio::test]
async fn a_name_that_means_nobody_is_kept_as_hash_and_length_alone() {
    let bed = Bed::start().await;
    let refused = bed.browser().login("my-password-by-mistake", "x").await;
    let event = bed.trace(&refused.trace()).await.remove(0);
    let name = &detail(&event)["name"];
    assert_eq!((name["length"].as_u64(), name["hash"].as_str().map(str::len)), (Some(22), Some(16)));
    let journal = format!("{:?}", bed.journal());
    assert!(!journal.contains("by-mistake") && event.user.is_empty(), "{journal}");
}

#[tokio::test]
async fn no_event_tells_a_password_a_passcode_or_a_whole_number() {
    let bed = Bed::with(Toml::bed().passcode("length = 10")).await;
    let browser = bed.browser();
    let page = browser.to_passcode("alice", "wonderland").await;
    let code = bed.code(&page).await;
    let typed = wrong(&code);
    browser.passcode(&page, &typed).await;
    browser.passcode(&page, &code).await;
    browser.sign_out().await;
    let journal = format!("{:?}", bed.journal());
    for secret in ["wonderland", &code, &typed, "12345678", "12 34 56 78"] {
        assert!(!journal.contains(secret), "{secret}: {journal}");
    }
}

#[tokio::test]
async fn who_reads_the_journal_is_in_it() {
    let bed = Bed::start().await;
    bed.trace("0000-0000-0000").await;
    let journal = bed.journal();
    let used = journal.iter().find(|event| event.kind == "control-used").unwrap();
    assert_eq!(detail(used)["command"].as_str(), Some("trace 0000-0000-0000"));
}

/// What the running node says to a question about its journal.
async fn asked(bed: &Bed, query: JournalQuery) -> Vec<Entry> {
    let control = bed.control.clone();
    let ask = move || {
        let mut found = Vec::new();
        let mut is_whole = false;
        let take = |reply| {
            match reply {
                Reply::Journal { events } => found.extend(events.into_iter().map(|link| link.entry)),
                Reply::Over => is_whole = true,
                other => panic!("{other:?}"),
            }
            Ok(())
        };
        control::ask_patiently(&control, &Request::Journal(query), take, || true).unwrap();
        assert!(is_whole);
        found
    };
    tokio::task::spawn_blocking(ask).await.unwrap()
}

fn of_user(name: &str) -> JournalQuery {
    JournalQuery { user: Some(name.to_owned()), ..JournalQuery::default() }
}

#[tokio::test]
async fn a_sign_in_is_found_by_name_with_all_that_it_rested_on() {
    let alice = user("alice", "wonderland", "mobile = \"+4512345678\"\ngroups = [\"staff\"]");
    let bed = Bed::with(Toml::bed().rules("{ when = { group = [\"staff\"] }, then = \"challenge\" },").users(alice)).await;
    let browser = bed.browser().with("user-agent", "Lynx/2.9 \u{fc}");
    let page = browser.to_passcode("alice", "wonderland").await;
    let code = bed.code(&page).await;
    browser.passcode(&page, &wrong(&code)).await;
    browser.passcode(&page, &code).await;
    for name in ["alice", " ALICE", "people:alice"] {
        let found = asked(&bed, of_user(name)).await;
        let kinds: Vec<&str> =
            found.iter().map(|event| event.kind.as_str()).filter(|kind| !kind.starts_with("message-")).collect();
        assert_eq!(
            kinds,
            ["password-right", "policy-decided", "passcode-issued", "passcode-refused", "passcode-right", "signed-in"],
            "{name}"
        );
        assert!(found.iter().all(|event| event.name == "alice" && event.user == "people:alice"), "{found:#?}");
    }
    let found = asked(&bed, of_user("alice")).await;
    for event in found.iter().filter(|event| !event.kind.starts_with("message-")) {
        let detail = detail(event);
        assert_eq!(
            (detail["address"].as_str(), detail["browser"].as_str()),
            (Some("127.0.0.1"), Some("Lynx/2.9 \u{fc}")),
            "{event:?}"
        );
    }
    let decided = found.iter().find(|event| event.kind == "policy-decided").unwrap();
    let facts = &detail(decided)["facts"];
    assert_eq!(facts["door"], format!("browser {HOST}"));
    assert_eq!((facts["known_browser"].as_bool(), facts["number_age_s"].as_u64()), (Some(false), Some(0)));
    assert_eq!(facts["groups"], serde_json::json!([{ "group": "staff", "answer": "member" }]));
}

#[tokio::test]
async fn what_was_refused_before_anybody_was_looked_up_is_found_by_the_name_that_was_typed() {
    let bed = Bed::with(Toml::bed().limits("failures_per_user = \"1/15m\"")).await;
    for _ in 0..2 {
        bed.browser().login("Nobody Here", "x").await;
    }
    let found = asked(&bed, of_user("nobody here")).await;
    let reasons: Vec<String> = found.iter().map(|event| detail(event)["reason"].as_str().unwrap().to_owned()).collect();
    assert_eq!(reasons, ["nobody", "name-paused"]);
    assert!(asked(&bed, of_user("nobody")).await.is_empty());
}

#[tokio::test]
async fn the_filters_are_true_together() {
    let bed = Bed::start().await;
    bed.browser().login("alice", "wrong").await;
    bed.browser().from(9).login("bob", "wrong").await;
    bed.signed_in("alice", "wonderland").await;
    let count = async |query| asked(&bed, query).await.len();
    let no = JournalQuery { outcome: Some("no".into()), ..JournalQuery::default() };
    assert_eq!(count(no.clone()).await, 2);
    assert_eq!(count(JournalQuery { user: Some("bob".into()), ..no.clone() }).await, 1);
    assert_eq!(count(JournalQuery { address: "127.0.0.9/32".parse().ok(), ..no.clone() }).await, 1);
    assert_eq!(count(JournalQuery { address: "127.0.0.0/8".parse().ok(), ..no.clone() }).await, 2);
    assert_eq!(count(JournalQuery { address: "192.0.2.0/24".parse().ok(), ..no.clone() }).await, 0);
    assert_eq!(count(JournalQuery { application: Some("other".into()), ..no.clone() }).await, 0);
    assert_eq!(count(JournalQuery { event: Some("signed-in".into()), ..JournalQuery::default() }).await, 1);
    assert_eq!(count(JournalQuery { from: Some(bed.clock.now()), ..no.clone() }).await, 0);
    assert_eq!(count(JournalQuery { until: Some(bed.clock.now()), ..no }).await, 2);
    let used = asked(&bed, JournalQuery { event: Some("control-used".into()), ..of_user("") }).await;
    assert!(used.is_empty());
    let used = asked(&bed, JournalQuery { event: Some("control-used".into()), ..JournalQuery::default() }).await;
    assert_eq!(detail(&used[1])["command"], "journal --user bob --outcome no export");
}

#[tokio::test]
async fn a_follower_is_told_of_each_event_as_it_is_written_and_holds_up_no_stop() {
    let mut bed = Bed::start().await;
    let control = bed.control.clone();
    let query = JournalQuery { follow: true, from: Some(bed.clock.now()), outcome: Some("no".into()), ..JournalQuery::default() };
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let follower = std::thread::spawn(move || {
        let take = |reply| {
            let Reply::Journal { events } = reply else { panic!("{reply:?}") };
            events.into_iter().for_each(|link| tell.send(link.entry.kind).unwrap());
            Ok(())
        };
        control::ask_patiently(&control, &Request::Journal(query), take, || true)
    });
    eventually("the follower is in the journal", async || bed.journal().iter().any(|event| event.kind == "control-used")).await;
    for _ in 0..2 {
        bed.browser().login("alice", "wrong").await;
        assert_eq!(told.recv().await.as_deref(), Some("password-refused"));
    }
    let state = bed.state.clone();
    bed.restart(&state).await.unwrap();
    tokio::task::spawn_blocking(move || follower.join().unwrap()).await.unwrap().unwrap();
}

#[tokio::test]
async fn what_is_older_than_keep_is_removed_once_a_day_and_the_chain_goes_on() {
    let bed = Bed::with(Toml::bed().section("[audit]\nkeep = \"2d\"")).await;
    bed.browser().login("alice", "wrong").await;
    let has = |kind: &str| bed.journal().iter().any(|event| event.kind == kind);
    for _ in 0..4 {
        bed.clock.advance(A_DAY / 2);
        bed.browser().login("nobody", "x").await;
    }
    assert!(bed.journal().iter().any(|event| event.user == "people:alice"));
    let clock = bed.clock.clone();
    eventually("the first day's events are removed", async || {
        clock.advance(Duration::from_secs(3600));
        !has("started")
    })
    .await;
    assert!(has("journal-cut"), "{:#?}", bed.journal());
    let log = doorward::store::sqlite::Sqlite::open_to_read(&bed.state.join("doorward.db")).unwrap();
    assert!(whole(&log).await.is_ok());
    let chains = doorward::audit::verify(&log, None).await.unwrap();
    assert!(chains[0].cut > 0 && chains[0].misfit.is_none(), "{chains:?}");
}

#[tokio::test]
async fn an_old_end_that_somebody_else_removed_is_found() {
    let bed = Bed::start().await;
    for _ in 0..3 {
        bed.browser().login("nobody", "x").await;
    }
    let file = bed.state.join("doorward.db");
    let database = rusqlite::Connection::open(&file).unwrap();
    let removes = [
        "UPDATE chain SET cut_seq = 2, cut_hash = (SELECT hash FROM event WHERE seq = 2); DELETE FROM event WHERE seq <= 2;",
        "UPDATE chain SET cut_seq = seq, cut_hash = hash; DELETE FROM event;",
    ];
    for remove in removes {
        database.execute_batch(remove).unwrap();
        let log = doorward::store::sqlite::Sqlite::open_to_read(&file).unwrap();
        let chains = doorward::audit::verify(&log, None).await.unwrap();
        let misfit = chains[0].misfit;
        assert!(matches!(misfit, Some(doorward::store::Misfit::NotCutByUs(seq)) if seq == chains[0].cut), "{chains:?}");
    }
}

const A_DAY: Duration = Duration::from_secs(86_400);
