//! Modems, against a simulated one that `modem_clients.rs` shows to be honest: what reaches the air, what goes wrong, what is reported.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use doorward::base::{Channel, Clock, Language, Secret, UserId};
use doorward::config::modem::{Mode, Modem, Port};
use doorward::dispatch::modem::ModemTransmitter;
use doorward::dispatch::{Delivery, Failure, FailureKind, Message, Purpose, Receipt, Report, Reports, Transmitter};
use serde_json::json;
use tokio::sync::mpsc;

use crate::modem_pin::asked_again;
use crate::support::eventually::eventually;
use crate::support::modem::Simulator;

const NUMBER: &str = "+4512345678";
pub const TEXT: &str = "482913 is your code for mail, login K7. It is good for 5 minutes.\n@mail.example.com #482913";

pub struct Bed {
    folder: tempfile::TempDir,
    clock: Clock,
}

/// A modem that serves.
pub struct Running {
    pub modem: Arc<ModemTransmitter>,
    reported: mpsc::Receiver<Report>,
    pub clock: Clock,
}

impl Bed {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), clock: Clock::by_hand() }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn terminal(&self, arguments: &[&str]) -> Option<Simulator> {
        Simulator::on_terminal(self.path(), "m", arguments)
    }

    fn transmitter(&self, modem: Modem) -> Running {
        self.named("modem-a", modem)
    }

    pub fn named(&self, name: &str, modem: Modem) -> Running {
        let (reports, reported) = Reports::new();
        let modem = Arc::new(ModemTransmitter::new(name.into(), modem, self.path(), self.clock.clone(), reports));
        Running { modem, reported, clock: self.clock.clone() }
    }

    pub fn begin(&self, modem: Modem) -> Running {
        let running = self.transmitter(modem);
        running.modem.begin().unwrap();
        running
    }
}

impl Running {
    pub async fn send(&self, message: &Message) -> Result<Receipt, Failure> {
        let limit = Duration::from_secs(60);
        tokio::time::timeout(limit, self.modem.send(message, self.clock.now())).await.expect("no answer within a minute")
    }

    pub fn message(&self, text: &str) -> Message {
        Message {
            id: "m1x2y3".into(),
            purpose: Purpose::Passcode,
            channel: Channel::Sms,
            to: NUMBER.into(),
            language: Language::ENGLISH,
            flash: false,
            resent: false,
            subject: String::new(),
            text: Secret::new(text.to_owned()),
            passcode: Secret::new("482913".to_owned()),
            user: UserId::new("people", "anna"),
            expires: self.clock.now().plus(Duration::from_secs(300)),
        }
    }

    pub fn word(&self, name: &str) -> String {
        let figures = self.modem.figures();
        figures.words.into_iter().find(|(known, _)| known == name).map(|(_, word)| word).unwrap_or_default()
    }

    fn number(&self, name: &str) -> f64 {
        self.modem.figures().numbers.into_iter().find(|(known, _)| known == name).map(|(_, number)| number).unwrap_or(-1.0)
    }

    pub async fn until(&self, state: &str) {
        eventually(format!("the modem is {state}"), async || {
            if self.word("state") == state { Ok(()) } else { Err(format!("{:?}", self.modem.figures())) }
        })
        .await;
    }

    pub async fn report(&mut self) -> Report {
        tokio::time::timeout(Duration::from_secs(20), self.reported.recv()).await.expect("no report").unwrap()
    }

    pub fn modem_backlog(&self) -> Option<Duration> {
        self.modem.backlog()
    }

    pub async fn end(self) {
        let modem = Arc::clone(&self.modem);
        modem.end();
        tokio::task::spawn_blocking(move || modem.ended(Duration::from_secs(5))).await.unwrap();
    }
}

pub fn at(port: &str) -> Modem {
    let port = match port.strip_prefix("tcp://127.0.0.1:") {
        Some(port) => Port::Tcp { host: "127.0.0.1".into(), port: port.parse().unwrap() },
        None => Port::Serial { path: port.into(), baud: 115_200 },
    };
    Modem { port, sim_pin: None, smsc: None, mode: Mode::Pdu, reports: true }
}

pub fn with_pin(port: &str, pin: &str) -> Modem {
    Modem { sim_pin: Some(Secret::new(pin.to_owned())), ..at(port) }
}

#[tokio::test]
async fn a_message_reaches_the_air_and_its_arrival_is_reported() {
    let bed = Bed::new();
    let Some(simulator) = bed.terminal(&["--reference", "255"]) else { return };
    let mut running = bed.begin(at(&simulator.port));
    let receipt = running.send(&running.message(TEXT)).await.unwrap();
    assert_eq!(receipt.words, "taken by the network as 255");
    let on_air = simulator.message(0).await;
    assert_eq!((&on_air["to"], &on_air["text"], &on_air["flash"]), (&json!(NUMBER), &json!(TEXT), &json!(false)));
    assert_eq!((&on_air["pid"], &on_air["coding"], &on_air["validity"]), (&json!(0), &json!("gsm"), &json!(300)));
    let report = running.report().await;
    let expected =
        Report { transmitter: "modem-a".into(), reference: receipt.references[0].clone(), delivery: Delivery::Delivered };
    assert_eq!(report, expected);
    // The numbers come round; the reference is another one all the same.
    let again = Message { resent: true, flash: true, ..running.message("😀 482913") };
    let second = running.send(&again).await.unwrap();
    assert_eq!(second.words, "taken by the network as 0");
    assert_ne!(second.references, receipt.references);
    assert_eq!(running.report().await.reference, second.references[0]);
    let on_air = simulator.message(1).await;
    assert_eq!((&on_air["text"], &on_air["coding"]), (&json!("😀 482913"), &json!("ucs2")));
    assert_eq!((&on_air["flash"], &on_air["pid"]), (&json!(true), &json!(0x41)));
    assert_eq!((running.word("state"), running.word("operator")), ("ready".to_owned(), "Test Network".to_owned()));
    assert_eq!((running.number("signal_dbm"), running.number("queue"), running.number("sent_total")), (-73.0, 0.0, 2.0));
}

#[tokio::test]
async fn the_parts_of_a_long_message_are_reported_one_by_one() {
    let bed = Bed::new();
    let Some(simulator) = bed.terminal(&["--cds", "0,2"]) else { return };
    let mut running = bed.begin(at(&simulator.port));
    let text = "ж".repeat(100);
    let receipt = running.send(&running.message(&text)).await.unwrap();
    assert_eq!(receipt.words, "taken by the network as 0, 1");
    // Each part is reported; the dispatcher puts them together.
    for reference in receipt.references {
        let report = running.report().await;
        assert_eq!((report.reference, report.delivery), (reference, Delivery::Delivered));
    }
    let parts = simulator.messages();
    let joined: String = parts.iter().map(|part| part["text"].as_str().unwrap()).collect();
    assert_eq!(joined, text);
    assert_eq!(parts[0]["part"][0], parts[1]["part"][0]);
    // Reports that the modem stores are deleted once they are read.
    assert_eq!(simulator.notes().iter().filter(|note| note["storage"] == "deleted" && note["there"] == true).count(), 2);
}

#[tokio::test]
async fn what_does_not_arrive_is_reported_as_failed() {
    let bed = Bed::new();
    let Some(simulator) = bed.terminal(&["--reports", "failed"]) else { return };
    let mut running = bed.begin(at(&simulator.port));
    running.send(&running.message(TEXT)).await.unwrap();
    let Delivery::Failed(why) = running.report().await.delivery else { panic!("delivered") };
    assert!(why.contains("not reached in time"), "{why}");
}

#[tokio::test]
async fn a_modem_in_text_mode_gets_plain_letters() {
    let bed = Bed::new();
    let Some(simulator) = bed.terminal(&["--text-only"]) else { return };
    let mut running = bed.begin(Modem { mode: Mode::Text, ..at(&simulator.port) });
    let receipt =
        running.send(&running.message("482913 für Mail\u{1a}\u{1b}\rAT+CPWD\n@mail.example.com #482913")).await.unwrap();
    let on_air = simulator.message(0).await;
    assert_eq!((&on_air["to"], &on_air["coding"], &on_air["validity"]), (&json!(NUMBER), &json!("IRA"), &json!(300)));
    assert_eq!(on_air["text"], json!("482913 fur Mail?? AT+CPWD\n@mail.example.com #482913"));
    assert_eq!([running.report().await.reference], receipt.references[..]);
}

#[tokio::test]
async fn a_pin_is_entered_once_and_a_refused_one_never_again() {
    let bed = Bed::new();
    let Some(simulator) = bed.terminal(&["--pin", "1234"]) else { return };
    let refused = bed.begin(with_pin(&simulator.port, "9999"));
    refused.until("out").await;
    assert!(refused.word("sim") == "refused the PIN" && refused.word("last_error").contains("sim_pin"));
    let failed = refused.send(&refused.message(TEXT)).await.unwrap_err();
    assert!(failed.why.contains("put the right one into `sim_pin`"), "{failed:?}");
    // It looks again later, and after a restart; without entering it.
    asked_again(&refused, &simulator, simulator.sim_asked()).await;
    refused.end().await;
    let again = bed.begin(with_pin(&simulator.port, "9999"));
    again.until("out").await;
    assert_eq!(simulator.pins_tried(), 1);
    // Another one in the configuration is another try.
    again.modem.renew(&with_pin(&simulator.port, "1234"));
    again.until("ready").await;
    assert_eq!(simulator.pins_tried(), 2);
    again.send(&again.message(TEXT)).await.unwrap();
    again.end().await;
    let open = bed.begin(with_pin(&simulator.port, "1234"));
    open.until("ready").await;
    assert_eq!(simulator.pins_tried(), 2);
}

/// The note is written before the SIM is asked, so that a kill in between does not cost the last try.
#[tokio::test]
async fn a_pin_of_which_nobody_knows_is_not_entered_again() {
    let bed = Bed::new();
    let Some(simulator) = bed.terminal(&["--pin", "1234"]) else { return };
    std::fs::create_dir(bed.path().join("modems")).unwrap();
    let note = bed.path().join("modems/modem-a.pin-refused");
    let running = bed.begin(with_pin(&simulator.port, "9999"));
    running.until("out").await;
    let written = std::fs::read_to_string(&note).unwrap();
    assert!(!written.contains("9999") && written.contains("not entered again"), "{written}");
}

#[tokio::test]
async fn numbers_that_are_none_never_reach_a_modem() {
    let bed = Bed::new();
    let Some(simulator) = bed.terminal(&[]) else { return };
    for modem in [at(&simulator.port), Modem { mode: Mode::Text, ..at(&simulator.port) }] {
        let running = bed.begin(modem);
        running.until("ready").await;
        for to in [
            "+45123\rAT+CPWD=\"SC\",\"0000\",\"1111\"\r",
            "+45123\u{1a}",
            "+45123\"\r\u{1b}AT+CMGD=1,4\r",
            "12345678",
            "+45;ATD112;",
        ] {
            let message = Message { to: to.to_owned(), ..running.message(TEXT) };
            let failed = running.send(&message).await.unwrap_err();
            assert_eq!(failed.kind, FailureKind::Final, "{failed:?}");
        }
        running.send(&running.message(TEXT)).await.unwrap();
        running.end().await;
    }
    assert_eq!(simulator.messages().len(), 2);
    assert!(simulator.notes().iter().all(|note| note.get("wrong").is_none()));
}

/// Each fault once, and then a message that goes through.
#[tokio::test]
async fn what_modems_do_wrong_is_borne() {
    let bed = Bed::new();
    let Some(simulator) = bed.terminal(&[]) else { return };
    let running = bed.begin(at(&simulator.port));
    running.until("ready").await;
    // Sent at last, and once.
    let faults =
        ["fault noise", "fault interrupt", "fault split", "fault late 1 2", "fault cms 1 302", "fault cme 1 515", "fault full"];
    for (place, fault) in faults.into_iter().enumerate() {
        simulator.order(fault);
        running.send(&running.message(TEXT)).await.unwrap_or_else(|failed| panic!("{fault}: {failed:?}"));
        simulator.order("mend");
        assert_eq!(simulator.messages().len(), place + 1, "{fault}");
    }
    let tried = faults.len();
    for (fault, kind) in [
        ("fault cms 1 42", FailureKind::RetryHere),
        ("fault cms 1 28", FailureKind::Final),
        ("fault cms 1 304", FailureKind::RetryElsewhere),
        ("fault cms 1 4711", FailureKind::RetryHere),
    ] {
        simulator.order(fault);
        assert_eq!(running.send(&running.message(TEXT)).await.unwrap_err().kind, kind, "{fault}");
    }
    running.send(&running.message(TEXT)).await.unwrap();
    assert_eq!(simulator.messages().len(), tried + 1);
    assert!(running.number("retransmissions_total") >= 3.0 && running.number("failed_total") >= 4.0);
}

#[tokio::test]
async fn a_modem_that_never_asks_for_the_text_is_asked_once_more() {
    let bed = Bed::new();
    let Some(simulator) = bed.terminal(&[]) else { return };
    let running = bed.begin(at(&simulator.port));
    running.until("ready").await;
    simulator.order("fault no-prompt 1");
    running.send(&running.message(TEXT)).await.unwrap();
    assert_eq!(simulator.messages().len(), 1);
}

#[tokio::test]
async fn a_failing_modem_goes_into_quarantine_and_comes_back() {
    let bed = Bed::new();
    let Some(simulator) = bed.terminal(&[]) else { return };
    let running = bed.begin(at(&simulator.port));
    running.until("ready").await;
    for pause in [60, 300, 1800, 1800] {
        simulator.order("fault cms 3 42");
        for _ in 0..3 {
            running.until("ready").await;
            running.send(&running.message(TEXT)).await.unwrap_err();
        }
        running.until("quarantine").await;
        assert_eq!(running.modem.backlog(), None);
        let failed = running.send(&running.message(TEXT)).await.unwrap_err();
        assert!(failed.kind == FailureKind::RetryHere && failed.why.contains("3 messages in a row failed"), "{failed:?}");
        running.clock.advance(Duration::from_secs(pause - 20));
        tokio::time::sleep(Duration::from_millis(1500)).await;
        assert_eq!(running.word("state"), "quarantine", "after {} s", pause - 20);
        running.clock.advance(Duration::from_secs(21));
        running.until("ready").await;
    }
    running.send(&running.message(TEXT)).await.unwrap();
    assert_eq!(running.modem.backlog(), Some(Duration::ZERO));
}

#[tokio::test]
async fn a_modem_that_is_unplugged_is_used_again_once_it_is_back() {
    let bed = Bed::new();
    let Some(simulator) = bed.terminal(&["--pin", "1234"]) else { return };
    let running = bed.begin(with_pin(&simulator.port, "1234"));
    running.until("ready").await;
    simulator.order("unplug");
    running.until("unreachable").await;
    let failed = running.send(&running.message(TEXT)).await.unwrap_err();
    assert_eq!(failed.kind, FailureKind::RetryHere);
    simulator.order("replug");
    running.clock.advance(Duration::from_secs(30));
    running.until("ready").await;
    running.send(&running.message(TEXT)).await.unwrap();
    // In the middle of a message.
    simulator.order("fault hang-up 1");
    let failed = running.send(&running.message(TEXT)).await.unwrap_err();
    assert!(failed.kind == FailureKind::RetryHere && failed.why.contains("line"), "{failed:?}");
    assert_eq!(simulator.pins_tried(), 2);
}

#[tokio::test]
async fn a_modem_that_lost_its_power_is_set_up_anew() {
    let bed = Bed::new();
    let Some(simulator) = bed.terminal(&["--pin", "1234"]) else { return };
    let running = bed.begin(with_pin(&simulator.port, "1234"));
    running.until("ready").await;
    simulator.order("reboot RDY");
    running.until("unreachable").await;
    running.clock.advance(Duration::from_secs(2));
    running.until("ready").await;
    running.send(&running.message(TEXT)).await.unwrap();
    // Without a word: the first message finds out, and is not sent as the text that it looks like.
    simulator.order("reboot");
    assert_eq!(running.send(&running.message(TEXT)).await.unwrap_err().kind, FailureKind::RetryHere);
    running.until("unreachable").await;
    running.clock.advance(Duration::from_secs(2));
    running.until("ready").await;
    running.send(&running.message(TEXT)).await.unwrap();
    assert_eq!(simulator.pins_tried(), 3);
    assert!(simulator.messages().iter().all(|message| message["text"] == json!(TEXT) && message["to"] == json!(NUMBER)));
}

#[tokio::test]
async fn a_modem_without_network_says_so_and_goes_on_looking() {
    let bed = Bed::new();
    let Some(simulator) = bed.terminal(&[]) else { return };
    simulator.order("set registered 2");
    let running = bed.begin(at(&simulator.port));
    running.until("searching").await;
    assert_eq!(running.word("registration"), "searching");
    simulator.order("set registered 5");
    running.clock.advance(Duration::from_secs(10));
    running.until("ready").await;
    assert_eq!(running.word("registration"), "roaming");
    running.send(&running.message(TEXT)).await.unwrap();
}

#[tokio::test]
async fn a_missing_service_centre_is_set_from_the_configuration() {
    let bed = Bed::new();
    let Some(simulator) = bed.terminal(&[]) else { return };
    simulator.order("set centre");
    let running = bed.begin(at(&simulator.port));
    running.until("out").await;
    assert!(running.word("last_error").contains("set `smsc`"));
    running.modem.renew(&Modem { smsc: Some("+4540390999".to_owned()), ..at(&simulator.port) });
    running.until("ready").await;
    running.send(&running.message(TEXT)).await.unwrap();
}

#[tokio::test]
async fn what_comes_in_is_deleted_and_who_calls_is_hung_up_on() {
    let bed = Bed::new();
    let Some(simulator) = bed.terminal(&[]) else { return };
    let running = bed.begin(at(&simulator.port));
    running.until("ready").await;
    simulator.order("incoming +4587654321 STOP");
    simulator.order("ring");
    eventually("the message is deleted and the call hung up", async || {
        let notes = simulator.notes();
        let deleted = notes.iter().any(|note| note["storage"] == "deleted" && note["there"] == true);
        if deleted && notes.iter().any(|note| note["call"] == "hung up") { Ok(()) } else { Err(notes) }
    })
    .await;
}

#[tokio::test]
async fn passcodes_overtake_notices_and_what_nobody_waits_for_is_not_sent() {
    let bed = Bed::new();
    let Some(simulator) = bed.terminal(&["--seconds", "0.5"]) else { return };
    let running = bed.begin(at(&simulator.port));
    running.until("ready").await;
    let sent = |text: &'static str, purpose| {
        let message = Message { purpose, ..running.message(text) };
        let (modem, now) = (Arc::clone(&running.modem), running.clock.now());
        tokio::spawn(async move { modem.send(&message, now).await.map(drop) })
    };
    let first = sent("first", Purpose::Notice);
    simulator.entered(1).await;
    let notice = sent("notice", Purpose::Notice);
    let given_up = sent("given up", Purpose::Passcode);
    let waits_for = async |count: u32| {
        let least = running.modem.pace().unwrap() * count;
        eventually(format!("{count} wait"), async || running.modem.backlog().unwrap() >= least).await;
    };
    waits_for(3).await;
    let code = sent("code", Purpose::Passcode);
    waits_for(4).await;
    assert!(running.modem.backlog().unwrap() > Duration::from_secs(6));
    given_up.abort();
    for task in [first, notice, code] {
        task.await.unwrap().unwrap();
    }
    let texts: Vec<_> = simulator.messages().iter().map(|message| message["text"].as_str().unwrap().to_owned()).collect();
    assert_eq!(texts, ["first", "code", "notice"]);
}

#[tokio::test]
async fn a_converter_on_the_network_is_a_modem_like_any_other() {
    let bed = Bed::new();
    for arguments in [&[][..], &["--telnet"]] {
        let Some(simulator) = Simulator::on_port(bed.path(), "t", arguments) else { return };
        let running = bed.begin(at(&simulator.port));
        running.send(&running.message(TEXT)).await.unwrap();
        assert_eq!(simulator.messages().last().unwrap()["text"], json!(TEXT));
        // The converter drops who is connected.
        simulator.order("fault hang-up 1");
        assert_eq!(running.send(&running.message(TEXT)).await.unwrap_err().kind, FailureKind::RetryHere);
        running.until("unreachable").await;
        running.clock.advance(Duration::from_secs(30));
        running.until("ready").await;
        running.send(&running.message(TEXT)).await.unwrap();
        running.end().await;
    }
}

#[tokio::test]
async fn a_modem_is_examined_without_sending_and_not_while_it_serves() {
    let bed = Bed::new();
    let Some(simulator) = bed.terminal(&["--pin", "1234"]) else { return };
    let wrong = bed.transmitter(with_pin(&simulator.port, "0000")).modem.examine().await.unwrap_err();
    assert!(wrong.contains("the SIM refused the PIN"), "{wrong}");
    let found = bed.transmitter(with_pin(&simulator.port, "1234")).modem.examine().await.unwrap();
    assert!(found.contains(&"signal: -73 dBm, excellent".to_owned()), "{found:?}");
    assert!(found.contains(&"network: Test Network, home".to_owned()), "{found:?}");
    let running = bed.begin(with_pin(&simulator.port, "1234"));
    running.until("ready").await;
    let busy = bed.transmitter(with_pin(&simulator.port, "1234")).modem.examine().await.unwrap();
    assert_eq!(busy, ["the running doorward has this modem; `doorward status` says how it does"]);
    assert!(running.modem.examine().await.unwrap().contains(&"state: ready".to_owned()));
    let missing = bed.transmitter(at("/nonexistent/ttyUSB9"));
    running.end().await;
    let why = missing.modem.examine().await.unwrap_err();
    assert!(why.contains("is the modem plugged in?"), "{why}");
    assert!(simulator.messages().is_empty());
}
