//! `doorward journal` as an operator meets it: on a node that runs and on one that does not.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Output, Stdio};

use serde_json::Value;

use crate::support::curl::{self, Curl};
use crate::support::eventually::eventually_blocking;
use crate::support::program::{Program, certificate, doorward, run, users};
use crate::support::toml::Toml;

/// A folder whose node has refused alice once and let her in once; and the node.
fn house() -> Option<(tempfile::TempDir, Program)> {
    if !curl::is_there() {
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    certificate(folder.path(), "door", &["app.example.test"]);
    users(folder.path());
    std::fs::write(folder.path().join("doorward.toml"), Toml::site().named("intranet", "app.example.test").to_string()).unwrap();
    let program = Program::serve(folder.path());
    refuse(folder.path(), &program, "=cmd\u{202e}");
    Some((folder, program))
}

/// A wrong password from a browser that calls itself this.
fn refuse(folder: &Path, program: &Program, agent: &str) {
    let curl = Curl::new(folder, program.addresses[0], &folder.join("door.pem"), "--http2");
    let form = curl.ask("app.example.test", "/.doorward/login", &[]);
    let agent = format!("User-Agent: {agent}");
    let csrf = format!("csrf={}", form.csrf());
    let origin = format!("Origin: {}", curl.url("app.example.test", ""));
    let post = ["-H", &origin, "-H", &agent, "--data-urlencode", &csrf, "-d", "username=alice", "-d", "password=wrong"];
    let refused = curl.ask("app.example.test", "/.doorward/login", &post);
    assert!(refused.text().contains("<code>"), "{}", refused.text());
}

fn journal(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let config = folder.join("doorward.toml");
    let (words, options): (Vec<&str>, Vec<&str>) = arguments.iter().partition(|word| ["export", "verify"].contains(word));
    let all = [&["journal"][..], &words, &["--config", config.to_str().unwrap()], &options].concat();
    said(&run(&all, ""))
}

fn said(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// Everything that may be asked of it, and that must be the same whether the node runs.
fn asked(folder: &Path) -> Vec<String> {
    let (code, out, errors) = journal(folder, &["--user", "alice", "--outcome", "no"]);
    assert_eq!((code, errors.as_str()), (Some(0), ""));
    let line = out.trim_end();
    assert!(line.contains("  no    password-refused      intranet  alice (people:alice)  127.0.0.1  "), "{out}");
    assert!(line.contains("  wrong") && line.ends_with("\"=cmd\\u{202e}\"") && line.lines().count() == 1, "{out}");

    let (_, json, _) = journal(folder, &["--user", "ALICE", "--json"]);
    let event: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((event["event"].as_str(), event["name"].as_str()), (Some("password-refused"), Some("alice")));
    assert_eq!(event["detail"]["browser"], "=cmd\u{202e}");
    assert!(event["at"].as_str().unwrap().ends_with('Z') && !json.contains('\u{202e}'), "{json}");

    let (_, csv, _) = journal(folder, &["--user", "alice", "--csv"]);
    assert!(csv.starts_with("at,outcome,event,") && csv.contains("\"'=cmd"), "{csv}");

    let (code, none, hint) = journal(folder, &["--user", "bob", "--since", "2h"]);
    assert!(code == Some(0) && none.is_empty() && hint.contains("no such event since"), "{hint}");

    let (_, whole, _) = journal(folder, &["export"]);
    let first: Value = serde_json::from_str(whole.lines().next().unwrap()).unwrap();
    assert_eq!((first["event"].as_str(), first["seq"].as_u64()), (Some("started"), Some(1)));
    vec![out, json, csv]
}

#[test]
fn the_journal_is_the_same_whether_the_node_runs_or_not() {
    let Some((folder, mut program)) = house() else { return };
    let (code, _, errors) = journal(folder.path(), &["--since", "yesterday"]);
    assert!(code == Some(1) && errors.contains("2026-11-30T12:00"), "{errors}");
    let running = asked(folder.path());
    let (code, verified, _) = journal(folder.path(), &["verify"]);
    assert!(code == Some(0) && verified.contains("nothing was changed or removed"), "{verified}");
    let anchor = verified.lines().find_map(|line| line.trim().strip_prefix("anchor ")).unwrap().to_owned();
    program.terminate();
    program.ended();
    assert_eq!(asked(folder.path()), running);
    assert_eq!(journal(folder.path(), &["verify", "--anchor", &anchor]).0, Some(0));
    let (code, out, errors) = journal(folder.path(), &["--follow"]);
    assert!(code == Some(1) && out.is_empty() && errors.contains("does not run"), "{errors}");

    let database = rusqlite::Connection::open(folder.path().join("state/doorward.db")).unwrap();
    database.execute("UPDATE event SET detail = '{}' WHERE kind = 'password-refused'", ()).unwrap();
    let (code, verified, _) = journal(folder.path(), &["verify"]);
    assert!(code == Some(1) && verified.contains("BROKEN: event 2 was changed"), "{verified}");
}

#[test]
fn a_follower_writes_each_event_at_once_and_ends_when_nobody_reads_any_more() {
    let Some((folder, program)) = house() else { return };
    let config = folder.path().join("doorward.toml");
    let mut command = doorward(&["journal", "--config", config.to_str().unwrap(), "--follow", "--outcome", "no"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    eventually_blocking("the follower is in the journal", || {
        journal(folder.path(), &["--event", "control-used"]).1.contains("--follow")
    });
    refuse(folder.path(), &program, "later");
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    assert!(line.contains("password-refused") && line.contains("\"later\""), "{line}");
    drop(lines);
    // Nothing is written any more: it must notice by itself.
    let ended = eventually_blocking("the follower ends", || child.try_wait().unwrap());
    assert_eq!(ended.code(), Some(0));
}

#[test]
fn an_anchor_and_an_address_that_are_none_are_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, words) in [
        (&["verify", "--anchor", "doorward:7"][..], "NODE:NUMBER:HASH"),
        (&["--address", "mail.example"], "write an address"),
        (&["--follow", "--until", "2h"], "cannot be used with"),
        (&["--json", "--csv"], "cannot be used with"),
    ] {
        let (code, out, errors) = journal(folder.path(), arguments);
        assert!(code == Some(2) && out.is_empty() && errors.contains(words), "{arguments:?}: {errors}");
    }
}

#[test]
fn a_mistyped_event_or_application_does_not_look_like_silence() {
    let Some((folder, mut program)) = house() else { return };
    let folder = folder.path();
    let (code, out, errors) = journal(folder, &["--event", "signd-in"]);
    assert_eq!((code, out.as_str()), (Some(2), ""));
    for word in ["'signd-in'", "signed-in", "password-refused", "session-ended"] {
        assert!(errors.contains(word), "{word} is not in {errors}");
    }
    for is_running in [true, false] {
        if !is_running {
            program.terminate();
            assert!(program.ended().success());
        }
        let (code, _, errors) = journal(folder, &["--application", "intranett"]);
        assert!(code == Some(0) && errors.contains("no application \"intranett\", only intranet"), "{errors}");
        let (code, out, errors) = journal(folder, &["--application", "intranet"]);
        assert!(code == Some(0) && out.contains("password-refused") && errors.is_empty(), "{out} {errors}");
    }
}

#[test]
fn what_could_not_be_journaled_before_the_stop_is_in_the_log() {
    let Some((folder, mut program)) = house() else { return };
    let folder = folder.path();
    let database = rusqlite::Connection::open(folder.join("state/doorward.db")).unwrap();
    let full = "CREATE TRIGGER full BEFORE INSERT ON event BEGIN SELECT RAISE(ABORT, 'disk full'); END";
    database.execute_batch(full).unwrap();
    refuse(folder, &program, "late");
    program.terminate();
    assert!(program.ended().success());
    let log = program.log();
    let lines: Vec<_> = log.lines().filter(|line| line.contains("an event is not in the journal: the node ends")).collect();
    assert!(lines.iter().any(|line| line.contains("password-refused") && line.contains("people:alice")), "{log}");
    assert!(lines.iter().any(|line| line.contains("stopped")), "{log}");
}

#[test]
fn a_chain_without_its_end_is_named_in_words_at_the_start() {
    let Some((folder, mut program)) = house() else { return };
    let folder = folder.path();
    program.terminate();
    assert!(program.ended().success());
    let database = rusqlite::Connection::open(folder.join("state/doorward.db")).unwrap();
    assert_eq!(database.execute("DELETE FROM chain", []).unwrap(), 1);
    let config = folder.join("doorward.toml");
    let (code, _, errors) = said(&run(&["serve", "--config", config.to_str().unwrap()], ""));
    assert!(code != Some(0) && errors.contains("put back a copy of doorward.db") && !errors.contains("UNIQUE"), "{errors}");
    let events: i64 = database.query_row("SELECT COUNT(*) FROM event", [], |row| row.get(0)).unwrap();
    assert!(events > 0, "nothing is thrown away");
}
