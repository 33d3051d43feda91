//! Typed names: none leaves its place in a search filter.

use doorward::base::unicode;
use doorward::config::directory::{Attributes, Domain, Users};
use doorward::directory::ldap_client::filter::of_users;
use doorward::directory::{By, Name};

pub fn holds(data: &[u8]) {
    let typed = String::from_utf8_lossy(data);
    if let Some(name) = Name::parse(&typed) {
        let text = name.as_str();
        assert!(!text.is_empty() && text.chars().count() <= 256 && !text.chars().any(char::is_control), "{text:?}");
        let read = |typed: &str| Name::parse(typed).map(|name| name.as_str().to_owned());
        assert_eq!(read(text).as_deref(), Some(text), "reading it again changes nothing");
        assert!(!text.chars().any(unicode::is_invisible), "{text:?}");
        assert_eq!(unicode::folded(&typed), name.folded(), "a stored name is found by what is typed");
        assert_eq!(unicode::folded(&name.folded()), name.folded());
        assert_eq!(unicode::counted(&name.folded()), name.counted(), "one name has one counter");
        let strewn: String = text.chars().flat_map(|c| [c, '\u{200b}', '\u{feff}']).collect();
        assert_eq!(read(&strewn).as_deref(), Some(text), "what nobody sees changes nothing");
        assert_eq!(name.spellings().next().as_ref().map(Name::as_str), Some(text));
        for spelling in name.spellings() {
            let spelled = spelling.as_str();
            assert!(spelled.chars().count() <= 256 && !spelled.chars().any(char::is_control), "{spelled:?}");
            assert_eq!(read(spelled).as_deref(), Some(text), "a spelling is the same name");
            assert_eq!(spelling.counted(), name.counted(), "all spellings have one counter");
        }
        let domain = Domain { dns: Some("corp.example".into()), netbios: Some("CORP".into()), whole_names: false };
        if let Some(account) = name.account_in(&domain) {
            assert!(!account.is_empty() && text.contains(account) && name.has_domain(), "{text:?}");
        }
    }
    // Also what no name may hold: the filter does not lean on the name's own checks.
    let users = |names: &[&str]| Users {
        base: "dc=example".into(),
        filter: "(objectClass=person)".into(),
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        member_of: None,
    };
    let by = By::Account(typed.clone().into_owned());
    let filter = of_users(&users(&["uid"]), &Attributes::default(), &by).expect("a filter");
    let value = filter.strip_prefix("(&(objectClass=person)(uid=").and_then(|rest| rest.strip_suffix("))"));
    assert_eq!(value.and_then(equals), Some(typed.as_bytes().to_vec()), "{filter}");
    let filter = of_users(&users(&["uid", "cn"]), &Attributes::default(), &by).expect("a filter");
    let value = value.unwrap_or_default();
    assert_eq!(filter, format!("(&(objectClass=person)(|(uid={value})(cn={value})))"));
    let filter = of_users(&users(&["mail"]), &Attributes::default(), &By::Mail(typed.into_owned())).expect("a filter");
    assert_eq!(filter, format!("(&(objectClass=person)(mail={value}))"));
}

/// The value of an equality match (RFC 4515 section 3); nothing where it would be read as anything else.
fn equals(text: &str) -> Option<Vec<u8>> {
    let mut value = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            0 | b'(' | b')' | b'*' => return None,
            b'\\' => {
                let digit = |at: usize| after.get(at).and_then(|byte| char::from(*byte).to_digit(16));
                value.push(u8::try_from(digit(0)? * 16 + digit(1)?).ok()?);
                rest = &after[2..];
            }
            other => value.push(*other),
        }
    }
    Some(value)
}
