//! Which SIM PIN is not to be entered again. A SIM locks itself after three wrong ones, so a PIN is written down before it is entered, and
//! the note stays where the SIM refused it: over restarts and kills, until the configuration has another PIN.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};

use super::lock;
use crate::base::Secret;

pub(super) struct PinNote {
    file: PathBuf,
}

impl PinNote {
    /// Of the modem of this name.
    pub fn new(folder: &Path, name: &str) -> Self {
        Self { file: folder.join(format!("{name}.pin-refused")) }
    }

    /// Whether this PIN is not to be entered.
    pub fn forbids(&self, pin: &Secret<String>) -> bool {
        match std::fs::read_to_string(&self.file) {
            Ok(text) => text.lines().next() == Some(mark(pin).as_str()),
            Err(error) => error.kind() != std::io::ErrorKind::NotFound,
        }
    }

    /// Before it is entered. If that cannot be written down, it must not be.
    pub fn write(&self, pin: &Secret<String>) -> std::io::Result<()> {
        if let Some(folder) = self.file.parent() {
            lock::make(folder)?;
        }
        let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&self.file)?;
        lock::give(&self.file);
        file.write_all(format!("{}\n{WORDS}\n", mark(pin)).as_bytes())?;
        file.sync_all()
    }

    /// The SIM is open.
    pub fn clear(&self) {
        match std::fs::remove_file(&self.file) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => tracing::error!(%error, "the note about a SIM PIN, {}, cannot be removed", self.file.display()),
        }
    }
}

const WORDS: &str = "The SIM refused the PIN of this mark, or nobody knows whether it took it. It is not entered again. Put the right PIN \
                     into the configuration; remove this file only if the same PIN is right after all (another SIM).";

/// Of a PIN that is wrong, which is no secret to speak of; and yet it is not written out.
fn mark(pin: &Secret<String>) -> String {
    let text = Secret::new(format!("doorward sim pin {}", pin.expose()));
    data_encoding::HEXLOWER.encode(digest(&SHA256, text.expose().as_bytes()).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_refused_pin_is_forbidden_and_only_until_the_sim_opens() {
        let folder = tempfile::tempdir().unwrap();
        let (right, wrong) = (Secret::new("1234".to_owned()), Secret::new("4321".to_owned()));
        let note = PinNote::new(&folder.path().join("modems"), "modem-a");
        assert!(!note.forbids(&wrong));
        note.write(&wrong).unwrap();
        let again = PinNote::new(&folder.path().join("modems"), "modem-a");
        assert!(again.forbids(&wrong) && !again.forbids(&right));
        assert!(!PinNote::new(&folder.path().join("modems"), "modem-b").forbids(&wrong));
        again.clear();
        assert!(!note.forbids(&wrong));
        assert!(!std::fs::read_dir(folder.path().join("modems")).unwrap().any(|_| true));
    }
}
