//! The seal keys: from the configuration, or made at the first start and kept in `state_dir/keys`.

use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use anyhow::{Context, Result};
use data_encoding::HEXLOWER;

use crate::base::keys::SealKey;
use crate::base::{Keys, Random, Secret};

/// The name of the key that is made, and of its file.
const OWN: &str = "k1";

pub fn load(configured: Option<&[SealKey]>, state_dir: &Path, random: &dyn Random) -> Result<Keys> {
    let keys = match configured {
        Some(keys) => keys.to_vec(),
        None => vec![own(&state_dir.join("keys"), random)?],
    };
    Ok(Keys::new(keys)?)
}

/// The same for who only looks: makes no key, and says nothing of one that cannot be read.
pub fn there(configured: Option<&[SealKey]>, state_dir: &Path) -> Option<Keys> {
    let keys = match configured {
        Some(keys) => keys.to_vec(),
        None => vec![read(&state_dir.join("keys").join(OWN)).ok()?],
    };
    Keys::new(keys).ok()
}

fn own(folder: &Path, random: &dyn Random) -> Result<SealKey> {
    let file = folder.join(OWN);
    if !file.exists() {
        make(folder, &file, random).with_context(|| format!("a seal key could not be made in {}", folder.display()))?;
    }
    read(&file)
}

fn read(file: &Path) -> Result<SealKey> {
    let text = Secret::new(std::fs::read_to_string(file).with_context(|| format!("the seal key {}", file.display()))?);
    let secret = HEXLOWER.decode(text.expose().trim().as_bytes());
    let secret = secret.with_context(|| format!("the seal key {} is not 64 hexadecimal digits", file.display()))?;
    Ok(SealKey { id: OWN.to_owned(), secret: Secret::new(secret) })
}

/// Written whole under another name first: a crash leaves no half key.
fn make(folder: &Path, file: &Path, random: &dyn Random) -> std::io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let text = Secret::new(HEXLOWER.encode(&random.bytes::<32>()));
    let fresh = folder.join(format!("{OWN}.new"));
    drop(std::fs::remove_file(&fresh));
    let mut written = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
    written.write_all(text.expose().as_bytes())?;
    written.sync_all()?;
    std::fs::rename(&fresh, file)?;
    std::fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::base::random::SystemSource;

    #[test]
    fn a_key_is_made_once_and_read_by_us_alone() {
        let state = tempfile::tempdir().unwrap();
        let first = load(None, state.path(), &SystemSource).unwrap();
        let again = load(None, state.path(), &SystemSource).unwrap();
        assert_eq!(again.open("x", b"", &first.seal("x", b"", b"text")).as_deref(), Some(b"text".as_slice()));
        let mode = std::fs::metadata(state.path().join("keys/k1")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_damaged_key_is_a_failed_start() {
        let state = tempfile::tempdir().unwrap();
        std::fs::create_dir(state.path().join("keys")).unwrap();
        std::fs::write(state.path().join("keys/k1"), "abc").unwrap();
        let error = load(None, state.path(), &SystemSource).unwrap_err();
        assert!(error.to_string().contains("64 hexadecimal digits"), "{error}");
    }
}
