//! The forms in which users may write their name at the login page, read off the configuration of the directories.

use super::{Directory, Kind, Ldap};

/// One way of writing a user name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NameForm {
    /// `alice`.
    Plain,
    /// `DOMAIN\alice`.
    Domain,
    /// `alice@example.com`: a name of that domain, or a mail address.
    At,
}

impl NameForm {
    /// What these directories accept together, in the order in which a page shows it; never empty. A plain name is among them where there is
    /// a default directory, or a directory whose users have no other name.
    pub fn of(directories: &[Directory]) -> Vec<Self> {
        let is_written = |form: Self| match form {
            Self::Plain => directories.iter().any(|directory| directory.default || directory.has_only_plain_names()),
            Self::Domain => directories.iter().any(Directory::has_domain_names),
            Self::At => directories.iter().any(Directory::has_names_with_at),
        };
        let mut forms: Vec<Self> = [Self::Plain, Self::Domain, Self::At].into_iter().filter(|form| is_written(*form)).collect();
        if forms.is_empty() {
            forms.push(Self::Plain);
        }
        forms
    }
}

impl Directory {
    fn has_only_plain_names(&self) -> bool {
        !self.has_domain_names() && !self.has_names_with_at()
    }

    fn has_domain_names(&self) -> bool {
        self.domain.netbios.is_some()
    }

    fn has_names_with_at(&self) -> bool {
        let by_mail = match &self.kind {
            Kind::ActiveDirectory(_) | Kind::Local(_) => true,
            Kind::Ldap(ldap) => ldap.has_mail_names(),
        };
        self.domain.dns.is_some() || self.domain.whole_names || by_mail
    }
}

impl Ldap {
    fn has_mail_names(&self) -> bool {
        self.users.names.iter().any(|name| name.eq_ignore_ascii_case(&self.attributes.mail))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::NameForm::{At, Domain, Plain};
    use super::*;
    use crate::config::parse;

    fn forms(directories: &str) -> Vec<NameForm> {
        let minimal = include_str!("../testdata/minimal.toml");
        let (before, rest) = minimal.split_once("[[directory]]").unwrap();
        let after = rest.find("\n[").map_or("", |at| &rest[at..]);
        let config = parse(&format!("{before}{directories}{after}"), Path::new("/etc/doorward"), &|_| None);
        NameForm::of(&config.unwrap_or_else(|problems| panic!("{problems:?}")).directories)
    }

    fn ldap(name: &str, names: &str, keys: &str) -> String {
        format!(
            "[[directory]]\nname = \"{name}\"\nkind = \"ldap\"\n{keys}\nservers = [\"ldaps://dc.example\"]\nservice_user = \"cn=s\"\n\
             service_password = \"secret\"\nusers = {{ base = \"dc=x\", names = [{names}] }}\n"
        )
    }

    #[test]
    fn forms_are_those_that_some_directory_accepts() {
        let uid = "\"uid\"";
        let local = |keys: &str| format!("[[directory]]\nname = \"l\"\nkind = \"local\"\nfile = \"users.toml\"\n{keys}\n");
        let table = [
            ("one with account names alone", ldap("a", uid, ""), vec![Plain]),
            ("mail addresses as names", ldap("a", "\"uid\", \"Mail\"", ""), vec![Plain, At]),
            ("a domain", ldap("a", uid, "domain = \"corp.example\""), vec![Plain, At]),
            ("a short domain", ldap("a", uid, "netbios = \"CORP\""), vec![Plain, Domain]),
            ("a file, where mail addresses are looked for", local(""), vec![Plain, At]),
            (
                "two, none of them the default",
                ldap("a", uid, "netbios = \"A\"") + &ldap("b", uid, "netbios = \"B\"\ndomain = \"b.example\""),
                vec![Domain, At],
            ),
            (
                "two, none the default, one without a domain",
                ldap("a", uid, "netbios = \"A\"") + &ldap("b", uid, ""),
                vec![Plain, Domain],
            ),
            ("two and a default", ldap("a", uid, "default = true") + &ldap("b", uid, "netbios = \"B\""), vec![Plain, Domain]),
        ];
        for (what, directories, expected) in table {
            assert_eq!(forms(&directories), expected, "{what}");
        }
        assert_eq!(NameForm::of(&[]), [Plain]);
    }
}
