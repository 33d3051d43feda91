//! A wrong SIM PIN is never entered twice: not after another one, not into the same SIM in another modem, not because of a word that was said of
//! something else.

use std::time::Duration;

use crate::modem::{Bed, Running, with_pin};
use crate::support::eventually::eventually;
use crate::support::modem::Simulator;

/// The configuration is changed, and changed back: the third wrong PIN would lock the SIM.
#[tokio::test]
async fn a_pin_that_was_refused_stays_so_after_another_one_was_tried() {
    let bed = Bed::new();
    let Some(simulator) = bed.terminal(&["--pin", "1234"]) else { return };
    let running = bed.begin(with_pin(&simulator.port, "1111"));
    running.until("out").await;
    running.modem.renew(&with_pin(&simulator.port, "2222"));
    refused(&running, &simulator, 2).await;
    let before = simulator.sim_asked();
    running.modem.renew(&with_pin(&simulator.port, "1111"));
    asked_again(&running, &simulator, before).await;
    running.end().await;
    let again = bed.begin(with_pin(&simulator.port, "1111"));
    again.until("out").await;
    assert_eq!(simulator.pins_tried(), 2);
    again.modem.renew(&with_pin(&simulator.port, "1234"));
    again.until("ready").await;
}

/// Until a whole start lies behind us since the SIM was asked so often: the next start asks only after the one before has ended.
pub async fn asked_again(running: &Running, simulator: &Simulator, before: usize) {
    eventually("the SIM is asked twice more", async || {
        let asked = simulator.sim_asked();
        if asked >= before + 2 {
            return Ok(());
        }
        running.clock.advance(Duration::from_secs(301));
        Err((asked - before, running.word("state")))
    })
    .await;
}

async fn refused(running: &Running, simulator: &Simulator, tries: usize) {
    eventually(format!("the PIN is refused {tries} times"), async || {
        let is_so = simulator.pins_tried() == tries && running.word("state") == "out";
        if is_so { Ok(()) } else { Err(simulator.notes()) }
    })
    .await;
}

/// The same PIN stands in the section of each.
#[tokio::test]
async fn a_sim_is_not_given_a_pin_again_that_it_refused_in_another_modem() {
    let bed = Bed::new();
    let Some(simulator) = bed.terminal(&["--pin", "1234"]) else { return };
    let first = bed.begin(with_pin(&simulator.port, "1111"));
    first.until("out").await;
    first.end().await;
    // It is put into the other modem, where the section says the same.
    let second = bed.named("modem-b", with_pin(&simulator.port, "1111"));
    second.modem.begin().unwrap();
    second.until("out").await;
    assert!(second.word("last_error").contains("refused the PIN"), "{}", second.word("last_error"));
    assert_eq!(simulator.pins_tried(), 1);
}

/// Two modems change their places, one of them with a SIM that is open, and change back.
#[tokio::test]
async fn another_sim_that_is_open_does_not_make_a_refused_pin_good() {
    let bed = Bed::new();
    let Some(closed) = Simulator::on_terminal(bed.path(), "closed", &["--pin", "1234"]) else { return };
    let Some(open) = Simulator::on_terminal(bed.path(), "open", &["--iccid", "89450100000000000027"]) else { return };
    let running = bed.begin(with_pin(&closed.port, "1111"));
    running.until("out").await;
    running.modem.renew(&with_pin(&open.port, "1111"));
    running.until("ready").await;
    running.modem.renew(&with_pin(&closed.port, "1111"));
    running.until("out").await;
    assert_eq!(closed.pins_tried(), 1);
}

/// A modem that starts says so unasked, and some say everything twice.
#[tokio::test]
async fn a_busy_sim_that_is_said_of_something_else_is_no_answer_to_the_pin() {
    let bed = Bed::new();
    let Some(simulator) = bed.terminal(&["--pin", "1234"]) else { return };
    simulator.order("stray +CSCS? +CME ERROR: 14");
    let running = bed.begin(with_pin(&simulator.port, "1111"));
    running.until("out").await;
    asked_again(&running, &simulator, simulator.sim_asked()).await;
    assert_eq!(simulator.pins_tried(), 1);
}
