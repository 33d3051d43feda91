//! What modems cost: how near they come to what a modem can do, and what four of them take while nothing happens.

use std::sync::Arc;
use std::time::{Duration, Instant};

use doorward::dispatch::{Message, Transmitter};

use crate::modem::{Bed, TEXT, at};
use crate::support::eventually::eventually;
use crate::support::gate::Gate;
use crate::support::modem::Simulator;
use crate::support::program::Program;

fn is_long() -> bool {
    std::env::var_os("DOORWARD_LONG").is_some()
}

#[tokio::test]
async fn a_modem_is_kept_busy_while_messages_wait() {
    let bed = Bed::new();
    let (seconds, count) = if is_long() { (6.0, 10) } else { (0.5, 8) };
    let Some(simulator) = bed.terminal(&["--seconds", &seconds.to_string()]) else { return };
    let running = bed.begin(at(&simulator.port));
    running.until("ready").await;
    let begun = Instant::now();
    let tasks: Vec<_> = (0..count)
        .map(|number| {
            let message = Message { id: format!("m{number}"), ..running.message(TEXT) };
            let (modem, now) = (Arc::clone(&running.modem), running.clock.now());
            tokio::spawn(async move { modem.send(&message, now).await.unwrap() })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let taken = begun.elapsed().as_secs_f64();
    let (made, possible) = (f64::from(count) * 60.0 / taken, 60.0 / seconds);
    println!("{made:.2} messages a minute of {possible:.2} that the modem can do: {:.3}", made / possible);
    assert_eq!(simulator.messages().len(), usize::try_from(count).unwrap());
    // A busy machine makes us late, too: the figure is judged where it is measured, with real seconds.
    assert!(!is_long() || made / possible > 0.9, "{made} of {possible}");
}

/// User and system time of a process, from the kernel's own count in hundredths of a second.
fn spent(process: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let (_, rest) = text.rsplit_once(')').unwrap();
    let fields: Vec<&str> = rest.split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

#[tokio::test]
async fn four_modems_cost_nothing_while_nothing_happens() {
    let folder = tempfile::tempdir().unwrap();
    let mut modems = Vec::new();
    for name in ["a", "b", "c", "d"] {
        let Some(simulator) = Simulator::on_terminal(folder.path(), name, &[]) else { return };
        modems.push(simulator);
    }
    let sections = modems.iter().zip(1..).map(|(simulator, number)| {
        format!(
            "[[transmitter]]\nname = \"modem-{number}\"\nkind = \"modem\"\ngroup = \"modems\"\nport = \"{}\"\n\n",
            simulator.port
        )
    });
    let sections: String = sections.collect();
    let gate = Gate::new().await;
    let mut idle = Vec::new();
    for with in [false, true] {
        let written = gate.configuration("127.0.0.1:0");
        let more = if with { sections.as_str() } else { "" };
        gate.write(&written.replace("[[dispatch_policy]]", &format!("{more}[[dispatch_policy]]")));
        let program = Program::serve(gate.folder.path());
        let ready = if with { modems.len() } else { 0 };
        eventually("all modems are ready", async || program.log().matches(" is ready").count() == ready).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        let (before, begun) = (spent(program.id()), Instant::now());
        tokio::time::sleep(Duration::from_secs(if is_long() { 60 } else { 5 })).await;
        // A hundredth of a second of a second is a percent.
        #[expect(clippy::cast_precision_loss, reason = "a count of ticks")]
        let percent = (spent(program.id()) - before) as f64 / begun.elapsed().as_secs_f64();
        idle.push(percent);
        drop(program);
    }
    println!("idle: {:.2} % of a core without modems, {:.2} % with four", idle[0], idle[1]);
    assert!(idle[1] - idle[0] < 2.0, "{idle:?}");
}
