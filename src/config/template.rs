//! Text with placeholders, as HTTP gateways are written with: `{{to_e164}}` and its like.

use super::scalar::did_you_mean;
use super::transmitter::{Piece, Slot, Template};

const SLOTS: [(&str, Slot); 10] = [
    ("to_e164", Slot::ToE164),
    ("to_digits", Slot::ToDigits),
    ("to_00", Slot::To00),
    ("text", Slot::Text),
    ("text_hex_utf16", Slot::TextHexUtf16),
    ("sender", Slot::Sender),
    ("ref", Slot::Reference),
    ("ttl_s", Slot::TtlSeconds),
    ("code", Slot::Code),
    ("api_key", Slot::ApiKey),
];

impl Template {
    /// Takes a text apart, or says what is wrong with it. Blanks within the braces are let through.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let Some((name, behind)) = after.split_once("}}") else {
                return Err("a placeholder is opened with {{ and never closed".to_owned());
            };
            if !before.is_empty() {
                pieces.push(Piece::Text(before.to_owned()));
            }
            pieces.push(Piece::Slot(slot(name.trim())?));
            rest = behind;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        Ok(Self(pieces))
    }

    pub fn uses(&self, slot: Slot) -> bool {
        self.0.contains(&Piece::Slot(slot))
    }

    /// The text with `value` in place of every placeholder.
    pub(super) fn filled(&self, value: &str) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Slot(_) => value.to_owned(),
        };
        self.0.iter().map(piece).collect()
    }
}

fn slot(name: &str) -> Result<Slot, String> {
    let known = SLOTS.iter().find(|(known, _)| *known == name).map(|(_, slot)| *slot);
    known.ok_or_else(|| {
        let name: String = name.chars().take(32).collect();
        let hint = did_you_mean(&name, &mut SLOTS.iter().map(|(known, _)| *known));
        format!("unknown placeholder `{{{{{}}}}}`{hint}", name.escape_debug())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_taken_apart_at_its_placeholders() {
        let template = Template::parse("to={{to_digits}}&text={{ text }}{{ref}}.").unwrap();
        let expected = [
            Piece::Text("to=".into()),
            Piece::Slot(Slot::ToDigits),
            Piece::Text("&text=".into()),
            Piece::Slot(Slot::Text),
            Piece::Slot(Slot::Reference),
            Piece::Text(".".into()),
        ];
        assert_eq!(template.0, expected);
        assert_eq!(template.filled("0"), "to=0&text=00.");
    }

    #[test]
    fn a_single_brace_is_text() {
        assert_eq!(Template::parse(r#"{"a":{"b":1}}"#).unwrap().0, [Piece::Text(r#"{"a":{"b":1}}"#.into())]);
    }

    #[test]
    fn an_unknown_placeholder_is_named_with_its_nearest() {
        let table = [
            ("{{to_e165}}", "unknown placeholder `{{to_e165}}`; did you mean `to_e164`?"),
            ("{{message}}", "unknown placeholder `{{message}}`"),
            ("{{}}", "unknown placeholder `{{}}`"),
            ("{{text}", "a placeholder is opened with {{ and never closed"),
        ];
        for (text, message) in table {
            assert_eq!(Template::parse(text).unwrap_err(), message);
        }
    }
}
