//! Search filters (RFC 4515) and distinguished names (RFC 4514). Whatever a person typed is escaped here, before it is part of either.

use data_encoding::HEXLOWER;
use ldap3::{dn_escape, ldap_escape};

use crate::base::Dn;
use crate::config::directory::{Attributes, Users};
use crate::directory::By;

/// The filter that finds whom `by` means; nothing where this directory does not look people up that way.
pub fn of_users(users: &Users, names: &Attributes, by: &By) -> Option<String> {
    let mail = names.mail.as_str();
    let (attributes, value): (Vec<&str>, &str) = match by {
        By::Id(id) => return Some(format!("(&{}({}={}))", bracketed(&users.filter), names.id, id_value(&names.id, id))),
        By::Whole { .. } => return None,
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

/// Matches the users of these ids.
pub(in crate::directory) fn of_ids<'a>(users: &Users, names: &Attributes, ids: impl Iterator<Item = &'a str>) -> String {
    let ids: String = ids.map(|id| format!("({}={})", names.id, id_value(&names.id, id))).collect();
    format!("(&{}(|{ids}))", bracketed(&users.filter))
}

/// The clauses that match a group and every group within it, however deep, in Active Directory (MS-ADTS section 3.1.1.3.4.4.3).
pub(in crate::directory) fn of_groups_leading_to(group: &str) -> String {
    format!("(distinguishedName={})(&(objectClass=group){})", ldap_escape(group), of_members_in_chain(group))
}

/// Matches whoever is in a group directly or through others, in Active Directory.
pub(in crate::directory) fn of_members_in_chain(group: &str) -> String {
    format!("(memberOf:1.2.840.113556.1.4.1941:={})", ldap_escape(group))
}

/// An id as a filter has it: what is bytes in the directory and was written in hexadecimal for us becomes bytes again.
pub(in crate::directory) fn id_value(attribute: &str, id: &str) -> String {
    match HEXLOWER.decode(id.as_bytes()) {
        Ok(bytes) if attribute.eq_ignore_ascii_case("objectGUID") => bytes.iter().map(|byte| format!("\\{byte:02x}")).collect(),
        _ => ldap_escape(id).into_owned(),
    }
}

/// The attributes that hold an account name; the first is the account name.
pub(in crate::directory) fn account_names<'a>(users: &'a Users, mail: &str) -> impl Iterator<Item = &'a str> {
    users.names.iter().map(String::as_str).filter(move |name| !name.eq_ignore_ascii_case(mail))
}

/// Matches a group that lists this user, in the three ways that are common (RFC 4519 sections 2.17 and 2.40, RFC 2307).
pub(in crate::directory) fn of_groups_with(dn: &str, names: &[String]) -> String {
    let dn = ldap_escape(dn);
    let names: String = names.iter().map(|name| format!("({NAMES}={})", ldap_escape(name.as_str()))).collect();
    format!("(|(member={dn})(uniqueMember={dn}){names})")
}

/// Matches a group all of whose lists of members may be searched. A right to read them is not enough for that.
pub(in crate::directory) fn of_searchable(lists: &[String]) -> String {
    let present: String = lists.iter().map(|list| format!("({list}=*)")).collect();
    format!("(&{present})")
}

/// Matches the groups of this name, of every kind that lists people (RFC 4519, RFC 2307, and what servers add).
pub(in crate::directory) fn of_groups_called(name: &str) -> String {
    let kinds: String = GROUPS.iter().map(|kind| format!("(objectClass={kind})")).collect();
    format!("(&(cn={})(|{kinds}))", ldap_escape(name))
}

/// Matches a user who carries this group in `memberOf`.
pub(in crate::directory) fn of_members(group: &str) -> String {
    format!("(memberOf={})", ldap_escape(group))
}

/// A name below `base` that nobody has.
pub(in crate::directory) fn nobody(attribute: &str, random: &str, base: &str) -> String {
    format!("{attribute}={},{base}", dn_escape(format!("nobody-{random}")))
}

/// Where the tree of `dn` begins: its trailing `dc` parts, else its last part. What is no distinguished name stays as it is.
pub(in crate::directory) fn root(dn: &str) -> String {
    Dn::parse(dn).map_or_else(|_| dn.to_owned(), |dn| dn.root().to_string())
}

/// Whether this is an attribute's name (RFC 4512 section 2.5): letters, digits and hyphens, or an object identifier, with options.
pub(in crate::directory) fn is_attribute(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '.' | ';'))
}

/// Whether the operator's filter is one.
pub(in crate::directory) fn is_filter(filter: &str) -> bool {
    ldap3::parse_filter(bracketed(filter)).is_ok()
}

/// What groups name their members in (RFC 4519 sections 2.17 and 2.40, RFC 2307).
pub(in crate::directory) const LISTS: [&str; 3] = ["member", "uniqueMember", NAMES];
/// The list that holds names of accounts; the others hold distinguished names.
pub(in crate::directory) const NAMES: &str = "memberUid";

const GROUPS: [&str; 9] = [
    "groupOfNames",
    "groupOfUniqueNames",
    "posixGroup",
    "groupOfEntries",
    "groupOfMembers",
    "groupOfURLs",
    "group",
    "ipaUserGroup",
    "univentionGroup",
];

pub(in crate::directory) fn bracketed(filter: &str) -> String {
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
            assert_eq!(of_users(&users(names), &Attributes::default(), by).as_deref(), expected, "{names:?} {by:?}");
        }
    }

    #[test]
    fn an_id_is_text_or_bytes() {
        let table = [
            ("entryUUID", "1-2)", "(&(objectClass=person)(entryUUID=1-2\\29))"),
            ("objectGUID", "00ff2a", "(&(objectClass=person)(objectGUID=\\00\\ff\\2a))"),
        ];
        for (attribute, id, expected) in table {
            let attributes = Attributes { id: attribute.into(), ..Attributes::default() };
            let filter = of_users(&users(&["uid"]), &attributes, &By::Id(id.into())).unwrap();
            assert!(filter == expected && is_filter(&filter), "{filter}");
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
            let filter = of_users(&users(&["uid"]), &Attributes::default(), &By::Account(typed.to_owned())).unwrap();
            assert_eq!(filter, format!("(&(objectClass=person)(uid={escaped}))"));
            assert!(is_filter(&filter), "{filter}");
            assert!(is_filter(&of_groups_with(typed, &[typed.to_owned()])), "{typed}");
            assert!(is_filter(&of_members(typed)), "{typed}");
        }
    }

    #[test]
    fn a_filter_without_brackets_gets_them() {
        let mut users = users(&["uid"]);
        users.filter = " objectClass=person ".into();
        assert_eq!(of_users(&users, &Attributes::default(), &By::Account("a".into())).unwrap(), "(&(objectClass=person)(uid=a))");
        for faulty in ["(objectClass=person", "objectClass", "", "(a=b)(c=d)"] {
            assert!(!is_filter(faulty), "{faulty}");
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
