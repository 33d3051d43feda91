//! Under a service manager: what it is told by the program (sd_notify(3)), and the unit that comes with it.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use crate::support::eventually::eventually;
use crate::support::gate::{Gate, HOST};
use crate::support::peers::free_ports;
use crate::support::program::Program;
use crate::support::skip;

const UNIT: &str = include_str!("../../packaging/doorward.service");
const INSTALLING: &str = include_str!("../../docs/installing.md");

/// Where a service manager listens, and what it has been told, a datagram each.
struct Manager {
    address: String,
    told: Arc<Mutex<Vec<String>>>,
}

impl Manager {
    fn at_path(path: &Path) -> Self {
        Self::listening(path.to_str().unwrap().to_owned(), UnixDatagram::bind(path).unwrap(), |_| ())
    }

    /// In the abstract namespace. `at_ready` is run before anything else is done with the word that the program is ready.
    fn abstractly(name: &str, at_ready: impl Fn(&str) + Send + 'static) -> Self {
        let address = SocketAddr::from_abstract_name(name).unwrap();
        Self::listening(format!("@{name}"), UnixDatagram::bind_addr(&address).unwrap(), at_ready)
    }

    fn listening(address: String, socket: UnixDatagram, at_ready: impl Fn(&str) + Send + 'static) -> Self {
        let told = Arc::new(Mutex::new(Vec::new()));
        let written = Arc::clone(&told);
        std::thread::spawn(move || {
            let mut datagram = [0; 4096];
            while let Ok(length) = socket.recv(&mut datagram) {
                let words = String::from_utf8(datagram[..length].to_vec()).unwrap();
                if words.starts_with("READY=1\n") {
                    at_ready(&words);
                }
                written.lock().unwrap().push(words);
            }
        });
        Self { address, told }
    }

    fn told(&self) -> Vec<String> {
        self.told.lock().unwrap().clone()
    }

    /// Waits until it has been told so much.
    async fn after(&self, count: usize) -> Vec<String> {
        eventually(format!("it is told {count} times"), async || {
            let told = self.told();
            if told.len() >= count { Ok(told) } else { Err(told) }
        })
        .await
    }

    async fn serve(&self, gate: &Gate) -> Program {
        let (tool, path) = (format!("NOTIFY_SOCKET={}", self.address), gate.path());
        tokio::task::spawn_blocking(move || Program::serve_under(&["env", &tool], &path)).await.unwrap()
    }
}

async fn ended(mut program: Program) -> (Option<i32>, String) {
    tokio::task::spawn_blocking(move || {
        let code = program.ended().code();
        (code, program.log())
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn a_service_manager_is_told_of_the_start_of_reloads_and_of_the_stop() {
    let gate = Gate::new().await;
    let usual = gate.configuration("127.0.0.1:0");
    gate.write(&usual);
    let manager = Manager::at_path(&gate.folder.path().join("notify"));
    let program = manager.serve(&gate).await;
    let serving = format!("READY=1\nSTATUS=Serving on {}", program.addresses[0]);
    assert_eq!(manager.after(1).await, [format!("{serving}\n")]);

    // By the command, which has its answer only after the service manager was told.
    gate.write(&usual.replace("Before", "After"));
    assert_eq!(gate.command(&["reload"]).await.0, Some(0));
    let reading = "RELOADING=1\nSTATUS=Reading the configuration again\n".to_owned();
    assert_eq!(manager.after(3).await[1..], [reading.clone(), format!("{serving}\n")]);

    gate.write(&usual.replace("127.0.0.1:0", "127.0.0.2:0"));
    program.signal("HUP");
    let waits = ". A change of the configuration waits for a restart: see `doorward status`\n";
    assert_eq!(manager.after(5).await[3..], [reading.clone(), format!("{serving}{waits}")]);

    gate.write("nonsense = true\n");
    program.signal("HUP");
    let refused = ". The last reload was refused and changed nothing: see `doorward check`\n";
    assert_eq!(manager.after(7).await[5..], [reading, format!("{serving}{refused}")]);

    program.terminate();
    let (code, log) = ended(program).await;
    assert_eq!(
        (code, &manager.after(8).await[7..]),
        (Some(0), &["STOPPING=1\nSTATUS=Stopping: open requests may finish\n".to_owned()][..])
    );
    assert!(!log.contains("service manager"), "{log}");
}

#[tokio::test]
async fn ready_is_said_when_the_listener_answers_and_signals_are_handled() {
    let gate = Gate::new().await;
    let [port] = free_ports();
    gate.write(&gate.configuration(&format!("127.0.0.1:{port}")));
    let (connected, seen) = std::sync::mpsc::channel();
    let manager = Manager::abstractly(&format!("doorward-test/{}/{port}", std::process::id()), move |_| {
        connected.send(std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()).unwrap();
    });
    let program = manager.serve(&gate).await;
    manager.after(1).await;
    assert_eq!(seen.try_recv(), Ok(true));
    assert_eq!(gate.browser(program.addresses[0], HOST).get("/.doorward/health").await.status, 200);
    program.terminate();
    assert_eq!(ended(program).await.0, Some(0));
    assert_eq!(manager.after(2).await[1].lines().next(), Some("STOPPING=1"));
}

#[tokio::test]
async fn a_start_that_fails_is_never_ready() {
    let gate = Gate::new().await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    gate.write(&gate.configuration(&taken.local_addr().unwrap().to_string()));
    let path = gate.folder.path().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_nonblocking(true).unwrap();
    let mut command = crate::support::program::doorward(&["serve", "--config", gate.path().to_str().unwrap()]);
    let output = tokio::task::spawn_blocking(move || command.env("NOTIFY_SOCKET", path).output().unwrap()).await.unwrap();
    assert!(!output.status.success(), "{output:?}");
    assert_eq!(manager.recv(&mut [0; 64]).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

#[tokio::test]
async fn a_service_manager_that_cannot_be_told_is_one_warning_and_no_failed_start() {
    let gate = Gate::new().await;
    gate.write(&gate.configuration("127.0.0.1:0"));
    let gone = gate.folder.path().join("gone").to_str().unwrap().to_owned();
    for address in [gone.as_str(), "@doorward-test/nobody", "vsock:2:1234", "run/notify", "@"] {
        let manager = Manager { address: address.to_owned(), told: Arc::default() };
        let program = manager.serve(&gate).await;
        assert_eq!(gate.browser(program.addresses[0], HOST).get("/.doorward/health").await.status, 200);
        assert_eq!(gate.command(&["reload"]).await.0, Some(0));
        program.terminate();
        let (code, log) = ended(program).await;
        let lines = log.lines().filter(|line| line.contains("service manager")).collect::<Vec<_>>();
        assert!(code == Some(0) && lines.len() == 1 && lines[0].contains("WARN"), "{address}: {log}");
    }
}

#[test]
fn the_unit_in_the_documentation_is_the_one_that_comes_with_the_program() {
    let shown = INSTALLING.split("```ini\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    assert_eq!(shown, UNIT);
}

#[test]
fn systemd_has_nothing_to_say_against_the_unit() {
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        return skip("the systemd unit: systemd-analyze is not installed");
    }
    let folder = tempfile::tempdir().unwrap();
    let analyze = |unit: &str| {
        // The program must be there.
        let file = folder.path().join("doorward.service");
        std::fs::write(&file, unit.replace("/usr/local/bin/doorward", env!("CARGO_BIN_EXE_doorward"))).unwrap();
        let output = Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&file).output().unwrap();
        // What it says of other units of this machine is theirs.
        let said = String::from_utf8(output.stderr).unwrap();
        (output.status.success(), said.lines().filter(|line| line.contains("doorward")).map(str::to_owned).collect::<Vec<_>>())
    };
    assert_eq!(analyze(UNIT), (true, Vec::new()));
    assert_eq!(analyze(&UNIT.replace("LogsDirectory=", "LogFolder=")).1.len(), 1);
}
