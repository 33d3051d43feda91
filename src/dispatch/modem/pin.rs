//! Which SIM PIN is not to be entered again. A SIM locks itself after three wrong ones, so a PIN is written down before it is entered, and
//! the note stays where the SIM refused it: over restarts, kills and other PINs, until the SIM is open.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};

use super::lock;
use crate::base::Secret;

pub(super) struct PinNote {
    file: PathBuf,
}

/// Which SIM it is, by a mark of its number (ICCID); nothing where the modem does not tell before the PIN is entered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct SimMark(String);

impl SimMark {
    pub fn new(number: &str) -> Self {
        Self(mark("sim", number))
    }
}

/// One PIN that was entered.
struct Entered {
    pin: String,
    sim: Option<SimMark>,
}

impl PinNote {
    /// Of the modem of this name.
    pub fn new(folder: &Path, name: &str) -> Self {
        Self { file: folder.join(format!("{name}{SUFFIX}")) }
    }

    /// Whether this PIN is not to be entered: into this modem, or into this SIM, whatever modem refused it.
    pub fn forbids(&self, pin: &Secret<String>, sim: Option<&SimMark>) -> bool {
        let mark = mark_of(pin);
        // A note that cannot be read may name this PIN.
        let Ok(own) = entered(&self.file) else { return true };
        let elsewhere = |sim: &SimMark| {
            let mut refused = self.others().into_iter().flat_map(|file| entered(&file).unwrap_or_default());
            refused.any(|entered| entered.pin == mark && entered.sim.as_ref() == Some(sim))
        };
        own.iter().any(|entered| entered.pin == mark) || sim.is_some_and(elsewhere)
    }

    /// Before it is entered. If that cannot be written down, it must not be. What was written before stays, also where this fails half-way.
    pub fn write(&self, pin: &Secret<String>, sim: Option<&SimMark>) -> std::io::Result<()> {
        let folder = self.file.parent().unwrap_or(Path::new(""));
        lock::make(folder)?;
        let mut file = std::fs::OpenOptions::new().append(true).create(true).mode(0o600).open(&self.file)?;
        lock::give(&self.file);
        let before = if file.metadata()?.len() == 0 { "" } else { "\n" };
        file.write_all(format!("{before}{}\n{WORDS}\n", line(&mark_of(pin), sim)).as_bytes())?;
        file.sync_all()?;
        File::open(folder)?.sync_all()
    }

    /// It was not looked at by the SIM.
    pub fn withdraw(&self, pin: &Secret<String>) {
        let mark = mark_of(pin);
        self.keep(|entered| entered.pin != mark);
    }

    /// This SIM is open. What another one refused stays: it may come back.
    pub fn clear(&self, sim: Option<&SimMark>) {
        self.keep(|entered| sim.is_some() && entered.sim.is_some() && entered.sim.as_ref() != sim);
    }

    /// Whether anything is written down.
    pub fn is_there(&self) -> bool {
        self.file.exists()
    }

    fn keep(&self, stays: impl Fn(&Entered) -> bool) {
        if !self.is_there() {
            return;
        }
        let left: Vec<Entered> = entered(&self.file).unwrap_or_default().into_iter().filter(stays).collect();
        let done = if left.is_empty() { std::fs::remove_file(&self.file) } else { self.replace(&left) };
        if let Err(error) = done {
            tracing::error!(%error, "the note about a SIM PIN, {}, cannot be changed", self.file.display());
        }
    }

    fn replace(&self, left: &[Entered]) -> std::io::Result<()> {
        let lines: String =
            left.iter().map(|entered| format!("{}\n{WORDS}\n", line(&entered.pin, entered.sim.as_ref()))).collect();
        let beside = self.file.with_extension("new");
        let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        lock::give(&beside);
        file.write_all(lines.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&beside, &self.file)
    }

    /// The notes of the other modems.
    fn others(&self) -> Vec<PathBuf> {
        let folder = self.file.parent().and_then(|folder| std::fs::read_dir(folder).ok());
        let files = folder.into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
        files.filter(|file| *file != self.file && file.to_string_lossy().ends_with(SUFFIX)).collect()
    }
}

const SUFFIX: &str = ".pin-refused";

/// Nothing where there is no note.
fn entered(file: &Path) -> std::io::Result<Vec<Entered>> {
    let text = match std::fs::read_to_string(file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        read => read?,
    };
    let read = |line: &str| {
        let mut words = line.split(' ');
        let pin = words.next().filter(|word| is_mark(word))?.to_owned();
        Some(Entered { pin, sim: words.next().filter(|word| is_mark(word)).map(|word| SimMark(word.to_owned())) })
    };
    Ok(text.lines().filter_map(read).collect())
}

fn line(pin: &str, sim: Option<&SimMark>) -> String {
    sim.map_or_else(|| pin.to_owned(), |sim| format!("{pin} {}", sim.0))
}

fn is_mark(word: &str) -> bool {
    word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit())
}

const WORDS: &str = "The SIM refused the PIN of this mark, or nobody knows whether it took it. It is not entered again. Put the right PIN \
                     into the configuration; remove this file only if the same PIN is right after all (another SIM).";

/// Of a PIN that is wrong, which is no secret to speak of; and yet it is not written out.
fn mark_of(pin: &Secret<String>) -> String {
    mark("sim pin", pin.expose())
}

fn mark(what: &str, text: &str) -> String {
    let text = Secret::new(format!("doorward {what} {text}"));
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
        assert!(!note.forbids(&wrong, None));
        note.write(&wrong, None).unwrap();
        let again = PinNote::new(&folder.path().join("modems"), "modem-a");
        assert!(again.forbids(&wrong, None) && !again.forbids(&right, None));
        assert!(!PinNote::new(&folder.path().join("modems"), "modem-b").forbids(&wrong, None));
        again.clear(None);
        assert!(!note.forbids(&wrong, None));
        assert!(!std::fs::read_dir(folder.path().join("modems")).unwrap().any(|_| true));
    }

    #[test]
    fn a_refused_pin_stays_refused_after_another_one_and_half_a_line() {
        let folder = tempfile::tempdir().unwrap();
        let [first, second, third] = ["1111", "2222", "3333"].map(|pin| Secret::new(pin.to_owned()));
        let note = PinNote::new(folder.path(), "modem-a");
        note.write(&first, None).unwrap();
        note.write(&second, None).unwrap();
        // As a full disk leaves it.
        std::fs::OpenOptions::new().append(true).open(&note.file).unwrap().write_all(b"0123").unwrap();
        note.write(&third, None).unwrap();
        assert!([&first, &second, &third].into_iter().all(|pin| note.forbids(pin, None)));
        // The SIM was busy.
        note.withdraw(&third);
        assert!(note.forbids(&first, None) && note.forbids(&second, None) && !note.forbids(&third, None));
    }

    #[test]
    fn a_pin_is_refused_by_a_sim_in_whatever_modem_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let wrong = Secret::new("4321".to_owned());
        let [sim, other] = ["89450100000000000019", "89450100000000000027"].map(SimMark::new);
        let [a, b] = ["modem-a", "modem-b"].map(|name| PinNote::new(folder.path(), name));
        a.write(&wrong, Some(&sim)).unwrap();
        assert!(b.forbids(&wrong, Some(&sim)) && !b.forbids(&wrong, Some(&other)) && !b.forbids(&wrong, None));
        // Another SIM that is open says nothing about the one that refused.
        a.clear(Some(&other));
        assert!(a.forbids(&wrong, Some(&sim)) && b.forbids(&wrong, Some(&sim)));
        a.clear(Some(&sim));
        assert!(!a.forbids(&wrong, Some(&sim)) && !b.forbids(&wrong, Some(&sim)));
    }
}
