//! What a failed TLS handshake with a neighbour means, in words that say what to do about it.

use std::error::Error as StdError;
use std::io;

use rustls::{AlertDescription, CertificateError, Error, PeerIncompatible};

/// The TLS failure among the causes of an error, in words; nothing where there is none.
pub fn words(error: &(dyn StdError + 'static)) -> Option<String> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<Error>() {
            return Some(of_rustls(error));
        }
        if let Some(error) = error.downcast_ref::<io::Error>() {
            if error.kind() == io::ErrorKind::UnexpectedEof && error.to_string() == EARLY_END {
                return Some(NO_TLS_CLOSED.to_owned());
            }
            // The cause of an `io::Error` is the cause of what it holds, and not that itself.
            if let Some(found) = error.get_ref().and_then(|held| words(held)) {
                return Some(found);
            }
        }
        cause = error.source();
    }
    None
}

/// An error of a handshake, with the words where TLS failed.
pub fn explained(error: io::Error) -> io::Error {
    // Where others send an alert Schannel just ends the connection.
    if error.kind() == io::ErrorKind::ConnectionReset {
        return io::Error::new(error.kind(), NO_TLS_CLOSED);
    }
    match words(&error) {
        Some(words) => io::Error::new(error.kind(), words),
        None => error,
    }
}

fn of_rustls(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(CertificateError::Other(reason)) => reason.to_string(),
        Error::InvalidMessage(_) => {
            format!("the server does not speak TLS on this port: is it the port of STARTTLS, or one without TLS? ({error})")
        }
        Error::AlertReceived(alert) => match of_alert(*alert) {
            Some(words) => format!("{words} ({error})"),
            None => error.to_string(),
        },
        Error::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13 | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
        ) => format!("the server speaks a version of TLS older than 1.2 only: switch 1.2 or 1.3 on there ({error})"),
        error => error.to_string(),
    }
}

/// What the other side means by an alert in the middle of a handshake (RFC 8446 section 6.2).
fn of_alert(alert: AlertDescription) -> Option<&'static str> {
    Some(match alert {
        AlertDescription::ProtocolVersion => "the server speaks a version of TLS older than 1.2 only: switch 1.2 or 1.3 on there",
        AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity => {
            "the server has no cipher suite or kind of key in common with us: TLS 1.2 with ECDHE and AES-GCM or ChaCha20, or TLS 1.3, is needed there; \
             Windows Server 2012 R2 and older have that with an ECDSA certificate (P-256) only, so give it one"
        }
        AlertDescription::UnrecognisedName => "the server knows no site of the name that we asked for",
        AlertDescription::CertificateRequired => "the server wants a certificate of ours",
        AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateRevoked
        | AlertDescription::CertificateExpired
        | AlertDescription::CertificateUnknown
        | AlertDescription::UnknownCA
        | AlertDescription::AccessDenied => "the server does not take our certificate, or wants one of ours",
        AlertDescription::NoApplicationProtocol => "the server does not speak the protocol that we asked for (ALPN)",
        _ => return None,
    })
}

/// As tokio-rustls has it.
const EARLY_END: &str = "tls handshake eof";
const NO_TLS_CLOSED: &str = "the server closed the connection during the TLS handshake: does it speak TLS on this port, and version 1.2 or 1.3? Windows Server 2012 R2 \
     and older do this where their certificate is an RSA one: give it an ECDSA certificate (P-256)";
