//! A real Postfix of the test's own, by `tests/peers/postfix.sh`.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::eventually::eventually;

pub const USER: &str = "gate@example.test";
pub const PASSWORD: &str = "Relay-Passw0rd";

pub struct Postfix {
    folder: tempfile::TempDir,
    /// STARTTLS and AUTH required.
    pub port: u16,
}

impl Postfix {
    /// Nothing where Postfix cannot be started here; a panic instead where everything must be (`CI=true`).
    pub fn start() -> Option<Self> {
        Self::with(&[])
    }

    /// The same with these environment variables for the script.
    pub fn with(environment: &[(&str, &str)]) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let port = two_free_ports();
        let started = Command::new(script())
            .args(["start", &port.to_string()])
            .arg(folder.path())
            .envs(environment.iter().copied())
            .output();
        let why = match started {
            Ok(output) if output.status.success() => return Some(Self { folder, port }),
            Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
            Err(error) => error.to_string(),
        };
        super::skip(&format!("Postfix cannot be started: {why}"));
        None
    }

    /// TLS from the first byte.
    pub fn tls_port(&self) -> u16 {
        self.port + 1
    }

    pub fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// The next mail that was delivered, taken out of the mailbox.
    pub async fn next_mail(&self) -> String {
        let inbox = self.folder.path().join("mail/all/new");
        let path = eventually("Postfix delivers a mail", async || {
            let file = std::fs::read_dir(&inbox).ok().and_then(|mut files| files.next());
            file.map(|file| file.unwrap().path()).ok_or_else(|| self.log())
        })
        .await;
        let mail = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_file(path).unwrap();
        mail
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        drop(Command::new(script()).arg("stop").arg(self.folder.path()).status());
    }
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/postfix.sh")
}

/// The first of two neighbouring ports that are free now.
fn two_free_ports() -> u16 {
    for _ in 0..100 {
        let first = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = first.local_addr().unwrap().port();
        if port < u16::MAX && TcpListener::bind(("127.0.0.1", port + 1)).is_ok() {
            return port;
        }
    }
    panic!("no two neighbouring ports are free");
}
