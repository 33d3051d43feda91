//! From an LDAP entry to a user.

use ldap3::SearchEntry;

use super::entry::{all, first, id};
use super::metadata;
use crate::base::{UserId, phone};
use crate::config::directory::Ldap as Config;
use crate::directory::{SmsType, User};

/// Everything but the groups. `account` is the attribute of the account name. The error says what is missing, and where.
pub(in crate::directory) fn user(directory: &str, account: &str, config: &Config, entry: &SearchEntry) -> Result<User, String> {
    let (dn, attributes) = (&entry.dn, &config.attributes);
    let number = |attribute: &str| first_number(entry, attribute, config.country_prefix.as_deref());
    let id =
        id(entry, &attributes.id).ok_or_else(|| format!("{dn} has no {}, or the service user may not read it", attributes.id))?;
    let name = first(entry, account).ok_or_else(|| format!("{dn} has no {account}, or the service user may not read it"))?;
    Ok(User {
        id: UserId::new(directory, &id),
        name,
        display_name: first(entry, &attributes.display_name),
        mail: first(entry, &attributes.mail),
        mobile: number(&attributes.mobile),
        second_mobile: attributes.second_mobile.as_deref().and_then(number),
        push: attributes.push.as_ref().and_then(|attribute| first(entry, attribute)),
        sms_type: attributes.sms_type.as_ref().and_then(|attribute| SmsType::named(&first(entry, attribute)?)),
        language: languages(entry, &attributes.language),
        groups: Vec::new(),
        password_expires: None,
        password_mark: super::status::password(entry),
        mobile_changed: metadata::changed(
            entry,
            std::iter::once(attributes.mobile.as_str()).chain(attributes.second_mobile.as_deref()),
        ),
    })
}

/// Every value, as one list of languages: servers that do not keep to one value (RFC 2798 section 2.7) have several.
fn languages(entry: &SearchEntry, attribute: &str) -> Option<String> {
    let values = all(entry, attribute).into_iter().filter(|value| !value.trim().is_empty());
    Some(values.collect::<Vec<_>>().join(", ")).filter(|ranges| !ranges.is_empty())
}

/// The first value that is a phone number here; where there is none, the first that looks like one, else the first that is anything,
/// so that the operator is told of it. An attribute with several values has no order of its own; the server's is taken.
fn first_number(entry: &SearchEntry, attribute: &str, country_prefix: Option<&str>) -> Option<String> {
    let values = all(entry, attribute);
    let digits = |value: &&String| value.chars().filter(char::is_ascii_digit).count();
    let is_number = |value: &&String| phone::is_number(value, country_prefix);
    let number = values.iter().find(is_number).or_else(|| values.iter().find(|value| digits(value) >= FEWEST_DIGITS));
    number.map(|value| value.trim().to_owned()).or_else(|| first(entry, attribute))
}

const FEWEST_DIGITS: usize = 7;

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::directory::ldap_client::tests::config;

    fn entry(text: &[(&str, &str)], bytes: &[(&str, &[u8])]) -> SearchEntry {
        SearchEntry {
            dn: "uid=alice,dc=test".into(),
            attrs: text.iter().map(|(name, value)| ((*name).into(), vec![(*value).into()])).collect(),
            bin_attrs: bytes.iter().map(|(name, value)| ((*name).into(), vec![value.to_vec()])).collect::<HashMap<_, _>>(),
        }
    }

    fn read(entry: &SearchEntry) -> Result<User, String> {
        user("corp", "uid", &config(), entry)
    }

    #[test]
    fn attributes_are_found_in_any_case_and_blank_ones_are_none() {
        let user =
            read(&entry(&[("UID", "Alice"), ("entryuuid", "1-2"), ("Mail", " a@b.test "), ("mobile", "  ")], &[])).unwrap();
        assert_eq!((user.id, user.name), (UserId::new("corp", "1-2"), "Alice".to_owned()));
        assert_eq!((user.mail.as_deref(), user.mobile), (Some("a@b.test"), None));
    }

    #[test]
    fn an_id_of_bytes_is_written_in_hexadecimal_whether_it_looks_like_text_or_not() {
        let binary = read(&entry(&[("uid", "a")], &[("entryUUID", &[0xff, 0, 1])])).unwrap();
        assert_eq!(binary.id, UserId::new("corp", "ff0001"));
        let like_text = read(&entry(&[("uid", "a"), ("entryUUID", "A\u{1}B")], &[])).unwrap();
        assert_eq!(like_text.id, UserId::new("corp", "410142"));
    }

    #[test]
    fn an_object_guid_that_looks_like_text_is_bytes_all_the_same() {
        let mut config = config();
        config.attributes.id = "objectGUID".into();
        let entry = entry(&[("uid", "a"), ("objectGUID", "0123456789abcdef")], &[]);
        assert_eq!(user("corp", "uid", &config, &entry).unwrap().id, UserId::new("corp", "30313233343536373839616263646566"));
    }

    #[test]
    fn of_several_phones_the_first_that_is_one_is_taken() {
        let mut config = config();
        config.attributes.second_mobile = Some("otherMobile".into());
        let mut read = |values: &[&str], prefix: Option<&str>| {
            config.country_prefix = prefix.map(str::to_owned);
            let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
            let mut entry = entry(&[("uid", "a"), ("entryUUID", "1")], &[]);
            entry.attrs.extend([("otherMobile".into(), values.clone()), ("mobile".into(), values)]);
            let user = user("corp", "uid", &config, &entry).unwrap();
            assert_eq!(user.mobile, user.second_mobile, "one rule for both");
            user.mobile
        };
        type Row = (&'static [&'static str], Option<&'static str>, Option<&'static str>);
        let table: [Row; 8] = [
            (&["ask reception", " +45 20 00 00 02 ", "+45 20 00 00 03"], None, Some("+45 20 00 00 02")),
            (&["reception, room 1234567", "20 00 00 02"], Some("+45"), Some("20 00 00 02")),
            (&["20 00 00 02", "+45 20 00 00 03"], None, Some("+45 20 00 00 03")),
            (&["2000000", "+1 212 555 0147 x12", "(212) 555-0147"], Some("+1"), Some("(212) 555-0147")),
            (&["none", "20 00 00 02"], None, Some("20 00 00 02")),
            (&[" ", "none"], None, Some("none")),
            (&[" "], None, None),
            (&[], None, None),
        ];
        for (values, prefix, expected) in table {
            assert_eq!(read(values, prefix).as_deref(), expected, "{values:?}");
        }
    }

    #[test]
    fn several_preferred_languages_are_one_list() {
        let mut entry = entry(&[("uid", "a"), ("entryUUID", "1")], &[]);
        entry.attrs.insert("preferredLanguage".into(), vec!["da".into(), " ".into(), "de;q=0.7".into()]);
        assert_eq!(read(&entry).unwrap().language.as_deref(), Some("da, de;q=0.7"));
        entry.attrs.insert("preferredLanguage".into(), vec![" ".into()]);
        assert_eq!(read(&entry).unwrap().language, None);
    }

    #[test]
    fn a_user_without_an_id_is_named() {
        for entry in [entry(&[("uid", "a")], &[]), entry(&[("uid", "a"), ("entryUUID", "")], &[])] {
            let why = read(&entry).unwrap_err();
            assert!(why.contains("uid=alice,dc=test has no entryUUID"), "{why}");
        }
    }
}
