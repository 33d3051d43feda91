//! Forms of other sites: what a page of ours posts once more becomes the same bytes, within its bounds.

use doorward::web::cross_site::{Charset, Form, MOST_BYTES};

pub fn holds(data: &[u8]) {
    let Ok(form) = Form::read(data) else {
        return assert!(
            data.len() > MOST_BYTES || data.contains(&0) || data.windows(3).any(|part| part == b"%00") || is_long(data)
        );
    };
    assert!(form.fields.len() <= 100);
    let bytes = |text: &str| match form.charset {
        Charset::Utf8 => text.as_bytes().to_vec(),
        Charset::Windows1252 => text.chars().map(byte).collect(),
    };
    let sent: Vec<_> = form.fields.iter().map(|(name, value)| (bytes(name), bytes(value))).collect();
    assert_eq!(sent, given(data), "{:?}", form.charset);
    let again: Vec<String> = sent.iter().map(|(name, value)| format!("{}={}", escaped(name), escaped(value))).collect();
    assert_eq!(Form::read(again.join("&").as_bytes()).as_ref(), Ok(&form), "read once more");
}

fn is_long(data: &[u8]) -> bool {
    given(data).len() > 100
}

/// Names and values as they were posted.
fn given(data: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let parts = data.split(|byte| *byte == b'&');
    let parts = parts.map(|part| match part.iter().position(|byte| *byte == b'=') {
        Some(end) => (plain(&part[..end]), plain(&part[end + 1..])),
        None => (plain(part), Vec::new()),
    });
    parts.filter(|(name, _)| !name.is_empty()).collect()
}

fn plain(text: &[u8]) -> Vec<u8> {
    let (mut plain, mut rest) = (Vec::new(), text);
    while let Some((first, after)) = rest.split_first() {
        let escaped = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let escaped = escaped.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        match (first, escaped.and_then(|digits| u8::from_str_radix(digits, 16).ok())) {
            (b'%', Some(byte)) => {
                plain.push(byte);
                rest = &after[2..];
            }
            (b'+', _) => {
                plain.push(b' ');
                rest = after;
            }
            _ => {
                plain.push(*first);
                rest = after;
            }
        }
    }
    plain
}

fn escaped(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("%{byte:02X}")).collect()
}

/// A letter's byte in windows-1252.
fn byte(letter: char) -> u8 {
    const OTHERS: [(char, u8); 27] = [
        ('\u{20ac}', 0x80),
        ('\u{201a}', 0x82),
        ('\u{192}', 0x83),
        ('\u{201e}', 0x84),
        ('\u{2026}', 0x85),
        ('\u{2020}', 0x86),
        ('\u{2021}', 0x87),
        ('\u{2c6}', 0x88),
        ('\u{2030}', 0x89),
        ('\u{160}', 0x8a),
        ('\u{2039}', 0x8b),
        ('\u{152}', 0x8c),
        ('\u{17d}', 0x8e),
        ('\u{2018}', 0x91),
        ('\u{2019}', 0x92),
        ('\u{201c}', 0x93),
        ('\u{201d}', 0x94),
        ('\u{2022}', 0x95),
        ('\u{2013}', 0x96),
        ('\u{2014}', 0x97),
        ('\u{2dc}', 0x98),
        ('\u{2122}', 0x99),
        ('\u{161}', 0x9a),
        ('\u{203a}', 0x9b),
        ('\u{153}', 0x9c),
        ('\u{17e}', 0x9e),
        ('\u{178}', 0x9f),
    ];
    let other = OTHERS.iter().find(|(known, _)| *known == letter).map(|(_, byte)| *byte);
    other.unwrap_or_else(|| u8::try_from(u32::from(letter)).expect("a letter of windows-1252"))
}
