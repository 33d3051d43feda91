//! Finds an `acme_folder` that is more than the web root of an ACME client: the client writes into it and Doorward shows files from it to
//! everybody, so no secret may lie there and no other user may write there.

use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

use super::Dangers;
use crate::config::Config;
use crate::config::directory::Kind;
use crate::config::listener::Serves;

pub(super) fn look(config: &Config, found: &mut Dangers) {
    let Some(folder) = &config.node.acme_folder else { return };
    let said = format!("node, acme_folder: {}", folder.display());
    if let Some(why) = unfit(folder, config) {
        found.problems.push(format!("{said} {why}. Name a folder that only the ACME client uses, such as {EXAMPLE}"));
    }
    let below = [".well-known", ".well-known/acme-challenge"].map(|name| folder.join(name));
    if let Some((path, mode)) = std::iter::once(folder.clone()).chain(below).find_map(open_to_writers) {
        let shown = path.display();
        found.problems.push(format!(
            "node, acme_folder: every user of this machine may write into {shown} (mode {mode:o}) and get certificates for your names. Run: chmod o-w {shown}"
        ));
    }
}

/// Why this folder cannot be a web root. A link counts as itself and as what it leads to.
fn unfit(folder: &Path, config: &Config) -> Option<String> {
    let folders = forms(folder);
    if folders.iter().any(|folder| is_wide(folder)) {
        return Some("is a folder of the system or a user's home, with much else in it".to_owned());
    }
    let is_below =
        |path: &Path, above: &[PathBuf]| forms(path).iter().any(|path| above.iter().any(|above| path.starts_with(above)));
    let state = &config.node.state_dir;
    if is_below(state, &folders) || is_below(folder, &forms(state)) {
        return Some(format!("and the state folder {} lie one in the other", state.display()));
    }
    let (what, secret) = secrets(config).into_iter().find(|(_, path)| is_below(path, &folders))?;
    Some(format!("holds {what} {}", secret.display()))
}

/// Every file that nobody but Doorward may read.
fn secrets(config: &Config) -> Vec<(&'static str, &Path)> {
    let mut files: Vec<(&'static str, &Path)> = Vec::new();
    for listener in &config.listeners {
        if let Serves::Tls(certificates) = &listener.serves {
            files.extend(certificates.iter().map(|certificate| ("the key", certificate.key.as_path())));
        }
    }
    for application in &config.applications {
        files.extend(application.upstream.client_certificate.iter().map(|certificate| ("the key", certificate.key.as_path())));
    }
    for directory in &config.directories {
        if let Kind::Local(local) = &directory.kind {
            files.push(("the users file", &local.file));
        }
    }
    files.extend(config.secret_files.iter().map(|file| ("the secret", file.as_path())));
    files
}

/// The path as it is written, without `.` and `..`, and as the file system resolves it, as far as it exists.
fn forms(path: &Path) -> [PathBuf; 2] {
    let written = path.components().fold(PathBuf::new(), |mut plain, component| {
        match component {
            Component::CurDir => {}
            Component::ParentDir => drop(plain.pop()),
            other => plain.push(other),
        }
        plain
    });
    let resolved = path.ancestors().find_map(|there| Some((there, there.canonicalize().ok()?)));
    let resolved = resolved.map(|(there, real)| match path.strip_prefix(there) {
        Ok(rest) if !rest.as_os_str().is_empty() => real.join(rest),
        _ => real,
    });
    let resolved = resolved.unwrap_or_else(|| written.clone());
    [written, resolved]
}

fn is_wide(folder: &Path) -> bool {
    let is_home = folder.parent().is_some_and(|parent| parent == Path::new("/home"));
    let is_of_kernel = ["/proc", "/sys", "/dev"].iter().any(|root| folder.starts_with(root));
    folder.parent().is_none() || is_home || is_of_kernel || WIDE.iter().any(|wide| folder == Path::new(wide))
}

/// The folder and its mode, if every user may write into it.
fn open_to_writers(folder: PathBuf) -> Option<(PathBuf, u32)> {
    let mode = std::fs::metadata(&folder).ok()?.permissions().mode() & 0o7777;
    (mode & 0o002 != 0).then_some((folder, mode))
}

/// What the documentation uses.
const EXAMPLE: &str = "/var/lib/doorward-acme";
/// Folders of the Filesystem Hierarchy Standard that many programs share. `/srv` and `/var/www` are web roots by their purpose.
const WIDE: [&str; 29] = [
    "/bin",
    "/boot",
    "/etc",
    "/etc/letsencrypt",
    "/etc/ssl",
    "/home",
    "/lib",
    "/lib64",
    "/media",
    "/mnt",
    "/opt",
    "/root",
    "/run",
    "/sbin",
    "/tmp",
    "/usr",
    "/usr/lib",
    "/usr/local",
    "/usr/local/etc",
    "/usr/share",
    "/var",
    "/var/backups",
    "/var/cache",
    "/var/lib",
    "/var/lib/letsencrypt",
    "/var/log",
    "/var/run",
    "/var/spool",
    "/var/tmp",
];

#[cfg(test)]
mod tests {
    use super::super::find;
    use super::*;
    use crate::config::parse;

    const MINIMAL: &str = include_str!("../testdata/minimal.toml");

    fn problems(node: &str, base: &Path) -> Vec<String> {
        let text = format!("{MINIMAL}\n[node]\n{node}\n");
        let config = parse(&text, base, &|_| None).unwrap_or_else(|problems| panic!("{text}\n{problems:?}"));
        let mut problems = find(&config).problems;
        problems.retain(|problem| problem.contains("acme_folder"));
        problems
    }

    #[test]
    fn a_folder_with_much_else_or_with_secrets_is_a_mistake() {
        let state = "state_dir = \"/nowhere/state\"";
        for (folder, said) in [
            ("/", "system"),
            ("//", "system"),
            ("/etc", "system"),
            ("/etc/", "system"),
            ("/etc/.", "system"),
            ("/srv/../etc", "system"),
            ("/home", "system"),
            ("/home/alice", "home"),
            ("/root", "home"),
            ("/var/lib", "system"),
            ("/proc/self", "system"),
            ("/nowhere", "state folder"),
            ("/nowhere/state", "state folder"),
            ("/nowhere/state/keys", "state folder"),
            ("/base/certs", "the key /base/certs/a.key"),
            ("certs", "the key /base/certs/a.key"),
            ("/base", "/base/"),
            ("/base/certs/../../base", "/base/"),
        ] {
            let found = problems(&format!("{state}\nacme_folder = \"{folder}\""), Path::new("/base"));
            assert!(found.len() == 1, "{folder}: {found:?}");
            assert!(found[0].contains(said) && found[0].contains(EXAMPLE), "{folder}: {found:?}");
        }
        for folder in
            ["/acme", "/srv", "/srv/acme", "/base/certs-acme", "/base/acme", "/nowhere/state-acme", "/home/alice/acme", EXAMPLE]
        {
            let found = problems(&format!("{state}\nacme_folder = \"{folder}\""), Path::new("/base"));
            assert_eq!(found, [""; 0], "{folder}");
        }
        assert_eq!(problems(state, Path::new("/base")), [""; 0]);
    }

    #[test]
    fn a_link_counts_as_what_it_leads_to_on_both_sides() {
        let base = tempfile::tempdir().unwrap();
        let path = |name: &str| base.path().join(name);
        std::fs::create_dir_all(path("real/keys")).unwrap();
        std::fs::create_dir_all(path("web")).unwrap();
        std::fs::write(path("real/keys/a.key"), "").unwrap();
        std::os::unix::fs::symlink("real/keys", path("certs")).unwrap();
        std::os::unix::fs::symlink("/etc", path("link")).unwrap();
        for (folder, said) in [("real", Some("the key")), ("certs", Some("the key")), ("link", Some("system")), ("web", None)] {
            let found = problems(&format!("acme_folder = {:?}", path(folder)), base.path());
            assert_eq!(!found.is_empty(), said.is_some(), "{folder}: {found:?}");
            assert!(said.is_none_or(|said| found[0].contains(said)), "{folder}: {found:?}");
        }
    }

    #[test]
    fn a_folder_that_every_user_may_write_into_is_a_mistake() {
        let base = tempfile::tempdir().unwrap();
        let challenges = base.path().join(".well-known/acme-challenge");
        std::fs::create_dir_all(&challenges).unwrap();
        let keys = format!("acme_folder = {:?}", base.path());
        for (folder, mode, is_open) in [(base.path(), 0o775, false), (base.path(), 0o777, true), (&challenges, 0o1777, true)] {
            std::fs::set_permissions(folder, std::fs::Permissions::from_mode(mode)).unwrap();
            let found = problems(&keys, Path::new("/base"));
            assert_eq!(found.len(), usize::from(is_open), "{found:?}");
            assert!(!is_open || found[0].contains(&format!("chmod o-w {}", folder.display())), "{found:?}");
            std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
    }
}
