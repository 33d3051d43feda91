//! How much room is left where the database is.

use std::io;
use std::path::Path;

use rusqlite::ErrorCode;
use serde::{Deserialize, Serialize};

/// The database and the disk that it is on, in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Room {
    /// The files of the database.
    pub used: u64,
    /// What we may still write.
    pub free: u64,
    /// The whole disk.
    pub total: u64,
}

impl Room {
    pub(super) fn of(file: &Path) -> io::Result<Self> {
        let disk = rustix::fs::statvfs(file)?;
        // The last few per cent are for root alone.
        let blocks = if rustix::process::geteuid().is_root() { disk.f_bfree } else { disk.f_bavail };
        let side = |ending: &str| {
            let mut name = file.as_os_str().to_owned();
            name.push(ending);
            std::fs::metadata(name).map_or(0, |metadata| metadata.len())
        };
        Ok(Self {
            used: ["", "-wal", "-shm"].into_iter().map(side).sum(),
            free: blocks.saturating_mul(disk.f_frsize),
            total: disk.f_blocks.saturating_mul(disk.f_frsize),
        })
    }

    /// What is free on the disk of a database, if this error says that it is too little. SQLite tells a full disk as such only where it
    /// meets it in the database's file; in the files beside it, it speaks of I/O.
    pub(super) fn free_if_full(file: &Path, error: &rusqlite::Error) -> Option<u64> {
        let free = || Self::of(file).or_else(|_| Self::of(file.parent().unwrap_or(file))).ok().map(|room| room.free);
        match error.sqlite_error_code()? {
            ErrorCode::DiskFull => Some(free().unwrap_or_default()),
            ErrorCode::SystemIoFailure | ErrorCode::CannotOpen => free().filter(|free| *free < LEAST),
            _ => None,
        }
    }

    /// The same for an error of the system.
    pub(super) fn free_if_full_by(file: &Path, error: &io::Error) -> Option<u64> {
        let free = || Self::of(file).or_else(|_| Self::of(file.parent().unwrap_or(file))).map_or(0, |room| room.free);
        matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded).then(free)
    }

    /// An error where so little is left that a sign-in could not be written to its end.
    pub(super) fn suffices(self) -> io::Result<()> {
        if self.free >= LEAST {
            return Ok(());
        }
        let words = format!("no space left on the disk: {} bytes free", self.free);
        Err(io::Error::new(io::ErrorKind::StorageFull, words))
    }
}

/// What to say of a state folder whose disk is full; nothing while there is room.
pub fn no_space(folder: &Path) -> Option<String> {
    // Before the first start there is none: it will be made on the disk of what is there.
    let there = folder.ancestors().find(|folder| folder.exists())?;
    let free = Room::of(there).ok().filter(|room| room.suffices().is_err())?.free;
    Some(format!("no space left on the disk of {}: {free} bytes free", folder.display()))
}

/// A sign-in writes some kilobytes, and the log grows before it shrinks.
const LEAST: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_that_is_full_is_told_from_one_that_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("doorward.db");
        std::fs::write(&file, "1234").unwrap();
        let room = Room::of(&file).unwrap();
        assert!(room.used == 4 && room.total >= room.free, "{room:?}");
        assert!(Room { free: LEAST, ..room }.suffices().is_ok());
        let full = Room { free: 4096, ..room }.suffices().unwrap_err();
        assert_eq!(full.to_string(), "no space left on the disk: 4096 bytes free");
        assert!(Room::of(&folder.path().join("nothing")).is_err());
    }
}
