//! What a server with password policies says beside the result of a bind or a change: the response control of
//! draft-behera-ldap-password-policy (OpenLDAP's ppolicy, 389 Directory Server and others). It is asked for with every bind; a server
//! that does not know it says nothing.

use std::time::Duration;

use ldap3::LdapResult;
use ldap3::controls::RawControl;

use crate::directory::{Complaint, Verdict};

pub(in crate::directory) const CONTROL: &str = "1.3.6.1.4.1.42.2.27.8.5.1";

/// The control's value.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Said {
    /// Until the password runs out.
    pub seconds_left: Option<u32>,
    /// Sign-ins that are left although it has.
    pub grace_left: Option<u32>,
    pub trouble: Option<Trouble>,
}

/// Its `error`, by the draft's numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trouble {
    Expired,
    Locked,
    ChangeAfterReset,
    ModificationNotAllowed,
    MustSupplyOld,
    InsufficientQuality,
    TooShort,
    TooYoung,
    InHistory,
    /// One that the draft does not know.
    Other(u32),
}

/// Reads the value: `SEQUENCE { [0] CHOICE { [0] INTEGER, [1] INTEGER } OPTIONAL, [1] ENUMERATED OPTIONAL }` in BER (ITU-T X.690) with
/// definite lengths. Nothing where it is anything else.
pub fn parse(value: &[u8]) -> Option<Said> {
    let (mut rest, end) = element(value, 0x30)?;
    if !end.is_empty() {
        return None;
    }
    let mut said = Said::default();
    if rest.first() == Some(&0xa0) {
        let (warning, after) = element(rest, 0xa0)?;
        let (place, tag) = match warning.first()? {
            0x80 => (&mut said.seconds_left, 0x80),
            0x81 => (&mut said.grace_left, 0x81),
            _ => return None,
        };
        let (digits, end) = element(warning, tag)?;
        if !end.is_empty() {
            return None;
        }
        *place = Some(number(digits)?);
        rest = after;
    }
    if rest.first() == Some(&0x81) {
        let (digits, after) = element(rest, 0x81)?;
        said.trouble = Some(Trouble::of(number(digits)?));
        rest = after;
    }
    rest.is_empty().then_some(said)
}

/// The contents of the element at the beginning, which must have this tag, and what follows it.
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, rest) = bytes.split_first()?;
    let (length, rest) = rest.split_first()?;
    let (length, rest) = match length {
        short @ 0..=0x7f => (usize::from(*short), rest),
        long @ 0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(long & 0x7f))?;
            (digits.iter().fold(0, |sum: usize, digit| sum << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    (*found == tag).then(|| rest.split_at_checked(length)).flatten()
}

/// Not negative, at most 32 bits.
fn number(digits: &[u8]) -> Option<u32> {
    let fits = matches!(digits, [0..=0x7f, rest @ ..] if rest.len() <= 3) || matches!(digits, [0, _, _, _, _]);
    fits.then(|| digits.iter().fold(0, |sum, digit| sum << 8 | u32::from(*digit)))
}

impl Trouble {
    const fn of(number: u32) -> Self {
        match number {
            0 => Self::Expired,
            1 => Self::Locked,
            2 => Self::ChangeAfterReset,
            3 => Self::ModificationNotAllowed,
            4 => Self::MustSupplyOld,
            5 => Self::InsufficientQuality,
            6 => Self::TooShort,
            7 => Self::TooYoung,
            8 => Self::InHistory,
            other => Self::Other(other),
        }
    }

    /// What it has against a new password, if that is what it is about.
    pub(in crate::directory) const fn complaint(self) -> Option<Complaint> {
        match self {
            Self::InsufficientQuality => Some(Complaint::NotComplex),
            Self::TooShort => Some(Complaint::TooShort),
            Self::TooYoung => Some(Complaint::TooYoung),
            Self::InHistory => Some(Complaint::UsedBefore),
            _ => None,
        }
    }
}

/// The request for it: never critical, so that a server without policies goes on.
pub(in crate::directory) fn request() -> RawControl {
    RawControl { ctype: CONTROL.to_owned(), crit: false, val: None }
}

/// What came with a result; nothing where nothing did.
pub(in crate::directory) fn said(result: &LdapResult) -> Said {
    let control = result.ctrls.iter().find(|control| control.1.ctype == CONTROL);
    control.and_then(|control| control.1.val.as_deref()).and_then(parse).unwrap_or_default()
}

/// What the control makes of the result of a bind; nothing where the result says it all. Servers tell `Expired` and `ChangeAfterReset`
/// only of a password that is right, and `Locked` without looking at it.
pub(in crate::directory) fn verdict(result: &LdapResult) -> Option<Verdict> {
    let said = said(result);
    match (result.rc, said.trouble) {
        (SUCCESS, Some(Trouble::ChangeAfterReset)) => Some(Verdict::MustChange),
        // Grace: the password has run out, but the server goes on taking it for a few times.
        (SUCCESS, _) if said.grace_left.is_some() => Some(Verdict::Expired),
        (SUCCESS, _) => said.seconds_left.map(|seconds| Verdict::Expiring(Duration::from_secs(seconds.into()))),
        // constraintViolation, invalidCredentials, unwillingToPerform
        (19 | 49 | 53, Some(Trouble::Expired)) => Some(Verdict::Expired),
        (19 | 49 | 53, Some(Trouble::Locked)) => Some(Verdict::Locked),
        _ => None,
    }
}

const SUCCESS: u32 = 0;

#[cfg(test)]
mod tests {
    use ldap3::controls::Control;

    use super::*;

    fn left(seconds: u32) -> Said {
        Said { seconds_left: Some(seconds), ..Said::default() }
    }

    fn grace(left: u32) -> Said {
        Said { grace_left: Some(left), ..Said::default() }
    }

    fn trouble(trouble: Trouble) -> Said {
        Said { trouble: Some(trouble), ..Said::default() }
    }

    #[test]
    fn the_control_is_read() {
        let both = Said { trouble: Some(Trouble::ChangeAfterReset), ..left(1) };
        let table: [(&[u8], Option<Said>); 25] = [
            (&[0x30, 0], Some(Said::default())),
            (&[0x30, 3, 0x81, 1, 0], Some(trouble(Trouble::Expired))),
            (&[0x30, 3, 0x81, 1, 1], Some(trouble(Trouble::Locked))),
            (&[0x30, 3, 0x81, 1, 8], Some(trouble(Trouble::InHistory))),
            (&[0x30, 3, 0x81, 1, 9], Some(trouble(Trouble::Other(9)))),
            (&[0x30, 5, 0xa0, 3, 0x80, 1, 60], Some(left(60))),
            (&[0x30, 6, 0xa0, 4, 0x80, 2, 0x0e, 0x10], Some(left(3600))),
            (&[0x30, 9, 0xa0, 7, 0x80, 5, 0, 0xff, 0xff, 0xff, 0xff], Some(left(u32::MAX))),
            (&[0x30, 5, 0xa0, 3, 0x81, 1, 2], Some(grace(2))),
            (&[0x30, 8, 0xa0, 3, 0x80, 1, 1, 0x81, 1, 2], Some(both)),
            (&[0x30, 0x81, 3, 0x81, 1, 0], Some(trouble(Trouble::Expired))),
            (&[0x30, 0x84, 0, 0, 0, 3, 0x81, 1, 0], Some(trouble(Trouble::Expired))),
            (&[], None),
            (&[0x30], None),
            (&[0x31, 0], None),
            (&[0x30, 0x80, 0, 0], None),
            (&[0x30, 4, 0x81, 1, 0], None),
            (&[0x30, 3, 0x81, 1, 0, 0], None),
            (&[0x30, 3, 0x81, 1, 0xff], None),
            (&[0x30, 2, 0x81, 0], None),
            (&[0x30, 7, 0x81, 5, 1, 0, 0, 0, 0], None),
            (&[0x30, 2, 0xa0, 0], None),
            (&[0x30, 5, 0xa0, 3, 0x82, 1, 0], None),
            (&[0x30, 6, 0x81, 1, 0, 0x81, 1, 0], None),
            (&[0x30, 0x85, 0, 0, 0, 0, 0], None),
        ];
        for (value, expected) in table {
            assert_eq!(parse(value), expected, "{value:x?}");
        }
    }

    #[test]
    fn a_bind_means_what_the_control_says() {
        let table: [(u32, &[u8], Option<Verdict>); 9] = [
            (0, &[0x30, 0], None),
            (0, &[0x30, 3, 0x81, 1, 2], Some(Verdict::MustChange)),
            (0, &[0x30, 5, 0xa0, 3, 0x81, 1, 2], Some(Verdict::Expired)),
            (0, &[0x30, 5, 0xa0, 3, 0x80, 1, 60], Some(Verdict::Expiring(Duration::from_secs(60)))),
            (49, &[0x30, 3, 0x81, 1, 0], Some(Verdict::Expired)),
            (49, &[0x30, 3, 0x81, 1, 1], Some(Verdict::Locked)),
            (19, &[0x30, 3, 0x81, 1, 1], Some(Verdict::Locked)),
            (49, &[0x30, 0], None),
            (49, &[0xff], None),
        ];
        for (rc, value, expected) in table {
            let control = RawControl { ctype: CONTROL.into(), crit: false, val: Some(value.to_vec()) };
            let result = LdapResult {
                rc,
                matched: String::new(),
                text: String::new(),
                refs: Vec::new(),
                ctrls: vec![Control(None, control)],
            };
            assert_eq!(verdict(&result), expected, "{rc} {value:x?}");
        }
    }
}
