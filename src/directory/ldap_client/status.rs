//! How an entry stands: read from whatever its server keeps, Active Directory's attributes or those of the password policy overlay.

use ldap3::SearchEntry;

use super::{entry, time};
use crate::base::Time;
use crate::directory::account_status::{AccountStatus, PasswordMark, Restriction};

/// What has to be asked for by name.
pub(in crate::directory) const ATTRIBUTES: [&str; 10] = [
    "userAccountControl",
    "msDS-User-Account-Control-Computed",
    "accountExpires",
    "pwdLastSet",
    "lockoutTime",
    "pwdChangedTime",
    "pwdReset",
    "pwdAccountLockedTime",
    "nsAccountLock",
    "adminCount",
];

/// Everything but the membership.
pub(in crate::directory) fn of(entry: &SearchEntry, now: Time) -> AccountStatus {
    let expires = entry::first(entry, "accountExpires").as_deref().and_then(time::of_filetime);
    let control = flags(entry, "userAccountControl");
    let computed = flags(entry, "msDS-User-Account-Control-Computed");
    let set = entry::first(entry, "pwdLastSet");
    let locked_at = entry::first(entry, "pwdAccountLockedTime");
    let is_true = |attribute| entry::first(entry, attribute).is_some_and(|value| value.eq_ignore_ascii_case("true"));

    let must_change = is_true("pwdReset") || (set.as_deref() == Some("0") && control & NEVER_EXPIRES == 0);
    // Without the computed attribute a lock that has run out still shows: only the server knows how long it lasts.
    let is_locked =
        if computed == 0 { entry::first(entry, "lockoutTime").is_some_and(|at| at != "0") } else { computed & LOCKED != 0 };
    let for_good = locked_at.as_deref() == Some(LOCKED_FOR_GOOD);
    let table = [
        (control & DISABLED != 0 || is_true("nsAccountLock") || for_good, Restriction::Disabled),
        (expires.is_some_and(|at| at <= now), Restriction::AccountExpired),
        (must_change, Restriction::MustChange),
        (computed & EXPIRED != 0 && !must_change, Restriction::PasswordExpired),
        ((locked_at.is_some() && !for_good) || is_locked, Restriction::Locked),
    ];
    AccountStatus {
        restrictions: table.into_iter().filter(|(is_so, _)| *is_so).map(|(_, restriction)| restriction).collect(),
        password: password(entry),
        expires,
    }
}

/// Whether Active Directory protects it as privileged; the mark stays when the privilege ends.
pub(in crate::directory) fn is_privileged(entry: &SearchEntry) -> bool {
    flags(entry, "adminCount") > 0
}

/// Which password it is, by when it was set.
pub(in crate::directory) fn password(entry: &SearchEntry) -> Option<PasswordMark> {
    let set_at = entry::first(entry, "pwdLastSet").as_deref().and_then(time::of_filetime);
    let changed_at = || entry::first(entry, "pwdChangedTime").as_deref().and_then(time::of_generalized);
    set_at.or_else(changed_at).map(PasswordMark::SetAt)
}

/// Written as a signed number of 32 bits.
fn flags(entry: &SearchEntry, attribute: &str) -> i64 {
    entry::first(entry, attribute).and_then(|value| value.parse().ok()).unwrap_or_default()
}

// MS-ADTS section 2.2.16
const DISABLED: i64 = 0x2;
const LOCKED: i64 = 0x10;
const NEVER_EXPIRES: i64 = 0x1_0000;
const EXPIRED: i64 = 0x80_0000;
/// draft-behera-ldap-password-policy section 5.3.3
pub(in crate::directory) const LOCKED_FOR_GOOD: &str = "000001010000Z";

#[cfg(test)]
mod tests {
    use super::*;

    fn restrictions(attributes: &[(&str, &str)]) -> Vec<Restriction> {
        let attrs = attributes.iter().map(|(name, value)| ((*name).into(), vec![(*value).into()])).collect();
        let entry = SearchEntry { dn: "cn=a".into(), attrs, bin_attrs: std::collections::HashMap::new() };
        of(&entry, Time::from_millis(1_700_000_000_000)).restrictions
    }

    #[test]
    fn each_kind_of_server_says_in_its_own_words_what_is_in_the_way() {
        use Restriction::{AccountExpired, Disabled, Locked, MustChange, PasswordExpired};
        type Row<'a> = (&'a [(&'a str, &'a str)], &'a [Restriction]);
        let table: [Row<'_>; 14] = [
            (&[], &[]),
            (
                &[
                    ("userAccountControl", "512"),
                    ("accountExpires", "0"),
                    ("pwdLastSet", "133444736001234567"),
                    ("lockoutTime", "0"),
                ],
                &[],
            ),
            (&[("userAccountControl", "514")], &[Disabled]),
            (&[("accountExpires", "133444736000000000")], &[AccountExpired]),
            (&[("accountExpires", "133444736010000000")], &[]),
            (&[("accountExpires", "9223372036854775807")], &[]),
            (
                &[("pwdLastSet", "0"), ("userAccountControl", "512"), ("msDS-User-Account-Control-Computed", "8388608")],
                &[MustChange],
            ),
            (&[("pwdLastSet", "0"), ("userAccountControl", "66048")], &[]),
            (&[("pwdLastSet", "133444736001234567"), ("msDS-User-Account-Control-Computed", "8388608")], &[PasswordExpired]),
            (&[("msDS-User-Account-Control-Computed", "16")], &[Locked]),
            (&[("pwdReset", "TRUE")], &[MustChange]),
            (&[("pwdAccountLockedTime", "20231114221320Z")], &[Locked]),
            (&[("pwdAccountLockedTime", "000001010000Z")], &[Disabled]),
            (&[("nsAccountLock", "true")], &[Disabled]),
        ];
        for (attributes, expected) in table {
            assert_eq!(restrictions(attributes), expected, "{attributes:?}");
        }
    }
}
