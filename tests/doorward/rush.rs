//! The morning's rush through modems, by the program as it runs: many people sign in within a minute, a modem dies, an operator delivers
//! nothing. In real time, so that what is printed is what people would wait.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::Value;

use crate::support::client::{Answer, Client};
use crate::support::eventually::eventually;
use crate::support::gateway::{Gateway, seconds};
use crate::support::modem::Simulator;
use crate::support::node::user;
use crate::support::program::{Program, certificate};
use crate::support::toml::Toml;

const HOST: &str = "app.example";

/// How much of a rush it is.
#[derive(Clone, Copy)]
struct Size {
    people: usize,
    within: Duration,
    /// What one message takes a modem.
    message: f64,
}

fn size(message: f64) -> Size {
    if std::env::var_os("DOORWARD_LONG").is_some() {
        Size { people: 200, within: Duration::from_secs(60), message }
    } else {
        Size { people: 20, within: Duration::from_secs(4), message: message / 10.0 }
    }
}

/// One person's login.
struct Begun {
    to: String,
    posted: f64,
    browser: Client,
    page: Answer,
}

/// Every fifth has a number of the operator whose numbers begin with `+4520`.
fn number(place: usize) -> String {
    format!("+45{}{place:06}", if place.is_multiple_of(5) { "20" } else { "31" })
}

fn prepare(folder: &Path, people: usize, transmitters: &str, rules: &str) {
    certificate(folder, "door", &[HOST]);
    let hashed = user("x", "wonderland", "");
    let entry = |place: usize| {
        let named = hashed.replace("name = \"x\"", &format!("name = \"u{place}\""));
        format!("{}\nmobile = \"{}\"\n\n", named.trim_end(), number(place))
    };
    Toml::site()
        .named("app", HOST)
        .users((0..people).map(entry).collect::<String>())
        .transmitter(transmitters)
        .dispatch(rules)
        .limits("attempts_per_address = \"100000/1m\"\nmessages_per_address = \"100000/1h\"")
        .write(folder);
}

fn modem(name: &str, simulator: &Simulator) -> String {
    format!("[[transmitter]]\nname = \"{name}\"\nkind = \"modem\"\ngroup = \"modems\"\nport = \"{}\"\n\n", simulator.port)
}

async fn serve(folder: &Path, modems: usize) -> Program {
    let path = folder.to_owned();
    let program = tokio::task::spawn_blocking(move || Program::serve(&path)).await.unwrap();
    eventually("all modems are in service", async || {
        let log = program.log();
        if log.matches(" is ready: ").count() >= modems { Ok(()) } else { Err(log) }
    })
    .await;
    program
}

/// Everybody types the right password, evenly within the time.
async fn log_in(program: &Program, folder: &Path, size: Size) -> Vec<Begun> {
    let (address, ca) = (program.addresses[0], Arc::<Path>::from(folder.join("door.pem")));
    let logins = (0..size.people).map(|place| {
        let ca = Arc::clone(&ca);
        tokio::spawn(async move {
            tokio::time::sleep(size.within.mul_f64(place as f64 / size.people as f64)).await;
            let browser = Client::new(address, HOST, &ca);
            let form = browser.get("/.doorward/login").await;
            let posted = seconds();
            let answer = browser.login_on(&form, &format!("u{place}"), "wonderland").await;
            let page = browser.get(&answer.location()).await;
            Begun { to: number(place), posted, browser, page }
        })
    });
    join_all(logins.collect::<Vec<_>>()).await.into_iter().map(Result::unwrap).collect()
}

/// A code that reached somebody's phone.
#[derive(Clone, Debug)]
struct Arrived {
    code: String,
    at: f64,
    /// When the transmitter began with it.
    begun: f64,
}

/// By number, everything that arrived.
fn arrived(modems: &[&Simulator], gateway: &Gateway) -> HashMap<String, Vec<Arrived>> {
    let mut all: HashMap<String, Vec<Arrived>> = HashMap::new();
    for notes in modems.iter().map(|modem| modem.notes()) {
        let mut entered: HashMap<String, f64> = HashMap::new();
        for note in notes {
            let at = note["at"].as_f64().unwrap();
            if let Some(to) = note["entered"].as_str() {
                entered.insert(to.to_owned(), at);
            } else if note.get("mr").is_some() {
                let (to, text) = (note["to"].as_str().unwrap(), note["text"].as_str().unwrap());
                let code = text.split(' ').next().unwrap().to_owned();
                all.entry(to.to_owned()).or_default().push(Arrived { code, at, begun: entered[to] });
            }
        }
    }
    for taken in gateway.got() {
        all.entry(taken.to).or_default().push(Arrived { code: taken.code, at: taken.at, begun: taken.at });
    }
    all
}

/// Median, 95th and 99th of a hundred, longest; in seconds.
fn distribution(mut spans: Vec<f64>) -> String {
    spans.sort_by(f64::total_cmp);
    let at = |percent: usize| spans[((spans.len() - 1) * percent).div_ceil(100)];
    format!("median {:.3} s, p95 {:.3} s, p99 {:.3} s, longest {:.3} s", at(50), at(95), at(99), at(100))
}

/// What the journal says: from the right password to the dispatcher having the message on record.
fn to_hand_over(folder: &Path) -> Vec<f64> {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let file = rusqlite::Connection::open_with_flags(folder.join("state/doorward.db"), flags).unwrap();
    let mut read = file.prepare("SELECT at, trace, kind FROM event ORDER BY seq").unwrap();
    let rows = read.query_map((), |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Option<String>>(1)?, row.get::<_, String>(2)?)));
    let (mut right, mut spans) = (HashMap::new(), Vec::new());
    for (at, trace, kind) in rows.unwrap().map(Result::unwrap) {
        match kind.as_str() {
            "password-right" => drop(right.insert(trace, at)),
            "message-handed-over" => spans.extend(right.get(&trace).map(|from| (at - from) as f64 / 1000.0)),
            _ => {}
        }
    }
    spans
}

async fn until_everybody_has_one(begun: &[Begun], modems: &[&Simulator], gateway: &Gateway) -> HashMap<String, Vec<Arrived>> {
    eventually("everybody has a code", async || {
        let all = arrived(modems, gateway);
        let missing: Vec<&str> = begun.iter().map(|login| login.to.as_str()).filter(|to| !all.contains_key(*to)).collect();
        if missing.is_empty() { Ok(all) } else { Err(missing) }
    })
    .await
}

async fn enter(login: &Begun, code: &str) {
    let entered = login.browser.passcode(&login.page, code).await;
    assert_eq!(entered.status, 303, "{}: {}", login.to, entered.body);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_gets_a_living_code_though_one_of_two_modems_dies() {
    let (folder, size) = (tempfile::tempdir().unwrap(), size(6.0));
    let takes = size.message.to_string();
    let arguments = ["--seconds", takes.as_str()];
    let Some(dies) = Simulator::on_terminal(folder.path(), "a", &arguments) else { return };
    let Some(lives) = Simulator::on_terminal(folder.path(), "b", &arguments) else { return };
    let gateway = Gateway::start(Duration::from_millis(300)).await;
    let transmitters = [modem("modem-a", &dies), modem("modem-b", &lives), gateway.section("gateway", "http")].concat();
    let wait = (size.message * 5.0).ceil();
    let rules = format!("{{ channel = \"sms\", to = \"mobile\", through = [\"modems\", \"gateway\"], wait = \"{wait}s\" }}");
    prepare(folder.path(), size.people, &transmitters, &rules);
    let program = serve(folder.path(), 2).await;
    let death = async {
        tokio::time::sleep(size.within / 2).await;
        dies.order("unplug");
    };
    let (begun, ()) = tokio::join!(log_in(&program, folder.path(), size), death);
    let all = until_everybody_has_one(&begun, &[&dies, &lives], &gateway).await;
    let first = |login: &Begun| all[&login.to].iter().min_by(|one, other| one.at.total_cmp(&other.at)).unwrap().clone();
    for login in &begun {
        enter(login, &first(login).code).await;
    }
    let (dead, alive, overflow) = (dies.messages().len(), lives.messages().len(), gateway.got().len());
    println!(
        "{} logins in {:?}: {dead} by the modem that died, {alive} by the other, {overflow} by the gateway",
        size.people, size.within
    );
    println!("posted to arrived: {}", distribution(begun.iter().map(|login| first(login).at - login.posted).collect()));
    println!(
        "posted to the transmitter: {}",
        distribution(begun.iter().map(|login| first(login).begun - login.posted).collect())
    );
    println!("right password to hand-over: {}", distribution(to_hand_over(folder.path())));
    let copies: usize = all.values().map(Vec::len).sum();
    println!("{} people got {copies} messages", all.len());
    // One was in the modem that died, and may have been sent by it too.
    assert!(all.values().all(|own| own.len() <= 2) && copies <= size.people + 1, "{copies}");
    assert!(dead > 0 && alive > dead, "{dead} {alive}");
}

async fn state(login: &Begun) -> (String, String) {
    let status = login.browser.get(&format!("/.doorward/login/status?flow={}", login.page.flow())).await;
    let status: Value = serde_json::from_str(&status.body).unwrap();
    (status["state"].as_str().unwrap().to_owned(), status["text"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whose_operator_delivers_nothing_is_called_and_the_page_says_so() {
    let (folder, size) = (tempfile::tempdir().unwrap(), size(0.4));
    let takes = size.message.to_string();
    let arguments = ["--seconds", takes.as_str(), "--report-after", "2", "--fails", "+4520"];
    let Some(one) = Simulator::on_terminal(folder.path(), "a", &arguments) else { return };
    let Some(two) = Simulator::on_terminal(folder.path(), "b", &arguments) else { return };
    let phone = Gateway::start(Duration::from_millis(500)).await;
    let transmitters = [modem("modem-a", &one), modem("modem-b", &two), phone.section("phone", "voice")].concat();
    let rules = r#"{ channel = "sms", to = "mobile", through = ["modems"], wait = "60s" },
    { channel = "voice", to = "mobile", through = ["phone"], wait = "60s" }"#;
    prepare(folder.path(), size.people, &transmitters, rules);
    let program = serve(folder.path(), 2).await;
    let begun = log_in(&program, folder.path(), size).await;
    for login in &begun {
        let fails = login.to.starts_with("+4520");
        let wanted = if fails { "sent" } else { "delivered" };
        let text = eventually(format!("{} is {wanted}", login.to), async || {
            let (state, text) = state(login).await;
            if state == wanted { Ok(text) } else { Err((state, text)) }
        })
        .await;
        assert!(!fails || (text.contains("did not arrive") && text.contains("We are calling")), "{text}");
    }
    let calls = phone.got();
    let texts = arrived(&[&one, &two], &phone);
    println!("{} logins, {} text messages, {} calls", begun.len(), one.messages().len() + two.messages().len(), calls.len());
    assert_eq!(calls.len(), size.people.div_ceil(5));
    assert!(calls.iter().all(|call| call.to.starts_with("+4520")), "{calls:?}");
    let mut spans = Vec::new();
    for login in &begun {
        let own = &texts[&login.to];
        let text = own.iter().find(|arrived| !arrived.code.contains(',')).unwrap();
        if let Some(call) = calls.iter().find(|call| call.to == login.to) {
            let spoken: String = call.code.chars().filter(char::is_ascii_digit).collect();
            assert_eq!(spoken, text.code, "the call says the same code");
            spans.push(call.at - text.at);
        }
        enter(login, &text.code).await;
    }
    println!("from the network taking the text message to the call, 2 s of it until its report: {}", distribution(spans));
}
