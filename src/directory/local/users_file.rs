//! The users file of a local directory: what may stand in it, and where a mistake is.

use std::collections::HashMap;
use std::io::Read as _;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::Deserialize;
use toml::Spanned;

use crate::base::{encoding, unicode};
use crate::directory::password::{Hash, NotAHash};
use crate::directory::{Name, SmsType};

/// One user of the file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Entry {
    pub id: String,
    pub name: String,
    pub hash: Hash,
    pub display_name: Option<String>,
    pub mobile: Option<String>,
    pub second_mobile: Option<String>,
    pub push: Option<String>,
    pub sms_type: Option<SmsType>,
    pub mail: Option<String>,
    pub language: Option<String>,
    pub groups: Vec<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    #[error("users file {}: it cannot be read", file.display())]
    Unreadable { file: PathBuf, source: std::io::Error },
    #[error("users file {}: it is larger than 16 MiB", file.display())]
    TooLarge { file: PathBuf },
    #[error("users file {}, line {line}: {mistake}", file.display())]
    Faulty { file: PathBuf, line: usize, mistake: Mistake },
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Mistake {
    #[error("{0}")]
    Toml(String),
    #[error("the password of {name}: {what}")]
    Password { name: String, what: NotAHash },
    #[error("{0:?} cannot be a name: 1 to 256 characters, none of them control characters, no blanks around")]
    Name(String),
    #[error("{0:?} cannot be an id: 1 to 256 characters, none of them control characters, no blanks around")]
    Id(String),
    #[error("there is another user {0:?}; case and invisible characters make no difference")]
    SameName(String),
    #[error("there is another user of id {0:?}; without `id` the name is the id")]
    SameId(String),
}

/// Tells one state of a file from another: when it was changed, and its length.
pub(super) type Stamp = (SystemTime, u64);

/// Nothing where there is no such file.
pub(super) fn stamp(file: &Path) -> Option<Stamp> {
    let metadata = std::fs::metadata(file).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

/// Reads the whole file. Blocks.
pub(super) fn read(file: &Path) -> Result<Vec<Entry>, LocalError> {
    let unreadable = |source| LocalError::Unreadable { file: file.to_owned(), source };
    let mut bytes = Vec::new();
    let opened = std::fs::File::open(file).map_err(unreadable)?;
    opened.take(LARGEST + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > LARGEST) {
        return Err(LocalError::TooLarge { file: file.to_owned() });
    }
    let no_text = |why: &str| unreadable(std::io::Error::new(std::io::ErrorKind::InvalidData, why));
    if encoding::is_utf16(&bytes) {
        return Err(no_text(encoding::SAVED_AS_UTF16));
    }
    let text = String::from_utf8(bytes).map_err(|_| no_text("it is not valid UTF-8"))?;
    parse(&text).map_err(|(at, mistake)| LocalError::Faulty { file: file.to_owned(), line: line(&text, at), mistake })
}

/// A mistake comes with the place of the byte where it begins.
fn parse(text: &str) -> Result<Vec<Entry>, (usize, Mistake)> {
    let written: File = toml::from_str(text).map_err(|error| {
        let at = error.span().map_or(0, |span: Range<usize>| span.start);
        (at, Mistake::Toml(without_values(error.message())))
    })?;
    let mut names = HashMap::new();
    let mut ids = HashMap::new();
    let mut entries = Vec::with_capacity(written.user.len());
    for user in written.user {
        let at_name = user.name.span().start;
        let (at_id, entry) = entry(user)?;
        if names.insert(unicode::folded(&entry.name), ()).is_some() {
            return Err((at_name, Mistake::SameName(entry.name)));
        }
        if ids.insert(entry.id.clone(), ()).is_some() {
            return Err((at_id, Mistake::SameId(entry.id)));
        }
        entries.push(entry);
    }
    Ok(entries)
}

/// The entry and where its id stands.
fn entry(user: Written) -> Result<(usize, Entry), (usize, Mistake)> {
    let name = user.name.get_ref().clone();
    if !is_plain(&name) {
        return Err((user.name.span().start, Mistake::Name(name)));
    }
    let id = user.id.unwrap_or(user.name);
    let at_id = id.span().start;
    let id = id.into_inner();
    if !is_plain(&id) {
        return Err((at_id, Mistake::Id(id)));
    }
    let at_password = user.password.span().start;
    let hash =
        Hash::parse(user.password.get_ref()).map_err(|what| (at_password, Mistake::Password { name: name.clone(), what }))?;
    let entry = Entry {
        id,
        name,
        hash,
        display_name: user.display_name,
        mobile: user.mobile,
        second_mobile: user.second_mobile,
        push: user.push,
        sms_type: user.sms_type,
        mail: user.mail,
        language: user.language,
        groups: user.groups,
    };
    Ok((at_id, entry))
}

/// Whether it can be typed at the login page. An editor may have saved it in another normalization form than a keyboard types.
fn is_plain(text: &str) -> bool {
    text.trim() == text && Name::parse(text).is_some()
}

/// A message may repeat what stands in the wrong place, and that may be a password.
fn without_values(message: &str) -> String {
    let wrong_type = message.strip_prefix("invalid type: ").and_then(|rest| rest.rsplit_once(", expected "));
    wrong_type.map_or_else(|| message.to_owned(), |(_, expected)| format!("invalid type, expected {expected}"))
}

fn line(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    user: Vec<Written>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: Spanned<String>,
    password: Spanned<String>,
    id: Option<Spanned<String>>,
    display_name: Option<String>,
    mobile: Option<String>,
    second_mobile: Option<String>,
    push: Option<String>,
    sms_type: Option<SmsType>,
    mail: Option<String>,
    language: Option<String>,
    #[serde(default)]
    groups: Vec<String>,
}

const LARGEST: u64 = 16 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";

    fn mistake(text: &str) -> (usize, String) {
        let text = text.replace("HASH", HASH);
        let (at, mistake) = parse(&text).unwrap_err();
        (line(&text, at), mistake.to_string())
    }

    #[test]
    fn every_mistake_is_named_with_its_line() {
        let table = [
            ("[[user]]\nname = \"a\"\n", 1, "missing field `password`"),
            ("\n[[user]]\nname = \"a\"\npassword = \"HASH\"\ncolour = \"red\"\n", 5, "unknown field `colour`"),
            ("users = 1\n", 1, "unknown field `users`"),
            ("[[user]]\nname = \"a\"\npassword = \"secret\"\n", 3, "use doorward hash-password"),
            ("[[user]]\nname = \" a\"\npassword = \"HASH\"\n", 2, "cannot be a name"),
            ("[[user]]\nname = \"\"\npassword = \"HASH\"\n", 2, "cannot be a name"),
            ("[[user]]\nname = \"a\"\nid = \"\"\npassword = \"HASH\"\n", 3, "cannot be an id"),
            (
                "[[user]]\nname = \"a\"\npassword = \"HASH\"\n[[user]]\nname = \"A\"\npassword = \"HASH\"\n",
                5,
                "another user \"A\"",
            ),
            (
                "[[user]]\nname = \"a\"\npassword = \"HASH\"\n[[user]]\nname = \"b\"\npassword = \"HASH\"\nid = \"a\"\n",
                7,
                "id \"a\"",
            ),
        ];
        for (text, at, words) in table {
            let (line, said) = mistake(text);
            assert!(line == at && said.contains(words), "{text}\nline {line}: {said}");
        }
    }

    #[test]
    fn a_mistake_never_repeats_the_password() {
        let (_, said) = mistake("[[user]]\nname = \"a\"\npassword = \"hunter2\"\n");
        assert!(!said.contains("hunter2"), "{said}");
        let (_, said) = mistake("[[user]]\nname = \"a\"\npassword = hunter2\n");
        assert!(!said.contains("hunter2"), "{said}");
        let (_, said) = mistake("[[user]]\nname = \"a\"\npassword = 4711\n");
        assert!(!said.contains("4711"), "{said}");
    }

    #[test]
    fn a_file_that_was_saved_on_windows_is_read_or_says_why_not() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("users.toml");
        let text = "\u{feff}[[user]]\r\nname = \"anna\"\r\npassword = \"x\"\r\n";
        std::fs::write(&file, text).unwrap();
        let Err(LocalError::Faulty { line, mistake, .. }) = read(&file) else { panic!("no mistake") };
        assert!(line == 3 && mistake.to_string().contains("hash-password"), "{mistake}");
        std::fs::write(&file, text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>()).unwrap();
        let Err(LocalError::Unreadable { source, .. }) = read(&file) else { panic!("read") };
        assert_eq!(source.to_string(), "it is saved as UTF-16: save it as UTF-8");
    }

    #[test]
    fn an_empty_file_has_nobody() {
        assert_eq!(parse(""), Ok(Vec::new()));
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = read(Path::new("/nonexistent/users.toml")).unwrap_err();
        assert_eq!(error.to_string(), "users file /nonexistent/users.toml: it cannot be read");
    }
}
