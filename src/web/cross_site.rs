//! The page that posts the form of another site once more, from this one. It holds what was posted and nothing else.

use std::borrow::Cow;

use askama::Template;
use http::StatusCode;
use percent_encoding::percent_decode;

use super::form::FormError;
use super::templates::{Frame, finish};
use super::translator::Say;
use super::{Look, Page};
use crate::base::Language;

/// So long a form may be, in bytes: a SAML response with its certificates has some ten thousand.
pub const MOST_BYTES: usize = 256 * 1024;
const MOST_FIELDS: usize = 100;

/// A form as it was posted: `application/x-www-form-urlencoded` (WHATWG URL, section 5), in the encoding that it was written in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Form {
    /// Names and values in order; a name may come again.
    pub fields: Vec<(String, String)>,
    /// What a browser must write them in so that they become the same bytes.
    pub charset: Charset,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Charset {
    Utf8,
    /// Every byte is a letter in it, so it stands for any other (WHATWG Encoding, section 9.1).
    Windows1252,
}

impl Form {
    /// At most 256 KiB and 100 fields. A field without a name is left out, as browsers leave it out; a NUL, which no page can hold, makes
    /// it none.
    pub fn read(body: &[u8]) -> Result<Self, FormError> {
        if body.len() > MOST_BYTES {
            return Err(FormError::TooLarge);
        }
        let parts = body.split(|byte| *byte == b'&').filter(|part| !part.is_empty());
        let fields: Vec<[Vec<u8>; 2]> = parts.map(field).filter(|[name, _]| !name.is_empty()).take(MOST_FIELDS + 1).collect();
        if fields.len() > MOST_FIELDS || fields.iter().flatten().any(|text| text.contains(&0)) {
            return Err(FormError::TooMany);
        }
        let is_utf8 = fields.iter().flatten().all(|text| str::from_utf8(text).is_ok());
        let charset = if is_utf8 { Charset::Utf8 } else { Charset::Windows1252 };
        let fields = fields.into_iter().map(|[name, value]| (charset.decode(&name), charset.decode(&value)));
        Ok(Self { fields: fields.collect(), charset })
    }
}

fn field(part: &[u8]) -> [Vec<u8>; 2] {
    let mut halves = part.splitn(2, |byte| *byte == b'=');
    [halves.next(), halves.next()].map(|half| {
        let half: Vec<u8> = half.unwrap_or_default().iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
        Cow::from(percent_decode(&half)).into_owned()
    })
}

impl Charset {
    /// As `accept-charset` names it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
            Self::Windows1252 => "windows-1252",
        }
    }

    fn decode(self, bytes: &[u8]) -> String {
        match self {
            Self::Utf8 => String::from_utf8_lossy(bytes).into_owned(),
            Self::Windows1252 => bytes.iter().map(|byte| letter(*byte)).collect(),
        }
    }
}

/// A byte's letter in windows-1252: that of Latin-1, but for those between 0x80 and 0x9f.
fn letter(byte: u8) -> char {
    let of_its_own = usize::from(byte).checked_sub(0x80).and_then(|place| OF_ITS_OWN.get(place));
    of_its_own.copied().unwrap_or(char::from(byte))
}

/// The five that stand for nothing stay control characters.
const OF_ITS_OWN: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘', '’', '“', '”',
    '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

/// The page that posts it.
#[derive(Clone, Copy, Debug)]
pub struct FormView<'a> {
    /// The application's name.
    pub application: &'a str,
    /// Path and query that it is posted to.
    pub action: &'a str,
    /// Of the page that posted it at first; `null` where that is not told.
    pub origin: &'a str,
    pub form: &'a Form,
}

impl Look {
    /// Posts a form once more: by itself where script runs, else with a button.
    pub fn cross_site_form(&self, language: Language, view: &FormView<'_>) -> Page {
        let say = Say { look: self, language };
        let heading = say.with("cross-site-title", &[("application", say.application(view.application).into())]);
        let what = match view.origin.split_once("://") {
            Some((_, site)) => say.with("cross-site-from", &[("site", site.into())]),
            None => say.plain("cross-site-from-another"),
        };
        let frame = Frame { say, heading, failed: false };
        finish(StatusCode::OK, language, &FormPage { frame, what, view }).that_hands_over()
    }
}

#[derive(Template)]
#[template(path = "cross-site/form.html")]
struct FormPage<'a> {
    frame: Frame<'a>,
    what: String,
    view: &'a FormView<'a>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(body: &[u8]) -> (Charset, Vec<(String, String)>) {
        let form = Form::read(body).unwrap();
        (form.charset, form.fields)
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn fields_stay_in_order_and_in_their_encoding() {
        type Row<'a> = (&'a [u8], Charset, &'a [(&'a str, &'a str)]);
        let table: &[Row<'_>] = &[
            (
                b"SAMLResponse=PD94%2B%2F%3D&RelayState=%2Fa%3Fb",
                Charset::Utf8,
                &[("SAMLResponse", "PD94+/="), ("RelayState", "/a?b")],
            ),
            (b"a=1&a=2&&b&=x&c=d=e", Charset::Utf8, &[("a", "1"), ("a", "2"), ("b", ""), ("c", "d=e")]),
            (b"name=J%C3%BCrgen+M", Charset::Utf8, &[("name", "J\u{fc}rgen M")]),
            (
                b"name=J%FCrgen&price=5%80&x=%81",
                Charset::Windows1252,
                &[("name", "J\u{fc}rgen"), ("price", "5\u{20ac}"), ("x", "\u{81}")],
            ),
            (b"", Charset::Utf8, &[]),
        ];
        for (body, charset, expected) in table {
            assert_eq!(fields(body), (*charset, pairs(expected)), "{}", String::from_utf8_lossy(body));
        }
    }

    #[test]
    fn a_form_has_its_bounds() {
        assert_eq!(fields(&b"a=1&".repeat(MOST_FIELDS)).1.len(), MOST_FIELDS);
        assert_eq!(Form::read(&b"a=1&".repeat(MOST_FIELDS + 1)), Err(FormError::TooMany));
        assert_eq!(Form::read(&vec![b'a'; MOST_BYTES + 1]), Err(FormError::TooLarge));
        assert_eq!(Form::read(b"a=%00"), Err(FormError::TooMany));
    }
}
