//! What a stranger can make the program write into its log, by doing everything that fails, again and again.

use std::collections::BTreeMap;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::client::Client;
use crate::support::node::user;
use crate::support::peers::dead_port;
use crate::support::program::{Program, certificate};
use crate::support::toml::{SITE, Toml};

const TIMES: usize = 30;
/// Of one kind and client, a minute.
const MOST: usize = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_writes_few_lines_of_each_kind_and_the_rest_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    certificate(folder.path(), "door", &[SITE]);
    Toml::site()
        .users(user("alice", "wonderland", ""))
        .server(format!("127.0.0.1:{}", dead_port()))
        .application("public = [\"/public\"]")
        .limits("attempts_per_address = \"100000/1m\"")
        .write(folder.path());
    let begun = std::time::Instant::now();
    let mut program = Program::serve(folder.path());
    let stranger = Client::new(program.addresses[0], SITE, &folder.path().join("door.pem"));
    for turn in 0..TIMES {
        assert_eq!(stranger.get("/public/x").await.status, 502);
        assert_eq!(stranger.get("/%2F/x").await.status, 400);
        for head in ["GET /\"x HTTP/1.1".to_owned(), "GET / HTTP/1.1\r\ncontent-length: 1, 2".to_owned(), long()] {
            let mut stream = stranger.tls("http/1.1").await;
            stream.write_all(format!("{head}\r\nhost: {SITE}\r\nconnection: close\r\n\r\n").as_bytes()).await.unwrap();
            let mut answer = Vec::new();
            // It may be cut with bytes of ours still on the way.
            let _ = stream.read_to_end(&mut answer).await;
        }
        stranger.login(&format!("nobody{turn}"), "wrong").await;
        stranger.tcp().await.write_all(b"no TLS at all\r\n\r\n").await.unwrap();
    }
    program.terminate();
    assert!(program.ended().success());
    let minutes = usize::try_from(begun.elapsed().as_secs() / 60).unwrap() + 2;
    let log = program.log();
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for line in log.lines() {
        // Without its time, and without what differs from line to line.
        let words =
            line.split_whitespace().skip(1).filter(|word| !word.contains(|sign: char| sign.is_ascii_digit() || sign == '='));
        *kinds.entry(words.collect::<Vec<_>>().join(" ")).or_default() += 1;
    }
    assert!(kinds.values().all(|count| *count <= MOST * minutes), "{kinds:#?}");
    for kind in ["no answer from the application", "a password was refused", "escaped slash"] {
        let count =
            |left_out: bool| log.lines().filter(|line| line.contains(kind) && line.contains(LEFT_OUT) == left_out).count();
        assert!(count(false) >= 1 && count(true) >= 1, "{kind}: {log}");
    }
}

fn long() -> String {
    format!("GET / HTTP/1.1\r\nx: {}", "x".repeat(300_000))
}

const LEFT_OUT: &str = "more lines like this were omitted";
