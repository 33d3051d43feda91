//! What stands in a file that should hold certificates in PEM (RFC 7468).

use std::path::Path;

use rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::facts::{CertificateFacts, Standing};
use super::{TlsError, certificates, read};
use crate::base::Time;

/// What somebody should know of the file that `ca` names, each a sentence: certificates that have expired or soon will, and a key that does
/// not belong there. Nothing is wrong with it yet.
pub fn warnings(path: &Path, now: Time) -> Result<Vec<String>, TlsError> {
    let held = certificates(path)?;
    let mut found: Vec<String> =
        held.iter().filter_map(|der| dated(der, now)).map(|what| format!("{} {what}", path.display())).collect();
    if holds(&read(path)?, "PRIVATE KEY-----") {
        found.push(format!(
            "{} holds a private key besides: nobody needs it to verify a server, keep it where it belongs",
            path.display()
        ));
    }
    Ok(found)
}

fn dated(der: &CertificateDer<'_>, now: Time) -> Option<String> {
    let facts = CertificateFacts::of(der)?;
    let words = facts.words(now);
    let words = match facts.standing(now) {
        Standing::Good => return None,
        Standing::Expired => format!("{words}: get the present one"),
        Standing::Soon | Standing::NotYet => words,
    };
    Some(format!("holds the certificate of {}, which {words}", facts.subject))
}

/// What a file without a certificate in PEM holds, and what to do.
pub(super) fn instead(bytes: &[u8]) -> Option<&'static str> {
    if X509Certificate::from_der(bytes).is_ok() {
        return Some("holds a certificate in DER, not in PEM: convert it with `openssl x509 -inform der`");
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Some("is written in UTF-16: save it as plain text");
    }
    let kinds = [
        (
            "BEGIN TRUSTED CERTIFICATE-----",
            "holds a certificate in OpenSSL's own form (TRUSTED CERTIFICATE): convert it with `openssl x509`",
        ),
        (
            "BEGIN X509 CERTIFICATE-----",
            "holds a certificate under an old heading (X509 CERTIFICATE): convert it with `openssl x509`",
        ),
        ("BEGIN PKCS7-----", "holds certificates in PKCS #7: convert them with `openssl pkcs7 -print_certs`"),
        ("CERTIFICATE REQUEST-----", "holds a request for a certificate: name the certificate that was issued for it"),
        ("PRIVATE KEY-----", "holds a private key and no certificate: name the certificate's file"),
        ("PUBLIC KEY-----", "holds a public key and no certificate: name the certificate's file"),
    ];
    if let Some((_, words)) = kinds.iter().find(|(heading, _)| holds(bytes, heading)) {
        return Some(words);
    }
    // A SEQUENCE (X.690 section 8.9), as PKCS #12 and PKCS #7 begin.
    bytes
        .starts_with(&[0x30])
        .then_some("is not in PEM: convert it with `openssl pkcs12 -nokeys` or `openssl pkcs7 -inform der -print_certs`")
}

fn holds(bytes: &[u8], heading: &str) -> bool {
    bytes.windows(heading.len()).any(|window| window == heading.as_bytes())
}
