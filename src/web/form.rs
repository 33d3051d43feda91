//! What a form posted: `application/x-www-form-urlencoded` (WHATWG URL, section 5), small and each field once.

use crate::base::Secret;

/// The fields we know, as they were posted. A field that is missing is empty.
#[derive(Debug)]
pub struct Form {
    pub username: String,
    pub password: Secret<String>,
    pub passcode: Secret<String>,
    pub new_password: Secret<String>,
    pub new_password_again: Secret<String>,
    pub csrf: String,
    /// The name of the button, where a form has more than its main act.
    pub act: String,
    /// The number of another way to send a passcode.
    pub rule: String,
}

/// So long a posted form may be, in bytes. The gateway reads no more.
pub const MOST_BYTES: usize = 16 * 1024;
const MOST_FIELDS: usize = 16;

#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FormError {
    #[error("the form is larger than 16 KiB")]
    TooLarge,
    #[error("the form has more than 16 fields")]
    TooMany,
    #[error("the form has a field twice")]
    Twice,
}

impl Form {
    pub fn parse(body: &[u8]) -> Result<Self, FormError> {
        if body.len() > MOST_BYTES {
            return Err(FormError::TooLarge);
        }
        let [mut username, mut password, mut passcode, mut csrf, mut act] = [const { None }; 5];
        let [mut new_password, mut new_password_again, mut rule] = [const { None }; 3];
        for (count, (name, value)) in form_urlencoded::parse(body).enumerate() {
            if count >= MOST_FIELDS {
                return Err(FormError::TooMany);
            }
            let place = match name.as_ref() {
                "username" => &mut username,
                "password" => &mut password,
                "passcode" => &mut passcode,
                "new_password" => &mut new_password,
                "new_password_again" => &mut new_password_again,
                "csrf" => &mut csrf,
                "act" => &mut act,
                "rule" => &mut rule,
                _ => continue,
            };
            if place.replace(value.into_owned()).is_some() {
                return Err(FormError::Twice);
            }
        }
        Ok(Self {
            username: username.unwrap_or_default(),
            password: Secret::new(password.unwrap_or_default()),
            passcode: Secret::new(passcode.unwrap_or_default()),
            new_password: Secret::new(new_password.unwrap_or_default()),
            new_password_again: Secret::new(new_password_again.unwrap_or_default()),
            csrf: csrf.unwrap_or_default(),
            act: act.unwrap_or_default(),
            rule: rule.unwrap_or_default(),
        })
    }
}

/// One parameter of a query; none where it is there twice.
pub fn parameter(query: Option<&str>, wanted: &str) -> Option<String> {
    let mut values = form_urlencoded::parse(query?.as_bytes()).filter(|(name, _)| name == wanted);
    let (_, value) = values.next()?;
    values.next().is_none().then(|| value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_decoded_and_unknown_ones_ignored() {
        let form = Form::parse(b"username=J%C3%BCrgen+M&password=%26%3D%2B+&x=1&csrf=abc").unwrap();
        assert_eq!(form.username, "J\u{fc}rgen M");
        assert_eq!(form.password.expose(), "&=+ ");
        assert_eq!(form.csrf, "abc");
        assert!(form.passcode.expose().is_empty());
    }

    #[test]
    fn what_is_no_form_of_ours_is_refused() {
        assert_eq!(Form::parse(b"username=a&username=b").unwrap_err(), FormError::Twice);
        assert_eq!(Form::parse(&b"x=1&".repeat(17)).unwrap_err(), FormError::TooMany);
        assert_eq!(Form::parse(&vec![b'a'; MOST_BYTES + 1]).unwrap_err(), FormError::TooLarge);
    }

    #[test]
    fn a_parameter_that_is_there_twice_is_none() {
        assert_eq!(parameter(Some("back=%2Fa%3Fb&x=1"), "back").as_deref(), Some("/a?b"));
        assert_eq!(parameter(Some("back=a&back=b"), "back"), None);
        assert_eq!(parameter(None, "back"), None);
    }
}
