//! Fills the templates of an HTTP gateway. Every value is written as its place demands, so that none of them can end the
//! string, the element or the parameter it stands in.

use super::Message;
use crate::base::{Secret, Time};
use crate::config::transmitter::{Encoder, Piece, Slot, Template};

/// What the slots stand for.
pub(super) struct Values<'a> {
    pub message: &'a Message,
    pub sender: Option<&'a str>,
    pub api_key: Option<&'a Secret<String>>,
    pub now: Time,
}

/// The template with its slots filled in. Holds the passcode: wiped when dropped.
pub(super) fn fill(template: &Template, encoder: Encoder, values: &Values<'_>) -> Secret<String> {
    let mut filled = String::with_capacity(1024);
    for piece in &template.0 {
        match piece {
            Piece::Text(text) => filled.push_str(text),
            Piece::Slot(slot) => filled.push_str(Secret::new(encode(encoder, value(*slot, values).expose())).expose()),
        }
    }
    Secret::new(filled)
}

fn value(slot: Slot, values: &Values<'_>) -> Secret<String> {
    let message = values.message;
    let digits = message.to.trim_start_matches('+');
    Secret::new(match slot {
        Slot::ToE164 => message.to.clone(),
        Slot::ToDigits => digits.to_owned(),
        Slot::To00 => format!("00{digits}"),
        Slot::Text => message.text.expose().clone(),
        Slot::TextHexUtf16 => message.text.expose().encode_utf16().map(|unit| format!("{unit:04x}")).collect(),
        Slot::Sender => values.sender.unwrap_or_default().to_owned(),
        Slot::Reference => message.id.clone(),
        Slot::TtlSeconds => message.expires.since(values.now).as_secs().to_string(),
        Slot::Code => message.passcode.expose().clone(),
        Slot::ApiKey => values.api_key.map(|key| key.expose().clone()).unwrap_or_default(),
    })
}

fn encode(encoder: Encoder, value: &str) -> String {
    match encoder {
        Encoder::Raw => value.to_owned(),
        Encoder::Url => value.bytes().fold(String::with_capacity(3 * value.len()), |mut out, byte| {
            match byte {
                // The unreserved characters of RFC 3986, section 2.3. A blank becomes %20, which forms read as well.
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
                _ => out.push_str(&format!("%{byte:02X}")),
            }
            out
        }),
        Encoder::Json => {
            let quoted = serde_json::Value::from(value).to_string();
            quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or_default().to_owned()
        }
        Encoder::Xml => value.chars().fold(String::with_capacity(value.len()), |mut out, letter| {
            match letter {
                '&' => out.push_str("&amp;"),
                '<' => out.push_str("&lt;"),
                '>' => out.push_str("&gt;"),
                '"' => out.push_str("&quot;"),
                '\'' => out.push_str("&apos;"),
                '\n' => out.push_str("&#10;"),
                // XML 1.0 has no way to write the others.
                letter if letter.is_control() => out.push(' '),
                letter => out.push(letter),
            }
            out
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_leave_its_place() {
        let text = "a \"b\" & <c>'\\\n@h #1 ø😀";
        let table = [
            (Encoder::Url, "a%20%22b%22%20%26%20%3Cc%3E%27%5C%0A%40h%20%231%20%C3%B8%F0%9F%98%80"),
            (Encoder::Json, r#"a \"b\" & <c>'\\\n@h #1 ø😀"#),
            (Encoder::Xml, "a &quot;b&quot; &amp; &lt;c&gt;&apos;\\&#10;@h #1 ø😀"),
            (Encoder::Raw, text),
        ];
        for (encoder, expected) in table {
            assert_eq!(encode(encoder, text), expected);
        }
        assert_eq!(encode(Encoder::Xml, "\u{0}\u{1b}"), "  ");
    }
}
