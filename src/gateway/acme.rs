//! Answers to the questions of a certificate authority (ACME, RFC 8555 section 8.3), from a folder that an ACME client on this machine
//! writes into. Anybody may ask: nothing but a small regular file below that folder is ever read, and few at a time.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use http::Method;
use rustix::fs::{FileType, Mode, OFlags};
use tokio::sync::Semaphore;

/// The folder, which an ACME client knows as its web root.
#[derive(Clone, Debug)]
pub struct AcmeFolder {
    path: Arc<Path>,
    places: Arc<Semaphore>,
}

/// What is answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Challenge {
    Found(Vec<u8>),
    NotFound,
    NotAllowed,
    /// So many ask that this one has to come again.
    Busy,
}

impl AcmeFolder {
    /// What an ACME client writes is read at `.well-known/acme-challenge/` below this folder.
    pub fn new(path: &Path) -> Self {
        Self { path: path.into(), places: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// Whether a request for this path is answered from here and by no application.
    pub fn owns(path: &str) -> bool {
        path.starts_with(PREFIX)
    }

    /// The token that a request for this path asks for, which is the name of a file: 1 to 128 letters of base64url without padding (RFC 8555
    /// section 8.3). So it names one file in the folder and nothing else. Every other path has none.
    pub fn token(path: &str) -> Option<&str> {
        path.strip_prefix(PREFIX).filter(|token| is_token(token))
    }

    /// The answer to a request for a path that it owns. The file is read on a thread of its own: the folder may be on a slow disk.
    pub async fn answer(&self, method: &Method, path: &str) -> Challenge {
        if !matches!(*method, Method::GET | Method::HEAD) {
            return Challenge::NotAllowed;
        }
        let Some(token) = Self::token(path) else { return Challenge::NotFound };
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else { return Challenge::Busy };
        let (folder, token) = (Arc::clone(&self.path), token.to_owned());
        let read = tokio::task::spawn_blocking(move || {
            let read = read(&folder, &token);
            drop(place);
            read
        });
        match read.await {
            Ok(Ok(bytes)) => Challenge::Found(bytes),
            Ok(Err(error)) => {
                tracing::debug!(%error, "a challenge of a certificate authority was asked for that cannot be read");
                Challenge::NotFound
            }
            Err(_) => Challenge::Busy,
        }
    }
}

fn is_token(token: &str) -> bool {
    (1..=LONGEST_TOKEN).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

/// Goes down folder by folder, and follows no link: whoever may write there must not choose what else of this machine is shown.
fn read(folder: &Path, token: &str) -> io::Result<Vec<u8>> {
    let folders = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
    let root = rustix::fs::open(folder, folders, Mode::empty())?;
    let well_known = rustix::fs::openat(&root, ".well-known", folders | OFlags::NOFOLLOW, Mode::empty())?;
    let challenges = rustix::fs::openat(&well_known, "acme-challenge", folders | OFlags::NOFOLLOW, Mode::empty())?;
    // To open a FIFO must not be to wait.
    let plain = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = rustix::fs::openat(&challenges, token, plain, Mode::empty())?;
    let about = rustix::fs::fstat(&file)?;
    if !FileType::from_raw_mode(about.st_mode).is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut bytes = Vec::new();
    File::from(file).take(MOST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST { Err(io::Error::other("larger than 4 KiB")) } else { Ok(bytes) }
}

const PREFIX: &str = "/.well-known/acme-challenge/";
/// Files that are read at once, by one core.
const AT_ONCE: usize = 8;
/// Authorities use 43 letters.
const LONGEST_TOKEN: usize = 128;
/// Bytes of an answer: a token, a point and the hash of a key are less than two hundred.
const MOST: u64 = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    async fn ask(folder: &AcmeFolder, path: &str) -> Challenge {
        folder.answer(&Method::GET, path).await
    }

    #[tokio::test]
    async fn nothing_but_a_small_file_in_the_folder_is_shown() {
        let root = tempfile::tempdir().unwrap();
        let challenges = root.path().join(".well-known/acme-challenge");
        std::fs::create_dir_all(challenges.join("folder")).unwrap();
        std::fs::write(challenges.join("To-ken_1"), "To-ken_1.hash").unwrap();
        std::fs::write(challenges.join("large"), "x".repeat(4097)).unwrap();
        std::fs::write(challenges.join("a.b"), "dotted").unwrap();
        std::fs::write(root.path().join("secret"), "secret").unwrap();
        std::os::unix::fs::symlink("../../secret", challenges.join("link")).unwrap();
        rustix::fs::mknodat(rustix::fs::CWD, challenges.join("fifo"), FileType::Fifo, Mode::RUSR, 0).unwrap();
        let folder = AcmeFolder::new(root.path());
        assert_eq!(ask(&folder, "/.well-known/acme-challenge/To-ken_1").await, Challenge::Found(b"To-ken_1.hash".to_vec()));
        for name in ["", "folder", "link", "large", "fifo", "a.b", "nothing", "..", "../../secret", "%2e%2e", "To-ken_1/", "a\0b"]
        {
            assert_eq!(ask(&folder, &format!("{PREFIX}{name}")).await, Challenge::NotFound, "{name:?}");
        }
        assert_eq!(ask(&folder, &format!("{PREFIX}{}", "a".repeat(129))).await, Challenge::NotFound);
        assert_eq!(folder.answer(&Method::POST, &format!("{PREFIX}To-ken_1")).await, Challenge::NotAllowed);
        // A folder on the way that leads elsewhere is not gone into.
        let elsewhere = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(root.path().join(".well-known"), elsewhere.path().join(".well-known")).unwrap();
        assert_eq!(ask(&AcmeFolder::new(elsewhere.path()), &format!("{PREFIX}To-ken_1")).await, Challenge::NotFound);
    }

    #[test]
    fn only_that_one_path_is_taken_from_the_applications() {
        let table = [
            ("/.well-known/acme-challenge/x", true),
            ("/.well-known/acme-challenge", false),
            ("/.well-known/openid-configuration", false),
            ("/a/.well-known/acme-challenge/x", false),
        ];
        for (path, expected) in table {
            assert_eq!(AcmeFolder::owns(path), expected, "{path}");
        }
    }
}
