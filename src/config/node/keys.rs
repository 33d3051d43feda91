//! `[keys]`: what Doorward seals with. `seal = [{ id = "k1", secret = { file = "..." } }]`: the first seals, all open. A secret
//! is at least 32 bytes (64 hexadecimal digits count as 32 bytes). Type: `crate::base::keys::SealKey`.

use crate::base::keys::SealKey;
use crate::base::{Secret, encoding};
use crate::config::document::{Kind, Section};

const LEAST: usize = 32;

/// The keys of `[keys]`, the sealing one first.
pub(in crate::config) fn read(section: Section<'_>) -> Option<Vec<SealKey>> {
    let keys = section.required("seal").and_then(|list| list.some(|entry| entry.section().and_then(key)));
    section.finish();
    keys
}

fn key(section: Section<'_>) -> Option<SealKey> {
    let id = section.required("id").and_then(|field| {
        let id = field.text()?;
        let fits = (1..=16).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if fits {
            section.context.define(Kind::SealKey, id, field.at());
        } else {
            field.problem("`id`: expected 1 to 16 letters and digits");
        }
        fits.then(|| id.to_owned())
    });
    let secret = section.required("secret").and_then(|field| {
        let written = field.secret_bytes()?;
        let text = encoding::without_mark(written.expose());
        if text.len() < written.expose().len() && is_hexadecimal(text) {
            // As a key of its own it would open nothing that the same digits have sealed.
            field.problem("the seal key file begins with a byte order mark: save it without");
            return None;
        }
        let secret = bytes(written);
        let length = secret.expose().len();
        if length < LEAST {
            field.problem(format!("a seal key needs at least {LEAST} bytes, this one has {length}"));
        }
        (length >= LEAST).then_some(secret)
    });
    section.finish();
    Some(SealKey { id: id?, secret: secret? })
}

fn is_hexadecimal(text: &[u8]) -> bool {
    text.len() == 2 * LEAST && text.iter().all(u8::is_ascii_hexdigit)
}

/// 64 hexadecimal digits are the 32 bytes they stand for; everything else stands for itself.
fn bytes(written: Secret<Vec<u8>>) -> Secret<Vec<u8>> {
    if written.expose().len() != 2 * LEAST {
        return written;
    }
    data_encoding::HEXLOWER_PERMISSIVE.decode(written.expose()).map_or(written, Secret::new)
}

#[cfg(test)]
mod tests {
    use crate::config::parse;

    #[test]
    fn a_mark_before_the_digits_of_a_key_makes_no_other_key_of_them() {
        let folder = tempfile::tempdir().unwrap();
        let text = format!(
            "[keys]\nseal = [{{ id = \"k1\", secret = {{ file = \"k1\" }} }}]\n{}",
            include_str!("../testdata/minimal.toml")
        );
        let write = |content: &[u8]| std::fs::write(folder.path().join("k1"), content).unwrap();
        let read = || parse(&text, folder.path(), &|_| None);
        write(format!("\u{feff}{}\r\n", "ab".repeat(32)).as_bytes());
        assert!(read().unwrap_err()[0].message.starts_with("the seal key file begins with a byte order mark"));
        // Bytes may be any, these too.
        for any in [&b"\xef\xbb\xbf-any-32-bytes-and-a-few-more-and-more"[..], &[0xff, 0xfe].repeat(20)] {
            write(any);
            assert_eq!(read().unwrap().keys.unwrap()[0].secret.expose(), any);
        }
    }
}
