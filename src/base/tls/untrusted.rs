//! Why a server's certificate is not trusted, in words that say what to do about it.

use std::fmt;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, Error, OtherError};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate, X509Name, X509Version};
use x509_parser::public_key::PublicKey;

use crate::base::Time;

/// What a server showed, and the name that we know it by.
pub(super) struct Shown<'a> {
    pub own: &'a CertificateDer<'a>,
    pub others: &'a [CertificateDer<'a>],
    pub name: &'a ServerName<'a>,
}

/// The reason, in a sentence without a full stop. Names from certificates are cut and hold no control characters.
pub(super) struct Untrusted {
    words: String,
}

impl Untrusted {
    /// `named`: the operator's file and what is in it.
    pub(super) fn new(error: &Error, shown: &Shown<'_>, named: Option<(&Path, &[CertificateDer<'_>])>) -> Self {
        let Ok((_, own)) = X509Certificate::from_der(shown.own) else {
            return Self { words: "the server's certificate cannot be read: it is not well-formed".to_owned() };
        };
        let about = About { own: &own, shown, named };
        Self { words: about.words(error) }
    }

    /// The server could not show that it has the key, or its key is one that nobody should take.
    pub(super) fn by_signature(error: &Error, certificate: &CertificateDer<'_>) -> Self {
        let parsed = X509Certificate::from_der(certificate);
        let weak = parsed.ok().and_then(|(_, it)| weak_key(&it));
        Self { words: weak.unwrap_or_else(|| format!("the server's signature in the handshake is not good: {error}")) }
    }

    /// As rustls carries it. What is no fault of a certificate stays what it is.
    pub(super) fn into_error(self, error: Error) -> Error {
        match error {
            Error::InvalidCertificate(_) => Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(self)))),
            other => other,
        }
    }
}

impl fmt::Display for Untrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

/// The words alone: rustls shows what it carries by `Debug`.
impl fmt::Debug for Untrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

impl std::error::Error for Untrusted {}

struct About<'a> {
    own: &'a X509Certificate<'a>,
    shown: &'a Shown<'a>,
    named: Option<(&'a Path, &'a [CertificateDer<'a>])>,
}

impl About<'_> {
    fn words(&self, error: &Error) -> String {
        if self.own.version() != X509Version::V3 {
            return format!(
                "the server's certificate ({}) is of X.509 version 1, which holds no names of servers: issue it anew as version 3 with {}",
                name(self.own.subject()),
                self.extension()
            );
        }
        if let Some(weak) = weak_key(self.own) {
            return weak;
        }
        let Error::InvalidCertificate(why) = error else { return error.to_string() };
        match why {
            // Also where its dates are the wrong way round.
            CertificateError::Expired => {
                let until = u64::try_from(self.own.validity().not_after.timestamp()).unwrap_or_default();
                let until = date(UnixTime::since_unix_epoch(std::time::Duration::from_secs(until)));
                format!("{} has expired at {until}: renew it on the server", self.which(None))
            }
            CertificateError::ExpiredContext { not_after, .. } => {
                format!("{} has expired at {}: renew it on the server", self.which(Some(*not_after)), date(*not_after))
            }
            CertificateError::NotValidYet => format!("{} is not yet valid: are both clocks right?", self.which(None)),
            CertificateError::NotValidYetContext { not_before, .. } => {
                format!("{} is not valid before {}: are both clocks right?", self.which(Some(*not_before)), date(*not_before))
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => self.other_name(),
            CertificateError::UnknownIssuer => self.unknown_issuer(),
            CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
                format!("{} is not for servers: its extendedKeyUsage lacks serverAuth", self.which(None))
            }
            CertificateError::BadSignature => format!(
                "the certificates that the server sent do not fit together: {} was not signed by the {} that is known here; was the authority \
                 renewed? Name its present certificate with `ca`",
                name(self.own.subject()),
                name(self.own.issuer())
            ),
            other => self.by_other(other),
        }
    }

    /// What webpki says in words of its own.
    fn by_other(&self, why: &CertificateError) -> String {
        let said = format!("{why:?}");
        let old = [self.own.signature_algorithm.algorithm.to_id_string()].into_iter().chain(self.shown.others.iter().filter_map(
            |der| X509Certificate::from_der(der).ok().map(|(_, it)| it.signature_algorithm.algorithm.to_id_string()),
        ));
        if said.contains("CaUsedAsEndEntity") {
            return match self.named {
                None => format!(
                    "{} is that of an authority (CA:TRUE), as `openssl req -x509` makes it: copy it into a file and name that with `ca`, then it is \
                     trusted as itself",
                    self.which(None)
                ),
                Some((path, _)) => format!(
                    "{} is that of an authority (CA:TRUE) and is not in {}: is it a new one? Copy it into that file as the server has it",
                    self.which(None),
                    path.display()
                ),
            };
        }
        if said.contains("UnsupportedSignatureAlgorithm")
            && let Some(word) =
                old.filter_map(|oid| OLD_SIGNATURES.iter().find(|(old, _)| *old == oid)).map(|(_, word)| word).next()
        {
            return format!(
                "{} is signed with {word}, which proves nothing any more: issue it anew with SHA-256",
                self.which(None)
            );
        }
        if said.contains("UnsupportedSignatureAlgorithm") {
            return format!(
                "{} is signed in a way that is not supported ({}): issue it anew with ECDSA or RSA and SHA-256",
                self.which(None),
                self.own.signature_algorithm.algorithm
            );
        }
        if said.contains("EndEntityUsedAsCa") {
            return format!(
                "{} was issued by {}, whose certificate is not that of an authority (CA:FALSE)",
                self.which(None),
                name(self.own.issuer())
            );
        }
        format!("{} cannot be used: {said}", self.which(None))
    }

    fn other_name(&self) -> String {
        let (asked, names) = (asked(self.shown.name), names(self.own));
        let own = name(self.own.subject());
        if names.is_empty() {
            return format!(
                "the server's certificate ({own}) has no subjectAltName, so it is valid for no name; what stands in CN does not count. Issue it anew \
                 with {}",
                self.extension()
            );
        }
        format!(
            "the server's certificate ({own}) is not valid for name {asked}, but for {}: connect by one of these, or issue it anew with {}",
            listed(&names),
            self.extension()
        )
    }

    fn unknown_issuer(&self) -> String {
        let (own, issuer) = (name(self.own.subject()), name(self.own.issuer()));
        if self.own.subject() == self.own.issuer() {
            return match self.named {
                None => format!(
                    "the server's certificate ({own}) was issued by itself: copy it into a file and name that with `ca`, then it is trusted as itself"
                ),
                Some((path, _)) => format!(
                    "the server's certificate ({own}) was issued by itself and is not in {}: is it a new one? Copy it into that file as the server has it",
                    path.display()
                ),
            };
        }
        let sent = format!("the server sent the certificate of {own}, issued by {issuer}");
        // The last of the chain that the server sent: its issuer is the one that is missing here.
        let top = self.shown.others.iter().filter_map(|der| X509Certificate::from_der(der).ok()).map(|(_, it)| it).next_back();
        let missing = top.filter(|top| top.subject() != top.issuer()).map_or(issuer, |top| name(top.issuer()));
        let (held, remedy) = match self.named {
            None => (
                format!("this machine's authorities do not know {missing}"),
                format!("name the certificate of {missing} with `ca`"),
            ),
            Some((path, held)) => {
                let held = held.iter().filter_map(|der| X509Certificate::from_der(der).ok());
                let held: Vec<String> = held.map(|(_, it)| name(it.subject())).collect();
                let path = path.display();
                match held.contains(&missing) {
                    true => (
                        format!(
                            "{path} holds a certificate of that name, which is that of no authority (CA:FALSE, or no word of CA) or another one"
                        ),
                        format!("put the present one of the authority {missing} there"),
                    ),
                    false => (
                        format!("{path} holds {} and not {missing}", listed(&held)),
                        format!("put the certificate of {missing} there"),
                    ),
                }
            }
        };
        let chain = if self.shown.others.is_empty() {
            "; if that one was issued by another authority in turn, let the server send it along (its chain)"
        } else {
            ""
        };
        format!("{sent}; {held}: {remedy}{chain}")
    }

    /// The certificate that a date belongs to: the server's own, or one that came with it.
    fn which(&self, date: Option<UnixTime>) -> String {
        let own = format!("the server's certificate ({})", name(self.own.subject()));
        let Some(date) = date else { return own };
        let has_date = |it: &X509Certificate<'_>| {
            let dates = [it.validity().not_before.timestamp(), it.validity().not_after.timestamp()];
            dates.into_iter().any(|seconds| u64::try_from(seconds) == Ok(date.as_secs()))
        };
        if has_date(self.own) {
            return own;
        }
        let mut others = self.shown.others.iter().filter_map(|der| X509Certificate::from_der(der).ok()).map(|(_, it)| it);
        others.find(has_date).map_or(own, |it| format!("the certificate of {}, which the server sent along,", name(it.subject())))
    }

    /// The option of `openssl req` and `openssl x509` for the name that we ask for.
    fn extension(&self) -> String {
        let kind = if matches!(self.shown.name, ServerName::IpAddress(_)) { "IP" } else { "DNS" };
        format!("-addext \"subjectAltName={kind}:{}\"", asked(self.shown.name))
    }
}

fn asked(name: &ServerName<'_>) -> String {
    match name {
        ServerName::IpAddress(address) => IpAddr::from(*address).to_string(),
        name => name.to_str().into_owned(),
    }
}

/// The names that a certificate is for (RFC 5280 section 4.2.1.6).
pub(super) fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(alternatives)) = certificate.subject_alternative_name() else { return Vec::new() };
    let names = alternatives.value.general_names.iter().filter_map(|name| match name {
        GeneralName::DNSName(name) => Some(plain(name)),
        GeneralName::IPAddress(bytes) => {
            let four = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
            four.or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from)).ok().map(|address| address.to_string())
        }
        _ => None,
    });
    names.collect()
}

fn weak_key(certificate: &X509Certificate<'_>) -> Option<String> {
    let (own, key) = (name(certificate.subject()), certificate.public_key());
    match key.parsed() {
        Ok(PublicKey::RSA(rsa)) if rsa.key_size() < FEWEST_RSA_BITS => Some(format!(
            "the server's certificate ({own}) has an RSA key of {} bits, which is too weak: issue it anew with {FEWEST_RSA_BITS} at least",
            rsa.key_size()
        )),
        Ok(PublicKey::DSA(_)) => Some(format!(
            "the server's certificate ({own}) has a DSA key, which TLS takes no more: issue it anew with RSA or ECDSA"
        )),
        _ => None,
    }
}

/// A subject or an issuer.
pub(super) fn name(name: &X509Name<'_>) -> String {
    let text = plain(&name.to_string());
    if text.is_empty() { "a certificate without a name".to_owned() } else { text }
}

fn plain(text: &str) -> String {
    text.chars().take(MOST_NAME).map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

fn listed(names: &[String]) -> String {
    let mut text = names.iter().take(MOST_NAMES).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > MOST_NAMES {
        text.push_str(&format!(" and {} more", names.len() - MOST_NAMES));
    }
    text
}

fn date(time: UnixTime) -> String {
    Time::from_millis(time.as_secs().saturating_mul(1000)).to_string()
}

const FEWEST_RSA_BITS: usize = 2048;
const MOST_NAME: usize = 120;
const MOST_NAMES: usize = 8;
/// Signature algorithms that webpki does not take, by their object identifiers (RFC 3279 section 2.2, RFC 4055).
const OLD_SIGNATURES: [(&str, &str); 5] = [
    ("1.2.840.113549.1.1.4", "MD5"),
    ("1.2.840.113549.1.1.5", "SHA-1"),
    ("1.3.14.3.2.29", "SHA-1"),
    ("1.2.840.10045.4.1", "SHA-1"),
    ("1.2.840.10040.4.3", "SHA-1"),
];
