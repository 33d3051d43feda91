//! What a server's answer to the bind of a user says of the password.

use ldap3::LdapResult;

use super::client::Answer;
use super::connection::{BUSY, SUCCESS, UNAVAILABLE};
use super::password_policy;
use crate::directory::Verdict;

/// What the result of a bind says of the password (RFC 4511 appendix A, and what servers make of it).
pub(in crate::directory) fn answer(result: &LdapResult) -> Answer {
    if let Some(verdict) = password_policy::verdict(result) {
        return Answer::Judged(verdict);
    }
    match result.rc {
        SUCCESS => Answer::Judged(Verdict::Correct),
        // noSuchObject, inappropriateAuthentication (no password is set), invalidCredentials
        32 | 48 | 49 => Answer::Judged(Verdict::Wrong),
        BUSY | UNAVAILABLE => Answer::NotNow,
        8 | 13 => Answer::Unfit("the server takes passwords over TLS only; use ldaps:// or starttls = true"),
        10 => Answer::Refused("the server refers to another one, and referrals are not followed"),
        19 => Answer::Refused("the server's password policy refused the sign-in"),
        53 => Answer::Refused("the server is unwilling, the account may be locked or switched off"),
        _ => Answer::Refused("the server did not judge the password"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_result_of_a_bind_has_its_meaning() {
        let table = [
            (0, Answer::Judged(Verdict::Correct)),
            (32, Answer::Judged(Verdict::Wrong)),
            (48, Answer::Judged(Verdict::Wrong)),
            (49, Answer::Judged(Verdict::Wrong)),
            (51, Answer::NotNow),
            (52, Answer::NotNow),
        ];
        let result = |rc| LdapResult { rc, matched: String::new(), text: String::new(), refs: Vec::new(), ctrls: Vec::new() };
        for (rc, expected) in table {
            assert_eq!(answer(&result(rc)), expected, "{rc}");
        }
        for rc in [1, 2, 7, 10, 14, 19, 34, 50, 53, 80, 4096] {
            assert!(matches!(answer(&result(rc)), Answer::Refused(_)), "{rc}");
        }
        for rc in [8, 13] {
            assert!(matches!(answer(&result(rc)), Answer::Unfit(_)), "{rc}");
        }
    }
}
