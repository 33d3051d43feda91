//! A new password by the user's own right: Password Modify (RFC 3062) on a connection on which the old one was right. Where it has run
//! out and the server signs nobody in with it any more, the service user asks for it, the old password with it.

use ldap3::LdapResult;

use super::Ldap;
use crate::base::Secret;
use crate::directory::ldap_client::bind::answer;
use crate::directory::ldap_client::client::{Answer, BIND};
use crate::directory::ldap_client::connection::{BUSY, Connection, SUCCESS, UNAVAILABLE, said};
use crate::directory::ldap_client::{Fault, password_policy};
use crate::directory::{Changed, Complaint, DirectoryError, Verdict, password};

impl Ldap {
    pub(super) async fn change_password(
        &self,
        dn: &str,
        old: &Secret<String>,
        new: &Secret<String>,
    ) -> Result<Changed, DirectoryError> {
        if let Some(unfit) = password::unfit(old, new) {
            return Ok(unfit);
        }
        let mut said_by = Vec::new();
        for server in self.client.servers.in_order().await {
            let url = &server.target.url;
            let connection = match Connection::open(&server.target).await {
                Ok(connection) => connection,
                Err(fault) => {
                    self.client.servers.failed(&server);
                    said_by.push(format!("{url}: {}", fault.words()));
                    continue;
                }
            };
            let gone = |fault: Fault| {
                self.client.servers.failed(&server);
                self.client.unreachable(&[format!("{url}: {}", fault.words())])
            };
            let bound = connection.bind(dn, old, BIND).await.map_err(gone)?;
            let changed = match answer(&bound) {
                Answer::Judged(Verdict::Correct | Verdict::Expiring(_) | Verdict::MustChange) => {
                    connection.change_password(dn, old, new).await.map_err(gone)?
                }
                // Grace: this connection may do that one thing.
                Answer::Judged(Verdict::Expired) if bound.rc == SUCCESS => {
                    connection.change_password(dn, old, new).await.map_err(gone)?
                }
                Answer::Judged(Verdict::Expired) => {
                    connection.close().await;
                    let kept = self.client.service.open(&server.target, self.client.config()).await.map_err(gone)?;
                    let result = kept.connection.change_password(dn, old, new).await.map_err(gone)?;
                    return self.changed(&result, "the service user");
                }
                // Locked: nobody looked at the old password, and a new sign-in says the same.
                Answer::Judged(_) => return Ok(Changed::WrongOld),
                Answer::Refused(why) | Answer::Unfit(why) => {
                    return Err(self.client.failed(format!("{url}: {why} ({})", said(&bound))));
                }
                Answer::NotNow => {
                    self.client.servers.failed(&server);
                    said_by.push(format!("{url}: {}", said(&bound)));
                    continue;
                }
            };
            connection.close().await;
            return self.changed(&changed, "the user");
        }
        Err(self.client.unreachable(&said_by))
    }

    /// `who` asked, for the words about a missing right.
    fn changed(&self, result: &LdapResult, who: &str) -> Result<Changed, DirectoryError> {
        match result.rc {
            BUSY | UNAVAILABLE => Err(self.client.unreachable(&[said(result)])),
            _ => Ok(changed(result, who)),
        }
    }
}

/// What the answer to a Password Modify means, the control's words before the result's.
fn changed(result: &LdapResult, who: &str) -> Changed {
    let trouble = password_policy::said(result).trouble;
    if result.rc == SUCCESS {
        return Changed::Yes;
    }
    if let Some(complaint) = trouble.and_then(password_policy::Trouble::complaint) {
        return Changed::Refused(complaint);
    }
    match result.rc {
        49 => Changed::WrongOld,
        19 => Changed::Refused(Complaint::Policy),
        // OpenLDAP is unwilling to compare the old password, which was right a moment ago, for somebody without a right to it.
        50 | 53 if result.rc == 50 || result.text.contains("old password") => Changed::Unable(format!(
            "{who} may not change this password: a right to write userPassword is missing ({})",
            said(result)
        )),
        2 | 12 => Changed::Unable(format!("the server does not know Password Modify, RFC 3062 ({})", said(result))),
        10 => {
            Changed::Unable(format!("the server is a copy that refers to another one, which is not followed ({})", said(result)))
        }
        _ => Changed::Unable(format!("the server refused to change a password ({})", said(result))),
    }
}

#[cfg(test)]
mod tests {
    use ldap3::controls::{Control, RawControl};

    use super::*;

    fn result(rc: u32, text: &str, error: Option<u8>) -> LdapResult {
        let control =
            |error| RawControl { ctype: password_policy::CONTROL.into(), crit: false, val: Some(vec![0x30, 3, 0x81, 1, error]) };
        let ctrls = error.map(|error| Control(None, control(error))).into_iter().collect();
        LdapResult { rc, matched: String::new(), text: text.to_owned(), refs: Vec::new(), ctrls }
    }

    #[test]
    fn each_answer_to_a_change_has_its_meaning() {
        let table = [
            (result(0, "", None), Changed::Yes),
            (result(19, "", Some(5)), Changed::Refused(Complaint::NotComplex)),
            (result(19, "", Some(6)), Changed::Refused(Complaint::TooShort)),
            (result(19, "", Some(7)), Changed::Refused(Complaint::TooYoung)),
            (result(19, "", Some(8)), Changed::Refused(Complaint::UsedBefore)),
            (result(19, "", None), Changed::Refused(Complaint::Policy)),
            (result(49, "", None), Changed::WrongOld),
        ];
        for (result, expected) in table {
            assert_eq!(changed(&result, "the user"), expected, "{result:?}");
        }
        let unwilling = "unwilling to verify old password";
        let table = [
            (50, "", "the user may not"),
            (53, unwilling, "the user may not"),
            (2, "", "RFC 3062"),
            (10, "", "a copy"),
            (53, "", "refused to change"),
        ];
        for (rc, text, words) in table {
            let Changed::Unable(why) = changed(&result(rc, text, None), "the user") else { panic!("{rc}") };
            assert!(why.contains(words), "{why}");
        }
    }
}
