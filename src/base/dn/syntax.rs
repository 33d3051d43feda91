//! The written form of a distinguished name, read and escaped (RFC 4514 sections 2.4 and 3).

use std::fmt::Write as _;
use std::iter::Peekable;
use std::str::Chars;

use data_encoding::HEXLOWER_PERMISSIVE;

/// Why a text is no distinguished name.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DnError {
    #[error("it is empty")]
    Empty,
    #[error("it is longer than {MOST} bytes")]
    Long,
    #[error("a part of it has no `=`")]
    NoValue,
    #[error("{0:?} is no name of an attribute")]
    Attribute(String),
    #[error("`\\` stands before something that needs none, or before half a byte; a backslash itself is written `\\\\`")]
    Escape,
    #[error("a quotation mark is not closed, or something follows it")]
    Quote,
    #[error("a value in hexadecimal digits (`#…`) is not the encoding of a text")]
    Hexadecimal,
    #[error("its escaped bytes are not UTF-8")]
    NotText,
}

/// The relative names, each a list of attribute and value.
pub(super) fn parse(text: &str) -> Result<Vec<Vec<(String, String)>>, DnError> {
    if text.len() > MOST {
        return Err(DnError::Long);
    }
    if text.trim_matches(BLANK).is_empty() {
        return Err(DnError::Empty);
    }
    let mut reader = Reader { rest: text.chars().peekable() };
    let mut parts = Vec::new();
    let mut pairs = Vec::new();
    loop {
        let kind = reader.kind()?;
        pairs.push((kind, reader.value()?));
        match reader.rest.next() {
            Some('+') => {}
            Some(_) => parts.push(std::mem::take(&mut pairs)),
            None => {
                parts.push(pairs);
                return Ok(parts);
            }
        }
    }
}

struct Reader<'t> {
    rest: Peekable<Chars<'t>>,
}

impl Reader<'_> {
    /// Up to the `=`, which is taken.
    fn kind(&mut self) -> Result<String, DnError> {
        let mut kind = String::new();
        loop {
            match self.rest.next() {
                Some('=') => break,
                Some(letter) if !SEPARATORS.contains(&letter) => kind.push(letter),
                _ => return Err(DnError::NoValue),
            }
        }
        let kind = kind.trim_matches(BLANK);
        if is_attribute(kind) { Ok(kind.to_owned()) } else { Err(DnError::Attribute(kind.to_owned())) }
    }

    /// Up to a separator, which is left there.
    fn value(&mut self) -> Result<String, DnError> {
        while self.rest.next_if(|letter| BLANK.contains(letter)).is_some() {}
        match self.rest.peek() {
            Some('#') => self.hexadecimal(),
            Some('"') => self.quoted(),
            _ => self.plain(),
        }
    }

    fn plain(&mut self) -> Result<String, DnError> {
        let mut bytes = Vec::new();
        // Blanks at the end count where they are escaped.
        let mut kept = 0;
        while let Some(letter) = self.rest.next_if(|letter| !SEPARATORS.contains(letter)) {
            if letter == '\\' {
                self.escape(&mut bytes)?;
                kept = bytes.len();
            } else {
                push(&mut bytes, letter);
                if !BLANK.contains(&letter) {
                    kept = bytes.len();
                }
            }
        }
        bytes.truncate(kept);
        String::from_utf8(bytes).map_err(|_| DnError::NotText)
    }

    /// RFC 1779 section 2.3.
    fn quoted(&mut self) -> Result<String, DnError> {
        self.rest.next();
        let mut bytes = Vec::new();
        loop {
            match self.rest.next() {
                Some('"') => break,
                Some('\\') => self.escape(&mut bytes)?,
                Some(letter) => push(&mut bytes, letter),
                None => return Err(DnError::Quote),
            }
        }
        while self.rest.next_if(|letter| BLANK.contains(letter)).is_some() {}
        if self.rest.peek().is_some_and(|letter| !SEPARATORS.contains(letter)) {
            return Err(DnError::Quote);
        }
        String::from_utf8(bytes).map_err(|_| DnError::NotText)
    }

    /// What stands behind a backslash: two hexadecimal digits, or a character that would mean something else.
    fn escape(&mut self, bytes: &mut Vec<u8>) -> Result<(), DnError> {
        let first = self.rest.next().ok_or(DnError::Escape)?;
        if let Some(high) = first.to_digit(16) {
            let low = self.rest.next().and_then(|letter| letter.to_digit(16)).ok_or(DnError::Escape)?;
            bytes.push(u8::try_from(high * 16 + low).map_err(|_| DnError::Escape)?);
            return Ok(());
        }
        if !ESCAPED.contains(&first) {
            return Err(DnError::Escape);
        }
        push(bytes, first);
        Ok(())
    }

    /// The encoding of a value (RFC 4514 section 2.4): of a text, of less than 128 bytes or with its length in up to two.
    fn hexadecimal(&mut self) -> Result<String, DnError> {
        self.rest.next();
        let mut digits = String::new();
        while let Some(letter) = self.rest.next_if(|letter| !SEPARATORS.contains(letter)) {
            digits.push(letter);
        }
        let bytes = HEXLOWER_PERMISSIVE.decode(digits.trim_matches(BLANK).as_bytes()).map_err(|_| DnError::Hexadecimal)?;
        let (&tag, rest) = bytes.split_first().ok_or(DnError::Hexadecimal)?;
        let (length, content) = match rest {
            [0x82, high, low, content @ ..] => (usize::from(*high) << 8 | usize::from(*low), content),
            [0x81, length, content @ ..] => (usize::from(*length), content),
            [length @ 0..=0x7f, content @ ..] => (usize::from(*length), content),
            _ => return Err(DnError::Hexadecimal),
        };
        if !TEXT_TAGS.contains(&tag) || content.len() != length {
            return Err(DnError::Hexadecimal);
        }
        String::from_utf8(content.to_vec()).map_err(|_| DnError::NotText)
    }
}

fn push(bytes: &mut Vec<u8>, letter: char) {
    bytes.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
}

/// A name, or a number with or without `OID.` before it (RFC 4512 section 1.4).
fn is_attribute(kind: &str) -> bool {
    let number = kind.get(..4).filter(|start| start.eq_ignore_ascii_case("oid.")).and_then(|_| kind.get(4..)).unwrap_or(kind);
    let is_number = number.split('.').count() > 1
        && number.split('.').all(|arc| !arc.is_empty() && arc.bytes().all(|byte| byte.is_ascii_digit()));
    let is_name = kind.starts_with(|first: char| first.is_ascii_alphabetic())
        && kind.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    is_number || is_name
}

/// A value as it stands in a name.
pub(super) fn escaped(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    let last = value.chars().count().saturating_sub(1);
    for (place, letter) in value.chars().enumerate() {
        let is_at_an_end = (letter == ' ' && (place == 0 || place == last)) || (letter == '#' && place == 0);
        if letter.is_control() {
            for byte in letter.encode_utf8(&mut [0; 4]).bytes() {
                // Writing into a string cannot fail.
                let _ = write!(escaped, "\\{byte:02X}");
            }
        } else if is_at_an_end || ALWAYS_ESCAPED.contains(&letter) {
            escaped.extend(['\\', letter]);
        } else {
            escaped.push(letter);
        }
    }
    escaped
}

/// Longer text is not looked at.
const MOST: usize = 8192;
const BLANK: [char; 4] = [' ', '\t', '\r', '\n'];
/// `;` as RFC 1779 has it.
const SEPARATORS: [char; 3] = [',', ';', '+'];
const ALWAYS_ESCAPED: [char; 7] = ['"', '+', ',', ';', '<', '>', '\\'];
/// What may stand behind a backslash (RFC 4514 section 3).
const ESCAPED: [char; 10] = ['"', '+', ',', ';', '<', '>', ' ', '#', '=', '\\'];
/// Octet string, UTF8String, PrintableString, IA5String (X.680): the encodings of text in which ASCII is ASCII.
const TEXT_TAGS: [u8; 4] = [0x04, 0x0c, 0x13, 0x16];
