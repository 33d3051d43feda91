//! Changing a password by the old one: the old value is taken away and the new one given in one request (MS-ADTS section 3.1.1.3.1.5.2),
//! over the service user's connection. So it works for people who cannot sign in to the directory, because theirs has expired or must be
//! changed, and the service user needs no right for it: the old password is what is asked for.

use std::collections::HashSet;

use ldap3::{LdapResult, Mod};
use zeroize::Zeroize;

use super::ActiveDirectory;
use crate::base::Secret;
use crate::directory::ldap_client::Fault;
use crate::directory::ldap_client::connection::{BUSY, SUCCESS, UNAVAILABLE, said};
use crate::directory::ldap_client::service::Kept;
use crate::directory::{Account, Changed, Complaint, DirectoryError, password};

impl ActiveDirectory {
    pub(super) async fn change_password(
        &self,
        account: &Account,
        old: &Secret<String>,
        new: &Secret<String>,
    ) -> Result<Changed, DirectoryError> {
        if let Some(unfit) = password::unfit(old, new) {
            return Ok(unfit);
        }
        let changed = self.client.in_time(self.client.ask(move |kept| self.ask_to_change(kept, &account.handle, old, new))).await;
        match &changed {
            Ok(Changed::WrongOld) => {
                let window = account.lock_out.map(|lock_out| lock_out.window);
                self.rules.wrong(&account.user.id, window, self.clock.now());
            }
            Ok(Changed::Yes) => self.rules.forget(&account.user.id),
            _ => {}
        }
        changed
    }

    async fn ask_to_change(&self, kept: Kept, dn: &str, old: &Secret<String>, new: &Secret<String>) -> Result<Changed, Fault> {
        if !kept.connection.is_protected() {
            return Ok(Changed::Unable("passwords are changed over TLS only; use ldaps:// or starttls = true".to_owned()));
        }
        // A connection that is dead shows here, while another controller may still be asked.
        kept.connection.probe().await?;
        let attribute = || b"unicodePwd".to_vec();
        let changes =
            vec![Mod::Delete(attribute(), HashSet::from([quoted(old)])), Mod::Add(attribute(), HashSet::from([quoted(new)]))];
        let result = kept.connection.modify(dn, changes).await?;
        match result.rc {
            BUSY | UNAVAILABLE => Err(Fault::Server(said(&result))),
            _ => Ok(meaning(&result)),
        }
    }
}

/// What the answer to a change says. Windows and Samba agree on the number in front of the text and on little else.
fn meaning(result: &LdapResult) -> Changed {
    let code = result.text.split_once(':').and_then(|(code, _)| u32::from_str_radix(code.trim(), 16).ok());
    match (result.rc, code) {
        (SUCCESS, _) => Changed::Yes,
        (_, Some(ERROR_INVALID_PASSWORD)) => Changed::WrongOld,
        (_, Some(ERROR_PASSWORD_RESTRICTION)) => Changed::Refused(complaint(&result.text)),
        (_, Some(ERROR_ACCOUNT_LOCKED_OUT)) => Changed::Unable(format!("the account is locked ({})", said(result))),
        (8 | 13, _) => Changed::Unable(format!("the controller changes passwords over TLS only ({})", said(result))),
        (32, _) => Changed::Unable(format!("the account is gone, or the service user may not see it ({})", said(result))),
        (50, _) => {
            Changed::Unable(format!("this password may not be changed: \"User cannot change password\" ({})", said(result)))
        }
        _ => Changed::Unable(said(result)),
    }
}

/// Which rule was broken, where the text tells (Samba's does).
fn complaint(text: &str) -> Complaint {
    let text = text.to_ascii_lowercase();
    let told = [
        ("too short", Complaint::TooShort),
        ("already used", Complaint::UsedBefore),
        ("too young", Complaint::TooYoung),
        ("too recently", Complaint::TooYoung),
        ("complexity", Complaint::NotComplex),
    ];
    told.into_iter().find(|(words, _)| text.contains(words)).map_or(Complaint::Policy, |(_, complaint)| complaint)
}

/// As `unicodePwd` wants it: in quotes, in UTF-16 with the low byte first. Wiped by who takes it, as far as the library lets us.
fn quoted(password: &Secret<String>) -> Vec<u8> {
    let text = password.expose();
    let mut units = Vec::with_capacity(text.len() + 2);
    units.extend(std::iter::once(u16::from(b'"')).chain(text.encode_utf16()).chain(std::iter::once(u16::from(b'"'))));
    let bytes = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
    units.zeroize();
    bytes
}

const ERROR_INVALID_PASSWORD: u32 = 0x56;
const ERROR_PASSWORD_RESTRICTION: u32 = 0x52d;
const ERROR_ACCOUNT_LOCKED_OUT: u32 = 0x775;

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(rc: u32, text: &str) -> Changed {
        meaning(&LdapResult { rc, matched: String::new(), text: text.into(), refs: Vec::new(), ctrls: Vec::new() })
    }

    #[test]
    fn the_number_in_front_of_the_text_counts() {
        let windows = |code: &str| {
            format!(
                "{code}: AtrErr: DSID-03191083, #1:\n\t0: {code}: DSID-03191083, problem 1005 (CONSTRAINT_ATT_TYPE), data 0, Att 9005a (unicodePwd)\n\0"
            )
        };
        let samba = |words: &str| format!("0000052D: Constraint violation - check_password_restrictions: {words}");
        let table = [
            (0, String::new(), Changed::Yes),
            (19, windows("00000056"), Changed::WrongOld),
            (19, windows("0000052D"), Changed::Refused(Complaint::Policy)),
            (
                53,
                "0000052D: SvcErr: DSID-031A12D2, problem 5003 (WILL_NOT_PERFORM), data 0\n\0".into(),
                Changed::Refused(Complaint::Policy),
            ),
            (
                19,
                samba("the password is too short. It should be equal or longer than 7 characters!"),
                Changed::Refused(Complaint::TooShort),
            ),
            (19, samba("the password was already used (in history)!"), Changed::Refused(Complaint::UsedBefore)),
            (19, samba("password is too young to change!"), Changed::Refused(Complaint::TooYoung)),
            (19, samba("the password does not meet the complexity criteria!"), Changed::Refused(Complaint::NotComplex)),
        ];
        for (rc, text, expected) in table {
            assert_eq!(answer(rc, &text), expected, "{rc} {text}");
        }
        for (rc, text) in [
            (19, windows("00000775")),
            (50, "00002098: SecErr: DSID-031514A0, problem 4003 (INSUFF_ACCESS_RIGHTS), data 0".into()),
            (53, "0000001F: SvcErr: DSID-031A12D2, problem 5003 (WILL_NOT_PERFORM), data 0".into()),
            (19, "52D".into()),
            (19, "no number: 0000052D:".into()),
            (1, String::new()),
        ] {
            assert!(matches!(answer(rc, &text), Changed::Unable(_)), "{rc} {text}");
        }
    }

    #[test]
    fn a_password_is_sent_in_quotes_and_in_utf_16() {
        assert_eq!(quoted(&Secret::new("a\"é😀 ".into())), [34, 0, 97, 0, 34, 0, 0xe9, 0, 0x3d, 0xd8, 0, 0xde, 32, 0, 34, 0]);
    }
}
