//! A group of people as an operator names it in a rule.

use std::sync::Arc;

use crate::base::Dn;
use crate::base::dn::{DnError, text};
use crate::config::document::Field;

/// A distinguished name, or a name alone: that of one group of an LDAP directory, or of a group of a users file.
#[derive(Clone, Debug)]
pub struct Group {
    /// As it was written.
    written: Arc<str>,
    dn: Option<Dn>,
}

impl Group {
    /// What holds a `=` is a distinguished name, in any spelling.
    pub fn parse(written: &str) -> Result<Self, DnError> {
        let dn = if written.contains('=') { Some(Dn::parse(written)?) } else { None };
        if text::prepared(written).is_empty() {
            return Err(DnError::Empty);
        }
        Ok(Self { written: written.trim().into(), dn })
    }

    pub(in crate::config) fn read(field: Field<'_>) -> Option<Self> {
        let group = Self::parse(field.text()?);
        group.map_err(|error| field.problem(format!("`{}`: expected a group's distinguished name: {error}", field.key))).ok()
    }

    /// As the operator wrote it; what logs and the journal call it.
    pub fn written(&self) -> &Arc<str> {
        &self.written
    }

    pub fn dn(&self) -> Option<&Dn> {
        self.dn.as_ref()
    }

    /// Whether it is the group that a directory or a users file calls so.
    pub fn is_called(&self, name: &str) -> bool {
        match &self.dn {
            Some(dn) => Dn::parse(name).is_ok_and(|name| name == *dn),
            None => text::prepared(&self.written) == text::prepared(name),
        }
    }
}

/// Groups are the same where they are written alike. A server may tell apart what is one name to us (`ß` and `ss`), so each spelling is
/// asked about by itself.
impl PartialEq for Group {
    fn eq(&self, other: &Self) -> bool {
        self.written == other.written
    }
}

impl Eq for Group {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_called_by_every_spelling_of_its_name() {
        let table = [
            ("CN = Admins, OU=Groups,dc=x", "cn=admins,ou=groups,dc=x", true),
            ("cn=admins,dc=x", "cn=admins,dc=y", false),
            ("cn=admins,dc=x", "admins", false),
            ("Vpn  Users", "vpn users", true),
            ("gru\u{308}n", "Grün", true),
            ("vpn", "cn=vpn,dc=x", false),
        ];
        for (written, name, expected) in table {
            assert_eq!(Group::parse(written).unwrap().is_called(name), expected, "{written} {name}");
        }
        assert_eq!(Group::parse("cn=a,"), Err(DnError::NoValue));
    }
}
