//! What a certificate says of itself: whose it is, for which names, from when and until when (RFC 5280 sections 4.1.2.5 and 4.2.1.6).

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use super::untrusted::name;
use crate::base::Time;

/// The facts of one certificate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CertificateFacts {
    /// The subject, cut and without control characters.
    pub subject: String,
    /// DNS names in lower case, and addresses.
    pub names: Vec<String>,
    pub from: Time,
    /// The certificate is good before this time.
    pub until: Time,
    /// Whether it issued itself: a root, which clients have or do not have whatever a server sends.
    pub issued_itself: bool,
}

/// How a certificate stands at some time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    Good,
    /// It expires within [`SOON`].
    Soon,
    Expired,
    NotYet,
}

/// So long before its end a certificate is reported: longer than a renewal takes that a person has to ask for.
pub const SOON: Duration = Duration::from_secs(30 * 24 * 3600);

impl CertificateFacts {
    /// Of a certificate in DER; nothing where it cannot be read.
    pub fn of(der: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let mut names = Vec::new();
        if let Some(alternatives) = certificate.subject_alternative_name().ok()? {
            for name in &alternatives.value.general_names {
                match name {
                    GeneralName::DNSName(name) => names.push(name.to_ascii_lowercase()),
                    GeneralName::IPAddress(bytes) => names.extend(address(bytes).map(|address| address.to_string())),
                    _ => {}
                }
            }
        }
        let validity = certificate.validity();
        Some(Self {
            subject: name(certificate.subject()),
            names,
            from: time(validity.not_before.timestamp()),
            until: time(validity.not_after.timestamp()),
            issued_itself: certificate.subject() == certificate.issuer(),
        })
    }

    pub fn standing(&self, now: Time) -> Standing {
        match () {
            () if now < self.from => Standing::NotYet,
            () if now >= self.until => Standing::Expired,
            () if now.plus(SOON) >= self.until => Standing::Soon,
            () => Standing::Good,
        }
    }

    /// How it stands, as the end of a sentence that begins with the certificate: `expires in 12 days, at 2026-…`.
    pub fn words(&self, now: Time) -> String {
        match self.standing(now) {
            Standing::Good => format!("is valid until {}", self.until),
            Standing::Soon => format!("expires {}, at {}", within(self.until.since(now)), self.until),
            Standing::Expired => format!("has expired at {}", self.until),
            Standing::NotYet => format!("is not yet valid: it begins at {}", self.from),
        }
    }

    /// The names it is for, the first few of many; its subject where it has none.
    pub fn holder(&self) -> String {
        if self.names.is_empty() {
            return self.subject.clone();
        }
        let shown = self.names.iter().take(MOST_SHOWN);
        let shown: Vec<String> = shown.map(|name| name.chars().filter(|letter| !letter.is_control()).collect()).collect();
        let more = self.names.len().saturating_sub(MOST_SHOWN);
        let rest = if more == 0 { String::new() } else { format!(" and {more} more") };
        format!("{}{rest}", shown.join(", "))
    }
}

/// What one server showed in its last handshake that was judged. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Shown(Arc<Mutex<Option<CertificateFacts>>>);

impl Shown {
    /// Nothing before the first handshake.
    pub fn facts(&self) -> Option<CertificateFacts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn note(&self, der: &[u8]) {
        if let Some(facts) = CertificateFacts::of(der) {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(facts);
        }
    }
}

fn within(left: Duration) -> String {
    match left.as_secs() / DAY {
        0 => "within a day".to_owned(),
        1 => "in 1 day".to_owned(),
        days => format!("in {days} days"),
    }
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let four = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    four.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}

fn time(seconds: i64) -> Time {
    Time::from_millis(u64::try_from(seconds).unwrap_or_default().saturating_mul(1000))
}

const DAY: u64 = 24 * 3600;
/// Names of a certificate that a sentence lists.
const MOST_SHOWN: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Time {
        Time::from_millis(text.parse::<jiff::Timestamp>().unwrap().as_millisecond().unsigned_abs())
    }

    #[test]
    fn a_certificate_is_reported_from_thirty_days_before_its_end() {
        let mut parameters = rcgen::CertificateParams::new(vec!["Mail.Example.com".to_owned(), "::1".to_owned()]).unwrap();
        parameters.not_before = rcgen::date_time_ymd(2026, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(2026, 4, 1);
        let made = parameters.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap();
        let facts = CertificateFacts::of(made.der()).unwrap();
        assert_eq!(facts.holder(), "mail.example.com, ::1");
        assert!(facts.issued_itself);
        let table = [
            ("2025-12-31T23:59:59Z", Standing::NotYet, "is not yet valid: it begins at 2026-01-01T00:00:00.000Z"),
            ("2026-01-01T00:00:00Z", Standing::Good, "is valid until 2026-04-01T00:00:00.000Z"),
            ("2026-03-01T23:59:59Z", Standing::Good, "is valid until 2026-04-01T00:00:00.000Z"),
            ("2026-03-02T00:00:00Z", Standing::Soon, "expires in 30 days, at 2026-04-01T00:00:00.000Z"),
            ("2026-03-30T23:00:00Z", Standing::Soon, "expires in 1 day, at 2026-04-01T00:00:00.000Z"),
            ("2026-03-31T23:00:00Z", Standing::Soon, "expires within a day, at 2026-04-01T00:00:00.000Z"),
            ("2026-04-01T00:00:00Z", Standing::Expired, "has expired at 2026-04-01T00:00:00.000Z"),
        ];
        for (now, standing, words) in table {
            assert_eq!((facts.standing(at(now)), facts.words(at(now)).as_str()), (standing, words), "{now}");
        }
        assert_eq!(CertificateFacts::of(b"no certificate"), None);
    }

    #[test]
    fn a_certificate_with_many_names_is_told_briefly_and_without_control_characters() {
        let facts = CertificateFacts {
            subject: "CN=x".into(),
            names: (0..10).map(|number| format!("a{number}.example\n")).collect(),
            from: Time::default(),
            until: Time::default(),
            issued_itself: false,
        };
        assert!(facts.holder().starts_with("a0.example, a1.example, ") && facts.holder().ends_with(" and 2 more"));
        assert_eq!(CertificateFacts { names: Vec::new(), ..facts }.holder(), "CN=x");
    }
}
