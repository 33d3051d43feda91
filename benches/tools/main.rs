//! The small programs of the benchmark: load that wrk and h2load do not make, the upstream, the floor, and a store full of sessions.
//! `benches/run` drives them; each prints its result as one JSON object a line.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a tool of the bench measures by the machine's clock, and a run that goes wrong is to end at once"
)]

mod bodies;
mod client;
mod floor;
mod handshakes;
mod idle;
mod paced;
mod seed;
mod upstream;

use std::collections::HashMap;
use std::time::Duration;

/// `--name value` pairs.
pub struct Arguments(HashMap<String, String>);

impl Arguments {
    pub fn text(&self, name: &str) -> String {
        self.0.get(name).unwrap_or_else(|| panic!("--{name} is missing")).clone()
    }

    pub fn or(&self, name: &str, default: &str) -> String {
        self.0.get(name).map_or(default, String::as_str).to_owned()
    }

    pub fn number(&self, name: &str) -> usize {
        self.text(name).parse().unwrap_or_else(|_| panic!("--{name} wants a number"))
    }

    pub fn seconds(&self) -> Duration {
        Duration::from_secs_f64(self.text("seconds").parse().expect("--seconds wants a number"))
    }
}

fn main() {
    let mut words = std::env::args().skip(1).filter(|word| word != "--bench");
    let what = words.next().unwrap_or_default();
    let mut pairs = HashMap::new();
    while let Some(name) = words.next() {
        let name = name.strip_prefix("--").unwrap_or_else(|| panic!("expected --name, got {name}")).to_owned();
        pairs.insert(name, words.next().expect("a value after the name"));
    }
    let arguments = Arguments(pairs);
    match what.as_str() {
        "handshakes" => alone(handshakes::run(&arguments)),
        "download" => alone(bodies::download(&arguments)),
        "upload" => alone(bodies::upload(&arguments)),
        "paced" => alone(paced::run(&arguments)),
        "idle" => alone(idle::run(&arguments)),
        "upstream" => alone(upstream::run(&arguments)),
        "seed" => alone(seed::run(&arguments)),
        "floor" => floor::run(&arguments),
        other => panic!("there is no {other:?}: handshakes download upload paced idle upstream floor seed"),
    }
}

/// Everything on this thread: the tools share one core.
fn alone(work: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, work);
}
