//! How other programs store and send text: editors and servers on Windows put a byte order mark before it (Unicode 16.0, 23.8), some
//! write UTF-16. A mark that stays becomes a part of a password, a name or a rule, and nobody sees it.

/// Without the mark of UTF-8 at its head.
pub fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(UTF8).unwrap_or(bytes)
}

/// Whether this is text in UTF-16: by its mark, or by the NUL beside each of its first letters, which no text of ours holds.
pub fn is_utf16(bytes: &[u8]) -> bool {
    let first = bytes.first_chunk::<4>().map(|first| first.map(|byte| byte == 0));
    let is_marked = bytes.starts_with(UTF16_LITTLE) || bytes.starts_with(UTF16_BIG);
    is_marked || matches!(first, Some([true, false, true, false] | [false, true, false, true]))
}

/// What a server said: UTF-8, or UTF-16 where a mark says so. What is neither becomes U+FFFD.
pub fn decode(bytes: &[u8]) -> String {
    let units = |rest: &[u8], unit: fn([u8; 2]) -> u16| -> String {
        let (pairs, _) = rest.as_chunks::<2>();
        String::from_utf16_lossy(&pairs.iter().map(|pair| unit(*pair)).collect::<Vec<_>>())
    };
    if let Some(rest) = bytes.strip_prefix(UTF16_LITTLE) {
        return units(rest, u16::from_le_bytes);
    }
    if let Some(rest) = bytes.strip_prefix(UTF16_BIG) {
        return units(rest, u16::from_be_bytes);
    }
    String::from_utf8_lossy(without_mark(bytes)).into_owned()
}

/// What is said of a file in UTF-16.
pub const SAVED_AS_UTF16: &str = "it is saved as UTF-16: save it as UTF-8";

const UTF8: &[u8] = b"\xef\xbb\xbf";
const UTF16_LITTLE: &[u8] = b"\xff\xfe";
const UTF16_BIG: &[u8] = b"\xfe\xff";

#[cfg(test)]
mod tests {
    use super::*;

    fn in_utf16(text: &str, unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(unit).collect()
    }

    #[test]
    fn a_mark_at_the_head_is_no_part_of_the_text() {
        for (bytes, expected) in [
            (&b"\xef\xbb\xbfpass"[..], &b"pass"[..]),
            (b"\xef\xbb\xbf", b""),
            (b"pa\xef\xbb\xbfss", b"pa\xef\xbb\xbfss"),
            (b"", b""),
            (b"\xef\xbb", b"\xef\xbb"),
        ] {
            assert_eq!(without_mark(bytes), expected);
        }
    }

    #[test]
    fn utf_16_is_told_from_utf_8_with_and_without_its_mark() {
        for text in ["\u{feff}pass", "\u{feff}", "pass", "\u{feff}Grüße"] {
            assert!(is_utf16(&in_utf16(text, u16::to_le_bytes)) && is_utf16(&in_utf16(text, u16::to_be_bytes)), "{text:?}");
        }
        for text in ["", "p", "pass", "\u{feff}pass", "Grüße 😀"] {
            assert!(!is_utf16(text.as_bytes()), "{text:?}");
        }
    }

    #[test]
    fn an_answer_is_read_as_its_mark_says() {
        let text = "{\"id\":\"ø😀\"}";
        let marked = format!("\u{feff}{text}");
        for bytes in [
            text.as_bytes().to_vec(),
            marked.clone().into_bytes(),
            in_utf16(&marked, u16::to_le_bytes),
            in_utf16(&marked, u16::to_be_bytes),
        ] {
            assert_eq!(decode(&bytes), text);
        }
        assert_eq!(decode(b"\xff\xfeO\0K"), "O", "half a letter at the end is cut");
        assert_eq!(decode(b"a\xffb"), "a\u{fffd}b");
    }
}
