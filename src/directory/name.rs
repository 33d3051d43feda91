//! A name as a person types it at the login page, and the ways of reading it.

use crate::config::directory::Domain;

/// A typed name, trimmed; what cannot be a name is refused. At most 256 characters, no control characters, not empty.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Name(String);

/// One way of looking for somebody.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum By {
    /// `DOMAIN\user` or `user@domain`, the domain being this directory's: the account of exactly this name.
    Account(String),
    /// A mail address.
    Mail(String),
}

impl Name {
    pub fn parse(typed: &str) -> Option<Self> {
        let typed = typed.trim();
        let fits = !typed.is_empty() && typed.chars().count() <= 256 && !typed.chars().any(char::is_control);
        fits.then(|| Self(typed.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form that counts as one name: lower case.
    pub fn folded(&self) -> String {
        self.0.to_lowercase()
    }

    /// The account name, where the name is written with a domain (`CORP\user`, `user@corp.example`) and the domain is this one.
    pub fn account_in(&self, domain: &Domain) -> Option<&str> {
        if let Some((netbios, account)) = self.0.split_once('\\') {
            return (is(domain.netbios.as_deref(), netbios) && !account.is_empty()).then_some(account);
        }
        let (account, dns) = self.0.rsplit_once('@')?;
        (is(domain.dns.as_deref(), dns) && !account.is_empty()).then_some(account)
    }

    /// Whether a domain is written with it, known or not.
    pub fn has_domain(&self) -> bool {
        self.0.contains(['\\', '@'])
    }
}

fn is(known: Option<&str>, written: &str) -> bool {
    known.is_some_and(|known| known.eq_ignore_ascii_case(written))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_read_in_both_spellings_and_any_case() {
        let domain = Domain { dns: Some("corp.example".into()), netbios: Some("CORP".into()) };
        let table = [
            ("CORP\\alice", Some("alice")),
            ("corp\\alice", Some("alice")),
            ("alice@Corp.Example", Some("alice")),
            ("alice", None),
            ("OTHER\\alice", None),
            ("alice@other.example", None),
            ("corp.example\\alice", None),
            ("CORP\\", None),
            ("@corp.example", None),
            ("a@b@corp.example", Some("a@b")),
        ];
        for (typed, account) in table {
            assert_eq!(Name::parse(typed).unwrap().account_in(&domain), account, "{typed}");
        }
    }

    #[test]
    fn what_cannot_be_a_name_is_refused() {
        for typed in ["", "  ", "a\0b", "a\nb", &"x".repeat(257)] {
            assert_eq!(Name::parse(typed), None, "{typed:?}");
        }
        assert_eq!(Name::parse(" alice ").unwrap().as_str(), "alice");
    }
}
