//! Text with placeholders, as HTTP gateways are written with: `{{to_e164}}` and its like, and parts that are there under a
//! condition alone: `{{#flash}}...{{/flash}}`, or unless it is so: `{{^flash}}...{{/flash}}`.

use crate::config::document::scalar::did_you_mean;

/// Taken apart when the configuration is read, so that no placeholder is unknown later.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Template(pub Vec<Piece>);

/// One piece of a template.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Piece {
    Text(String),
    Slot(Slot),
    /// Is there where the condition is as it should be.
    When {
        condition: Condition,
        so: bool,
        then: Template,
    },
}

/// What a placeholder stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Slot {
    /// `+4512345678`
    ToE164,
    /// `4512345678`
    ToDigits,
    /// `004512345678`
    To00,
    /// `12345678`: without the country code.
    ToNational,
    /// Of a push service.
    Topic,
    /// A mail's subject, the heading of a push message.
    Title,
    Text,
    /// UTF-16 big endian in hexadecimal.
    TextHexUtf16,
    /// The passcode with its letters apart, for reading out: `4, 8, 2`.
    Spoken,
    /// A call that asks for a key press and then reads the passcode out, in TwiML.
    Twiml,
    /// `de`
    Language,
    /// The message's id, for the gateway's own log.
    Reference,
    /// Seconds that the passcode still lives, at least 1.
    TtlSeconds,
    TtlMilliseconds,
    Code,
    /// Where the provider reports to.
    ReceiptUrl,
    Sender,
    Service,
    Account,
    User,
    Password,
    ApiKey,
    ApiSecret,
}

/// What a part of a template may depend on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Condition {
    /// The message is to be shown at once and not kept.
    Flash,
    /// The text holds a letter that the GSM alphabet lacks.
    Unicode,
    /// The text is ASCII alone.
    Ascii,
    /// It takes the place of a message that was sent a moment ago.
    Resent,
    Sender,
    Service,
    ApiKey,
    User,
    ReceiptUrl,
}

const SLOTS: [(&str, Slot); 23] = [
    ("to_e164", Slot::ToE164),
    ("to_digits", Slot::ToDigits),
    ("to_00", Slot::To00),
    ("to_national", Slot::ToNational),
    ("topic", Slot::Topic),
    ("title", Slot::Title),
    ("text", Slot::Text),
    ("text_hex_utf16", Slot::TextHexUtf16),
    ("spoken", Slot::Spoken),
    ("twiml", Slot::Twiml),
    ("language", Slot::Language),
    ("ref", Slot::Reference),
    ("ttl_s", Slot::TtlSeconds),
    ("ttl_ms", Slot::TtlMilliseconds),
    ("code", Slot::Code),
    ("receipt_url", Slot::ReceiptUrl),
    ("sender", Slot::Sender),
    ("service", Slot::Service),
    ("account", Slot::Account),
    ("user", Slot::User),
    ("password", Slot::Password),
    ("api_key", Slot::ApiKey),
    ("api_secret", Slot::ApiSecret),
];

const CONDITIONS: [(&str, Condition); 9] = [
    ("flash", Condition::Flash),
    ("unicode", Condition::Unicode),
    ("ascii", Condition::Ascii),
    ("resent", Condition::Resent),
    ("sender", Condition::Sender),
    ("service", Condition::Service),
    ("api_key", Condition::ApiKey),
    ("user", Condition::User),
    ("receipt_url", Condition::ReceiptUrl),
];

impl Template {
    /// Takes a text apart, or says what is wrong with it. Blanks within the braces are let through.
    pub fn parse(text: &str) -> Result<Self, String> {
        // The parts that are open, the outermost first; the whole is one that no condition opens.
        let mut open: Open = vec![(None, Vec::new())];
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let Some((name, behind)) = after.split_once("}}") else {
                return Err("a placeholder opens with {{ and is never closed".to_owned());
            };
            push_text(&mut open, before);
            let name = name.trim();
            if let Some(opened) =
                name.strip_prefix('#').map(|name| (name, true)).or(name.strip_prefix('^').map(|name| (name, false)))
            {
                if open.len() > DEEPEST {
                    return Err(format!("conditions are nested deeper than {DEEPEST}"));
                }
                open.push((Some((condition(opened.0)?, opened.1)), Vec::new()));
            } else if let Some(closed) = name.strip_prefix('/') {
                close(&mut open, condition(closed)?)?;
            } else {
                push(&mut open, Piece::Slot(slot(name)?));
            }
            rest = behind;
        }
        push_text(&mut open, rest);
        match open.pop() {
            Some((None, pieces)) => Ok(Self(pieces)),
            Some((Some((condition, _)), _)) => {
                Err(format!("`{{{{#{0}}}}}` is never closed with `{{{{/{0}}}}}`", word(condition)))
            }
            None => Ok(Self::default()),
        }
    }

    /// Whether the placeholder stands anywhere in it, under whatever condition.
    pub fn uses(&self, slot: Slot) -> bool {
        self.uses_where(slot, &|_| None)
    }

    /// The same, less the parts whose condition is known to be otherwise.
    pub(in crate::config) fn uses_where(&self, slot: Slot, known: &dyn Fn(Condition) -> Option<bool>) -> bool {
        self.0.iter().any(|piece| match piece {
            Piece::Text(_) => false,
            Piece::Slot(used) => *used == slot,
            Piece::When { condition, so, then } => {
                known(*condition).is_none_or(|known| known == *so) && then.uses_where(slot, known)
            }
        })
    }

    /// The text with `value` in place of every placeholder, and the parts whose conditions are as `conditions` says.
    pub(in crate::config) fn filled(&self, value: &str, conditions: bool) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Slot(_) => value.to_owned(),
            Piece::When { so, then, .. } if *so == conditions => then.filled(value, conditions),
            Piece::When { .. } => String::new(),
        };
        self.0.iter().map(piece).collect()
    }
}

const DEEPEST: usize = 4;

/// The parts that are open: under which condition, and what is in them so far.
type Open = Vec<(Option<(Condition, bool)>, Vec<Piece>)>;

fn push(open: &mut Open, piece: Piece) {
    if let Some((_, pieces)) = open.last_mut() {
        pieces.push(piece);
    }
}

fn push_text(open: &mut Open, text: &str) {
    if !text.is_empty() {
        push(open, Piece::Text(text.to_owned()));
    }
}

fn close(open: &mut Open, closed: Condition) -> Result<(), String> {
    match open.pop() {
        Some((Some((condition, so)), pieces)) if condition == closed => {
            push(open, Piece::When { condition, so, then: Template(pieces) });
            Ok(())
        }
        _ => Err(format!("`{{{{/{}}}}}` closes nothing", word(closed))),
    }
}

fn word(condition: Condition) -> &'static str {
    CONDITIONS.iter().find(|(_, known)| *known == condition).map(|(word, _)| *word).unwrap_or_default()
}

/// `text` of `{{text}}`.
pub(in crate::config) fn name_of(slot: Slot) -> &'static str {
    SLOTS.iter().find(|(_, known)| *known == slot).map(|(name, _)| *name).unwrap_or_default()
}

impl Condition {
    /// `{{#flash}}`, or `{{^flash}}` where it does not hold.
    pub(in crate::config) fn named(self, so: bool) -> String {
        format!("{{{{{}{}}}}}", if so { '#' } else { '^' }, word(self))
    }
}

fn slot(name: &str) -> Result<Slot, String> {
    known(name, &SLOTS, "placeholder")
}

fn condition(name: &str) -> Result<Condition, String> {
    known(name.trim(), &CONDITIONS, "condition")
}

fn known<T: Copy>(name: &str, all: &[(&str, T)], what: &str) -> Result<T, String> {
    let known = all.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
    known.ok_or_else(|| {
        let name: String = name.chars().take(32).collect();
        let hint = did_you_mean(&name, &mut all.iter().map(|(known, _)| *known));
        format!("unknown {what} `{{{{{}}}}}`{hint}", name.escape_debug())
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
        assert_eq!(template.filled("0", true), "to=0&text=00.");
    }

    #[test]
    fn a_part_may_depend_on_a_condition() {
        let template = Template::parse("a{{#flash}}b{{^sender}}c{{/sender}}{{ /flash }}{{^flash}}{{sender}}{{/flash}}").unwrap();
        assert_eq!(template.filled("0", true), "ab");
        assert_eq!(template.filled("0", false), "a0");
        assert!(template.uses(Slot::Sender));
        let flash = |condition| (condition == Condition::Flash).then_some(true);
        assert!(!template.uses_where(Slot::Sender, &flash));
    }

    #[test]
    fn a_single_brace_is_text() {
        assert_eq!(Template::parse(r#"{"a":{"b":1}}"#).unwrap().0, [Piece::Text(r#"{"a":{"b":1}}"#.into())]);
    }

    #[test]
    fn what_cannot_be_understood_is_named_with_its_nearest() {
        let deep = "{{#flash}}".repeat(5);
        let table = [
            ("{{to_e165}}", "unknown placeholder `{{to_e165}}`; did you mean `to_e164`?"),
            ("{{message}}", "unknown placeholder `{{message}}`"),
            ("{{}}", "unknown placeholder `{{}}`"),
            ("{{text}", "a placeholder opens with {{ and is never closed"),
            ("{{#flsh}}", "unknown condition `{{flsh}}`; did you mean `flash`?"),
            ("{{#flash}}", "`{{#flash}}` is never closed with `{{/flash}}`"),
            ("{{/flash}}", "`{{/flash}}` closes nothing"),
            ("{{#flash}}{{/sender}}", "`{{/sender}}` closes nothing"),
            (&deep, "conditions are nested deeper than 4"),
        ];
        for (text, message) in table {
            assert_eq!(Template::parse(text).unwrap_err(), message);
        }
    }
}
