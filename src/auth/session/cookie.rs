//! The cookie that opens a session, and where its key is kept.

use std::fmt;

use aws_lc_rs::digest;
use data_encoding::BASE64URL_NOPAD;

use crate::base::{Keys, Random, Secret};

/// SHA-256 over a cookie: where its key is kept. Never used to derive anything else.
pub(in crate::auth) type KeyId = [u8; 32];

/// The value of `__Host-doorward`: the seal key's id, a dot, and in base64url 256 random bits and a tag of 96 bits over them.
pub struct Cookie(Secret<String>);

const RANDOM: usize = 32;
const TAG: usize = 12;

impl Cookie {
    pub(in crate::auth) fn new(keys: &Keys, random: &dyn Random) -> Self {
        let bits: [u8; RANDOM] = random.bytes();
        let tag = keys.mac(TAG_PURPOSE, &bits);
        let mut body = bits.to_vec();
        body.extend(tag.iter().take(TAG));
        Self(Secret::new(format!("{}.{}", keys.first_id(), BASE64URL_NOPAD.encode(&body))))
    }

    /// For `Set-Cookie`, and for nothing else.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// Where the key of a cookie with this value would be kept.
    pub(in crate::auth) fn key_id(value: &str) -> KeyId {
        // In one go where it is as long as ours are: half the cost.
        let mut text = [0; 2 + USUAL];
        let digest = match text.get_mut(..2 + value.len()) {
            Some(text) => {
                let (label, rest) = text.split_at_mut(2);
                label.copy_from_slice(LABEL);
                rest.copy_from_slice(value.as_bytes());
                digest::digest(&digest::SHA256, text)
            }
            None => digest::digest(&digest::SHA256, &[LABEL, value.as_bytes()].concat()),
        };
        digest.as_ref().try_into().unwrap_or_default()
    }

    /// Whether we made this value once, told by its tag alone: no store needs to be asked about one that we did not make.
    pub fn is_ours(value: &str, keys: &Keys) -> bool {
        let parts = value.split_once('.').and_then(|(id, body)| Some((id, BASE64URL_NOPAD.decode(body.as_bytes()).ok()?)));
        let Some((id, body)) = parts else { return false };
        let Some((bits, tag)) = body.split_at_checked(RANDOM).filter(|(_, tag)| tag.len() == TAG) else { return false };
        let expected = keys.mac_by(id, TAG_PURPOSE, bits);
        expected.is_some_and(|expected| crate::base::secret::same(tag, expected.split_at(TAG).0))
    }
}

impl fmt::Debug for Cookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cookie")
    }
}

const LABEL: &[u8; 2] = b"id";
/// Bytes of the longest value that we make.
const USUAL: usize = 80;
const TAG_PURPOSE: &str = "session cookie tag";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::keys::SealKey;
    use crate::base::random::SystemSource;

    fn keys(byte: u8) -> Keys {
        Keys::new(vec![SealKey { id: "k1".into(), secret: Secret::new(vec![byte; 32]) }]).unwrap()
    }

    #[test]
    fn only_a_cookie_we_made_is_ours() {
        let cookie = Cookie::new(&keys(1), &SystemSource);
        assert!(Cookie::is_ours(cookie.expose(), &keys(1)));
        assert!(!Cookie::is_ours(cookie.expose(), &keys(2)));
        for forged in ["", ".", "k1.", "k1.AAAA", "k2.", &cookie.expose().to_lowercase(), &format!("{}A", cookie.expose())] {
            assert!(!Cookie::is_ours(forged, &keys(1)), "{forged}");
        }
    }
}
