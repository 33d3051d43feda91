//! Trust in the servers that we connect to: by the system's authorities, or by those of the file that the operator names with `ca`, and by the
//! certificates in it as themselves.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use x509_parser::prelude::{FromDer, X509Certificate, X509Version};

use super::facts;
use super::untrusted::{Shown, Untrusted};
use super::{TlsError, certificates, provider};

/// Verifies servers. A certificate that stands in the operator's file byte for byte is trusted as itself: its names, its dates and what it is
/// for are checked, and that the server has its key, but not the rules for authorities and what they issue (RFC 5280 section 6.1), which one
/// made by `openssl req -x509` cannot meet. Only the server's own certificate is looked at that way, never one that comes with it. Every
/// other is verified by the authorities.
#[derive(Debug)]
pub(super) struct Trust {
    /// The file, and every certificate in it.
    named: Option<(PathBuf, Vec<CertificateDer<'static>>)>,
    /// Nothing where there is no authority at all.
    chains: Option<Arc<WebPkiServerVerifier>>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Trust {
    /// By the certificates in this file alone.
    pub fn of_file(path: &Path) -> Result<Self, TlsError> {
        let held = certificates(path)?;
        let mut roots = RootCertStore::empty();
        // One that is no authority is trusted for itself alone: who has its key must not make others.
        for certificate in held.iter().filter(|held| is_authority(held)) {
            roots.add(certificate.clone()).map_err(|source| TlsError::Certificate { path: path.to_owned(), source })?;
        }
        Self::new(Some((path.to_owned(), held)), roots)
    }

    /// By the system's authorities. Certificates that cannot be read are left out, and so are their servers.
    pub fn of_system() -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Self::new(None, roots)
    }

    fn new(named: Option<(PathBuf, Vec<CertificateDer<'static>>)>, roots: RootCertStore) -> Result<Self, TlsError> {
        let provider = provider();
        let algorithms = provider.signature_verification_algorithms;
        let chains = match roots.is_empty() {
            true => None,
            false => {
                let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build();
                Some(verifier.map_err(|error| Error::General(error.to_string()))?)
            }
        };
        Ok(Self { named, chains, algorithms })
    }

    /// Whether nobody at all is trusted.
    pub fn is_empty(&self) -> bool {
        self.named.is_none() && self.chains.is_none()
    }

    fn is_named(&self, certificate: &CertificateDer<'_>) -> bool {
        self.named.as_ref().is_some_and(|(_, held)| held.iter().any(|held| held == certificate))
    }

    fn verify(&self, shown: &Shown<'_>, ocsp: &[u8], now: UnixTime) -> Result<ServerCertVerified, Error> {
        if self.is_named(shown.own) {
            return verify_as_itself(shown, now);
        }
        let chains = self.chains.as_ref().ok_or(CertificateError::UnknownIssuer)?;
        chains.verify_server_cert(shown.own, shown.others, shown.name, ocsp, now)
    }

    fn explained(&self, error: Error, shown: &Shown<'_>) -> Error {
        let named = self.named.as_ref().map(|(path, held)| (path.as_path(), held.as_slice()));
        Untrusted::new(&error, shown, named).into_error(error)
    }
}

/// Whether it may issue others (RFC 5280 sections 4.2.1.3 and 4.2.1.9): one that says CA:TRUE, or at least that its key signs certificates,
/// and whose key may do so. Version 1 says nothing of the kind; there, one that issued itself is an authority, as OpenSSL has it. One that
/// cannot be read is left to who reads it next.
fn is_authority(certificate: &CertificateDer<'_>) -> bool {
    let Ok((_, it)) = X509Certificate::from_der(certificate) else { return true };
    if it.version() != X509Version::V3 {
        return it.subject() == it.issuer();
    }
    let Ok(usage) = it.key_usage() else { return false };
    let signs = usage.map(|usage| usage.value.key_cert_sign());
    match it.basic_constraints() {
        Ok(Some(constraints)) => constraints.value.ca && signs != Some(false),
        Ok(None) => signs == Some(true),
        Err(_) => false,
    }
}

/// Names and dates as for any other certificate (RFC 9525, RFC 5280 section 4.1.2.5), and its purpose where it names any (section 4.2.1.12).
fn verify_as_itself(shown: &Shown<'_>, now: UnixTime) -> Result<ServerCertVerified, Error> {
    let (_, certificate) = X509Certificate::from_der(shown.own).map_err(|_| CertificateError::BadEncoding)?;
    let seconds = |time: i64| UnixTime::since_unix_epoch(std::time::Duration::from_secs(u64::try_from(time).unwrap_or_default()));
    let not_before = seconds(certificate.validity().not_before.timestamp());
    let not_after = seconds(certificate.validity().not_after.timestamp());
    if now < not_before {
        return Err(CertificateError::NotValidYetContext { time: now, not_before }.into());
    }
    if now > not_after {
        return Err(CertificateError::ExpiredContext { time: now, not_after }.into());
    }
    match certificate.extended_key_usage() {
        Ok(None) => {}
        Ok(Some(usage)) if usage.value.server_auth || usage.value.any => {}
        Ok(Some(_)) => return Err(CertificateError::InvalidPurpose.into()),
        Err(_) => return Err(CertificateError::BadEncoding.into()),
    }
    verify_server_name(&ParsedCertificate::try_from(shown.own)?, shown.name)?;
    Ok(ServerCertVerified::assertion())
}

/// Verifies by a trust that several servers may share.
#[derive(Debug)]
pub(super) struct Verifier {
    pub trust: Arc<Trust>,
    /// Where the certificate of one server is noted each time that it is judged.
    pub noted: Option<facts::Shown>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let shown = Shown { own: end_entity, others: intermediates, name: server_name };
        let judged = self.trust.verify(&shown, ocsp_response, now);
        // One that is only too old or too new is the server's own. Any other may be anybody's.
        if let Some(noted) = self.noted.as_ref().filter(|_| judged.as_ref().err().is_none_or(is_about_dates)) {
            noted.note(end_entity);
        }
        judged.map_err(|error| self.trust.explained(error, &shown))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let verified = verify_tls12_signature(message, certificate, signature, &self.trust.algorithms);
        verified.map_err(|error| Untrusted::by_signature(&error, certificate).into_error(error))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let verified = verify_tls13_signature(message, certificate, signature, &self.trust.algorithms);
        verified.map_err(|error| Untrusted::by_signature(&error, certificate).into_error(error))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.trust.algorithms.supported_schemes()
    }
}

fn is_about_dates(error: &Error) -> bool {
    matches!(
        error,
        Error::InvalidCertificate(
            CertificateError::Expired
                | CertificateError::ExpiredContext { .. }
                | CertificateError::NotValidYet
                | CertificateError::NotValidYetContext { .. }
        )
    )
}
