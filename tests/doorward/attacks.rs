//! What somebody does who wants in, or wants others out.

mod client;

use std::time::Duration;

use doorward::app::demo;
use doorward::base::Clock;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::forwarding::bed::{Wishes, bed, get, mirror};
use client::{Browser, on_a_thread};

#[tokio::test]
async fn connections_that_say_nothing_keep_nobody_from_shaking_hands() {
    let (server, _) = mirror().await;
    let mut wishes = Wishes::to(server);
    wishes.limits.connections_per_address = 2000;
    let bed = bed(&wishes);
    let mut silent = Vec::new();
    for _ in 0..400 {
        silent.push(TcpStream::connect(bed.address).await.unwrap());
    }
    let answer = tokio::time::timeout(Duration::from_secs(2), bed.ask(get("/"))).await;
    assert_eq!(answer.expect("the handshake had to wait").0, 200);
    bed.end().await;
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_the_clients_fault() {
    let (server, _) = mirror().await;
    let bed = bed(&Wishes::to(server));
    let mut stream = bed.tls("localhost", "http/1.1").await.unwrap();
    let request = "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = [0; 12];
    stream.read_exact(&mut head).await.unwrap();
    assert_eq!(&head, b"HTTP/1.1 400");
    bed.end().await;
}

#[tokio::test]
async fn an_answer_whose_length_is_not_its_bodys_comes_whole() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let bed = bed(&Wishes::to(listener.local_addr().unwrap()));
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut read = [0; 4096];
        assert!(stream.read(&mut read).await.unwrap() > 0);
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
        stream.write_all(answer.as_bytes()).await.unwrap();
        assert_eq!(stream.read(&mut read).await.unwrap_or_default(), 0);
    });
    assert_eq!(bed.ask(get("/")).await.1, "hello");
    bed.end().await;
}

#[tokio::test]
async fn a_second_node_on_one_state_folder_is_refused_before_it_touches_anything() {
    let state = tempfile::tempdir().unwrap();
    let folder = state.path().to_owned();
    let refused = on_a_thread(move || {
        let first = demo::start("127.0.0.1:0".parse().unwrap(), &folder, &folder, &Clock::system()).unwrap();
        std::fs::remove_file(&first.node.control).unwrap();
        let second = demo::start("127.0.0.1:0".parse().unwrap(), &folder, &folder, &Clock::system());
        let refused = second.err().map(|error| format!("{error:#}"));
        first.node.stop();
        refused
    });
    assert!(refused.await.expect("two nodes share one state folder").contains("another Doorward is running"));
}

#[tokio::test]
async fn a_session_that_ended_while_the_store_failed_is_not_back_after_a_restart() {
    let state = tempfile::tempdir().unwrap();
    let (folder, clock) = (state.path().to_owned(), Clock::by_hand());
    let started = {
        let (folder, clock) = (folder.clone(), clock.clone());
        on_a_thread(move || demo::start("127.0.0.1:0".parse().unwrap(), &folder, &folder, &clock).unwrap()).await
    };
    let mut browser = Browser::at(started.node.addresses[0]);
    browser.sign_in(&started.outbox).await;
    assert_eq!(browser.get("/").await.0, 200);

    let database = rusqlite::Connection::open(folder.join("doorward.db")).unwrap();
    let trigger = "CREATE TRIGGER full BEFORE DELETE ON record BEGIN SELECT RAISE(ABORT, 'disk full'); END";
    database.execute_batch(trigger).unwrap();
    let kept = browser.cookies.clone();
    browser.sign_out().await;
    database.execute_batch("DROP TRIGGER full").unwrap();

    let node = started.node;
    on_a_thread(move || node.stop()).await;
    let again = on_a_thread(move || demo::start("127.0.0.1:0".parse().unwrap(), &folder, &folder, &clock).unwrap()).await;
    let mut thief = Browser { cookies: kept, ..Browser::at(again.node.addresses[0]) };
    assert_eq!(thief.get("/").await.0, 303, "the session is back");
    on_a_thread(move || again.node.stop()).await;
}
