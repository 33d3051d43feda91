//! What state a modem may be in when it is met: just switched on, with a SIM that is not ready; left silent, terse or in another character set
//! by the program that had it before; full. Each on a terminal of its own, all at the same time.

use std::time::Duration;

use doorward::config::modem::{Mode, Modem};
use doorward::dispatch::FailureKind;
use futures_util::future::join_all;
use serde_json::json;

use crate::modem::{Bed, Running, TEXT, at, with_pin};
use crate::support::modem::Simulator;

/// One simulated modem each, with these further arguments.
fn simulators(bed: &Bed, all: &[&[&str]]) -> Option<Vec<Simulator>> {
    let start = |(number, arguments): (usize, &&[&str])| Simulator::on_terminal(bed.path(), &format!("m{number}"), arguments);
    all.iter().enumerate().map(start).collect()
}

/// A bed each, since the notes about PINs belong to the transmitter's name.
fn begin(modem: Modem) -> (Bed, Running) {
    let bed = Bed::new();
    let running = bed.begin(modem);
    (bed, running)
}

async fn sends_once(running: &Running, simulator: &Simulator, what: &str) {
    running.until("ready").await;
    running.send(&running.message(TEXT)).await.unwrap_or_else(|failed| panic!("{what}: {failed:?}"));
    let texts: Vec<_> = simulator.messages().iter().map(|message| message["text"].clone()).collect();
    assert_eq!(texts, [json!(TEXT)], "{what}");
    assert_eq!(running.word("sim"), "open", "{what}");
}

#[tokio::test]
async fn a_sim_that_is_not_ready_after_power_on_is_waited_for_and_its_pin_entered_once() {
    let words = [
        "3 missing",
        "3 failure",
        "3 busy",
        "3 wait",
        "3 simcom",
        "3 quectel",
        "3 NOT_READY",
        "3 NOT_INSERTED",
        "3 SIM_BUSY",
        "3 missing,failure,busy,NOT_READY",
        "3 pin2,busy",
    ];
    let bed = Bed::new();
    let arguments = words.map(|word| ["--pin", "1234", "--sim", word]);
    let Some(simulators) = simulators(&bed, &arguments.each_ref().map(|words| &words[..])) else { return };
    let tried = words.iter().zip(&simulators).map(async |(word, simulator)| {
        let (_bed, running) = begin(with_pin(&simulator.port, "1234"));
        if !word.contains("pin2") {
            running.until("busy").await;
            assert_eq!(running.word("sim"), "not ready", "{word}");
            let failed = running.send(&running.message(TEXT)).await.unwrap_err();
            assert!(
                failed.kind == FailureKind::RetryHere && failed.why.contains("the SIM is not ready yet"),
                "{word}: {failed:?}"
            );
        }
        sends_once(&running, simulator, word).await;
        assert_eq!(simulator.pins_tried(), 1, "{word}");
    });
    join_all(tried).await;
}

#[tokio::test]
async fn a_sim_that_never_gets_ready_is_named_and_looked_for_again() {
    let table = [
        ("9999 missing", "out", "there is no SIM in the modem", "missing"),
        ("9999 NOT_INSERTED", "out", "there is no SIM in the modem", "missing"),
        ("9999 failure", "out", "the SIM does not work (+CME ERROR: 13)", "fails"),
        ("9999 busy", "quarantine", "the SIM stays busy", "not ready"),
        ("9999 wait", "quarantine", "the SIM stays busy (+CME ERROR: 515)", "not ready"),
    ];
    let bed = Bed::new();
    let arguments = table.map(|(word, ..)| ["--pin", "1234", "--sim", word]);
    let Some(simulators) = simulators(&bed, &arguments.each_ref().map(|words| &words[..])) else { return };
    let tried = table.iter().zip(&simulators).map(async |((word, state, why, sim), simulator)| {
        let (_bed, running) = begin(with_pin(&simulator.port, "1234"));
        running.until("busy").await;
        running.clock.advance(Duration::from_secs(61));
        running.until(state).await;
        assert!(
            running.word("last_error").contains(why) && running.word("sim") == *sim,
            "{word}: {:?}",
            running.word("last_error")
        );
        assert_eq!(simulator.pins_tried(), 0, "{word}");
        // Somebody puts it in.
        simulator.order("sim 0 busy");
        running.clock.advance(Duration::from_secs(301));
        sends_once(&running, simulator, word).await;
        assert_eq!(simulator.pins_tried(), 1, "{word}");
    });
    join_all(tried).await;
}

#[tokio::test]
async fn a_modem_that_another_program_left_silent_terse_or_in_other_letters_is_set_up() {
    let all: [&[&str]; 11] = [
        &["--left", "Q1"],
        &["--left", "V0"],
        &["--left", "E0,Q1,V0"],
        &["--left", "UCS2"],
        &["--left", "UCS2", "--strict"],
        &["--left", "GSM"],
        &["--left", "E1,Q1,V0,UCS2", "--strict"],
        &["--left", "V0", "--refuses", "Q0"],
        &["--left", "E1", "--refuses", "Q0,V1"],
        &["--refuses", "E0,Q0,V1,+CMEE,+CSCS"],
        &["--left", "V0", "--refuses", "+CSCS"],
    ];
    let bed = Bed::new();
    let arguments: Vec<Vec<&str>> = all.iter().map(|more| [&["--pin", "1234"], *more].concat()).collect();
    let Some(simulators) = simulators(&bed, &arguments.iter().map(Vec::as_slice).collect::<Vec<_>>()) else { return };
    let tried = all.iter().zip(&simulators).map(async |(what, simulator)| {
        let (_bed, running) = begin(with_pin(&simulator.port, "1234"));
        sends_once(&running, simulator, &what.join(" ")).await;
        assert_eq!(simulator.pins_tried(), 1, "{what:?}");
        assert!(running.word("last_error").is_empty(), "{what:?}: {}", running.word("last_error"));
    });
    join_all(tried).await;
}

/// In text mode the letters themselves depend on it.
#[tokio::test]
async fn a_text_is_sent_in_ascii_whatever_character_set_was_left() {
    let bed = Bed::new();
    let Some(simulator) = bed.terminal(&["--left", "UCS2", "--strict"]) else { return };
    let (_bed, running) = begin(Modem { mode: Mode::Text, ..at(&simulator.port) });
    running.until("ready").await;
    running.send(&running.message(TEXT)).await.unwrap();
    let on_air = simulator.message(0).await;
    assert_eq!((&on_air["text"], &on_air["to"], &on_air["coding"]), (&json!(TEXT), &json!("+4512345678"), &json!("IRA")));
}

/// There its digits would be others, and the SIM would count them as a wrong PIN.
#[tokio::test]
async fn a_pin_is_not_entered_where_its_digits_would_be_read_as_others() {
    let bed = Bed::new();
    let Some(simulator) = bed.terminal(&["--pin", "1234", "--left", "UCS2", "--refuses", "+CSCS="]) else { return };
    let (_bed, running) = begin(with_pin(&simulator.port, "1234"));
    running.until("out").await;
    assert!(running.word("last_error").contains("another character set"), "{}", running.word("last_error"));
    assert_eq!(simulator.pins_tried(), 0);
}

#[tokio::test]
async fn what_modems_of_all_makers_say_while_they_start_is_no_answer() {
    let makers = ["huawei", "wavecom", "simcom", "quectel", "cinterion", "siemens", "sonyericsson", "telit", "mediatek"];
    let bed = Bed::new();
    let arguments = makers.map(|_| ["--pin", "1234"]);
    let Some(simulators) = simulators(&bed, &arguments.each_ref().map(|words| &words[..])) else { return };
    let tried = makers.iter().zip(&simulators).map(async |(maker, simulator)| {
        simulator.order(&format!("start {maker}"));
        let (_bed, running) = begin(with_pin(&simulator.port, "1234"));
        sends_once(&running, simulator, maker).await;
        assert_eq!(simulator.pins_tried(), 1, "{maker}");
        assert!(running.word("last_error").is_empty(), "{maker}: {}", running.word("last_error"));
        assert_eq!(running.word("operator"), "Test Network", "{maker}: answers belong to their commands");
    });
    join_all(tried).await;
}

#[tokio::test]
async fn a_second_pin_is_none_of_ours_and_a_locked_modem_says_by_whom() {
    let table = [
        ("SIM PIN2", "ready", ""),
        ("SIM PUK2", "ready", ""),
        ("\"SIM PIN2\"", "ready", ""),
        ("SIM PUK", "out", "unlock it with its PUK"),
        ("PH-NET PIN", "out", "locked to another network"),
        ("PH-NETSUB PIN", "out", "locked to another network"),
        ("PH-SP PIN", "out", "locked to another provider"),
        ("PH-CORP PIN", "out", "a company's SIMs"),
        ("PH-SIM PIN", "out", "ties it to another SIM"),
        ("PH-FSIM PUK", "out", "ties it to its first SIM"),
        ("GREMLINS", "out", "locked: GREMLINS"),
    ];
    let bed = Bed::new();
    let Some(simulators) = simulators(&bed, &table.map(|_| &[][..])) else { return };
    let tried = table.iter().zip(&simulators).map(async |((words, state, why), simulator)| {
        simulator.order(&format!("locked {words}"));
        let (_bed, running) = begin(with_pin(&simulator.port, "1234"));
        running.until(state).await;
        assert!(running.word("last_error").contains(why), "{words}: {}", running.word("last_error"));
        if *state == "ready" {
            sends_once(&running, simulator, words).await;
            // And said by itself in the middle.
            simulator.order(&format!("say +CPIN: {words}"));
            running.send(&running.message(TEXT)).await.unwrap();
            assert_eq!(running.word("state"), "ready", "{words}");
        }
        assert_eq!(simulator.pins_tried(), 0, "{words}");
    });
    join_all(tried).await;
}

fn deleted(simulator: &Simulator) -> usize {
    simulator.notes().iter().filter(|note| note["storage"] == "deleted" && note["there"] == true).count()
}

#[tokio::test]
async fn a_full_sim_is_emptied_one_by_one_where_a_modem_cannot_do_it_at_once() {
    let all: [&[&str]; 5] = [
        &["--delete", "refused"],
        &["--delete", "first"],
        &["--delete", "refused", "--refuses", "+CMGL"],
        &["--delete", "first", "--refuses", "+CMGL"],
        &["--delete", "refused", "--text-only"],
    ];
    let bed = Bed::new();
    let Some(simulators) = simulators(&bed, &all) else { return };
    let tried = all.iter().zip(&simulators).map(async |(what, simulator)| {
        simulator.order("fill");
        let mode = if what.contains(&"--text-only") { Mode::Text } else { Mode::Pdu };
        let (_bed, running) = begin(Modem { mode, ..at(&simulator.port) });
        running.until("ready").await;
        assert_eq!(deleted(simulator), 20, "{what:?}");
        // In service too, when a message finds it full: deleted, and sent once more, and once.
        simulator.order("fill");
        running.send(&running.message(TEXT)).await.unwrap_or_else(|failed| panic!("{what:?}: {failed:?}"));
        assert_eq!((deleted(simulator), simulator.messages().len()), (40, 1), "{what:?}");
    });
    join_all(tried).await;
}

/// Reports that a modem kept are read before they are deleted, however that is done.
#[tokio::test]
async fn reports_among_what_is_deleted_one_by_one_are_read() {
    let bed = Bed::new();
    let Some(simulator) = bed.terminal(&["--cds", "0,2", "--reports", "none", "--delete", "refused"]) else { return };
    let running = bed.begin(at(&simulator.port));
    let receipt = running.send(&running.message(TEXT)).await.unwrap();
    running.end().await;
    simulator.order("fill 19");
    simulator.order("tell 0 00");
    let mut next = bed.begin(at(&simulator.port));
    assert_eq!(next.report().await.reference, receipt.references[0]);
    assert!(deleted(&simulator) >= 19);
}

/// A modem that lost its power in service says so only when it is given something.
#[tokio::test]
async fn a_sim_that_is_lost_in_service_is_waited_for_as_after_power_on() {
    let bed = Bed::new();
    let Some(simulator) = bed.terminal(&["--pin", "1234"]) else { return };
    let running = bed.begin(with_pin(&simulator.port, "1234"));
    running.until("ready").await;
    simulator.order("reboot");
    simulator.order("sim 3 missing,failure,busy");
    running.send(&running.message(TEXT)).await.unwrap_err();
    running.until("unreachable").await;
    running.clock.advance(Duration::from_secs(2));
    running.until("ready").await;
    running.send(&running.message(TEXT)).await.unwrap();
    assert_eq!((simulator.pins_tried(), simulator.messages().len()), (2, 1));
}
