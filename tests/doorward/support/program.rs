//! The program itself, as an operator runs it: `doorward serve` with a configuration in a folder of its own.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};

use super::eventually::eventually_blocking;
use super::toml::write_private;

/// A process that serves.
pub struct Program {
    child: Child,
    log: Arc<Mutex<String>>,
    /// In the order of the configuration's listeners.
    pub addresses: Vec<SocketAddr>,
}

/// A command line of the program.
pub fn doorward(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_doorward"));
    command.args(arguments).env_remove("DOORWARD_LOG");
    command
}

/// Runs one to its end, with this on its standard input.
pub fn run(arguments: &[&str], input: &str) -> Output {
    use std::io::Write;
    let mut command = doorward(arguments);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Who reads nothing has closed it already.
    drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
    child.wait_with_output().unwrap()
}

impl Program {
    /// `serve` with `doorward.toml` of this folder; returns once it listens.
    pub fn serve(folder: &Path) -> Self {
        Self::serve_under(&[], &folder.join("doorward.toml"))
    }

    /// `serve` with this file, run by a tool (its command line; none: by itself).
    pub fn serve_under(tool: &[&str], config: &Path) -> Self {
        let program = doorward(&["serve", "--config", config.to_str().unwrap()]);
        let mut command = match tool.split_first() {
            Some((tool, arguments)) => {
                let mut command = Command::new(tool);
                command.args(arguments).arg(program.get_program()).args(program.get_args()).env_remove("DOORWARD_LOG");
                command
            }
            None => program,
        };
        let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let written = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let mut log = written.lock().unwrap();
                log.push_str(&line);
                log.push('\n');
            }
        });
        let mut program = Self { child, log, addresses: Vec::new() };
        program.wait_for("serves on", |line| {
            let listed = line.split_once("serves on [").and_then(|(_, rest)| rest.split_once(']'));
            listed.map(|(listed, _)| listed.split(", ").map(|address| address.parse().unwrap()).collect())
        });
        program
    }

    fn wait_for(&mut self, what: &str, find: impl Fn(&str) -> Option<Vec<SocketAddr>>) {
        self.addresses = eventually_blocking(format!("it says `{what}`"), || {
            let ended = self.child.try_wait().unwrap();
            let log = self.log();
            let found = log.lines().find_map(&find);
            assert!(found.is_some() || ended.is_none(), "ended with {ended:?} before it said `{what}`:\n{log}");
            found.ok_or(log)
        });
    }

    /// The process; under a tool, the tool's where that runs the program beside itself.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has written to standard error.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// The most memory that it has held at once, in KiB.
    pub fn most_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    pub fn terminate(&self) {
        self.signal("TERM");
    }

    pub fn signal(&self, name: &str) {
        let killed = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status().unwrap();
        assert!(killed.success());
    }

    /// Waits for its end.
    pub fn ended(&mut self) -> ExitStatus {
        eventually_blocking("it ends", || self.child.try_wait().unwrap().ok_or_else(|| self.log()))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Makes a certificate for these hosts that nobody vouches for: `NAME.pem` and `NAME.key`.
pub fn certificate(folder: &Path, name: &str, hosts: &[&str]) -> PathBuf {
    let made = rcgen::generate_simple_self_signed(hosts.iter().map(|host| (*host).to_owned()).collect::<Vec<_>>()).unwrap();
    let chain = folder.join(format!("{name}.pem"));
    std::fs::write(&chain, made.cert.pem()).unwrap();
    let key = folder.join(format!("{name}.key"));
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    std::fs::set_permissions(key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    chain
}

/// A users file with alice, password `wonderland`.
pub fn users(folder: &Path) {
    let hashed = run(&["hash-password"], "wonderland\n");
    assert!(hashed.status.success());
    let hash = String::from_utf8(hashed.stdout).unwrap();
    let text = format!(
        "[[user]]\nname = \"alice\"\npassword = \"{}\"\ndisplay_name = \"Alice Liddell\"\nmobile = \"+45 12 34 56 78\"\nmail = \"alice@example.test\"\n",
        hash.trim()
    );
    write_private(&folder.join("users.toml"), &text);
}

/// What a `console` transmitter wrote as its newest message: the object of the last line.
pub fn newest(outbox: &Path, already: usize) -> serde_json::Value {
    eventually_blocking("something new is in the outbox", || {
        let text = std::fs::read_to_string(outbox).unwrap_or_default();
        let is_new = text.ends_with('\n') && text.lines().count() > already;
        is_new.then(|| serde_json::from_str(text.lines().last().unwrap()).unwrap())
    })
}
