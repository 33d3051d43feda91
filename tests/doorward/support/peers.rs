//! Real neighbours, started by the scripts in `tests/peers/` on free loopback ports and stopped when dropped; and wires to put before them.

use std::collections::HashMap;
use std::net::TcpListener as StdListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// An OpenLDAP server; who is in it stands in `tests/peers/slapd.sh`.
pub struct Slapd {
    folder: TempDir,
    said: HashMap<String, String>,
}

/// Starts one, with these environment variables for the script. Nothing, said aloud, where slapd is not installed; a failure
/// where `CI=true`.
pub fn slapd(environment: &[(&str, &str)]) -> Option<Slapd> {
    for _ in 0..5 {
        let folder = tempfile::tempdir().unwrap();
        let [port, tls_port] = free_ports();
        let mut command = Command::new(script());
        command.arg("start").arg(folder.path()).args([port.to_string(), tls_port.to_string()]);
        let output = command.envs(environment.iter().copied()).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        match output.status.code() {
            Some(0) => {
                let said = String::from_utf8(output.stdout).unwrap();
                let said = said.lines().filter_map(|line| line.split_once('=')).map(|(key, value)| (key.into(), value.into()));
                return Some(Slapd { folder, said: said.collect() });
            }
            Some(NOT_INSTALLED) => {
                super::skip(errors.trim());
                return None;
            }
            Some(PORT_TAKEN) => {}
            code => panic!("slapd.sh ended with {code:?}: {errors}"),
        }
    }
    panic!("slapd found no free port in five attempts");
}

impl Slapd {
    pub fn port(&self) -> u16 {
        self.said("PORT").parse().unwrap()
    }

    pub fn tls_port(&self) -> u16 {
        self.said("TLS_PORT").parse().unwrap()
    }

    pub fn ca(&self) -> PathBuf {
        self.said("CA").into()
    }

    pub fn base(&self) -> &str {
        self.said("BASE")
    }

    /// The group of those who may sign in.
    pub fn group(&self) -> &str {
        self.said("GROUP")
    }

    pub fn service_user(&self) -> &str {
        self.said("SERVICE_USER")
    }

    pub fn service_password(&self) -> &str {
        self.said("SERVICE_PASSWORD")
    }

    /// Changes, adds and deletes entries as an administrator does, in LDIF.
    pub fn modify(&self, ldif: &str) {
        let file = self.folder.path().join("modify.ldif");
        std::fs::write(&file, ldif).unwrap();
        let mut command = Command::new("ldapmodify");
        command.args(["-x", "-w", "admin-password", "-H", &format!("ldap://127.0.0.1:{}", self.port())]);
        let output = command.arg("-D").arg(format!("cn=admin,{}", self.base())).arg("-f").arg(&file).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// How many searches it was asked, where it was started with `LOG=256`.
    pub fn searches(&self) -> usize {
        let log = std::fs::read_to_string(self.folder.path().join("slapd.log")).unwrap();
        log.lines().filter(|line| line.contains(" SRCH base=")).count()
    }

    /// Stops the server in its tracks: it accepts, and never answers.
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let pid = std::fs::read_to_string(self.folder.path().join("pid")).unwrap();
        assert!(Command::new("kill").args([signal, pid.trim()]).status().unwrap().success());
    }

    fn said(&self, key: &str) -> &str {
        self.said.get(key).unwrap_or_else(|| panic!("slapd.sh did not say {key}"))
    }
}

impl Drop for Slapd {
    fn drop(&mut self) {
        drop(Command::new(script()).arg("stop").arg(self.folder.path()).status());
    }
}

/// Passes bytes on to a port of this machine, counts who comes, and can be cut.
pub struct Wire {
    pub port: u16,
    count: Arc<AtomicUsize>,
    open: Arc<Mutex<JoinSet<()>>>,
    accepting: JoinSet<()>,
}

impl Wire {
    pub async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = listener.local_addr().unwrap().port();
        let (count, open) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(JoinSet::new())));
        let mut accepting = JoinSet::new();
        accepting.spawn({
            let (count, open) = (Arc::clone(&count), Arc::clone(&open));
            async move {
                while let Ok((mut near, _)) = listener.accept().await {
                    count.fetch_add(1, Ordering::SeqCst);
                    open.lock().unwrap().spawn(async move {
                        if let Ok(mut far) = TcpStream::connect(("127.0.0.1", port)).await {
                            drop(tokio::io::copy_bidirectional(&mut near, &mut far).await);
                        }
                    });
                }
            }
        });
        Self { port: own, count, open, accepting }
    }

    /// How many connections there have been.
    pub fn count(&self) -> usize {
        assert!(!self.accepting.is_empty());
        self.count.load(Ordering::SeqCst)
    }

    /// Breaks every connection that there is; new ones are welcome.
    pub fn cut(&self) {
        *self.open.lock().unwrap() = JoinSet::new();
    }
}

/// A port where nobody listens.
pub fn dead_port() -> u16 {
    free_ports::<1>()[0]
}

/// Accepts (the kernel does) and never answers, as long as the listener is held.
pub fn hung_server() -> (StdListener, u16) {
    let listener = StdListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// Ports that nobody listens on at this moment.
pub fn free_ports<const N: usize>() -> [u16; N] {
    // All are held until all are known, so that no two are the same.
    let held: [StdListener; N] = std::array::from_fn(|_| StdListener::bind("127.0.0.1:0").unwrap());
    held.map(|listener| listener.local_addr().unwrap().port())
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/slapd.sh")
}

pub const NOT_INSTALLED: i32 = 77;
pub const PORT_TAKEN: i32 = 75;
