//! People sign in while the program is killed and started again: everybody's code arrives, and nobody's a third time.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;

use crate::support::client::{Answer, Client};
use crate::support::eventually::eventually;
use crate::support::gateway::Gateway;
use crate::support::node::user;
use crate::support::program::{Program, certificate};
use crate::support::toml::Toml;

const HOST: &str = "app.example";

fn prepare(folder: &Path, people: usize, gateway: &Gateway) {
    certificate(folder, "door", &[HOST]);
    let hashed = user("x", "wonderland", "");
    let users: String = (0..people)
        .map(|place| {
            let entry = hashed.replace("name = \"x\"", &format!("name = \"u{place}\""));
            format!("{}\nmobile = \"{}\"\n\n", entry.trim_end(), number(place))
        })
        .collect();
    Toml::site()
        .named("app", HOST)
        .users(users)
        .transmitter(gateway.section("gateway", "http"))
        .dispatch(r#"{ channel = "sms", to = "mobile", through = ["gateway"], wait = "30s" }"#)
        .limits("attempts_per_address = \"100000/1m\"\nmessages_per_address = \"100000/1h\"")
        .write(folder);
}

fn number(place: usize) -> String {
    format!("+4531{place:06}")
}

/// Where the program listens now.
type Now = Arc<Mutex<SocketAddr>>;

fn browser(now: &Now, folder: &Path) -> Client {
    let address = *now.lock().unwrap();
    Client::new(address, HOST, &folder.join("door.pem"))
}

/// A login that is begun again as long as nobody answers: the passcode page, and whose it is.
async fn to_passcode(now: Now, folder: Arc<Path>, place: usize) -> (Client, Answer) {
    eventually(format!("u{place} can sign in"), async || {
        let client = browser(&now, &folder);
        let tried = tokio::spawn(async move {
            let page = client.to_passcode(&format!("u{place}"), "wonderland").await;
            page.label();
            (client, page)
        });
        tried.await
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybodys_code_arrives_though_the_program_is_killed() {
    let (people, span, kills) = if std::env::var_os("DOORWARD_LONG").is_some() { (200, 60, 3) } else { (20, 6, 1) };
    let folder = tempfile::tempdir().unwrap();
    let gateway = Gateway::start(Duration::from_millis(700)).await;
    prepare(folder.path(), people, &gateway);
    let path: Arc<Path> = folder.path().into();
    let mut program = Program::serve(&path);
    let now: Now = Arc::new(Mutex::new(program.addresses[0]));
    let logins = (0..people).map(|place| {
        let (now, path) = (Arc::clone(&now), Arc::clone(&path));
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(span).mul_f64(place as f64 / people as f64)).await;
            to_passcode(now, path, place).await
        })
    });
    let logins: Vec<_> = logins.collect();
    for _ in 0..kills {
        tokio::time::sleep(Duration::from_secs(span) / (kills + 1)).await;
        program.signal("KILL");
        program = tokio::task::spawn_blocking({
            let path = Arc::clone(&path);
            move || {
                program.ended();
                Program::serve(&path)
            }
        })
        .await
        .unwrap();
        *now.lock().unwrap() = program.addresses[0];
    }
    let begun: Vec<(Client, Answer)> = join_all(logins).await.into_iter().map(Result::unwrap).collect();
    for (place, (mut client, page)) in begun.into_iter().enumerate() {
        client.server = *now.lock().unwrap();
        let code = code(&gateway, &number(place), &page.label()).await;
        let entered = client.passcode(&page, &code).await;
        assert_eq!(entered.status, 303, "u{place}: {}", entered.body);
    }
    let mut copies: HashMap<(String, String), usize> = HashMap::new();
    for message in gateway.got() {
        *copies.entry((message.to, message.code)).or_default() += 1;
    }
    let twice = copies.values().filter(|copies| **copies > 1).count();
    println!("{people} logins, killed {kills} times: {} codes, {twice} of them twice", copies.len());
    assert!(copies.values().all(|copies| *copies <= 2), "{copies:?}");
}

/// The newest code that came for this login.
async fn code(gateway: &Gateway, to: &str, label: &str) -> String {
    let word = format!(" {label},");
    eventually(format!("a message to {to} for login {label}"), async || {
        let mut newest_first = gateway.got().into_iter().rev();
        newest_first.find(|message| message.to == to && message.text.contains(&word)).map(|message| message.code)
    })
    .await
}
