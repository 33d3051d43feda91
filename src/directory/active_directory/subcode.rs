//! Why Active Directory refused a bind: the Win32 error in the text of result 49.

/// What stands behind `data` in `AcceptSecurityContext error, data 52e, v4563`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Subcode {
    NoSuchUser,
    Wrong,
    /// A rule for this account (ERROR_ACCOUNT_RESTRICTION), which says nothing of the password.
    Restricted,
    Hours,
    Workstation,
    PasswordExpired,
    Disabled,
    AccountExpired,
    MustChange,
    Locked,
    Other(u32),
}

impl Subcode {
    /// Nothing where the text is not as Active Directory (and Samba) write it; nothing is guessed from it then.
    pub fn read(text: &str) -> Option<Self> {
        let (_, rest) = text.split_once(BEFORE)?;
        let length = rest.bytes().take_while(u8::is_ascii_hexdigit).count();
        let (digits, after) = rest.split_at_checked(length)?;
        // Windows ends its texts with NUL.
        if !(after.is_empty() || after.starts_with([',', '\0'])) {
            return None;
        }
        let code = u32::from_str_radix(digits, 16).ok()?;
        Some(match code {
            0x525 => Self::NoSuchUser,
            0x52e => Self::Wrong,
            0x52f => Self::Restricted,
            0x530 => Self::Hours,
            0x531 => Self::Workstation,
            0x532 => Self::PasswordExpired,
            0x533 => Self::Disabled,
            0x701 => Self::AccountExpired,
            0x773 => Self::MustChange,
            0x775 => Self::Locked,
            other => Self::Other(other),
        })
    }
}

const BEFORE: &str = "AcceptSecurityContext error, data ";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_is_read_from_the_text_of_windows_and_of_samba() {
        let table = [
            ("525", Subcode::NoSuchUser),
            ("52e", Subcode::Wrong),
            ("52E", Subcode::Wrong),
            ("52f", Subcode::Restricted),
            ("530", Subcode::Hours),
            ("531", Subcode::Workstation),
            ("532", Subcode::PasswordExpired),
            ("533", Subcode::Disabled),
            ("701", Subcode::AccountExpired),
            ("773", Subcode::MustChange),
            ("775", Subcode::Locked),
            ("0", Subcode::Other(0)),
            ("57", Subcode::Other(0x57)),
            ("ffffffff", Subcode::Other(u32::MAX)),
        ];
        for (code, expected) in table {
            for end in [", v4563\0", ", v1db1", ", v23f0", "\0", ""] {
                let text = format!("80090308: LdapErr: DSID-0C09044E, comment: AcceptSecurityContext error, data {code}{end}");
                assert_eq!(Subcode::read(&text), Some(expected), "{text:?}");
            }
        }
    }

    #[test]
    fn nothing_is_guessed_from_any_other_text() {
        let table = [
            "",
            "data 533",
            "Invalid credentials",
            "AcceptSecurityContext error, data ",
            "AcceptSecurityContext error, data 533x",
            "AcceptSecurityContext error, data 533 ",
            "AcceptSecurityContext error, data , data 533",
            "AcceptSecurityContext error, data -533",
            "AcceptSecurityContext error, data +533",
            "AcceptSecurityContext error, data 0x533",
            "AcceptSecurityContext error, data 100000533",
            "AcceptSecurityContext error, data ５３３",
            "acceptsecuritycontext error, data 533",
        ];
        for text in table {
            assert_eq!(Subcode::read(text), None, "{text:?}");
        }
    }
}
