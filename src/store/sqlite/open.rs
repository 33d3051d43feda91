//! Opens the database file: who may read it, and how SQLite treats it.

use std::fs::{OpenOptions, Permissions};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::migrate::{self, MigrateError};
use super::room::Room;

/// Why a database could not be opened.
#[derive(Debug, thiserror::Error)]
pub(super) enum OpenError {
    #[error("cannot open {path}: {source}")]
    File { path: String, source: std::io::Error },
    #[error("cannot use {path}: {source}")]
    Database { path: String, source: MigrateError },
    #[error("cannot start a thread: {0}")]
    Thread(#[source] std::io::Error),
}

impl OpenError {
    /// What is free on the disk of this database, if that is too little and the reason.
    pub(super) fn free_if_full(&self, path: &Path) -> Option<u64> {
        match self {
            Self::File { source, .. } => Room::free_if_full_by(path, source),
            Self::Database { source: MigrateError::Sqlite(error), .. } => Room::free_if_full(path, error),
            Self::Database { .. } | Self::Thread(_) => None,
        }
    }

    pub(super) fn database(path: &Path, source: impl Into<MigrateError>) -> Self {
        Self::Database { path: path.display().to_string(), source: source.into() }
    }
}

/// How long SQLite waits for another process that has the file.
pub(super) const BUSY: Duration = Duration::from_secs(5);

/// The log is cut back to this size when it can be.
const LOG_SIZE: i64 = 16 * 1024 * 1024;

/// The connection that writes. Makes the file where there is none (its folder must be there), readable by its owner alone,
/// and brings the tables up to date.
pub(super) fn writer(path: &Path) -> Result<Connection, OpenError> {
    private_file(path).map_err(|source| OpenError::File { path: path.display().to_string(), source })?;
    let mut connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(|source| OpenError::database(path, source))?;
    prepare(&connection).map_err(|source| OpenError::database(path, source))?;
    migrate::migrate(&mut connection).map_err(|source| OpenError::database(path, source))?;
    Ok(connection)
}

/// A connection that only reads; the file must have been opened by [`writer`] before.
pub(super) fn reader(path: &Path) -> Result<Connection, OpenError> {
    open(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(|source| OpenError::database(path, source))
}

fn open(path: &Path, access: OpenFlags) -> rusqlite::Result<Connection> {
    // Each connection belongs to one thread: SQLite needs no lock of its own.
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// SQLite gives its side files (`-wal`, `-shm`) the mode of the file itself.
fn private_file(path: &Path) -> std::io::Result<()> {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
    if file.metadata()?.permissions().mode() & 0o777 != 0o600 {
        file.set_permissions(Permissions::from_mode(0o600))?;
    }
    Ok(())
}

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    // An event that was answered must survive a power cut.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // What is removed is overwritten; the log is emptied by every sweep.
    connection.pragma_update_and_check(None, "secure_delete", true, |_| Ok(()))?;
    connection.pragma_update_and_check(None, "journal_size_limit", LOG_SIZE, |_| Ok(()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_owner_may_read_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("doorward.db");
        std::fs::write(&path, "").unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        let _connection = writer(&path).unwrap();
        for name in ["doorward.db", "doorward.db-wal", "doorward.db-shm"] {
            let mode = std::fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
    }

    #[test]
    fn a_folder_that_is_missing_is_named() {
        let error = writer(Path::new("/nonexistent/doorward.db")).unwrap_err();
        assert!(error.to_string().contains("/nonexistent/doorward.db"), "{error}");
    }

    #[test]
    fn what_is_removed_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let connection = writer(&folder.path().join("doorward.db")).unwrap();
        let settings: (i64, i64) = connection
            .query_row("SELECT * FROM pragma_secure_delete, pragma_synchronous", [], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap();
        assert_eq!(settings, (1, 2));
    }
}
