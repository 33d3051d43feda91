//! Another configuration for the running program: what takes effect, what needs a restart, and what becomes of those who are inside.

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use http_body_util::{BodyExt, Full};

use crate::support::client::{Client, Watch};
use crate::support::eventually::eventually;
use crate::support::gate::{Gate, HOST, OTHER};
use crate::support::program::Program;

const ALICE: (&str, &str) = ("alice", "wonderland");
const BOB: (&str, &str) = ("bob", "builder");

/// A gate with the program in front.
async fn running() -> (Gate, Program, String) {
    let gate = Gate::new().await;
    let configuration = gate.configuration("127.0.0.1:0");
    gate.write(&configuration);
    let folder = gate.folder.path().to_owned();
    let program = tokio::task::spawn_blocking(move || Program::serve(&folder)).await.unwrap();
    (gate, program, configuration)
}

fn without(configuration: &str, from: &str, until: &str) -> String {
    let (before, rest) = configuration.split_once(from).unwrap();
    let (_, after) = rest.split_once(until).unwrap();
    format!("{before}{until}{after}")
}

async fn download(browser: &Client) -> hyper::body::Incoming {
    let mut body = browser.send(browser.request(Method::GET, "/download", &[], Full::<Bytes>::default())).await.into_body();
    body.frame().await.unwrap().unwrap();
    body
}

async fn ends(mut body: hyper::body::Incoming) -> bool {
    tokio::time::timeout(Duration::from_secs(1), async { while let Some(Ok(_)) = body.frame().await {} }).await.is_ok()
}

#[tokio::test]
async fn a_reload_changes_what_is_served_and_says_what() {
    let (gate, program, configuration) = running().await;
    let server = program.addresses[0];
    let alice = gate.signed_in(server, HOST, ALICE).await;
    assert!(gate.browser(server, HOST).get("/.doorward/login").await.says("Before"));

    let new = configuration.replace("Before", "After").replace("hosts = [\"other.example\"]", "hosts = [\"third.example\"]");
    gate.write(&new);
    let (code, out, errors) = gate.command(&["reload"]).await;
    assert_eq!((code, out.as_str()), (Some(0), "application other: changed\n[pages]: changed\n"), "{errors}");
    assert!(errors.contains("warning: no certificate names third.example"), "{errors}");
    assert!(gate.browser(server, HOST).get("/.doorward/login").await.says("After"));
    assert_eq!(gate.browser(server, OTHER).get("/").await.status, 421);
    assert!(alice.is_in().await, "a reload has logged somebody out");
    let (code, out, _) = gate.command(&["reload"]).await;
    assert_eq!(
        (code, out.as_str()),
        (Some(0), "no visible change (secrets are not compared); certificates and other files were read again\n")
    );
}

#[tokio::test]
async fn a_broken_configuration_changes_nothing_and_all_that_is_wrong_is_said() {
    let (gate, program, configuration) = running().await;
    let server = program.addresses[0];
    let broken = [
        (configuration.replace("Before", "After").replace("policy = \"staff\"", "policy = \"stuff\""), 2, "stuff"),
        (configuration.replace("Before", "After").replace("users.toml", "nobody.toml"), 2, "nobody.toml"),
        (configuration.replace("Before", "After").replace("cert.key", "users.toml"), 1, "users.toml"),
        ("nonsense".to_owned(), 1, "doorward.toml:1"),
    ];
    for (text, mistakes, words) in broken {
        gate.write(&text);
        let (code, out, errors) = gate.command(&["reload"]).await;
        // What is not TOML has no state folder that we could be asked at.
        if text != "nonsense" {
            assert!(out.is_empty() && errors.ends_with("Nothing was changed.\n"), "{out}{errors}");
            assert_eq!(code, Some(64), "{errors}");
            assert_eq!(errors.lines().filter(|line| line.contains(words)).count(), mistakes, "{errors}");
        }
        assert!(gate.browser(server, HOST).get("/.doorward/login").await.says("Before"), "{words}");
    }
}

#[tokio::test]
async fn what_needs_a_restart_is_said_and_everything_else_takes_effect() {
    let (gate, program, configuration) = running().await;
    let server = program.addresses[0];
    let more = "[[listener]]\naddress = \"127.0.0.1:1\"\nredirect = \"https\"\n\n[[application]]\nname = \"app\"";
    let new = configuration.replace("Before", "After").replace("drain = \"10s\"", "drain = \"11s\"");
    gate.write(&new.replacen("[[application]]\nname = \"app\"", more, 1));
    let (code, out, _) = gate.command(&["reload"]).await;
    assert_eq!(code, Some(0));
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(
        lines,
        [
            "[pages]: changed",
            "NOT YET: what was changed in [node] takes effect with a restart",
            "NOT YET: listener 127.0.0.1:1 takes effect with a restart"
        ]
    );
    assert!(gate.browser(server, HOST).get("/.doorward/login").await.says("After"));
}

#[tokio::test]
async fn a_hang_up_signal_reloads_and_the_log_says_what_came_of_it() {
    let (gate, program, configuration) = running().await;
    let browser = gate.browser(program.addresses[0], HOST);
    gate.write(&configuration.replace("Before", "After"));
    program.signal("HUP");
    eventually("the log says what came of it", async || {
        let log = program.log();
        if log.contains("the configuration was read again: [pages]: changed") { Ok(()) } else { Err(log) }
    })
    .await;
    assert!(browser.get("/.doorward/login").await.says("After"));
}

#[tokio::test]
async fn what_runs_goes_on_through_a_reload_and_is_still_cut_with_its_session() {
    let (gate, program, configuration) = running().await;
    let server = program.addresses[0];
    let (alice, bob) = (gate.signed_in(server, HOST, ALICE).await, gate.signed_in(server, HOST, BOB).await);
    let (mut hers, his) = (download(&alice).await, download(&bob).await);
    gate.write(&configuration.replace("policy = \"staff\"\nupstream", "policy = \"staff\"\nservice_worker = true\nupstream"));
    assert_eq!(gate.command(&["reload"]).await.0, Some(0));
    for _ in 0..20 {
        hers.frame().await.unwrap().unwrap();
    }
    alice.sign_out().await;
    assert!(ends(hers).await, "a download from before the reload is out of reach");
    assert!(!ends(his).await, "somebody else's download ended, too");
}

#[tokio::test]
async fn sessions_of_a_removed_application_end_and_what_runs_there_is_cut() {
    let (gate, program, configuration) = running().await;
    let server = program.addresses[0];
    let (here, there) = (gate.signed_in(server, HOST, ALICE).await, gate.signed_in(server, OTHER, BOB).await);
    let running = download(&there).await;
    gate.write(&without(&configuration, "[[application]]\nname = \"other\"", "[[directory]]"));
    let (code, out, errors) = gate.command(&["reload"]).await;
    let expected = "application other: removed\n1 session ended with its application or directory\n";
    assert_eq!((code, out.as_str()), (Some(0), expected), "{errors}");
    assert!(ends(running).await, "what ran there goes on");
    assert!(here.is_in().await);
    // Back again, it does not bring the session back.
    gate.write(&configuration);
    assert_eq!(gate.command(&["reload"]).await.0, Some(0));
    assert!(!there.is_in().await);
}

#[tokio::test]
async fn sessions_of_a_removed_directory_end() {
    let (gate, program, configuration) = running().await;
    let alice = gate.signed_in(program.addresses[0], HOST, ALICE).await;
    gate.write(&configuration.replace("name = \"people\"", "name = \"others\""));
    let (_, out, _) = gate.command(&["reload"]).await;
    assert!(out.contains("directory others: new\ndirectory people: removed\n1 session ended"), "{out}");
    assert!(!alice.is_in().await);
}

#[tokio::test]
async fn a_login_under_way_goes_on_and_one_whose_policy_is_gone_starts_again() {
    let (gate, program, configuration) = running().await;
    let server = program.addresses[0];
    let (first, second) = (gate.browser(server, HOST), gate.browser(server, HOST));
    let page = first.to_passcode(ALICE.0, ALICE.1).await;
    let stuck = second.to_passcode(BOB.0, BOB.1).await;
    let (code, lost) = (gate.code(&page.label()).await, gate.code(&stuck.label()).await);
    gate.write(&configuration.replace("Before", "After"));
    assert_eq!(gate.command(&["reload"]).await.0, Some(0));
    assert_eq!(first.passcode(&page, &code).await.status, 303);
    assert!(first.is_in().await);

    gate.write(&configuration.replace("\"short\"", "\"brief\""));
    assert_eq!(gate.command(&["reload"]).await.0, Some(0));
    let answer = second.passcode(&stuck, &lost).await;
    assert!(answer.says("This sign-in is over") && answer.says("Sign in again."), "{}", answer.body);
    assert!(!second.is_in().await);
    let again = gate.signed_in(server, HOST, BOB).await;
    assert!(again.is_in().await);
}

#[tokio::test]
async fn attempts_are_not_given_back_by_a_reload() {
    let (gate, program, configuration) = running().await;
    let browser = gate.browser(program.addresses[0], HOST);
    let strict = configuration.replace("[limits]", "[limits]\nattempts_per_address = \"2/1h\"");
    gate.write(&strict);
    assert_eq!(gate.command(&["reload"]).await.0, Some(0));
    for _ in 0..2 {
        browser.login("nobody", "wrong").await;
    }
    gate.write(&strict.replace("Before", "After"));
    assert_eq!(gate.command(&["reload"]).await.0, Some(0));
    let refused = browser.login("alice", "wonderland").await;
    let (_, out, _) = gate.command(&["trace", &refused.trace()]).await;
    assert!(out.contains("address-busy"), "{out}");
}

#[tokio::test]
async fn a_reload_is_in_the_journal_before_it_happens() {
    let (gate, program, configuration) = running().await;
    gate.write(&configuration.replace("Before", "After"));
    assert_eq!(gate.command(&["reload"]).await.0, Some(0));
    drop(program);
    let file = rusqlite::Connection::open(gate.folder.path().join("state/doorward.db")).unwrap();
    let mut kinds = file.prepare("SELECT kind, detail FROM event ORDER BY seq").unwrap();
    let rows = kinds.query_map((), |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))).unwrap();
    let rows: Vec<_> = rows.map(Result::unwrap).collect();
    let place = |wanted: &str| rows.iter().position(|(kind, _)| kind == wanted).unwrap_or_else(|| panic!("{rows:?}"));
    assert!(place("control-used") < place("reloaded"));
    assert!(rows[place("reloaded")].1.contains("[pages]: changed"), "{rows:?}");
}

#[tokio::test]
async fn the_end_of_sessions_by_the_operator_is_at_once_and_for_whom_it_was_meant() {
    let (gate, program, _) = running().await;
    let server = program.addresses[0];
    let (alice, bob) = (gate.signed_in(server, HOST, ALICE).await, gate.signed_in(server, HOST, BOB).await);
    let also_alice = gate.signed_in(server, OTHER, ALICE).await;

    let (_, out, _) = gate.command(&["session", "list"]).await;
    assert!(out.lines().count() == 4 && out.contains("other at other.example") && out.ends_with("3 in all\n"), "{out}");
    let (_, json, _) = gate.command(&["session", "list", "--user", "\u{200b}AL\u{ad}ICE", "--json"]).await;
    let listed: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((listed["total"].as_u64(), listed["sessions"].as_array().unwrap().len()), (Some(2), 2));
    let first = &listed["sessions"][0];
    assert!(first["opened"].as_str().unwrap().ends_with('Z') && first["places"][0]["application"] == "app", "{json}");
    for browser in [&alice, &bob, &also_alice] {
        let cookie = browser.cookie(crate::support::client::KEY).unwrap();
        let secret = cookie.split('.').next_back().unwrap();
        assert!(!out.contains(secret) && !json.contains(secret), "a cookie is shown");
    }
    let thief = gate.browser(server, HOST);
    let id = listed["sessions"][0]["id"].as_str().unwrap();
    thief.put(crate::support::client::KEY, id);
    assert!(!thief.is_in().await);

    let (hers, his) = (download(&alice).await, download(&bob).await);
    let (code, out, _) = gate.command(&["session", "end", "--user", "ａlice\u{feff}"]).await;
    let asked = Watch::start();
    assert_eq!((code, out.as_str()), (Some(0), "2 sessions ended.\n"));
    assert!(ends(hers).await && asked.elapsed() < Duration::from_secs(1), "her download goes on");
    assert!(!alice.is_in().await && !also_alice.is_in().await && bob.is_in().await);
    assert!(!ends(his).await, "his download ended, too");

    let (code, out, _) = gate.command(&["session", "end", "--id", id]).await;
    assert_eq!((code, out.as_str()), (Some(1), format!("No session matches --id {id}.\n").as_str()));
    let (code, out, _) = gate.command(&["session", "end", "--all", "--json"]).await;
    assert_eq!((code, out.as_str()), (Some(0), "{\"ended\":1}\n"));
    assert!(!bob.is_in().await);
    let (code, _, errors) = gate.command(&["session", "end"]).await;
    assert!(code == Some(2) && errors.contains("--user"), "{errors}");
    let (_, out, _) = gate.command(&["session", "list"]).await;
    assert_eq!(out, "0 in all\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_intruder_is_put_out_though_nothing_can_be_written() {
    let gate = Gate::new().await;
    gate.write(&gate.configuration("127.0.0.1:0"));
    let folder = gate.folder.path().to_owned();
    let mut program = tokio::task::spawn_blocking(move || Program::serve(&folder)).await.unwrap();
    let server = program.addresses[0];
    let (alice, bob) = (gate.signed_in(server, HOST, ALICE).await, gate.signed_in(server, HOST, BOB).await);
    let cookies = [&alice, &bob].map(|browser| browser.cookie(crate::support::client::KEY).unwrap());
    let database = rusqlite::Connection::open(gate.folder.path().join("state/doorward.db")).unwrap();
    let full = |when: &str, table: &str| {
        format!("CREATE TRIGGER full_{table} BEFORE {when} ON {table} BEGIN SELECT RAISE(ABORT, 'disk full'); END;")
    };
    database.execute_batch(&(full("INSERT", "event") + &full("DELETE", "record"))).unwrap();

    let (code, out, errors) = gate.command(&["session", "end", "--user", "alice"]).await;
    assert_eq!((code, out.as_str()), (Some(1), "1 session ended.\n"), "{errors}");
    assert!(errors.contains("could not be written down") && errors.contains("disk full"), "{errors}");
    assert!(!alice.is_in().await && bob.is_in().await);
    let (code, json, _) = gate.command(&["session", "end", "--all", "--json"]).await;
    let ended: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert!(code == Some(1) && ended["ended"] == 1 && ended["not_written"].as_str().unwrap().contains("disk full"), "{json}");
    assert!(!bob.is_in().await);

    let (_, text, _) = gate.command(&["status"]).await;
    assert!(text.contains("journal: ") && text.contains(" events wait until they can be written"), "{text}");
    database.execute_batch("DROP TRIGGER full_event; DROP TRIGGER full_record").unwrap();
    let ended = "SELECT at, detail FROM event WHERE kind = 'session-ended' AND detail LIKE '%operator%'";
    let rows = eventually("what happened while nothing could be written is in the journal", async || {
        let mut found = database.prepare(ended).unwrap();
        let rows = found.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))).unwrap();
        let rows: Vec<_> = rows.collect::<Result<_, _>>().unwrap();
        if rows.len() == 2 { Ok(rows) } else { Err(rows) }
    })
    .await;
    for (at, detail) in rows {
        let detail: serde_json::Value = serde_json::from_str(&detail).unwrap();
        let written: jiff::Timestamp = detail["written_at"].as_str().unwrap().parse().unwrap();
        assert!(written.as_millisecond() >= at, "it has the time when it happened: {at} {detail}");
    }
    let (code, text, _) = gate.command(&["journal", "verify"]).await;
    assert_eq!(code, Some(0), "{text}");
    program.terminate();
    assert!(program.ended().success());
    let folder = gate.folder.path().to_owned();
    let program = tokio::task::spawn_blocking(move || Program::serve(&folder)).await.unwrap();
    for cookie in cookies {
        let thief = gate.browser(program.addresses[0], HOST);
        thief.put(crate::support::client::KEY, &cookie);
        assert!(!thief.is_in().await, "the session is back");
    }
}
