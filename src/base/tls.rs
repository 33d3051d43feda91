//! What both ends of TLS share: the cryptography, reading PEM files, and how we trust servers that we connect to.

mod facts;
mod file;
mod trust;
mod untrusted;
mod words;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::{Resumption, WantsClientCert};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{CipherSuite, ClientConfig, ConfigBuilder};

pub use facts::{CertificateFacts, SOON, Shown, Standing};
pub use file::warnings;
pub use words::{explained, words};

use trust::{Trust, Verifier};

use super::encoding;

#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("cannot read {}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{} is not well-formed PEM: {source}", path.display())]
    Pem { path: PathBuf, source: pem::Error },
    #[error("{} holds no {what} in PEM", path.display())]
    Nothing { path: PathBuf, what: &'static str },
    #[error("{} {instead}", path.display())]
    Instead { path: PathBuf, instead: &'static str },
    #[error("{} holds a certificate that cannot be used: {source}", path.display())]
    Certificate { path: PathBuf, source: rustls::Error },
    #[error("the key in {} does not fit the certificate in {}", key.display(), chain.display())]
    OtherKey { chain: PathBuf, key: PathBuf },
    #[error("the system's certificate authorities cannot be read; name one with `ca`")]
    NoSystemAuthorities,
    #[error("TLS cannot be set up: {0}")]
    SetUp(#[from] rustls::Error),
}

/// aws-lc-rs: X25519MLKEM768 first, then X25519, P-256, P-384; the suites of Mozilla's "intermediate", AES-128 before the rest as browsers
/// have it: processors hash SHA-256 by themselves, and a handshake hashes more than it does anything else but its key exchange.
pub fn provider() -> Arc<CryptoProvider> {
    let mut provider = rustls::crypto::aws_lc_rs::default_provider();
    provider.cipher_suites.sort_by_key(|suite| {
        !matches!(
            suite.suite(),
            CipherSuite::TLS13_AES_128_GCM_SHA256
                | CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
                | CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
        )
    });
    Arc::new(provider)
}

/// Whether a client that names these suites would rather have ChaCha20 than AES, as those do whose processors know no AES: old telephones.
pub fn prefers_chacha20(suites: &[CipherSuite]) -> bool {
    let first = suites.iter().find_map(|suite| match suite {
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256
        | CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256
        | CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 => Some(true),
        CipherSuite::TLS13_AES_128_GCM_SHA256
        | CipherSuite::TLS13_AES_256_GCM_SHA384
        | CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
        | CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384
        | CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
        | CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 => Some(false),
        _ => None,
    });
    first == Some(true)
}

/// How we connect: TLS 1.2 and 1.3, the server verified by what is in this file, or by the system's authorities. A certificate in the file is
/// trusted as itself, too. A machine without authorities fails at the first handshake.
pub fn client_config(ca: Option<&Path>) -> Result<Arc<ClientConfig>, TlsError> {
    let trust = Arc::new(ca.map_or_else(Trust::of_system, Trust::of_file)?);
    Ok(Arc::new(builder(&trust)?.with_no_client_auth()))
}

/// How we connect to some servers that are trusted alike. Each gets a configuration of its own, which notes the certificate that it shows.
#[derive(Clone, Debug)]
pub struct ClientTls {
    config: ClientConfig,
    trust: Arc<Trust>,
}

impl ClientTls {
    /// Trust as for [`client_config`].
    pub fn new(ca: Option<&Path>) -> Result<Self, TlsError> {
        Self::of(ca.map_or_else(Trust::of_system, Trust::of_file)?, None)
    }

    /// The same where TLS is certainly spoken: a machine without authorities fails at once. `identity`, the files of a chain and its key,
    /// is what we show a server that asks who we are.
    pub fn with_identity(ca: Option<&Path>, identity: Option<(&Path, &Path)>) -> Result<Self, TlsError> {
        let trust = ca.map_or_else(Trust::of_system, Trust::of_file)?;
        if trust.is_empty() {
            return Err(TlsError::NoSystemAuthorities);
        }
        Self::of(trust, identity)
    }

    fn of(trust: Trust, identity: Option<(&Path, &Path)>) -> Result<Self, TlsError> {
        let trust = Arc::new(trust);
        let config = builder(&trust)?;
        let Some((chain, key)) = identity else { return Ok(Self { config: config.with_no_client_auth(), trust }) };
        let (held, private) = (certificates(chain)?, private_key(key)?);
        let config = config.with_client_auth_cert(held, private).map_err(|source| match source {
            rustls::Error::InconsistentKeys(_) => TlsError::OtherKey { chain: chain.to_owned(), key: key.to_owned() },
            source => TlsError::Certificate { path: chain.to_owned(), source },
        })?;
        Ok(Self { config, trust })
    }

    /// The same with these protocols (ALPN, RFC 7301).
    #[must_use]
    pub fn speaking(mut self, protocols: &[&[u8]]) -> Self {
        self.config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        self
    }

    /// For one server; what it shows is noted in `shown`.
    pub fn for_server(&self, shown: &Shown) -> Arc<ClientConfig> {
        let mut config = self.config.clone();
        let verifier = Verifier { trust: Arc::clone(&self.trust), noted: Some(shown.clone()) };
        config.dangerous().set_certificate_verifier(Arc::new(verifier));
        // What is resumed was judged by this verifier, so it is kept beside it.
        config.resumption = Resumption::default();
        Arc::new(config)
    }
}

fn builder(trust: &Arc<Trust>) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, TlsError> {
    let config = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
    let verifier = Verifier { trust: Arc::clone(trust), noted: None };
    Ok(config.dangerous().with_custom_certificate_verifier(Arc::new(verifier)))
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_slice(&read(path)?).map_err(|source| match source {
        pem::Error::NoItemsFound => TlsError::Nothing { path: path.to_owned(), what: "key" },
        source => TlsError::Pem { path: path.to_owned(), source },
    })
}

/// Every certificate of a PEM file, in its order; at least one. Where there is none, the error says what is there instead.
pub fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let bytes = read(path)?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let certificates = certificates.map_err(|source| TlsError::Pem { path: path.to_owned(), source })?;
    if certificates.is_empty() {
        return Err(match file::instead(&bytes) {
            Some(instead) => TlsError::Instead { path: path.to_owned(), instead },
            None => TlsError::Nothing { path: path.to_owned(), what: "certificate" },
        });
    }
    Ok(certificates)
}

/// The bytes of a file, with its name in the error; without the byte order mark that some editors write, which would hide the first
/// certificate of a PEM file.
pub fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    let bytes = std::fs::read(path).map_err(|source| TlsError::Read { path: path.to_owned(), source })?;
    Ok(encoding::without_mark(&bytes).to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_does_not_fit_its_certificate_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["a", "b"] {
            let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
            std::fs::write(path(&format!("{name}.pem")), made.cert.pem()).unwrap();
            std::fs::write(path(&format!("{name}.key")), made.signing_key.serialize_pem()).unwrap();
        }
        let config = |key: &str| ClientTls::with_identity(Some(&path("a.pem")), Some((&path("a.pem"), &path(key))));
        assert!(config("a.key").is_ok());
        let wrong = config("b.key").unwrap_err().to_string();
        assert!(wrong.starts_with("the key in ") && wrong.contains("b.key does not fit the certificate in "), "{wrong}");
        assert!(config("a.pem").unwrap_err().to_string().ends_with("holds no key in PEM"));
    }

    #[test]
    fn aes_128_comes_first_and_the_old_telephones_wish_is_seen() {
        use CipherSuite as Suite;
        assert_eq!(provider().cipher_suites[0].suite(), Suite::TLS13_AES_128_GCM_SHA256);
        let grease = Suite::Unknown(0x0a0a);
        let table: [(&[Suite], bool); 6] = [
            (&[grease, Suite::TLS13_AES_128_GCM_SHA256, Suite::TLS13_CHACHA20_POLY1305_SHA256], false),
            (&[Suite::TLS13_AES_256_GCM_SHA384, Suite::TLS13_CHACHA20_POLY1305_SHA256], false),
            (&[grease, Suite::TLS13_CHACHA20_POLY1305_SHA256, Suite::TLS13_AES_128_GCM_SHA256], true),
            (&[Suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, Suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256], true),
            (&[Suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, Suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256], false),
            (&[Suite::TLS_RSA_WITH_AES_128_CBC_SHA, grease], false),
        ];
        for (suites, expected) in table {
            assert_eq!(prefers_chacha20(suites), expected, "{suites:?}");
        }
    }

    #[test]
    fn errors_name_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        assert!(client_config(Some(&path)).unwrap_err().to_string().contains("ca.pem"));
        std::fs::write(&path, "nothing in here").unwrap();
        assert_eq!(
            client_config(Some(&path)).unwrap_err().to_string(),
            format!("{} holds no certificate in PEM", path.display())
        );
    }

    /// As PowerShell writes it: the mark would hide the first certificate, which is the server's own.
    #[test]
    fn a_byte_order_mark_hides_no_certificate() {
        let folder = tempfile::tempdir().unwrap();
        let (file, key) = (folder.path().join("chain.pem"), folder.path().join("key.pem"));
        let made = ["a", "b"].map(|name| rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap());
        let text = made.iter().map(|made| made.cert.pem().replace('\n', "\r\n")).collect::<String>();
        std::fs::write(&file, format!("\u{feff}{text}")).unwrap();
        let found = certificates(&file).unwrap();
        assert_eq!(found, made.each_ref().map(|made| made.cert.der().clone()));
        std::fs::write(&key, format!("\u{feff}{}", made[0].signing_key.serialize_pem())).unwrap();
        assert!(private_key(&key).is_ok());
    }
}
