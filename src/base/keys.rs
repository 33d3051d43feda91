//! Doorward's own keys: what it seals so that only its own nodes can read it, and what it signs. Every use derives a key of
//! its own from the seal keys (HKDF-SHA-256, RFC 5869), named by a purpose; purpose, context and key id are in the
//! associated data of what is sealed (AES-256-GCM).

use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::{hkdf, hmac};

use super::Secret;

/// The seal keys in force: the first seals, all open. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Keys {
    seal: Arc<[SealKey]>,
}

/// One key of `[keys] seal`.
#[derive(Clone, Debug)]
pub struct SealKey {
    /// 1 to 16 letters and digits.
    pub id: String,
    /// At least 32 bytes.
    pub secret: Secret<Vec<u8>>,
}

/// Why these cannot be the seal keys.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    #[error("there is no seal key")]
    None,
    #[error("the seal key {0} is shorter than 32 bytes")]
    Short(String),
    #[error("the seal key id {0:?} is not 1 to 16 letters and digits")]
    Id(String),
}

const NONCE: usize = 12;

impl Keys {
    /// `seal` in the order of the configuration. Ids are not compared here: of two equal ones the first counts.
    pub fn new(seal: Vec<SealKey>) -> Result<Self, KeysError> {
        if seal.is_empty() {
            return Err(KeysError::None);
        }
        for key in &seal {
            if key.secret.expose().len() < 32 {
                return Err(KeysError::Short(key.id.clone()));
            }
            if !(1..=16).contains(&key.id.len()) || !key.id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                return Err(KeysError::Id(key.id.clone()));
            }
        }
        Ok(Self { seal: seal.into() })
    }

    /// Seals `plain` for one purpose and one context (a record id, a browser); only [`Keys::open`] with the same two opens it.
    /// The result is one length byte, the key id, a nonce of 12 bytes, the ciphertext and its tag of 16 bytes.
    pub fn seal(&self, purpose: &str, context: &[u8], plain: &[u8]) -> Vec<u8> {
        let Some(key) = self.seal.first() else { return Vec::new() };
        let mut body = plain.to_vec();
        #[expect(clippy::expect_used, reason = "AES-GCM fails only above 64 GiB")]
        let nonce = aead(key, purpose)
            .seal_in_place_append_tag(Aad::from(associated(purpose, &key.id, context)), &mut body)
            .expect("sealing failed");
        let mut sealed = vec![u8::try_from(key.id.len()).unwrap_or_default()];
        sealed.extend_from_slice(key.id.as_bytes());
        sealed.extend_from_slice(nonce.as_ref());
        sealed.extend_from_slice(&body);
        sealed
    }

    /// What was sealed, or nothing: another key, purpose or context, or a changed byte.
    pub fn open(&self, purpose: &str, context: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (length, rest) = sealed.split_first()?;
        let (id, rest) = rest.split_at_checked(usize::from(*length))?;
        let (nonce, body) = rest.split_at_checked(NONCE)?;
        let key = self.seal.iter().find(|key| key.id.as_bytes() == id)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut body = body.to_vec();
        let plain =
            aead(key, purpose).open_in_place(nonce, Aad::from(associated(purpose, &key.id, context)), &mut body).ok()?.len();
        body.truncate(plain);
        Some(body)
    }

    /// HMAC-SHA-256 of `data` under the first key: for what is compared, never read back. With another first key it is another value.
    pub fn mac(&self, purpose: &str, data: &[u8]) -> [u8; 32] {
        self.seal.first().map(|key| mac(key, purpose, data)).unwrap_or_default()
    }

    /// The same under every key, the first first: for what was given out before the keys changed.
    pub fn macs(&self, purpose: &str, data: &[u8]) -> impl Iterator<Item = [u8; 32]> {
        self.seal.iter().map(move |key| mac(key, purpose, data))
    }

    /// The same under the key of this id; nothing where there is no such key.
    pub fn mac_by(&self, id: &str, purpose: &str, data: &[u8]) -> Option<[u8; 32]> {
        self.seal.iter().find(|key| key.id == id).map(|key| mac(key, purpose, data))
    }

    /// The id of the key that seals.
    pub fn first_id(&self) -> &str {
        self.seal.first().map(|key| key.id.as_str()).unwrap_or_default()
    }
}

fn derive(key: &SealKey, purpose: &str) -> [u8; 32] {
    let label = [b"doorward ".as_slice(), purpose.as_bytes()];
    let mut derived = [0; 32];
    let material = hkdf::Salt::new(hkdf::HKDF_SHA256, &[]).extract(key.secret.expose());
    #[expect(clippy::expect_used, reason = "HKDF fails only for outputs above 8 kB")]
    material.expand(&label, hkdf::HKDF_SHA256).and_then(|okm| okm.fill(&mut derived)).expect("deriving a key failed");
    derived
}

fn aead(key: &SealKey, purpose: &str) -> RandomizedNonceKey {
    #[expect(clippy::expect_used, reason = "the length is right by its type")]
    RandomizedNonceKey::new(&AES_256_GCM, &derive(key, purpose)).expect("32 bytes are an AES-256 key")
}

fn mac(key: &SealKey, purpose: &str, data: &[u8]) -> [u8; 32] {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &derive(key, purpose)), data);
    tag.as_ref().try_into().unwrap_or_default()
}

/// Each part with its length before it, so that no two triples look alike.
fn associated(purpose: &str, id: &str, context: &[u8]) -> Vec<u8> {
    let mut data = Vec::with_capacity(24 + purpose.len() + id.len() + context.len());
    for part in [purpose.as_bytes(), id.as_bytes(), context] {
        data.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        data.extend_from_slice(part);
    }
    data
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: &str, byte: u8) -> SealKey {
        SealKey { id: id.into(), secret: Secret::new(vec![byte; 32]) }
    }

    #[test]
    fn only_the_same_purpose_and_context_open() {
        let keys = Keys::new(vec![key("k1", 1)]).unwrap();
        let sealed = keys.seal("csrf", b"browser", b"text");
        assert_eq!(keys.open("csrf", b"browser", &sealed).as_deref(), Some(b"text".as_slice()));
        assert_eq!(keys.open("flow", b"browser", &sealed), None);
        assert_eq!(keys.open("csrf", b"another", &sealed), None);
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            assert_eq!(keys.open("csrf", b"browser", &changed), None, "byte {place}");
            assert_eq!(keys.open("csrf", b"browser", &sealed[..place]), None, "cut at {place}");
        }
    }

    #[test]
    fn an_older_key_still_opens() {
        let old = Keys::new(vec![key("k1", 1)]).unwrap();
        let sealed = old.seal("csrf", b"", b"text");
        let both = Keys::new(vec![key("k2", 2), key("k1", 1)]).unwrap();
        assert_eq!(both.open("csrf", b"", &sealed).as_deref(), Some(b"text".as_slice()));
        assert_eq!(old.open("csrf", b"", &both.seal("csrf", b"", b"text")), None);
    }
}
