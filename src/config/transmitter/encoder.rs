//! How the value of a placeholder is written at its place, so that it cannot end the string, the element or the parameter it stands in.

/// By the language of the place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Encoder {
    Url,
    Json,
    Xml,
    Raw,
}

impl Encoder {
    /// The value as the language has it. Holds what the value holds: of secrets, to be wiped.
    pub fn encode(self, value: &str) -> String {
        match self {
            Self::Raw => value.to_owned(),
            Self::Url => value.bytes().fold(String::with_capacity(3 * value.len()), |mut out, byte| {
                match byte {
                    // The unreserved characters of RFC 3986, section 2.3. A blank becomes %20, which forms read as well.
                    b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
                    _ => out.push_str(&format!("%{byte:02X}")),
                }
                out
            }),
            Self::Json => {
                let quoted = serde_json::Value::from(value).to_string();
                quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or_default().to_owned()
            }
            Self::Xml => value.chars().fold(String::with_capacity(value.len()), |mut out, letter| {
                match letter {
                    '&' => out.push_str("&amp;"),
                    '<' => out.push_str("&lt;"),
                    '>' => out.push_str("&gt;"),
                    '"' => out.push_str("&quot;"),
                    '\'' => out.push_str("&apos;"),
                    '\n' => out.push_str("&#10;"),
                    // XML 1.0 has no way to write the others.
                    letter if letter.is_control() || matches!(letter, '\u{fffe}' | '\u{ffff}') => out.push(' '),
                    letter => out.push(letter),
                }
                out
            }),
        }
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
            assert_eq!(encoder.encode(text), expected);
        }
        assert_eq!(Encoder::Xml.encode("\u{0}\u{1b}\u{ffff}"), "   ");
    }
}
