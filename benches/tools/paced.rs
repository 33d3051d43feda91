//! A fixed rate, open loop: requests are due at their times whatever became of those before, and each is timed from when it was due,
//! so that a stall is counted for everybody who would have met it.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task::spawn_local;

use super::Arguments;
use super::client::{Connection, Failure, Target};

#[derive(Default)]
struct Tally {
    micros: Vec<u128>,
    failed: u64,
}

pub async fn run(arguments: &Arguments) {
    let (rate, connections, seconds) = (arguments.number("rate"), arguments.number("connections"), arguments.seconds());
    let target = Rc::new(Target::new(arguments, false));
    let tally = Rc::new(RefCell::new(Tally::default()));
    let (mut lines, mut tasks) = (Vec::new(), Vec::new());
    for number in 0..connections {
        let mut connection = target.connect(number).await.expect("a connection before the clock starts");
        target.ask(&mut connection).await.expect("an answer before the clock starts");
        // Holds every request that can come due in the whole run.
        let (line, due) = mpsc::channel(4 * (rate * (1 + usize::try_from(seconds.as_secs()).unwrap()) / connections + 1));
        lines.push(line);
        tasks.push(spawn_local(serve(Rc::clone(&target), connection, due, Rc::clone(&tally))));
    }
    let started = Instant::now();
    let pacer = std::thread::spawn(move || pace(rate, seconds, &lines));
    for task in tasks {
        task.await.unwrap();
    }
    let lost = pacer.join().unwrap();
    let mut tally = tally.borrow_mut();
    tally.micros.sort_unstable();
    let at = |share: usize| tally.micros.get(tally.micros.len() * share / 1000).copied().unwrap_or_default();
    println!(
        r#"{{"requests":{},"failed":{},"p50":{},"p99":{},"seconds":{}}}"#,
        tally.micros.len(),
        tally.failed + lost,
        at(500),
        at(990),
        started.elapsed().as_secs_f64()
    );
}

/// A thread of its own that sleeps to the microsecond; the runtime's timers go by the millisecond. Says how many nobody took.
fn pace(rate: usize, seconds: Duration, lines: &[mpsc::Sender<Instant>]) -> u64 {
    let apart = Duration::from_secs(1) / u32::try_from(rate).unwrap();
    let (started, mut number, mut lost) = (Instant::now(), 0_u32, 0);
    while apart * number < seconds {
        let due = started + apart * number;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let line = &lines[usize::try_from(number).unwrap() % lines.len()];
        // Closed by a connection that failed; full cannot be.
        lost += u64::from(line.try_send(due).is_err());
        number += 1;
    }
    lost
}

async fn serve(target: Rc<Target>, mut connection: Connection, mut due: mpsc::Receiver<Instant>, tally: Rc<RefCell<Tally>>) {
    while let Some(due) = due.recv().await {
        let answered: Result<u64, Failure> = target.ask(&mut connection).await;
        let mut tally = tally.borrow_mut();
        match answered {
            Ok(_) => tally.micros.push(due.elapsed().as_micros()),
            Err(error) => {
                eprintln!("{error}");
                tally.failed += 1;
                return;
            }
        }
    }
}
