//! A limit on open files that clients could use up by the connections to applications that they cause.

use std::path::Path;

use crate::support::client::Client;
use crate::support::greedy::{ASKED, Greedy};
use crate::support::node::user;
use crate::support::program::{Program, certificate, newest};
use crate::support::sockets::open_to;
use crate::support::toml::Toml;
use crate::support::upstream::Upstream;

const HOST: &str = "app.example";
/// 172 for clients, as many for applications.
const FILES: usize = 600;

async fn served(folder: &Path, upstream: &Upstream) -> Program {
    certificate(folder, "door", &[HOST]);
    let toml = Toml::site().named("app", HOST).server(upstream.address).application("public = [\"/public\"]");
    let config = toml.users(user("alice", "wonderland", "mobile = \"+45 12 34 56 78\"")).write(folder);
    let serve = move || {
        let limit = format!("--nofile={FILES}");
        Program::serve_under(&["prlimit", &limit], &config)
    };
    tokio::task::spawn_blocking(serve).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_cause_many_connections_use_up_no_files_of_others() {
    let (folder, upstream) = (tempfile::tempdir().unwrap(), Upstream::start().await);
    let program = served(folder.path(), &upstream).await;
    let browser = |last| Client::new(program.addresses[0], HOST, &folder.path().join("door.pem")).from(last);
    let mut greedy = Vec::new();
    for last in 2..8 {
        let mut stranger = browser(last);
        stranger.http2 = true;
        greedy.push(Greedy::begin(&stranger, "/public/download").await);
    }
    for client in &greedy {
        client.is_answered().await;
    }
    // The last tenth is not for strangers.
    let open = open_to(upstream.address);
    assert!(ASKED < open && open <= 172 - 17, "{open}");

    let alice = browser(1);
    let page = alice.to_passcode("alice", "wonderland").await;
    let message = newest(&folder.path().join("outbox.jsonl"), 0);
    let entered = alice.passcode(&page, message["passcode"].as_str().unwrap()).await;
    assert_eq!(entered.status, 303, "{}", entered.body);
    for _ in 0..20 {
        assert_eq!(alice.get("/").await.status, 200);
    }
    assert!(greedy.iter().all(Greedy::is_connected));
    let files = std::fs::read_dir(format!("/proc/{}/fd", program.id())).unwrap().count();
    assert!(files < FILES, "{files}");
    assert!(!program.log().contains("cannot accept"), "{}", program.log());
}
