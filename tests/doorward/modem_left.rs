//! What a modem is left with when a node is killed or a line breaks in the middle of a message: it serves again within seconds, the message
//! goes out once, and what the network says of it afterwards is heard.

use std::io::Write;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::modem::{Bed, Running, TEXT, at};
use crate::support::client::{Answer, Client};
use crate::support::eventually::{eventually, eventually_blocking};
use crate::support::gate::{Gate, HOST};
use crate::support::modem::Simulator;
use crate::support::program::{Program, newest};

/// Writes to the modem as a node does that is killed right after.
fn leave(simulator: &Simulator, octets: &[u8]) {
    let mut line: Box<dyn Write> = match simulator.port.strip_prefix("tcp://") {
        Some(address) => Box::new(std::net::TcpStream::connect(address).unwrap()),
        None => Box::new(std::fs::OpenOptions::new().write(true).open(&simulator.port).unwrap()),
    };
    line.write_all(octets).unwrap();
    line.flush().unwrap();
    // It notices the end by itself.
    eventually_blocking("the modem has read it", || simulator.octets() >= octets.len());
}

/// The published example, to +46708251358.
const PDU: &str = "0011000B916407281553F80000AA0AE8329BFD4697D9EC37";

async fn serves_within(running: &Running, from: Instant, seconds: u64) {
    running.until("ready").await;
    let took = from.elapsed();
    println!("in service after {:.1} s", took.as_secs_f64());
    assert!(took < Duration::from_secs(seconds), "{took:?}");
}

#[tokio::test]
async fn a_modem_that_waits_for_the_rest_of_a_message_serves_at_once() {
    let bed = Bed::new();
    let half = format!("AT+CMGF=0\rAT+CMGS=23\r{}", &PDU[..20]);
    // The last one asks for the text long after it was told to forget it.
    for (name, arguments) in [("a", &[][..]), ("b", &["--prompt-after", "1.5"])] {
        let on_port = Simulator::on_port(bed.path(), &format!("{name}-port"), arguments);
        for simulator in [Simulator::on_terminal(bed.path(), name, arguments), on_port] {
            let Some(simulator) = simulator else { return };
            leave(&simulator, half.as_bytes());
            let (from, running) = (Instant::now(), bed.begin(at(&simulator.port)));
            serves_within(&running, from, 8).await;
            running.send(&running.message(TEXT)).await.unwrap();
            let texts: Vec<Value> = simulator.messages().iter().map(|message| message["text"].clone()).collect();
            assert_eq!(texts, [json!(TEXT)]);
            assert!(simulator.notes().iter().all(|note| note.get("wrong").is_none()), "{:?}", simulator.notes());
            running.end().await;
        }
    }
}

#[tokio::test]
async fn a_modem_that_is_busy_with_a_message_of_a_killed_node_serves_once_it_is_done() {
    let bed = Bed::new();
    let begun = format!("AT+CMGF=0\rAT+CMGS=23\r{PDU}\u{1a}");
    // Some hear nothing while they are busy, some answer everything at the end.
    for (name, fault) in [("deaf", "fault deaf"), ("patient", "mend")] {
        let Some(simulator) = Simulator::on_terminal(bed.path(), name, &["--seconds", "6"]) else { return };
        simulator.order(fault);
        leave(&simulator, begun.as_bytes());
        let (from, running) = (Instant::now(), bed.begin(at(&simulator.port)));
        running.until("busy").await;
        assert_eq!(running.modem_backlog(), None, "whoever can goes elsewhere meanwhile");
        serves_within(&running, from, 9).await;
        assert_eq!(running.word("operator"), "Test Network", "answers belong to their commands");
        simulator.order("set seconds 0.1");
        running.send(&running.message(TEXT)).await.unwrap();
        assert_eq!(simulator.messages().len(), 2);
        running.end().await;
    }
}

#[tokio::test]
async fn a_message_whose_line_breaks_in_the_middle_goes_out_once_and_is_known() {
    let bed = Bed::new();
    let Some(simulator) = Simulator::on_port(bed.path(), "t", &["--seconds", "3", "--reference", "41"]) else { return };
    let mut running = bed.begin(at(&simulator.port));
    running.until("ready").await;
    let message = running.message(TEXT);
    let breaks = async {
        simulator.entered(1).await;
        simulator.order("drop");
        Instant::now()
    };
    let (receipt, from) = tokio::join!(running.send(&message), breaks);
    let receipt = receipt.unwrap();
    assert_eq!(receipt.words, "taken by the network as 41");
    serves_within(&running, from, 8).await;
    assert_eq!(running.report().await.reference, receipt.references[0]);
    assert_eq!(simulator.messages().len(), 1);
}

#[tokio::test]
async fn a_message_whose_line_stays_broken_is_left_to_others() {
    let bed = Bed::new();
    let Some(simulator) = Simulator::on_port(bed.path(), "t", &["--seconds", "3"]) else { return };
    let running = bed.begin(at(&simulator.port));
    running.until("ready").await;
    let message = running.message(TEXT);
    let breaks = async {
        simulator.entered(1).await;
        simulator.order("unplug");
    };
    let (failed, ()) = tokio::join!(running.send(&message), breaks);
    let failed = failed.unwrap_err();
    assert_eq!(failed.kind, doorward::dispatch::FailureKind::Unsure, "{failed:?}");
}

/// The program with a modem, and a call through the console as the next rule.
struct House {
    gate: Gate,
    simulator: Simulator,
}

impl House {
    async fn new(arguments: &[&str], wait: &str) -> Option<Self> {
        let gate = Gate::new().await;
        let simulator = Simulator::on_terminal(gate.folder.path(), "a", arguments)?;
        let modem = format!("[[transmitter]]\nname = \"modem-a\"\nkind = \"modem\"\nport = \"{}\"\n\n", simulator.port);
        let rules = format!(
            "[\n  {{ channel = \"sms\", to = \"mobile\", through = [\"modem-a\"], wait = \"{wait}\" }},\n  {{ channel = \"voice\", to = \"mobile\", through = [\"screen\"] }},\n]"
        );
        let written = gate.configuration("127.0.0.1:0").replace("[[dispatch_policy]]", &format!("{modem}[[dispatch_policy]]"));
        let written = written.replace(r#"[{ channel = "sms", to = "mobile", through = ["screen"] }]"#, &rules);
        gate.write(&written);
        Some(Self { gate, simulator })
    }

    fn serve(&self) -> Program {
        Program::serve(self.gate.folder.path())
    }

    async fn ready(&self, program: &Program) {
        eventually("the modem is in service", async || {
            let log = program.log();
            if log.contains("modem modem-a is ready") { Ok(()) } else { Err(log) }
        })
        .await;
    }

    /// Kills it at this moment and starts it again, for the same browser.
    async fn killed(&self, mut program: Program, browser: &mut Client) -> Program {
        program.signal("KILL");
        program.ended();
        drop(program);
        let program = self.serve();
        browser.server = program.addresses[0];
        program
    }

    async fn state(&self, browser: &Client, page: &Answer) -> Value {
        let flow = page.between("flow=", "\"").unwrap();
        let status = browser.get(&format!("/.doorward/login/status?flow={flow}")).await;
        serde_json::from_str(&status.body).unwrap()
    }

    async fn until(&self, browser: &Client, page: &Answer, state: &str) -> String {
        eventually(format!("it is {state}"), async || {
            let now = self.state(browser, page).await;
            if now["state"] == state { Ok(now["text"].as_str().unwrap().to_owned()) } else { Err(now) }
        })
        .await
    }
}

fn code(message: &Value) -> String {
    message["text"].as_str().unwrap().split(' ').next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_that_a_kill_left_in_the_modem_is_sent_once_and_the_page_says_so() {
    let Some(house) = House::new(&["--seconds", "4"], "60s").await else { return };
    let program = house.serve();
    house.ready(&program).await;
    let mut browser = house.gate.browser(program.addresses[0], HOST);
    let page = browser.to_passcode("alice", "wonderland").await;
    house.simulator.entered(1).await;
    let program = house.killed(program, &mut browser).await;
    let from = Instant::now();
    house.ready(&program).await;
    println!("in service {:.1} s after the restart", from.elapsed().as_secs_f64());
    assert!(from.elapsed() < Duration::from_secs(8));
    let said = house.until(&browser, &page, "delivered").await;
    println!("{:.1} s after the restart the page says: {said}", from.elapsed().as_secs_f64());
    let messages = house.simulator.messages();
    assert_eq!(messages.len(), 1, "{messages:?}");
    let entered = browser.passcode(&page, &code(&messages[0])).await;
    assert_eq!(entered.status, 303, "{}", entered.body);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_network_reports_after_a_kill_still_moves_the_message() {
    for (status, state) in [("00", "delivered"), ("46", "sent")] {
        let Some(house) = House::new(&["--reports", "none", "--reference", "255"], "100s").await else { return };
        let program = house.serve();
        house.ready(&program).await;
        let mut browser = house.gate.browser(program.addresses[0], HOST);
        let page = browser.to_passcode("alice", "wonderland").await;
        house.until(&browser, &page, "waiting").await;
        let code = code(&house.simulator.message(0).await);
        let program = house.killed(program, &mut browser).await;
        house.ready(&program).await;
        assert_eq!(house.state(&browser, &page).await["state"], "waiting");
        house.simulator.order(&format!("tell 255 {status}"));
        let said = house.until(&browser, &page, state).await;
        println!("status {status} after the kill: {said}");
        if state == "sent" {
            assert!(said.contains("did not arrive") && said.contains("We are calling"), "{said}");
            let call = newest(&house.gate.folder.path().join("outbox.jsonl"), 0);
            assert_eq!((&call["channel"], &call["passcode"]), (&json!("voice"), &json!(code)));
        }
        assert_eq!(browser.passcode(&page, &code).await.status, 303);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_modem_that_is_removed_in_the_middle_of_a_message_finishes_it() {
    let Some(house) = House::new(&["--seconds", "3", "--reports", "none"], "60s").await else { return };
    let program = house.serve();
    house.ready(&program).await;
    let browser = house.gate.browser(program.addresses[0], HOST);
    let page = browser.to_passcode("alice", "wonderland").await;
    house.simulator.entered(1).await;
    house.gate.write(&house.gate.configuration(&program.addresses[0].to_string()));
    let (status, said, errors) = house.gate.command(&["reload"]).await;
    assert_eq!(status, Some(0), "{said}{errors}");
    let message = house.simulator.message(0).await;
    house.until(&browser, &page, "waiting").await;
    assert_eq!(browser.passcode(&page, &code(&message)).await.status, 303);
    let outbox = std::fs::read_to_string(house.gate.folder.path().join("outbox.jsonl")).unwrap_or_default();
    assert!(outbox.is_empty() && house.simulator.messages().len() == 1, "{outbox}");
}

/// Reports that the modem kept while nobody listened are read at the start, and those of others move nothing.
#[tokio::test]
async fn reports_that_a_modem_kept_are_read_when_it_is_set_up() {
    let bed = Bed::new();
    let Some(simulator) = bed.terminal(&["--cds", "0,2", "--reports", "none"]) else { return };
    let running = bed.begin(at(&simulator.port));
    let receipt = running.send(&running.message(TEXT)).await.unwrap();
    running.end().await;
    simulator.order("tell 0 00");
    let mut next = bed.begin(at(&simulator.port));
    assert_eq!(next.report().await.reference, receipt.references[0]);
}
