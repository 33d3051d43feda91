//! Whether people can sign in now: what a load balancer, an operator and a stranger are told when something that sign-ins need is gone.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use tokio::net::TcpListener;

use crate::status::asked;
use crate::support::eventually::eventually;
use crate::support::gate::{Gate, HOST};
use crate::support::node::Bed;
use crate::support::peers::{dead_port, free_ports, slapd};
use crate::support::program::Program;
use crate::support::toml::Toml;

const READY: &str = "/.doorward/ready";

/// A directory at this port.
fn corp(port: u16) -> String {
    format!(
        "[[directory]]\nname = \"corp\"\nkind = \"ldap\"\nservers = [\"ldap://127.0.0.1:{port}\"]\nservice_user = \"cn=service,dc=test\"\n\
         service_password = \"service\"\nusers = {{ base = \"dc=test\" }}\n"
    )
}

#[tokio::test]
async fn a_node_whose_directories_answer_is_ready() {
    let bed = Bed::start().await;
    let answer = bed.browser().get(READY).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "ready"));
    assert_eq!(answer.header("cache-control"), "no-store");
    for http2 in [false, true] {
        let mut browser = bed.browser();
        browser.http2 = http2;
        let answer = browser.ask(http::Method::HEAD, READY, &[], "").await;
        assert_eq!((answer.status, answer.header("content-length"), answer.body.as_str()), (200, "5", ""), "h2 {http2}");
    }
    assert_eq!(bed.browser().post(READY, &[]).await.status, 405);
}

#[tokio::test]
async fn a_directory_that_does_not_answer_is_told_to_operators_and_no_stranger() {
    let gate = Gate::new().await;
    let [port] = free_ports();
    let text =
        format!("{}\n[metrics]\nlisten = \"127.0.0.1:{port}\"\n\n{}", gate.configuration("127.0.0.1:0"), corp(dead_port()));
    gate.write(&text);
    let folder = gate.folder.path().to_owned();
    let program = tokio::task::spawn_blocking(move || Program::serve(&folder)).await.unwrap();
    let browser = gate.browser(program.addresses[0], HOST);
    let answer = browser.get(READY).await;
    assert_eq!((answer.status, answer.body.as_str()), (503, "not ready"));
    assert_eq!(browser.get("/.doorward/health").await.status, 200);
    let (code, text, _) = gate.command(&["status"]).await;
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.contains("\nNOT READY: directory corp does not answer: ") && text.contains("\ndirectory people: answers\n"),
        "{text}"
    );
    assert!(text.contains("\ndirectory corp: DOES NOT ANSWER\n") && text.contains("\nrecords: "), "{text}");
    let (code, json, _) = gate.command(&["status", "--json"]).await;
    let status: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((code, &status["ready"]), (Some(1), &false.into()), "{json}");
    assert!(status["started"].as_str().unwrap().ends_with('Z'), "{json}");
    let metrics = asked(port, "GET", "/metrics").await;
    for line in [
        "doorward_ready 0.0",
        "doorward_directory_up{directory=\"corp\"} 0.0",
        "doorward_directory_up{directory=\"people\"} 1.0",
        "doorward_store_writable 1.0",
        "doorward_upstream_up{application=\"app\",server=\"http://",
        "doorward_store_disk_free_bytes ",
    ] {
        assert!(metrics.contains(line), "{line} is not in {metrics}");
    }
    assert!(program.log().contains("people cannot sign in now: directory corp does not answer: "), "{}", program.log());
}

#[tokio::test]
async fn a_directory_that_comes_back_makes_the_node_ready_again() {
    let Some(slapd) = slapd(&[]) else { return };
    let directory = format!(
        "[[directory]]\nname = \"corp\"\nkind = \"ldap\"\nservers = [\"ldap://127.0.0.1:{}\"]\nservice_user = \"{}\"\n\
         service_password = \"{}\"\nusers = {{ base = \"ou=people,{}\" }}\n",
        slapd.port(),
        slapd.service_user(),
        slapd.service_password(),
        slapd.base(),
    );
    let bed = Bed::with(Toml::bed().directory(directory)).await;
    let browser = bed.browser();
    assert_eq!(browser.get(READY).await.status, 200);
    slapd.freeze();
    bed.clock.advance(std::time::Duration::from_secs(6));
    assert_eq!(browser.get(READY).await.status, 503);
    slapd.thaw();
    eventually("it is ready again", async || {
        bed.clock.advance(std::time::Duration::from_secs(6));
        let status = browser.get(READY).await.status;
        if status == 200 { Ok(()) } else { Err(status) }
    })
    .await;
}

#[tokio::test]
async fn a_flood_of_questions_costs_the_directory_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, count) = (listener.local_addr().unwrap().port(), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            drop(stream);
        }
    });
    let bed = Bed::with(Toml::bed().directory(corp(port))).await;
    let browsers: Vec<_> = (0..100).map(|_| bed.browser()).collect();
    let answers = join_all(browsers.iter().map(|browser| browser.get(READY))).await;
    assert!(answers.iter().all(|answer| answer.status == 503));
    let looks = count.load(Ordering::SeqCst);
    // One look, or a few where the machine needs so long for all of them that the first has grown old.
    assert!((1..50).contains(&looks), "{looks} connections for a hundred questions");
}
