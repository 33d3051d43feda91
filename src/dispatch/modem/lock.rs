//! Whose a modem is: one doorward's at a time, whatever way leads to it. And why a line cannot be opened, so that somebody can mend it.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use crate::config::modem::Port;

pub(super) enum Lock {
    /// As long as this lives; the machine lets go of it when we die.
    Ours(File),
    Taken,
}

pub(super) fn take(folder: &Path, name: &str) -> io::Result<Lock> {
    make(folder)?;
    let path = folder.join(format!("{name}.lock"));
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path)?;
    give(&path);
    match file.try_lock() {
        Ok(()) => Ok(Lock::Ours(file)),
        Err(TryLockError::WouldBlock) => Ok(Lock::Taken),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// The folder for what is noted about modems, within the state folder, which must be there.
pub(super) fn make(folder: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        Err(_) => Ok(()),
        Ok(()) => {
            give(folder);
            Ok(())
        }
    }
}

/// To whom the folder around it belongs. An administrator who examines a modem as root must not leave behind what doorward's own user
/// cannot open.
pub(super) fn give(path: &Path) {
    let owners = |path: &Path| std::fs::metadata(path).ok().map(|metadata| (metadata.uid(), metadata.gid()));
    if let (Some(own), Some((user, group))) = (owners(path), path.parent().and_then(owners))
        && own != (user, group)
        && let Err(error) = std::os::unix::fs::chown(path, Some(user), Some(group))
    {
        tracing::debug!(%error, "{} stays with its owner", path.display());
    }
}

/// In words, with what to do.
pub(super) fn why_not_opened(port: &Port, error: &io::Error) -> String {
    match port {
        Port::Serial { path, .. } => {
            let path = path.display();
            let words = error.to_string();
            match error.kind() {
                // How the library says that somebody else holds it.
                _ if words.contains("exclusive lock") => format!("{path} cannot be opened ({words}): another program has it"),
                io::ErrorKind::PermissionDenied => {
                    format!("{path} may not be opened ({words}): add doorward's user to the group dialout")
                }
                io::ErrorKind::NotFound => format!("{path} is not there ({words}): is the modem plugged in?"),
                _ => format!("{path} cannot be opened ({words}): another program may have it"),
            }
        }
        Port::Tcp { host, port } | Port::Rfc2217 { host, port, .. } => format!("{host}:{port} cannot be reached: {error}"),
    }
}
