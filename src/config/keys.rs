//! `[keys]`: what Doorward seals with. `seal = [{ id = "k1", secret = { file = "..." } }]`: the first seals, all open. A secret
//! is at least 32 bytes (64 hexadecimal digits count as 32 bytes). Type: `crate::base::keys::SealKey`.

use super::names::Kind;
use super::section::Section;
use crate::base::Secret;
use crate::base::keys::SealKey;

const LEAST: usize = 32;

/// The keys of `[keys]`, the sealing one first.
pub(super) fn read(section: Section<'_>) -> Option<Vec<SealKey>> {
    let keys = section.required("seal").and_then(|list| list.some(|entry| entry.section().and_then(key)));
    section.finish();
    keys
}

fn key(section: Section<'_>) -> Option<SealKey> {
    let id = section.required("id").and_then(|field| {
        let id = field.text()?;
        let fits = (1..=16).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if fits {
            section.walk.define(Kind::SealKey, id, field.at());
        } else {
            field.problem("`id`: expected 1 to 16 letters and digits");
        }
        fits.then(|| id.to_owned())
    });
    let secret = section.required("secret").and_then(|field| {
        let secret = bytes(field.secret_bytes()?);
        let length = secret.expose().len();
        if length < LEAST {
            field.problem(format!("a seal key needs at least {LEAST} bytes, this one has {length}"));
        }
        (length >= LEAST).then_some(secret)
    });
    section.finish();
    Some(SealKey { id: id?, secret: secret? })
}

/// 64 hexadecimal digits are the 32 bytes they stand for; everything else stands for itself.
fn bytes(written: Secret<Vec<u8>>) -> Secret<Vec<u8>> {
    if written.expose().len() != 2 * LEAST {
        return written;
    }
    data_encoding::HEXLOWER_PERMISSIVE.decode(written.expose()).map_or(written, Secret::new)
}
