//! Tokens of a certificate authority's questions: what is accepted names one file in the folder, and every token that may be is accepted.

use std::path::{Component, Path};

use doorward::gateway::acme::AcmeFolder;

/// A path; it is read once more behind the prefix.
pub fn holds(data: &[u8]) {
    let Ok(path) = std::str::from_utf8(data) else { return };
    read(path);
    read(&format!("{PREFIX}{path}"));
}

fn read(path: &str) {
    let token = AcmeFolder::token(path);
    assert_eq!(AcmeFolder::owns(path), path.starts_with(PREFIX), "{path:?}");
    if let Some(token) = token {
        assert_eq!(format!("{PREFIX}{token}"), path, "nothing of it is lost");
        let components: Vec<_> = Path::new(token).components().collect();
        assert_eq!(components, [Component::Normal(token.as_ref())], "{path:?}: one name");
    }
    let is_one = path.strip_prefix(PREFIX).is_some_and(|rest| {
        let letters = rest.chars().filter(|letter| LETTERS.contains(*letter)).count();
        (1..=128).contains(&letters) && letters == rest.chars().count()
    });
    assert_eq!(token.is_some(), is_one, "{path:?}");
}

const PREFIX: &str = "/.well-known/acme-challenge/";
/// RFC 4648 section 5.
const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
