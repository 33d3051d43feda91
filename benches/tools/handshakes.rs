//! Connections that do one request each and go: `--connections` at a time for `--seconds`, full handshakes or (`--resume yes`)
//! resumed ones. What was really resumed is counted, not believed.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Instant;

use tokio::io::AsyncWriteExt;
use tokio::task::spawn_local;

use super::Arguments;
use super::client::{Failure, Target};

#[derive(Default)]
struct Tally {
    full: Cell<u64>,
    resumed: Cell<u64>,
    failed: Cell<u64>,
}

pub async fn run(arguments: &Arguments) {
    let resume = arguments.or("resume", "no") == "yes";
    let tally = Rc::new(Tally::default());
    let started = Instant::now();
    let end = started + arguments.seconds();
    let mut tasks = Vec::new();
    for number in 0..arguments.number("connections") {
        let (target, tally) = (Target::new(arguments, resume), Rc::clone(&tally));
        tasks.push(spawn_local(async move {
            while Instant::now() < end {
                match once(&target, number).await {
                    Ok(true) => tally.resumed.set(tally.resumed.get() + 1),
                    Ok(false) => tally.full.set(tally.full.get() + 1),
                    Err(error) => {
                        eprintln!("{error}");
                        tally.failed.set(tally.failed.get() + 1);
                    }
                }
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    println!(
        r#"{{"full":{},"resumed":{},"failed":{},"seconds":{}}}"#,
        tally.full.get(),
        tally.resumed.get(),
        tally.failed.get(),
        started.elapsed().as_secs_f64()
    );
}

/// Whether it was resumed. The answer is read to its end, and with it the tickets.
async fn once(target: &Target, number: usize) -> Result<bool, Failure> {
    let mut connection = target.connect(number).await?;
    target.ask(&mut connection).await?;
    let resumed = connection.is_resumed();
    connection.stream.shutdown().await?;
    Ok(resumed)
}
