//! What a form posted: `application/x-www-form-urlencoded` (WHATWG URL, section 5), small and each field once. Every page has a struct of
//! its own fields, read by [`read`].

use serde::de::DeserializeOwned;

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

/// The fields that `F` knows, as they were posted. A field that is missing is what `F` has by default, and one that `F` does not know is
/// ignored.
pub fn read<F: DeserializeOwned>(body: &[u8]) -> Result<F, FormError> {
    if body.len() > MOST_BYTES {
        return Err(FormError::TooLarge);
    }
    if form_urlencoded::parse(body).nth(MOST_FIELDS).is_some() {
        return Err(FormError::TooMany);
    }
    // All fields are text, so the only thing that can be wrong with one is that it comes again.
    serde_html_form::from_bytes(body).map_err(|_| FormError::Twice)
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
    use crate::web::page::{login, passcode};

    #[test]
    fn fields_are_decoded_and_unknown_ones_ignored() {
        let form: login::Form = read(b"username=J%C3%BCrgen+M&password=%26%3D%2B+&x=1&csrf=abc").unwrap();
        assert_eq!(form.username, "J\u{fc}rgen M");
        assert_eq!(form.password.expose(), "&=+ ");
        assert_eq!(form.csrf, "abc");
        let form: passcode::Form = read(b"username=x&csrf=abc").unwrap();
        assert!(form.passcode.expose().is_empty());
    }

    #[test]
    fn what_is_no_form_of_ours_is_refused() {
        assert_eq!(read::<login::Form>(b"username=a&username=b").unwrap_err(), FormError::Twice);
        assert_eq!(read::<login::Form>(&b"x=1&".repeat(17)).unwrap_err(), FormError::TooMany);
        assert_eq!(read::<login::Form>(&vec![b'a'; MOST_BYTES + 1]).unwrap_err(), FormError::TooLarge);
    }

    #[test]
    fn a_parameter_that_is_there_twice_is_none() {
        assert_eq!(parameter(Some("back=%2Fa%3Fb&x=1"), "back").as_deref(), Some("/a?b"));
        assert_eq!(parameter(Some("back=a&back=b"), "back"), None);
        assert_eq!(parameter(None, "back"), None);
    }
}
