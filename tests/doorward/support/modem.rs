//! A GSM modem with a network behind it: `tests/peers/modem.py`, on a pseudo terminal or a port.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;

use serde_json::Value;

use super::eventually::eventually;

pub struct Simulator {
    child: Child,
    talk: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
    air: PathBuf,
    /// The terminal, or `tcp://127.0.0.1:port`.
    pub port: String,
}

impl Simulator {
    /// On a terminal in this folder, with these further arguments. Nothing, said aloud, where there is no Python.
    pub fn on_terminal(folder: &Path, name: &str, arguments: &[&str]) -> Option<Self> {
        let link = folder.join(name);
        Self::start(folder, name, &[&["--pty", link.to_str().unwrap()], arguments].concat())
    }

    /// On a free port of this machine.
    pub fn on_port(folder: &Path, name: &str, arguments: &[&str]) -> Option<Self> {
        let mut simulator = Self::start(folder, name, &[&["--tcp", "0"], arguments].concat())?;
        simulator.port = format!("tcp://127.0.0.1:{}", simulator.port);
        Some(simulator)
    }

    fn start(folder: &Path, name: &str, arguments: &[&str]) -> Option<Self> {
        let air = folder.join(format!("{name}.air"));
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/modem.py");
        let mut command = Command::new("/usr/bin/python3");
        command.arg(script).args(["--name", name, "--air"]).arg(&air).args(arguments);
        let Ok(mut child) = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn() else {
            super::skip("python3 is not installed");
            return None;
        };
        let (stdin, mut stdout) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let port = line.trim().strip_prefix("ready ").unwrap_or_else(|| panic!("{line}")).to_owned();
        Some(Self { child, talk: Mutex::new((stdin, stdout)), air, port })
    }

    /// One of its orders; see `Modem.order`.
    pub fn order(&self, text: &str) {
        assert_eq!(self.said(text), "ok", "{text}");
    }

    /// How many it has read from its line.
    pub fn octets(&self) -> usize {
        self.said("octets").parse().unwrap()
    }

    fn said(&self, order: &str) -> String {
        let mut talk = self.talk.lock().unwrap();
        writeln!(talk.0, "{order}").unwrap();
        let mut answer = String::new();
        talk.1.read_line(&mut answer).unwrap();
        answer.trim().to_owned()
    }

    /// Everything that was noted so far.
    pub fn notes(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(&self.air).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// What reached the air.
    pub fn messages(&self) -> Vec<Value> {
        self.notes().into_iter().filter(|note| note.get("mr").is_some()).collect()
    }

    /// How often a PIN was tried.
    pub fn pins_tried(&self) -> usize {
        self.notes().iter().filter(|note| note.get("pin").is_some()).count()
    }

    /// How often it was asked how its SIM stands. Each start of ours asks.
    pub fn sim_asked(&self) -> usize {
        self.notes().iter().filter(|note| note.get("asked").is_some()).count()
    }

    /// Until so many were given to it, whatever becomes of them.
    pub async fn entered(&self, number: usize) {
        eventually(format!("{number} were given to it"), async || {
            let notes = self.notes();
            if notes.iter().filter(|note| note.get("entered").is_some()).count() >= number { Ok(()) } else { Err(notes) }
        })
        .await;
    }

    /// Once there are so many.
    pub async fn message(&self, number: usize) -> Value {
        eventually(format!("message {number} on the air"), async || {
            self.messages().into_iter().nth(number).ok_or_else(|| self.notes())
        })
        .await
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
