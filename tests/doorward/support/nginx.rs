//! A real nginx as the application, by `tests/peers/nginx.sh`, with a WebSocket server behind it, by `tests/peers/websocket.mjs`.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::peers::{NOT_INSTALLED, PORT_TAKEN, free_ports};
use super::script;

/// What is on it stands at the head of its script.
pub struct Nginx {
    folder: tempfile::TempDir,
    said: HashMap<String, String>,
}

/// Starts one; `/socket` leads to this port.
pub fn nginx(websocket_port: u16) -> Option<Nginx> {
    nginx_with(websocket_port, &[])
}

/// The same with these environment variables for the script.
pub fn nginx_with(websocket_port: u16, environment: &[(&str, &str)]) -> Option<Nginx> {
    for _ in 0..5 {
        let folder = tempfile::tempdir().unwrap();
        let ports: [u16; 2] = free_ports();
        let mut command = Command::new(script());
        command.arg("start").arg(folder.path()).args([ports[0], ports[1], websocket_port].map(|port| port.to_string()));
        let output = command.envs(environment.iter().copied()).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        match output.status.code() {
            Some(0) => {
                let said = String::from_utf8(output.stdout).unwrap();
                let said = said.lines().filter_map(|line| line.split_once('=')).map(|(key, value)| (key.into(), value.into()));
                return Some(Nginx { folder, said: said.collect() });
            }
            Some(NOT_INSTALLED) => {
                super::skip(errors.trim());
                return None;
            }
            Some(PORT_TAKEN) => {}
            code => panic!("nginx.sh ended with {code:?}: {errors}"),
        }
    }
    panic!("nginx found no free ports in five attempts");
}

impl Nginx {
    pub fn port(&self) -> u16 {
        self.said["PORT"].parse().unwrap()
    }

    pub fn tls_port(&self) -> u16 {
        self.said["TLS_PORT"].parse().unwrap()
    }

    pub fn ca(&self) -> PathBuf {
        self.said["CA"].clone().into()
    }

    /// A file that it serves.
    pub fn file(&self, name: &str) -> PathBuf {
        Path::new(&self.said["WWW"]).join(name)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        drop(Command::new(script()).arg("stop").arg(self.folder.path()).status());
    }
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/nginx.sh")
}

/// Echoes; ends with the test.
pub struct WebSocketServer {
    child: Child,
    pub port: u16,
}

impl WebSocketServer {
    pub fn start() -> Option<Self> {
        Some(Self::of(script::command("tests/peers/websocket.mjs", &["ws"])?))
    }

    /// The server that this command runs with `serve`.
    pub fn of(mut command: Command) -> Self {
        let mut child = command.arg("serve").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().strip_prefix("PORT=").expect("the WebSocket server says its port").parse().unwrap();
        Self { child, port }
    }
}

impl Drop for WebSocketServer {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
