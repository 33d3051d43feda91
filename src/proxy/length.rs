//! One length of a body, however often and however it is written: two servers on the way must not read two lengths (RFC 9110 section 8.6).

use http::header::{CONTENT_LENGTH, HeaderMap, HeaderValue};

/// `Content-Length` fields that differ, or one that is no number.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the length of the body is given twice and differently, or is no number")]
pub struct Ambiguous;

/// Whether a field is written as we write it: digits without a zero in front, and no list. Nineteen digits fit into 64 bits.
pub(super) fn is_canonical(value: &HeaderValue) -> bool {
    match value.as_bytes() {
        [b'0'] => true,
        [b'1'..=b'9', rest @ ..] => rest.len() < 19 && rest.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

/// Makes one field of all that give the same length, as digits without a zero in front. Changes nothing where they differ or are no
/// numbers (below 2^64, no sign, not empty): such a message is to be refused.
pub fn unify(headers: &mut HeaderMap) -> Result<(), Ambiguous> {
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    let Some(first) = lengths.next() else { return Ok(()) };
    let length = number(first)?;
    if !lengths.all(|other| number(other) == Ok(length)) {
        return Err(Ambiguous);
    }
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    Ok(())
}

fn number(text: &[u8]) -> Result<u64, Ambiguous> {
    let text = text.trim_ascii();
    let digits = std::str::from_utf8(text).ok().filter(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()));
    digits.and_then(|digits| digits.parse().ok()).ok_or(Ambiguous)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_length_in_one_spelling_or_none() {
        let table: &[(&[&str], Option<&str>)] = &[
            (&["0"], Some("0")),
            (&["10"], Some("10")),
            (&["010"], Some("10")),
            (&["000"], Some("0")),
            (&["00000000000000000000000010"], Some("10")),
            (&["10, 10"], Some("10")),
            (&["10,\t010 ,10"], Some("10")),
            (&["10", "10"], Some("10")),
            (&["10", "010"], Some("10")),
            (&["18446744073709551615"], Some("18446744073709551615")),
            (&["18446744073709551616"], None),
            (&["10, 11"], None),
            (&["10", "11"], None),
            (&["10,"], None),
            (&[",10"], None),
            (&[""], None),
            (&["+10"], None),
            (&["-10"], None),
            (&["0x10"], None),
            (&["1e1"], None),
            (&["1 0"], None),
            (&["\u{661}\u{660}"], None),
        ];
        for (given, expected) in table {
            let mut headers = HeaderMap::new();
            for value in *given {
                headers.append(CONTENT_LENGTH, HeaderValue::from_bytes(value.as_bytes()).unwrap());
            }
            let before = headers.clone();
            let unified = unify(&mut headers);
            assert_eq!(unified.is_ok(), expected.is_some(), "{given:?}");
            match expected {
                Some(expected) => assert!(headers.get_all(CONTENT_LENGTH).iter().eq([expected]), "{given:?} {headers:?}"),
                None => assert_eq!(headers, before),
            }
        }
        assert_eq!(unify(&mut HeaderMap::new()), Ok(()));
    }

    #[test]
    fn what_is_canonical_stays_byte_for_byte() {
        for value in ["0", "1", "10", "1234567890123456789"] {
            assert!(is_canonical(&HeaderValue::from_static(value)), "{value}");
        }
        for value in ["", "00", "01", "+1", "-1", "1,1", "1 ", " 1", "1a", "12345678901234567890"] {
            assert!(!is_canonical(&HeaderValue::from_static(value)), "{value}");
        }
    }
}
