//! The spellings of a name, as search filters. Whatever a person typed is escaped here, before it is part of one.

use ldap3::ldap_escape;

use crate::config::active_directory::ACCOUNT_NAME;
use crate::config::directory::Ldap;
use crate::directory::By;
use crate::directory::ldap_client::filter::{bracketed, id_value};

/// The filter that finds whom `by` means; nothing where nobody can be meant.
pub(super) fn filter(config: &Ldap, by: &By) -> Option<String> {
    // A server may cut a value off at a NUL and find somebody else.
    if matches!(by, By::Account(text) | By::Whole { name: text, .. } | By::Mail(text) if text.chars().any(char::is_control)) {
        return None;
    }
    let named = match by {
        By::Account(name) => account(name)?,
        // A name given to somebody (userPrincipalName) and the one that everybody has besides (sAMAccountName@domain) are one
        // spelling: where they are two people's, it is nobody's.
        By::Whole { name, account: None } => principal(name),
        By::Whole { name, account: Some(own) } => match account(own) {
            Some(account) => format!("(|{}{account})", principal(name)),
            None => principal(name),
        },
        By::Mail(address) => format!("({}={})", config.attributes.mail, ldap_escape(address)),
        By::Id(id) => format!("({}={})", config.attributes.id, id_value(&config.attributes.id, id)),
    };
    Some(format!("(&{}{named})", bracketed(&config.users.filter)))
}

fn principal(name: &str) -> String {
    format!("(userPrincipalName={})", ldap_escape(name))
}

fn account(name: &str) -> Option<String> {
    let fits = !name.is_empty() && name.chars().count() <= LONGEST && !name.contains(NEVER_IN_A_NAME);
    fits.then(|| format!("({ACCOUNT_NAME}={})", ldap_escape(name)))
}

/// No account has these in its name (MS-SAMR section 3.1.1.6).
const NEVER_IN_A_NAME: [char; 15] = ['"', '/', '\\', '[', ']', ':', ';', '|', '=', ',', '+', '*', '?', '<', '>'];
const LONGEST: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::active_directory::{FILTER, attributes};
    use crate::directory::ldap_client::filter::is_filter;
    use crate::directory::ldap_client::tests::config;

    fn read(by: &By) -> Option<String> {
        let mut config = config();
        config.users.filter = FILTER.into();
        config.attributes = attributes();
        let filter = filter(&config, by)?;
        assert!(is_filter(&filter), "{filter}");
        Some(filter.strip_prefix(&format!("(&{FILTER}"))?.strip_suffix(')')?.to_owned())
    }

    fn whole(name: &str, account: Option<&str>) -> By {
        By::Whole { name: name.into(), account: account.map(str::to_owned) }
    }

    #[test]
    fn every_spelling_has_its_filter() {
        let table = [
            (By::Account("alice".into()), "(sAMAccountName=alice)"),
            (By::Account("jürgen groß".into()), "(sAMAccountName=jürgen groß)"),
            (whole("alice@sales.test", None), "(userPrincipalName=alice@sales.test)"),
            (whole("alice@ad.test", Some("alice")), "(|(userPrincipalName=alice@ad.test)(sAMAccountName=alice))"),
            (whole("a*b@ad.test", Some("a*b")), "(userPrincipalName=a\\2ab@ad.test)"),
            (By::Mail("a(b)@ad.test".into()), "(mail=a\\28b\\29@ad.test)"),
            (By::Id("00ff2a".into()), "(objectGUID=\\00\\ff\\2a)"),
        ];
        for (by, expected) in table {
            assert_eq!(read(&by).as_deref(), Some(expected), "{by:?}");
        }
    }

    #[test]
    fn what_no_account_is_called_is_not_asked_for() {
        for name in ["", "*", "a*", "a)(b=c", "x\\2a", "a\"b", "cn=alice,dc=test", &"x".repeat(257)] {
            assert_eq!(read(&By::Account(name.into())), None, "{name}");
        }
        assert_eq!(read(&By::Account("a)(b".into())).as_deref(), Some("(sAMAccountName=a\\29\\28b)"));
        for by in [By::Account("a\0b".into()), By::Mail("a@b\0".into()), whole("a\n@b", None)] {
            assert_eq!(read(&by), None, "{by:?}");
        }
    }
}
