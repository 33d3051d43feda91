//! What was last given to a modem, and whether it was taken: written down, so that what the modem says after a crash or a broken line
//! can be tied to the message it is about.

use std::collections::VecDeque;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::lock;
use crate::base::Time;

/// The last few messages by their ids, which are no secret; neither number nor text.
#[derive(Default)]
pub(super) struct Ledger {
    file: PathBuf,
    entries: VecDeque<Entry>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Entry {
    id: String,
    since: Time,
    /// Of how many parts it is made.
    parts: usize,
    /// What the modem called those that it took, where it said so.
    taken: Vec<Option<u8>>,
    /// The network will report.
    reports: bool,
    /// A part is with the modem, which has not answered.
    open: bool,
}

/// What is known of a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Known {
    /// Every part was taken, under these numbers; and whether the network will report.
    Taken(Vec<Option<u8>>, bool),
    /// A part is with the modem: it may still say so.
    Open,
    Nothing,
}

/// A modem has one message at a time, and what it had before is soon on record elsewhere.
const MOST: usize = 8;
/// After that nobody asks any more.
const OLDEST: Duration = Duration::from_secs(30 * 60);
/// What is longer was not written by us.
const MOST_READ: u64 = 64 * 1024;

impl Ledger {
    /// As the last node left it. What cannot be read is forgotten: then a message goes out once more at worst.
    pub fn load(folder: &Path, name: &str) -> Self {
        let file = folder.join(format!("{name}.sent"));
        let small = std::fs::metadata(&file).is_ok_and(|metadata| metadata.len() <= MOST_READ);
        let bytes = if small { std::fs::read(&file).unwrap_or_default() } else { Vec::new() };
        let mut entries: VecDeque<Entry> = serde_json::from_slice(&bytes).unwrap_or_default();
        entries.truncate(MOST);
        Self { file, entries }
    }

    /// A part of this message goes to the modem now. An id that comes again is tried again: its parts begin anew with the first.
    pub fn begin(&mut self, id: &str, (part, parts): (usize, usize), reports: bool, now: Time) {
        match self.entries.back_mut().filter(|entry| entry.id == id && part > 0) {
            Some(entry) => entry.open = true,
            None => {
                self.entries.retain(|entry| entry.id != id && now.since(entry.since) <= OLDEST);
                while self.entries.len() >= MOST {
                    self.entries.pop_front();
                }
                let taken = Vec::new();
                self.entries.push_back(Entry { id: id.to_owned(), since: now, parts, taken, reports, open: true });
            }
        }
        self.write();
    }

    /// The part that was begun last was taken.
    pub fn taken(&mut self, number: Option<u8>) {
        self.answered(|entry| entry.taken.push(number));
    }

    /// It was not; or nobody will ever say.
    pub fn over(&mut self) {
        self.answered(|_| {});
    }

    fn answered(&mut self, change: impl FnOnce(&mut Entry)) {
        if let Some(entry) = self.entries.back_mut().filter(|entry| entry.open) {
            entry.open = false;
            change(entry);
            self.write();
        }
    }

    pub fn of(&self, id: &str, now: Time) -> Known {
        match self.entries.iter().find(|entry| entry.id == id && now.since(entry.since) <= OLDEST) {
            Some(entry) if entry.taken.len() >= entry.parts => Known::Taken(entry.taken.clone(), entry.reports),
            Some(entry) if entry.open => Known::Open,
            _ => Known::Nothing,
        }
    }

    /// At once and whole, so that a kill leaves the old one or the new one. Not on the disk for certain: a machine that loses its power
    /// takes the modem's line down as well.
    fn write(&self) {
        if self.file.as_os_str().is_empty() {
            return;
        }
        if let Err(error) = self.try_write() {
            tracing::warn!(%error, "{} cannot be written: a crash now may cost a second copy of a message", self.file.display());
        }
    }

    fn try_write(&self) -> std::io::Result<()> {
        let new = self.file.with_extension("sent-new");
        let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(&serde_json::to_vec(&self.entries)?)?;
        lock::give(&new);
        std::fs::rename(&new, &self.file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_millis(1_700_000_000_000);

    #[test]
    fn what_was_taken_is_known_to_the_next_node() {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::load(folder.path(), "a");
        ledger.begin("m1", (0, 1), true, NOW);
        assert_eq!(Ledger::load(folder.path(), "a").of("m1", NOW), Known::Open);
        ledger.taken(Some(17));
        let mut next = Ledger::load(folder.path(), "a");
        assert_eq!(next.of("m1", NOW), Known::Taken(vec![Some(17)], true));
        assert_eq!((next.of("m2", NOW), next.of("m1", NOW.plus(2 * OLDEST))), (Known::Nothing, Known::Nothing));
        next.begin("m1", (0, 1), true, NOW);
        next.over();
        assert_eq!(next.of("m1", NOW), Known::Nothing, "it was tried again and refused");
        next.taken(Some(3));
        assert_eq!(next.of("m1", NOW), Known::Nothing, "nothing was with the modem");
    }

    #[test]
    fn a_long_message_is_taken_with_its_last_part() {
        let mut ledger = Ledger::default();
        ledger.begin("m1", (0, 2), true, NOW);
        ledger.taken(Some(254));
        assert_eq!(ledger.of("m1", NOW), Known::Nothing);
        ledger.begin("m1", (1, 2), true, NOW);
        assert_eq!(ledger.of("m1", NOW), Known::Open);
        ledger.taken(Some(255));
        assert_eq!(ledger.of("m1", NOW), Known::Taken(vec![Some(254), Some(255)], true));
    }

    #[test]
    fn the_ledger_is_short_and_what_is_no_ledger_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::load(folder.path(), "a");
        for number in 0..100 {
            ledger.begin(&format!("m{number}"), (0, 1), true, NOW);
        }
        assert_eq!(Ledger::load(folder.path(), "a").entries.len(), MOST);
        for bytes in [&b""[..], b"[", b"{}", b"[1]", &[b'x'; 100_000]] {
            std::fs::write(folder.path().join("b.sent"), bytes).unwrap();
            assert!(Ledger::load(folder.path(), "b").entries.is_empty());
        }
    }
}
