//! Whether the files that a configuration names are there and can be read. What is in them is judged by those who use them.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;

use super::{Config, directory, transmitter};
use crate::config::node::listener::Serves;

/// A logo travels with every page.
const MOST_LOGO: u64 = 256 << 10;

/// One sentence for each file that is missing or cannot be read, in the order of the sections.
pub fn problems(config: &Config) -> Vec<String> {
    named(config)
        .into_iter()
        .filter_map(|(what, path)| wrong(path).map(|why| format!("{what}: {}: {why}", path.display())))
        .collect::<Vec<_>>()
        .into_iter()
        .chain(large_logos(config))
        .chain(outboxes(config))
        .chain(programs(config))
        .collect()
}

/// Every file that must be there, and whose it is.
fn named(config: &Config) -> Vec<(String, &Path)> {
    let mut files: Vec<(String, &Path)> = Vec::new();
    for listener in &config.listeners {
        if let Serves::Tls(certificates) = &listener.serves {
            for certificate in certificates {
                files.push((format!("listener {}, chain", listener.address), &certificate.chain));
                files.push((format!("listener {}, key", listener.address), &certificate.key));
            }
        }
    }
    for application in &config.applications {
        let (name, upstream) = (&application.name, &application.upstream);
        files.extend(upstream.ca.iter().map(|ca| (format!("application {name}, ca"), ca.as_path())));
        if let Some(certificate) = &upstream.client_certificate {
            files.push((format!("application {name}, client_certificate, chain"), &certificate.chain));
            files.push((format!("application {name}, client_certificate, key"), &certificate.key));
        }
        files.extend(application.logo.iter().map(|logo| (format!("application {name}, logo"), logo.as_path())));
    }
    for directory in &config.directories {
        let (word, file) = match &directory.kind {
            directory::Kind::ActiveDirectory(domain) => ("ca", domain.ldap.ca.as_deref()),
            directory::Kind::Ldap(ldap) => ("ca", ldap.ca.as_deref()),
            directory::Kind::Local(local) => ("file", Some(local.file.as_path())),
        };
        files.extend(file.map(|file| (format!("directory {}, {word}", directory.name), file)));
    }
    for transmitter in &config.transmitters {
        let ca = match &transmitter.kind {
            transmitter::Kind::Smtp(smtp) => smtp.ca.as_deref(),
            transmitter::Kind::Http(http) | transmitter::Kind::Voice(http) | transmitter::Kind::Push(http) => http.ca.as_deref(),
            transmitter::Kind::Modem(_) | transmitter::Kind::Program(_) | transmitter::Kind::Console(_) => None,
        };
        files.extend(ca.map(|ca| (format!("transmitter {}, ca", transmitter.name), ca)));
    }
    files.extend(config.pages.logo.iter().map(|logo| ("pages, logo".to_owned(), logo.as_path())));
    files
}

/// The files that `ca` names, and whose each is.
pub fn authorities(config: &Config) -> impl Iterator<Item = (String, &Path)> {
    named(config).into_iter().filter(|(what, _)| what.ends_with(", ca"))
}

fn wrong(path: &Path) -> Option<String> {
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) => return Some(error.to_string()),
    };
    // Asked before opening: to open a FIFO is to wait.
    if !metadata.is_file() {
        return Some("not a regular file".to_owned());
    }
    File::open(path).err().map(|error| error.to_string())
}

fn large_logos(config: &Config) -> Vec<String> {
    let is_large = |logo: &Path| std::fs::metadata(logo).is_ok_and(|metadata| metadata.is_file() && metadata.len() > MOST_LOGO);
    let logos = named(config).into_iter().filter(|(what, path)| what.ends_with(", logo") && is_large(path));
    logos.map(|(what, path)| format!("{what}: {}: larger than 256 KiB", path.display())).collect()
}

/// An outbox is made when the first message is written; its folder must be there.
fn outboxes(config: &Config) -> impl Iterator<Item = String> {
    config.transmitters.iter().filter_map(|transmitter| {
        let transmitter::Kind::Console(console) = &transmitter.kind else { return None };
        let folder = console.outbox.as_ref()?.parent().filter(|folder| !folder.as_os_str().is_empty())?;
        (!folder.is_dir()).then(|| format!("transmitter {}, outbox: {}: no such folder", transmitter.name, folder.display()))
    })
}

/// Whether what outlives a restart could be kept, in a sentence if not. It is about who asks: the service may well be another user.
/// The folder is made at the first start, with those it lies in.
pub fn unwritable_state(folder: &Path) -> Option<String> {
    let there = folder.ancestors().find(|ancestor| ancestor.as_os_str().is_empty() || ancestor.exists())?;
    let why = beside(&there.join("x"))?;
    Some(format!("node, state_dir: {why} (asked as the user who runs this; the service may be another)"))
}

/// Why a node would not start with this state folder: it is there, and others may write into it.
pub fn shared_state(folder: &Path) -> Option<String> {
    let mode = std::fs::metadata(folder).ok()?.permissions().mode();
    let shown = folder.display();
    (mode & 0o022 != 0).then(|| {
        format!("the state folder {shown} may be written by other users (mode {:o}). Run: chmod 0700 {shown}", mode & 0o777)
    })
}

/// A program need not be readable, only there and executable by somebody.
fn programs(config: &Config) -> impl Iterator<Item = String> {
    config.transmitters.iter().filter_map(|transmitter| {
        let transmitter::Kind::Program(program) = &transmitter.kind else { return None };
        let why = match std::fs::metadata(&program.program) {
            Ok(metadata) if metadata.is_file() && metadata.permissions().mode() & 0o111 != 0 => return None,
            Ok(_) => "not a file that may be executed".to_owned(),
            Err(error) => error.to_string(),
        };
        Some(format!("transmitter {}, command: {}: {why}", transmitter.name, program.program.display()))
    })
}

/// Whether the access log could be written, in a sentence if not. What is said here keeps nobody from being served.
pub fn unwritable(config: &Config) -> Option<String> {
    let file = &config.access_log.as_ref()?.file;
    let why = match std::fs::metadata(file) {
        // To open a FIFO is to wait for its reader.
        Ok(metadata) if metadata.is_dir() || metadata.file_type().is_fifo() => {
            Some("not a file that can be appended to".to_owned())
        }
        Ok(_) => OpenOptions::new().append(true).open(file).err().map(|error| error.to_string()),
        Err(_) => beside(file),
    }?;
    Some(format!("access_log, file: {}: {why}", file.display()))
}

/// Whether a file can be made in the folder. Under another name: the log itself belongs to whoever serves, not to whoever asks.
fn beside(file: &Path) -> Option<String> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        return Some(format!("{}: no such folder", folder.display()));
    }
    let probe = folder.join(format!(".doorward-check-{}", std::process::id()));
    let made = OpenOptions::new().write(true).create_new(true).open(&probe);
    match made {
        Ok(_) => std::fs::remove_file(&probe).err(),
        Err(error) => Some(error),
    }
    .map(|error| format!("{}: {error}", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_folder_that_cannot_be_made_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert_eq!(unwritable_state(folder.path()), None);
        assert_eq!(unwritable_state(&folder.path().join("made/at/first/start")), None);
        assert_eq!(unwritable_state(Path::new("state")), None);
        let found = unwritable_state(&file.join("state")).unwrap();
        assert!(found.contains("no such folder"), "{found}");
        // Nothing can be made there, not even by root.
        let found = unwritable_state(Path::new("/proc/doorward")).unwrap();
        assert!(found.starts_with("node, state_dir: /proc"), "{found}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
