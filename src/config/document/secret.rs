//! A secret: written out, or the content of a file, or an environment variable.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use toml::de::DeValue;

use super::field::Field;
use super::record::Shape;
use crate::base::{Secret, encoding};

/// Nothing that we take as a secret is longer.
const MOST: u64 = 65_536;

impl Field<'_> {
    /// Text, not empty. A byte order mark at the beginning and a line break at the end of a file are cut.
    pub(in crate::config) fn secret(self) -> Option<Secret<String>> {
        let bytes = self.secret_written()?;
        if encoding::is_utf16(bytes.expose()) {
            self.problem(format!("the secret of `{}` cannot be read: {}", self.key, encoding::SAVED_AS_UTF16));
            return None;
        }
        let text = encoding::without_mark(bytes.expose());
        if text.is_empty() {
            return self.empty();
        }
        match std::str::from_utf8(text) {
            Ok(text) => Some(Secret::new(text.to_owned())),
            Err(_) => {
                self.problem(format!("the secret of `{}` is not valid UTF-8", self.key));
                None
            }
        }
    }

    /// The same for what need not be text: nothing but the line break is cut.
    pub(in crate::config) fn secret_bytes(self) -> Option<Secret<Vec<u8>>> {
        let secret = self.secret_written()?;
        if secret.expose().is_empty() { self.empty() } else { Some(secret) }
    }

    fn empty<T>(self) -> Option<T> {
        self.problem(format!("the secret of `{}` is empty", self.key));
        None
    }

    fn secret_written(self) -> Option<Secret<Vec<u8>>> {
        self.takes(vec![Shape::Secret]);
        match self.value.get_ref() {
            DeValue::String(text) => Some(Secret::new(text.as_bytes().to_vec())),
            DeValue::Table(_) => self.secret_elsewhere(),
            _ => {
                // What was written may be the secret itself: it must not appear in the message.
                self.problem(format!("`{}`: expected text, {{ file = \"...\" }} or {{ env = \"...\" }}", self.key));
                None
            }
        }
    }

    fn secret_elsewhere(self) -> Option<Secret<Vec<u8>>> {
        let section = self.section()?;
        let (file, variable) = (section.optional("file"), section.optional("env"));
        let is_mistyped = !section.is_empty();
        section.finish();
        match (file, variable) {
            (Some(file), None) => {
                let path = file.path()?;
                if self.context.record.is_some() {
                    return (self.context.environment)("").map(|secret| Secret::new(secret.into_bytes()));
                }
                let content = read(&path);
                self.context.holds_secret(path.clone());
                content.map_err(|why| file.problem(format!("cannot read {}: {why}", path.display()))).ok()
            }
            (None, Some(variable)) => {
                let name = variable.text()?;
                let value = (self.context.environment)(name);
                if value.is_none() {
                    variable.problem(format!("the environment variable {name} is not set"));
                }
                value.map(|value| Secret::new(value.into_bytes()))
            }
            // Said already: the key it has is unknown.
            (None, None) if is_mistyped => None,
            _ => {
                self.problem(format!("`{}`: give either `file` or `env`", self.key));
                None
            }
        }
    }
}

fn read(path: &Path) -> Result<Secret<Vec<u8>>, String> {
    let metadata = std::fs::metadata(path).map_err(|error| error.to_string())?;
    // A FIFO would wait for somebody to write, a device would never end.
    if !metadata.is_file() {
        return Err("not a regular file".to_owned());
    }
    if metadata.len() > MOST {
        return Err("longer than 64 KiB".to_owned());
    }
    let mut content = Vec::new();
    let file = File::open(path).map_err(|error| error.to_string())?;
    file.take(MOST).read_to_end(&mut content).map_err(|error| error.to_string())?;
    let content = Secret::new(content);
    let bytes = content.expose();
    let cut = bytes.strip_suffix(b"\r\n").or_else(|| bytes.strip_suffix(b"\n")).unwrap_or(bytes);
    Ok(Secret::new(cut.to_vec()))
}
