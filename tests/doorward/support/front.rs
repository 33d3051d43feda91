//! A real proxy in front of Doorward, which sees it as 127.0.0.9: by `tests/peers/haproxy.sh` or `tests/peers/nginx_front.sh`.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::peers::{NOT_INSTALLED, PORT_TAKEN, free_ports};

pub struct Front<const N: usize> {
    script: PathBuf,
    folder: tempfile::TempDir,
    /// Where it listens, in the order of its script.
    pub ports: [u16; N],
}

impl<const N: usize> Front<N> {
    /// Starts one with this certificate and key (two PEM files) before these ports of Doorward.
    pub fn start(script: &str, [chain, key]: [&Path; 2], targets: &[u16]) -> Option<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers").join(script);
        for _ in 0..5 {
            let folder = tempfile::tempdir().unwrap();
            let certificate = folder.path().join("both.pem");
            std::fs::write(&certificate, [std::fs::read(chain).unwrap(), std::fs::read(key).unwrap()].concat()).unwrap();
            let ports: [u16; N] = free_ports();
            let mut command = Command::new(&script);
            command.arg("start").arg(folder.path()).arg(certificate);
            let output = command.args(ports.iter().chain(targets).map(u16::to_string)).output().unwrap();
            let errors = String::from_utf8_lossy(&output.stderr);
            match output.status.code() {
                Some(0) => return Some(Self { script, folder, ports }),
                Some(NOT_INSTALLED) => {
                    super::skip(errors.trim());
                    return None;
                }
                Some(PORT_TAKEN) => {}
                code => panic!("{} ended with {code:?}: {errors}", script.display()),
            }
        }
        panic!("{} found no free ports in five attempts", script.display());
    }

    /// Everything it has.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl<const N: usize> Drop for Front<N> {
    fn drop(&mut self) {
        drop(Command::new(&self.script).arg("stop").arg(self.folder.path()).status());
    }
}
