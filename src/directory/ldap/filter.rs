//! Search filters (RFC 4515) and distinguished names (RFC 4514). Whatever a person typed is escaped here, before it is part of either.

use ldap3::{dn_escape, ldap_escape};

use crate::config::directory::Users;
use crate::directory::By;

/// The filter that finds whom `by` means; nothing where this directory does not look people up that way.
pub fn of_users(users: &Users, mail: &str, by: &By) -> Option<String> {
    let (attributes, value): (Vec<&str>, &str) = match by {
        By::Account(name) => (account_names(users, mail).collect(), name),
        By::Mail(address) => {
            (users.names.iter().map(String::as_str).filter(|name| name.eq_ignore_ascii_case(mail)).collect(), address)
        }
    };
    let value = ldap_escape(value);
    let named: String = attributes.iter().map(|attribute| format!("({attribute}={value})")).collect();
    match attributes.len() {
        0 => None,
        1 => Some(format!("(&{}{named})", bracketed(&users.filter))),
        _ => Some(format!("(&{}(|{named}))", bracketed(&users.filter))),
    }
}

/// The attributes that hold an account name; the first is the account name.
pub(super) fn account_names<'a>(users: &'a Users, mail: &str) -> impl Iterator<Item = &'a str> {
    users.names.iter().map(String::as_str).filter(move |name| !name.eq_ignore_ascii_case(mail))
}

/// Matches a group that lists this user, in the three ways that are common (RFC 4519 sections 2.17 and 2.40, RFC 2307).
pub(super) fn of_groups_with(dn: &str, account: Option<&str>) -> String {
    let dn = ldap_escape(dn);
    let account = account.map(|account| format!("(memberUid={})", ldap_escape(account))).unwrap_or_default();
    format!("(|(member={dn})(uniqueMember={dn}){account})")
}

/// Matches a user who carries this group in `memberOf`.
pub(super) fn of_members(group: &str) -> String {
    format!("(memberOf={})", ldap_escape(group))
}

/// A name below `base` that nobody has.
pub(super) fn nobody(attribute: &str, random: &str, base: &str) -> String {
    format!("{attribute}={},{base}", dn_escape(format!("nobody-{random}")))
}

/// Where the tree of `dn` begins: its trailing `dc` parts, else its last part.
pub(super) fn suffix(dn: &str) -> &str {
    let starts: Vec<usize> = std::iter::once(0).chain(separators(dn).map(|at| at + 1)).collect();
    let parts = starts.iter().rev().filter_map(|start| dn.get(*start..));
    let mut suffix = "";
    for (place, part) in parts.enumerate() {
        let is_domain_component = part.trim_start().get(..3).is_some_and(|start| start.eq_ignore_ascii_case("dc="));
        if place > 0 && !is_domain_component {
            break;
        }
        suffix = part;
        if !is_domain_component {
            break;
        }
    }
    suffix.trim()
}

/// The commas that part a distinguished name: those without a backslash before them.
fn separators(dn: &str) -> impl Iterator<Item = usize> {
    let mut escaped = false;
    dn.bytes().enumerate().filter_map(move |(at, byte)| {
        let separates = byte == b',' && !escaped;
        escaped = byte == b'\\' && !escaped;
        separates.then_some(at)
    })
}

/// Whether this is an attribute's name (RFC 4512 section 2.5): letters, digits and hyphens, or an object identifier, with options.
pub(super) fn is_attribute(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '.' | ';'))
}

/// Whether the operator's filter is one.
pub(super) fn is_filter(filter: &str) -> bool {
    ldap3::parse_filter(bracketed(filter)).is_ok()
}

fn bracketed(filter: &str) -> String {
    let filter = filter.trim();
    if filter.starts_with('(') { filter.to_owned() } else { format!("({filter})") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users(names: &[&str]) -> Users {
        Users {
            base: "ou=people,dc=example,dc=test".into(),
            filter: "(objectClass=person)".into(),
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            member_of: None,
        }
    }

    #[test]
    fn a_name_is_looked_for_in_the_attributes_that_hold_it() {
        let account = By::Account("alice".into());
        let mail = By::Mail("a@b.test".into());
        let table = [
            (&["uid"][..], &account, Some("(&(objectClass=person)(uid=alice))")),
            (&["uid", "Mail"], &account, Some("(&(objectClass=person)(uid=alice))")),
            (&["uid", "cn", "mail"], &account, Some("(&(objectClass=person)(|(uid=alice)(cn=alice)))")),
            (&["mail"], &account, None),
            (&["uid"], &mail, None),
            (&["uid", "mail"], &mail, Some("(&(objectClass=person)(mail=a@b.test))")),
        ];
        for (names, by, expected) in table {
            assert_eq!(of_users(&users(names), "mail", by).as_deref(), expected, "{names:?} {by:?}");
        }
    }

    #[test]
    fn what_was_typed_never_leaves_its_place_in_the_filter() {
        let long = "ü".repeat(256);
        let table = [
            ("*", "\\2a"),
            ("a)(uid=*", "a\\29\\28uid=\\2a"),
            ("a\\2a", "a\\5c2a"),
            ("a\0b", "a\\00b"),
            ("alice)(|(objectClass=*)", "alice\\29\\28|\\28objectClass=\\2a\\29"),
            ("jürgen", "jürgen"),
            (long.as_str(), long.as_str()),
        ];
        for (typed, escaped) in table {
            let filter = of_users(&users(&["uid"]), "mail", &By::Account(typed.to_owned())).unwrap();
            assert_eq!(filter, format!("(&(objectClass=person)(uid={escaped}))"));
            assert!(is_filter(&filter), "{filter}");
            assert!(is_filter(&of_groups_with(typed, Some(typed))), "{typed}");
            assert!(is_filter(&of_members(typed)), "{typed}");
        }
    }

    #[test]
    fn a_filter_without_brackets_gets_them() {
        let mut users = users(&["uid"]);
        users.filter = " objectClass=person ".into();
        assert_eq!(of_users(&users, "mail", &By::Account("a".into())).unwrap(), "(&(objectClass=person)(uid=a))");
        for faulty in ["(objectClass=person", "objectClass", "", "(a=b)(c=d)"] {
            assert!(!is_filter(faulty), "{faulty}");
        }
    }

    #[test]
    fn the_suffix_is_the_domain_or_the_last_part() {
        let table = [
            ("ou=people,dc=example,dc=test", "dc=example,dc=test"),
            ("ou=people, DC=example, dc=test", "DC=example, dc=test"),
            ("dc=example,ou=x,o=Example", "o=Example"),
            ("ou=people,o=Example\\, Inc", "o=Example\\, Inc"),
            ("dc=test", "dc=test"),
            ("dc=far,ou=people,dc=test", "dc=test"),
            ("", ""),
        ];
        for (dn, expected) in table {
            assert_eq!(suffix(dn), expected, "{dn}");
        }
    }

    #[test]
    fn only_attribute_names_are_attribute_names() {
        for name in ["uid", "2.5.4.3", "cn;lang-da", "msDS-Name"] {
            assert!(is_attribute(name), "{name}");
        }
        for name in ["", "uid=*)(cn", "u id", "-uid", "*", "ü"] {
            assert!(!is_attribute(name), "{name}");
        }
    }
}
