//! What a message says. Its last line is bound to the host (origin-bound one-time codes: `@host #code` and nothing after
//! it), so that a phone offers the code on that site alone.

use super::gsm7::charged;
use crate::base::{Channel, Language, Secret, Span, Texts, Time};

/// What the texts are filled with.
#[derive(Clone, Copy, Debug)]
pub struct Wording<'a> {
    pub language: Language,
    /// The application's name.
    pub application: &'a str,
    /// What people call it; the name where it is empty.
    pub title: &'a str,
    pub label: &'a str,
    pub passcode: &'a Secret<String>,
    /// Without port; one is cut off.
    pub host: &'a str,
    /// The passcode's end.
    pub expires: Time,
}

/// A message in words.
#[derive(Clone, Debug)]
pub struct Composed {
    /// Empty for text messages. Never with the code.
    pub subject: String,
    pub text: Secret<String>,
}

/// Longer names of applications are cut, so that a text message stays in one part.
const MOST_NAME: usize = 24;

/// Writes the message for a channel as of `now`.
pub fn compose(texts: &Texts, channel: Channel, wording: &Wording<'_>, now: Time) -> Composed {
    let time = Span::about(wording.expires.since(now)).say(texts, wording.language);
    let called = if wording.title.is_empty() { wording.application } else { wording.title };
    let application = shown_name(called);
    let label = one_line(wording.label);
    let code = wording.passcode.expose().as_str();
    let variables = [
        ("code", code.into()),
        ("application", application.as_str().into()),
        ("label", label.into()),
        ("time", time.as_str().into()),
    ];
    let read = grouped(code);
    let mut in_groups = variables.clone();
    if let Some((_, value)) = in_groups.first_mut() {
        *value = read.expose().as_str().into();
    }
    let mut read_out = variables.clone();
    let single = spoken(code);
    if let Some((_, value)) = read_out.first_mut() {
        *value = single.expose().as_str().into();
    }
    let say = |key, variables: &[_]| texts.say(wording.language, key, variables);
    // The code is not among a subject's variables: subjects are shown on locked screens and logged by relays.
    let subject = |key| one_line(&say(key, variables.get(1..).unwrap_or_default()));
    let (subject, text) = match channel {
        Channel::Sms => return short(texts, wording, (&application, &time)),
        Channel::Push => (subject("message-mail-subject"), say("message-sms", &variables)),
        Channel::Voice => (subject("message-voice-greeting"), one_line(&say("message-voice-text", &read_out))),
        Channel::Mail => (subject("message-mail-subject"), say("message-mail-text", &in_groups)),
    };
    let text = Secret::new(text);
    let text = if channel == Channel::Mail { with_last_line(&text, wording) } else { text };
    Composed { subject, text }
}

/// A text message. Letters outside GSM 7-bit halve what fits into one, so where the title would make more messages of it the name stands in
/// its place.
fn short(texts: &Texts, wording: &Wording<'_>, (title, time): (&str, &str)) -> Composed {
    let say = |application: &str| {
        let variables = [
            ("code", wording.passcode.expose().as_str().into()),
            ("application", application.to_owned().into()),
            ("label", one_line(wording.label).into()),
            ("time", time.to_owned().into()),
        ];
        with_last_line(&Secret::new(texts.say(wording.language, "message-sms", &variables)), wording)
    };
    let (titled, named) = (say(title), say(&shown_name(wording.application)));
    let text = if charged(titled.expose()) > charged(named.expose()) { named } else { titled };
    Composed { subject: String::new(), text }
}

fn with_last_line(text: &Secret<String>, wording: &Wording<'_>) -> Secret<String> {
    let (host, code) = (bare_host(wording.host), wording.passcode.expose());
    Secret::new(format!("{}\n@{host} #{code}", text.expose().trim_end()))
}

/// An application's name as messages show it.
pub fn shown_name(application: &str) -> String {
    one_line(application).chars().take(MOST_NAME).collect()
}

/// For a voice: `4, 8, 2`, which is read letter by letter with a pause between.
pub(in crate::dispatch) fn spoken(code: &str) -> Secret<String> {
    let mut apart = Secret::new(String::with_capacity(code.len() * 3));
    apart.with(|apart| {
        for letter in code.chars() {
            if !apart.is_empty() {
                apart.push_str(", ");
            }
            apart.push(letter.to_ascii_uppercase());
        }
    });
    apart
}

pub(in crate::dispatch) fn one_line(words: &str) -> String {
    words.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

/// For reading out and typing: `482 913`, `4829 1348`. Only digits, which may be entered with the blank; the last line of the
/// message, which a machine reads, has them together.
fn grouped(code: &str) -> Secret<String> {
    let length = code.len();
    if length < 6 || !code.bytes().all(|byte| byte.is_ascii_digit()) {
        return Secret::new(code.to_owned());
    }
    let group = if length.is_multiple_of(3) { 3 } else { 4 };
    let mut text = String::with_capacity(length * 2);
    for (place, digit) in code.chars().enumerate() {
        if place > 0 && place.is_multiple_of(group) {
            text.push(' ');
        }
        text.push(digit);
    }
    Secret::new(text)
}

fn bare_host(host: &str) -> &str {
    match host.rsplit_once(':') {
        // Not the last group of an IPv6 address.
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && (name.ends_with(']') || !name.contains(':')) => {
            name
        }
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::gsm7::septets;
    use super::*;

    /// Whether a text message goes out in one piece: 160 septets of the GSM alphabet, else 70 UTF-16 units.
    fn fits_one_part(text: &str) -> bool {
        match septets(text) {
            Some(septets) => septets <= 160,
            None => text.encode_utf16().count() <= 70,
        }
    }

    const NOW: Time = Time::from_millis(1_700_000_000_000);

    fn composed(language: Language, channel: Channel, host: &str, passcode: &str) -> Composed {
        let passcode = Secret::new(passcode.to_owned());
        let expires = NOW.plus(Duration::from_secs(299));
        // Longer than what is shown of a name.
        let application = "the-intranet-of-the-headquarters";
        let wording = Wording { language, application, title: "", label: "K7", passcode: &passcode, host, expires };
        compose(&Texts::built_in(), channel, &wording, NOW)
    }

    #[test]
    fn the_last_line_is_bound_to_the_host() {
        for (host, last) in [
            ("mail.example.com", "@mail.example.com #048291"),
            ("localhost:8443", "@localhost #048291"),
            ("127.0.0.1:8443", "@127.0.0.1 #048291"),
            ("[::1]:8443", "@[::1] #048291"),
            ("[::1]", "@[::1] #048291"),
        ] {
            for language in Language::all() {
                for channel in [Channel::Sms, Channel::Mail] {
                    let text = composed(language, channel, host, "048291").text;
                    let (before, line) = text.expose().rsplit_once('\n').unwrap();
                    assert_eq!(line, last);
                    let code = if channel == Channel::Mail { "048 291" } else { "048291" };
                    assert!(before.contains(code) && before.contains("K7") && before.contains('5'), "{before}");
                }
            }
        }
    }

    #[test]
    fn a_code_in_a_mail_is_written_in_groups() {
        let table = [
            ("1234", "1234"),
            ("12345", "12345"),
            ("482913", "482 913"),
            ("4829134", "4829 134"),
            ("48291348", "4829 1348"),
            ("482913485", "482 913 485"),
            ("bafoki42", "bafoki42"),
        ];
        for (code, expected) in table {
            assert_eq!(grouped(code).expose(), expected);
            let text = composed(Language::ENGLISH, Channel::Mail, "h", code).text;
            assert!(text.expose().lines().any(|line| line == expected), "{}", text.expose());
        }
    }

    #[test]
    fn a_call_reads_the_code_letter_by_letter() {
        for language in Language::all() {
            let call = composed(language, Channel::Voice, "h", "048291");
            assert!(call.text.expose().contains("0, 4, 8, 2, 9, 1") && !call.text.expose().contains('@'), "{call:?}");
            assert!(!call.subject.contains("0, 4") && call.subject.contains("the-intranet"), "{}", call.subject);
            assert!(composed(language, Channel::Voice, "h", "bafoki").text.expose().contains("B, A, F, O, K, I"));
        }
    }

    #[test]
    fn a_push_message_has_a_heading_and_no_line_for_browsers() {
        let push = composed(Language::ENGLISH, Channel::Push, "h", "048291");
        assert!(push.text.expose().starts_with("048291 is your code") && !push.text.expose().contains('@'));
        assert!(push.subject.contains("K7") && !push.subject.contains("048291"));
    }

    #[test]
    fn a_text_message_is_one_part_in_every_language() {
        let host = "a-long-host-name.example.co.uk";
        assert_eq!(host.len(), 30);
        for language in Language::all() {
            for code in ["048291", "bafoki42"] {
                let text = composed(language, Channel::Sms, host, code).text;
                assert!(septets(text.expose()).is_some_and(|septets| septets <= 160), "{}", text.expose());
                assert!(fits_one_part(text.expose()));
            }
        }
    }

    #[test]
    fn a_title_stands_in_messages_and_makes_no_text_message_longer() {
        let passcode = Secret::new("048291".to_owned());
        for (title, in_sms) in [
            ("Personal Zürich", "Personal Zürich"),
            ("Posta", "Posta"),
            ("Şirket Postası", "intranet"),
            ("邮件", "intranet"),
            ("a [b] {c} €€€€€€", "a [b] {c} €€€€€€"),
            ("", "intranet"),
        ] {
            for language in Language::all() {
                let wording = Wording {
                    language,
                    application: "intranet",
                    title,
                    label: "K7",
                    passcode: &passcode,
                    host: "mail.example.com",
                    expires: NOW.plus(Duration::from_secs(300)),
                };
                let composed = |channel| compose(&Texts::built_in(), channel, &wording, NOW);
                let sms = composed(Channel::Sms).text;
                assert!(sms.expose().contains(in_sms) && fits_one_part(sms.expose()), "{}", sms.expose());
                let expected = if title.is_empty() { "intranet" } else { title };
                let mail = composed(Channel::Mail);
                assert!(mail.subject.contains(expected) && mail.text.expose().contains(expected), "{mail:?}");
                for channel in [Channel::Voice, Channel::Push] {
                    assert!(composed(channel).subject.contains(expected), "{channel:?}");
                }
            }
        }
    }

    #[test]
    fn the_subject_is_one_line_without_the_code() {
        let passcode = Secret::new("048291".to_owned());
        let application = "mail\r\nBcc: somebody@example.com";
        let wording = Wording {
            language: Language::ENGLISH,
            application,
            title: "",
            label: "K7",
            passcode: &passcode,
            host: "h",
            expires: NOW,
        };
        let composed = compose(&Texts::built_in(), Channel::Mail, &wording, NOW);
        assert!(!composed.subject.contains(['\r', '\n']) && !composed.subject.contains("048291"), "{}", composed.subject);
        assert!(composed.subject.contains("K7"));
    }

    #[test]
    fn lengths_are_counted_as_the_network_counts() {
        let table =
            [("", Some(0)), ("aø@\n", Some(4)), ("€[", Some(4)), ("Привет", None), ("`", None), ("ç", None), ("ä", Some(1))];
        for (text, expected) in table {
            assert_eq!(septets(text), expected, "{text}");
        }
        assert!(fits_one_part(&"a".repeat(160)) && !fits_one_part(&"a".repeat(161)));
        assert!(fits_one_part(&"ж".repeat(70)) && !fits_one_part(&"ж".repeat(71)));
        assert!(!fits_one_part(&"€".repeat(81)));
    }
}
