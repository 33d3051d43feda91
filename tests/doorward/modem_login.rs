//! Signing in with codes that travel through modems: the whole way, a modem that dies, a reload in the middle, and nothing of a code in
//! any log.

use serde_json::Value;

use crate::support::client::{Answer, Client};
use crate::support::eventually::eventually;
use crate::support::gate::{Gate, HOST};
use crate::support::modem::Simulator;
use crate::support::node::{Bed, user};
use crate::support::program::Program;
use crate::support::toml::Toml;

fn section(name: &str, port: &str, more: &str) -> String {
    format!("[[transmitter]]\nname = \"{name}\"\nkind = \"modem\"\ngroup = \"modems\"\nport = \"{port}\"\n{more}\n")
}

async fn bed(sections: String) -> Bed {
    let dispatch = r#"{ channel = "sms", to = "mobile", through = ["modems"], wait = "60s" }"#;
    let names = ["anna", "bert", "cleo", "dora", "emil", "fred"];
    let users =
        names.iter().zip(1..).map(|(name, number)| user(name, "wonderland", &format!("mobile = \"+45 12 34 56 0{number}\"")));
    let flashed = user("gitt", "wonderland", "mobile = \"+45 12 34 56 07\"\nsms_type = \"flash\"");
    Bed::with(Toml::bed().directory(sections).dispatch(dispatch).users(users.chain([flashed]).collect::<String>())).await
}

/// The code of this page's login, from what reached the air.
async fn code(simulators: &[&Simulator], page: &Answer) -> String {
    let label = format!(" {}", page.label());
    eventually(format!("a message for{label}"), async || {
        let all = simulators.iter().flat_map(|simulator| simulator.messages());
        let ours = all.filter_map(|message| Some(message["text"].as_str()?.to_owned())).find(|text| text.contains(&label));
        let notes = || simulators.iter().flat_map(|simulator| simulator.notes()).collect::<Vec<Value>>();
        ours.map(|text| text.split(' ').next().unwrap().to_owned()).ok_or_else(notes)
    })
    .await
}

async fn enter(browser: &Client, page: &Answer, code: &str) {
    let entered = browser.passcode(page, code).await;
    assert_eq!(entered.status, 303, "{}", entered.body);
}

#[tokio::test]
async fn a_code_travels_through_a_modem_and_its_arrival_is_journaled() {
    let folder = tempfile::tempdir().unwrap();
    let Some(simulator) = Simulator::on_terminal(folder.path(), "a", &["--pin", "0042"]) else { return };
    let bed = bed(section("modem-a", &simulator.port, "sim_pin = \"0042\"")).await;
    let browser = bed.browser();
    let page = browser.to_passcode("anna", "wonderland").await;
    let code = code(&[&simulator], &page).await;
    let on_air = simulator.message(0).await;
    assert_eq!(on_air["to"], "+4512345601");
    // Five minutes of the network for a code of five minutes.
    assert_eq!((&on_air["validity"], &on_air["report"], &on_air["part"]), (&300.into(), &true.into(), &Value::Null));
    enter(&browser, &page, &code).await;
    eventually("its arrival is in the journal", async || {
        let kinds: Vec<String> = bed.journal().into_iter().map(|event| event.kind).collect();
        if kinds.iter().any(|kind| kind == "message-delivered") { Ok(()) } else { Err(kinds) }
    })
    .await;
}

#[tokio::test]
async fn a_persons_own_kind_of_text_message_goes_before_the_policys() {
    let folder = tempfile::tempdir().unwrap();
    let Some(simulator) = Simulator::on_terminal(folder.path(), "a", &[]) else { return };
    let bed = bed(section("modem-a", &simulator.port, "")).await;
    for (place, (name, flash)) in [("anna", false), ("gitt", true)].into_iter().enumerate() {
        let page = bed.browser().to_passcode(name, "wonderland").await;
        let code = code(&[&simulator], &page).await;
        assert!(!code.is_empty());
        assert_eq!(simulator.message(place).await["flash"], flash, "{name}");
    }
}

#[tokio::test]
async fn when_one_modem_of_a_group_dies_the_other_sends_everything() {
    let folder = tempfile::tempdir().unwrap();
    let slow = ["--seconds", "0.5"];
    let Some(dies) = Simulator::on_terminal(folder.path(), "a", &slow) else { return };
    let Some(lives) = Simulator::on_terminal(folder.path(), "b", &slow) else { return };
    let bed = bed([section("modem-a", &dies.port, ""), section("modem-b", &lives.port, "")].concat()).await;
    bed.expects_errors("modem modem-a is out of service");
    let names = ["anna", "bert", "cleo", "dora", "emil", "fred"];
    let mut begun = Vec::new();
    for name in names {
        let browser = bed.browser();
        let page = browser.to_passcode(name, "wonderland").await;
        begun.push((browser, page));
        if name == "cleo" {
            dies.message(0).await;
            dies.order("unplug");
        }
    }
    for (browser, page) in &begun {
        let code = code(&[&dies, &lives], page).await;
        enter(browser, page, &code).await;
    }
    let (first, second) = (dies.messages().len(), lives.messages().len());
    println!("{first} through the one that died, {second} through the other");
    assert!(first >= 1 && (names.len()..=names.len() + 1).contains(&(first + second)), "{first} {second}");
}

#[tokio::test]
async fn a_reload_keeps_modems_and_what_waits_for_them_and_no_code_reaches_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let Some(simulator) = Simulator::on_terminal(folder.path(), "a", &["--seconds", "1", "--pin", "0042"]) else { return };
    let gate = Gate::new().await;
    let modem = section("modem-a", &simulator.port, "sim_pin = \"0042\"");
    let written = gate.configuration("127.0.0.1:0").replace("[\"screen\"]", "[\"modems\"], wait = \"2m\"");
    let written = written.replace("[[dispatch_policy]]", &format!("{modem}\n[[dispatch_policy]]"));
    gate.write(&written);
    let program = Program::serve_under(&["env", "DOORWARD_LOG=trace"], &gate.path());
    let mut begun = Vec::new();
    for (name, password) in [("alice", "wonderland"), ("bob", "builder"), ("alice", "wonderland")] {
        let browser = gate.browser(program.addresses[0], HOST);
        let page = browser.to_passcode(name, password).await;
        begun.push((browser, page));
    }
    let address = program.addresses[0].to_string();
    gate.write(&written.replace("127.0.0.1:0", &address).replace("\"Before\"", "\"After\""));
    let (status, said, errors) = gate.command(&["reload"]).await;
    assert_eq!(status, Some(0), "{said}{errors}");
    let mut codes = Vec::new();
    for (browser, page) in &begun {
        let code = code(&[&simulator], page).await;
        enter(browser, page, &code).await;
        codes.push(code);
    }
    assert_eq!(simulator.messages().len(), 3);
    let count = |words: &str| program.log().matches(words).count();
    assert_eq!((count("modem modem-a is ready"), simulator.pins_tried()), (1, 1));
    // Another configuration of the modem sets it up anew, with the same thread.
    gate.write(&written.replace("127.0.0.1:0", &address).replace("baud", "").replace("sim_pin", "reports = false\nsim_pin"));
    let (status, said, errors) = gate.command(&["reload"]).await;
    assert!(status == Some(0) && said.contains("transmitter modem-a: changed"), "{said}{errors}");
    eventually("it is ready again", async || count("modem modem-a is ready") == 2).await;
    assert_eq!((count("modem modem-a is ready"), simulator.pins_tried()), (2, 1));
    // Beside the running node.
    let (status, said, errors) = gate.command(&["check", "--live"]).await;
    assert!(status == Some(0) && said.contains("the running doorward has this modem"), "{said}{errors}");
    let log = program.log();
    for code in codes {
        let packed: Vec<_> =
            simulator.messages().iter().filter_map(|message| message["pdu"].as_str().map(str::to_owned)).collect();
        assert!(!log.contains(&code) && !packed.iter().any(|pdu| log.contains(pdu)), "a code stands in the log");
    }
    assert!(!log.contains("0042") && !log.contains("4512345678"), "PIN or number in the log");
}
