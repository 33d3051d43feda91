//! Where the tests sleep: a time that should be enough is too long on most machines and too short on some, and what a test has not
//! waited for passes for nothing. They wait by `support::eventually`; the few places that sleep stand here with their reason.

use std::path::Path;

use super::{files, root};

/// File below `tests/doorward`, and why it sleeps.
const MAY_SLEEP: &[(&str, &str)] = &[
    ("access_log.rs", "the program hands lines on once a second by the machine's clock, and several times must fail"),
    ("account_states.rs", "a directory takes its time"),
    ("cost.rs", "what a node spends in some seconds without a request is measured"),
    ("cut_short.rs", "a server takes its time"),
    ("forwarding/bed.rs", "plays the sweep that sees ended sessions"),
    ("hand_over.rs", "each node serves for a while before the next takes over"),
    ("http_transmitter.rs", "a gateway sends its answer byte by byte"),
    ("killed.rs", "people come one after another, and the program is killed among them"),
    ("large_bodies.rs", "clients and applications that take nothing for a while, or little, by the machine's clock"),
    ("last_look.rs", "a finger presses a button five times a second"),
    ("lockout.rs", "the domain's lock-out ends by the domain's own clock"),
    ("lockout/others.rs", "the domain's window runs by its own clock"),
    ("logout.rs", "a client sends an upload piece by piece"),
    ("long_polls.rs", "an hour passes in minutes that really take a moment each"),
    ("many_exchanges.rs", "uploads go on piece by piece, and sessions of others must outlive a second of sweeps on every core"),
    ("modem.rs", "a modem's thread looks at the clock once a second and shows nothing when it stays out"),
    ("modem_barred.rs", "a modem's thread looks at the clock once a second and shows nothing when it stays out"),
    ("modem_cost.rs", "what is spent in some seconds of idleness is measured"),
    ("rush.rs", "people come one after another"),
    ("support/eventually.rs", "this is how a test waits"),
    ("support/gateway.rs", "a gateway takes its time"),
    ("support/runs.rs", "a clock runs ten times as fast as the machine's"),
    ("support/upstream.rs", "an application takes its time"),
    ("upstreams/server.rs", "a server takes its time"),
];

#[test]
fn tests_wait_for_conditions_and_sleep_in_few_places() {
    let folder = root().join("tests/doorward");
    let is_source = |path: &&std::path::PathBuf| path.extension().is_some_and(|ending| ending == "rs");
    let mut sleeping: Vec<String> = files(&folder)
        .iter()
        .filter(is_source)
        .filter(|path| !path.ends_with(file!()) && sleeps(&std::fs::read_to_string(path).unwrap()))
        .map(|path| name(&folder, path))
        .collect();
    sleeping.sort();
    let allowed: Vec<&str> = MAY_SLEEP.iter().map(|(file, _)| *file).collect();
    assert_eq!(sleeping, allowed, "what sleeps, and what may");
}

fn name(folder: &Path, path: &Path) -> String {
    path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned()
}

/// By the machine's clock; a sleep by a clock that the test moves is a method.
fn sleeps(text: &str) -> bool {
    text.match_indices("sleep(").any(|(at, _)| {
        let before = text[..at].chars().next_back().unwrap_or(' ');
        !before.is_alphanumeric() && !['.', '_'].contains(&before)
    })
}

#[test]
fn a_sleep_is_seen() {
    assert!(sleeps("tokio::time::sleep(LONG).await") && sleeps("use std::thread::sleep; fn f() { sleep(LONG) }"));
    assert!(!sleeps("clock.sleep(LONG).await") && !sleeps("fn no_sleep() {}"));
}
