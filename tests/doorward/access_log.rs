//! The access log through the front door: who is in it and who is not, a file that moves away, a disk that is full.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use http::Method;
use serde_json::Value;

use crate::support::eventually::eventually;
use crate::support::gate::{Gate, HOST};
use crate::support::program::Program;

const ALICE: (&str, &str) = ("alice", "wonderland");

fn logging(configuration: &str, file: &str) -> String {
    format!("{configuration}\n[access_log]\nfile = \"{file}\"\n")
}

/// The program with this access log, in front of a gate.
async fn running(file: &str) -> (Gate, Program, String) {
    let gate = Gate::new().await;
    let configuration = gate.configuration("127.0.0.1:0");
    gate.write(&logging(&configuration, file));
    let folder = gate.folder.path().to_owned();
    let program = tokio::task::spawn_blocking(move || Program::serve(&folder)).await.unwrap();
    (gate, program, configuration)
}

fn lines(file: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

async fn stopped(mut program: Program) {
    program.terminate();
    assert!(tokio::task::spawn_blocking(move || program.ended()).await.unwrap().success());
}

#[tokio::test]
async fn every_request_is_a_line_that_says_who_and_what_and_no_secret() {
    let (gate, program, _) = running("access.log").await;
    let (server, file) = (program.addresses[0], gate.folder.path().join("access.log"));
    let alice = gate.signed_in(server, HOST, ALICE).await;
    assert_eq!(alice.get("/mail/inbox?token=geheim").await.status, 200);
    let nobody = gate.browser(server, HOST);
    assert_eq!(nobody.get("/.doorward/login?back=%2Fgeheim").await.status, 200);
    assert_eq!(nobody.ask(Method::POST, "/refused", &[], "geheim").await.status, 401);
    assert_eq!(nobody.get("/.doorward/nothing").await.status, 404);
    assert_eq!(nobody.get("/a/%2e%2e/b").await.status, 400);
    eventually("written within a second", async || lines(&file).len() >= 6).await;
    let cookie = alice.cookie(crate::support::client::KEY).unwrap();
    stopped(program).await;

    let (all, text) = (lines(&file), std::fs::read_to_string(&file).unwrap());
    let at = |path: &str, method: &str| {
        let found = all.iter().find(|line| line["path"] == path && line["method"] == method);
        found.unwrap_or_else(|| panic!("no {method} {path} in {text}")).clone()
    };
    let inside = at("/mail/inbox", "GET");
    assert_eq!((&inside["user"], &inside["application"]), (&"alice".into(), &"app".into()), "{inside}");
    assert_eq!((&inside["client"], &inside["host"], &inside["version"]), (&"127.0.0.1".into(), &HOST.into(), &"1.1".into()));
    assert!(inside["status"] == 200 && inside["duration_ms"].is_u64(), "{inside}");
    let refused = at("/refused", "POST");
    assert!(refused["status"] == 401 && refused.get("user").is_none() && refused["application"] == "app", "{refused}");
    assert_eq!(at("/.doorward/nothing", "GET")["status"], 404);
    let ambiguous = at("/a/%2e%2e/b", "GET");
    assert!(ambiguous["application"] == "app" && ambiguous["refused"] == "dot-segment", "{ambiguous}");
    for secret in ["geheim", "wonderland", "token", cookie.as_str()] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
}

#[tokio::test]
async fn a_request_whose_client_goes_away_is_a_line_too() {
    let (gate, program, _) = running("access.log").await;
    let alice = gate.signed_in(program.addresses[0], HOST, ALICE).await;
    let waits = tokio::time::timeout(Duration::from_millis(300), alice.get("/poll")).await;
    assert!(waits.is_err(), "the application answered");
    drop(waits);
    let file = gate.folder.path().join("access.log");
    eventually("499", async || {
        lines(&file).iter().any(|line| line["path"] == "/poll" && line["status"] == 499 && line["user"] == "alice")
    })
    .await;

    // In the middle of an upload, however it ends. What only cannot be read is another matter.
    let cookie = alice.cookie(crate::support::client::KEY).unwrap();
    let head = |path: &str, length: &str| {
        let cookie = format!("{}={cookie}", crate::support::client::KEY);
        format!("POST /{path} HTTP/1.1\r\nHost: {HOST}\r\nOrigin: https://{HOST}\r\nCookie: {cookie}\r\n{length}\r\n\r\n")
    };
    let table = [
        ("short", "Content-Length: 10", "half", 499),
        ("chunk", "Transfer-Encoding: chunked", "10\r\nhalf", 499),
        ("between", "Transfer-Encoding: chunked", "4\r\nhalf\r\n", 499),
        ("garbage", "Transfer-Encoding: chunked", "4\r\nhalf\r\ngarbage\r\n", 400),
    ];
    for (path, length, body, status) in table {
        let mut client = crate::support::raw::client(&alice).await;
        client.send(format!("{}{body}", head(path, length))).await;
        let asked = format!("/{path}");
        let is_written = || lines(&file).iter().any(|line| line["path"] == asked.as_str() && line["status"] == status);
        let is_under_way = || gate.upstream.requests().iter().any(|head| head.starts_with(&format!("POST {asked} ")));
        eventually(format!("{path} is taken in"), async || is_under_way() || is_written()).await;
        drop(client);
        eventually(format!("{path} is written"), async || is_written()).await;
    }
}

#[tokio::test]
async fn no_line_is_lost_or_torn_while_the_file_moves_away_under_load() {
    let (gate, program, _) = running("access.log").await;
    let (server, folder) = (program.addresses[0], gate.folder.path().to_owned());
    let (stop, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (browser, stop, sent) = (gate.browser(server, HOST), Arc::clone(&stop), Arc::clone(&sent));
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    assert_eq!(browser.get("/.doorward/health").await.status, 200);
                    sent.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for turn in 0..5 {
        let before = sent.load(Ordering::Relaxed);
        eventually("some more is written", async || sent.load(Ordering::Relaxed) > before + 50).await;
        std::fs::rename(folder.join("access.log"), folder.join(format!("access.log.{turn}"))).unwrap();
        assert_eq!(gate.command(&["reload"]).await.0, Some(0));
        eventually("opened anew", async || folder.join("access.log").exists()).await;
    }
    stop.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.unwrap();
    }
    stopped(program).await;
    let files = (0..5).map(|turn| format!("access.log.{turn}")).chain(["access.log".to_owned()]);
    let all: Vec<Value> = files.flat_map(|name| lines(&folder.join(name))).collect();
    assert!(all.iter().all(|line| line.get("lost").is_none()));
    assert_eq!(all.len(), sent.load(Ordering::Relaxed));
}

#[tokio::test]
async fn the_log_is_switched_on_and_off_and_elsewhere_by_a_reload() {
    let (gate, program, configuration) = running("a.log").await;
    let (browser, folder) = (gate.browser(program.addresses[0], HOST), gate.folder.path().to_owned());
    browser.get("/first").await;
    gate.write(&logging(&configuration, "b.log"));
    let (code, out, _) = gate.command(&["reload"]).await;
    assert_eq!((code, out.as_str()), (Some(0), "[access_log]: changed\n"));
    browser.get("/second").await;
    gate.write(&configuration);
    assert_eq!(gate.command(&["reload"]).await.1, "[access_log]: changed\n");
    browser.get("/third").await;
    gate.write(&logging(&configuration, "b.log"));
    gate.command(&["reload"]).await;
    browser.get("/fourth").await;
    stopped(program).await;
    let paths =
        |name: &str| lines(&folder.join(name)).iter().map(|line| line["path"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!((paths("a.log"), paths("b.log")), (vec!["/first".to_owned()], vec!["/second".to_owned(), "/fourth".to_owned()]));
}

#[tokio::test]
async fn a_full_disk_slows_nobody_is_said_once_and_heals_by_itself() {
    heals(|file| std::os::unix::fs::symlink("/dev/full", file).unwrap()).await;
}

#[tokio::test]
async fn a_fifo_that_nobody_reads_stops_nothing() {
    heals(|file| assert!(Command::new("mkfifo").arg(file).status().unwrap().success())).await;
}

/// What stands where the file should be can be taken away again.
async fn heals(obstacle: impl Fn(&Path)) {
    let (gate, program, _) = running("full.log").await;
    let (browser, file) = (gate.browser(program.addresses[0], HOST), gate.folder.path().join("full.log"));
    eventually("opened", async || file.exists()).await;
    std::fs::remove_file(&file).unwrap();
    obstacle(&file);
    assert_eq!(gate.command(&["reload"]).await.0, Some(0));
    let complaints = || program.log().matches("cannot be written").count();
    for round in 0..3 {
        for _ in 0..10 {
            assert_eq!(browser.get("/.doorward/health").await.status, 200, "{round}");
        }
        eventually("said", async || complaints() > 0).await;
        tokio::time::sleep(Duration::from_millis(400)).await;
    }
    assert_eq!(complaints(), 1, "{}", program.log());
    std::fs::remove_file(&file).unwrap();
    assert_eq!(gate.command(&["reload"]).await.0, Some(0));
    browser.get("/after").await;
    eventually("healed", async || lines(&file).iter().any(|line| line["path"] == "/after")).await;
    let all = lines(&file);
    let lost: u64 = all.iter().filter_map(|line| line["lost"].as_u64()).sum();
    let written = all.iter().filter(|line| line["path"] == "/.doorward/health").count() as u64;
    assert_eq!(lost + written, 30, "{all:?}");
    assert!(lost > 0 && program.log().contains("is written again"), "{}", program.log());
}

#[tokio::test]
async fn a_missing_folder_turns_nobody_away_heals_by_itself_and_check_says_it() {
    let (gate, program, _) = running("logs/access.log").await;
    let (browser, folder) = (gate.browser(program.addresses[0], HOST), gate.folder.path().join("logs"));
    let (code, _, errors) = gate.command(&["check"]).await;
    assert!(code == Some(64) && errors.contains("logs: no such folder"), "{errors}");
    assert_eq!(browser.get("/.doorward/health").await.status, 200);
    eventually("said", async || program.log().contains("logs/access.log cannot be written")).await;
    std::fs::create_dir(&folder).unwrap();
    assert_eq!(browser.get("/later").await.status, 303);
    eventually("healed", async || lines(&folder.join("access.log")).iter().any(|line| line["path"] == "/later")).await;
    let (code, _, errors) = gate.command(&["check"]).await;
    assert_eq!(code, Some(0), "{errors}");
}

#[tokio::test]
async fn a_head_that_is_too_long_gets_words_and_a_line() {
    let (gate, program, _) = running("access.log").await;
    let mut browser = gate.browser(program.addresses[0], HOST);
    let person = [("accept", "text/html"), ("sec-fetch-mode", "navigate"), ("accept-language", "de")];
    for http2 in [false, true] {
        browser.http2 = http2;
        // Several cookies, as browsers keep them.
        let crumbs = (0..20).map(|number| format!("crumb-{number}={}", "x".repeat(4000))).collect::<Vec<_>>().join("; ");
        let answer = browser.ask(Method::GET, "/long", &[&person[..], &[("cookie", &crumbs)]].concat(), "").await;
        assert!(answer.status == 431 && answer.says("zu viele Cookies"), "{} {}", answer.status, answer.body);
        let program = browser.ask(Method::POST, "/long", &[("x-long", &crumbs)], "").await;
        assert_eq!((program.status, program.body.as_str()), (431, r#"{"error":"head-too-large"}"#));
    }
    eventually("said", async || program.log().contains("header fields were too long")).await;
    stopped(program).await;
    let lines = lines(&gate.folder.path().join("access.log"));
    assert_eq!(lines.iter().filter(|line| line["path"] == "/long" && line["status"] == 431).count(), 4);
}

#[tokio::test]
async fn what_cannot_be_read_is_a_line_of_where_it_came_from() {
    let (gate, program, _) = running("access.log").await;
    let browser = gate.browser(program.addresses[0], HOST);
    let many: String = (0..101).map(|number| format!("x-{number}: y\r\n")).collect();
    let table = [
        ("GET / HTTP/1.1\r\nno colon\r\n\r\n".to_owned(), 400),
        ("GET / HTTP/4.2\r\n\r\n".to_owned(), 400),
        ("G(T / HTTP/1.1\r\n\r\n".to_owned(), 400),
        (format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"), 400),
        (format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n{many}\r\n"), 431),
        (format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nX-Long: {}\r\n\r\n", "x".repeat(300_000)), 431),
        (format!("GET /{} HTTP/1.1\r\nHost: {HOST}\r\n\r\n", "x".repeat(70_000)), 414),
    ];
    for (request, status) in &table {
        let mut client = crate::support::raw::client(&browser).await;
        client.send(request).await;
        assert!(client.head().await.starts_with(&format!("HTTP/1.1 {status} ")), "{}", &request[..20]);
        client.rest().await;
    }
    stopped(program).await;
    let lines = lines(&gate.folder.path().join("access.log"));
    // Each core writes its own.
    let mut found: Vec<_> = lines.iter().map(|line| line["status"].as_u64().unwrap()).collect();
    found.sort_unstable();
    assert_eq!(found, [400, 400, 400, 400, 414, 431, 431]);
    assert!(lines.iter().all(|line| line["client"] == "127.0.0.1" && line["refused"] == "unreadable"), "{lines:?}");
}
