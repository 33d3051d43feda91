//! `support`: words for people who need help, with links in them: `Call [020 7946 0000](tel:+442079460000)`.

use crate::config::document::Field;

/// A line of text with links.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Support(Vec<Words>);

/// A piece of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Words {
    pub text: String,
    /// Where the words lead, if they lead anywhere: `https:`, `tel:` or `mailto:`.
    pub href: Option<String>,
}

impl Support {
    /// In order; no piece is empty.
    pub fn words(&self) -> &[Words] {
        &self.0
    }

    pub(in crate::config) fn read(field: Field<'_>) -> Option<Self> {
        let parsed = parse(field.text()?);
        parsed.map_err(|why| field.problem(format!("`{}`: {why}", field.key))).ok()
    }
}

/// Brackets that no address follows are ordinary characters.
fn parse(text: &str) -> Result<Support, String> {
    let (mut words, mut plain, mut rest) = (Vec::new(), String::new(), text);
    while let Some(middle) = rest.find("](") {
        let (before, after) = rest.split_at(middle);
        let (ahead, name) = before.rsplit_once('[').ok_or("a link is written [words](address)")?;
        let (href, behind) = after.trim_start_matches("](").split_once(')').ok_or("the address of a link ends with `)`")?;
        if name.trim().is_empty() {
            return Err("a link needs words: [words](address)".to_owned());
        }
        if !leads_somewhere_safe(href) {
            let shown: String = href.chars().take(64).collect();
            return Err(format!(
                "expected the address of a link to be https://…, tel:+44… or mailto:name@example.com, found {shown:?}"
            ));
        }
        plain.push_str(ahead);
        words.extend((!plain.is_empty()).then(|| Words { text: std::mem::take(&mut plain), href: None }));
        words.push(Words { text: name.to_owned(), href: Some(href.to_owned()) });
        rest = behind;
    }
    plain.push_str(rest);
    words.extend((!plain.is_empty()).then_some(Words { text: plain, href: None }));
    Ok(Support(words))
}

/// Only what can stand in an attribute as it is, and only schemes that run nothing.
fn leads_somewhere_safe(href: &str) -> bool {
    let fits = href.len() <= 1024 && href.bytes().all(|byte| byte.is_ascii_graphic() && !br#""'<>\^`{|}"#.contains(&byte));
    let is_safe = if let Some(rest) = href.strip_prefix("https://") {
        has_plain_host(rest)
    } else if let Some(number) = href.strip_prefix("tel:") {
        is_number(number)
    } else if let Some(mailbox) = href.strip_prefix("mailto:") {
        is_mailbox(mailbox)
    } else {
        false
    };
    fits && is_safe
}

/// Without a user in front of the host, which would look like one.
fn has_plain_host(rest: &str) -> bool {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (host, port) = authority.rsplit_once(':').unwrap_or((authority, "443"));
    let is_host = !host.is_empty()
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
        && host.bytes().any(|byte| byte.is_ascii_alphanumeric());
    is_host && port.parse::<u16>().is_ok_and(|port| port > 0)
}

/// RFC 3966 section 3, without parameters.
fn is_number(number: &str) -> bool {
    let digits = number.strip_prefix('+').unwrap_or(number);
    digits.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'.'))
        && (2..=20).contains(&digits.bytes().filter(u8::is_ascii_digit).count())
}

/// RFC 6068 section 2: one mailbox, perhaps with `?subject=`.
fn is_mailbox(text: &str) -> bool {
    let (mailbox, fields) = text.split_once('?').unwrap_or((text, "subject="));
    let plain = |text: &str, more: &[u8]| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || more.contains(&byte))
    };
    let is_mailbox = mailbox.split_once('@').is_some_and(|(name, host)| plain(name, b"._+-") && plain(host, b".-"));
    let subject = fields.strip_prefix("subject=");
    is_mailbox && subject.is_some_and(|subject| subject.is_empty() || plain(subject, b"%._-"))
}

#[cfg(test)]
mod tests {
    use crate::base::Language;
    use crate::config::tests::{messages, parsed, with};

    fn pages(support: &str) -> String {
        with("[[dispatch", &format!("[pages]\nsupport = {support}\n[[dispatch"))
    }

    fn read(support: &str) -> Vec<(String, Option<String>)> {
        let read = parsed(&pages(support)).unwrap().pages.support.unwrap();
        read.of(Language::ENGLISH).words().iter().map(|words| (words.text.clone(), words.href.clone())).collect()
    }

    #[test]
    fn links_stand_between_words() {
        let (plain, link) =
            (|text: &str| (text.to_owned(), None), |text: &str, href: &str| (text.to_owned(), Some(href.to_owned())));
        for (support, expected) in [
            ("'Call the help desk: +45 1234 5678'", vec![plain("Call the help desk: +45 1234 5678")]),
            ("'Call [020 7946](tel:+44-20.7946)'", vec![plain("Call "), link("020 7946", "tel:+44-20.7946")]),
            (
                "'[Ask](https://help.example.com:8443/a?b=c#d), or [write](mailto:a.b+c@example.com?subject=Sign%20in).'",
                vec![
                    link("Ask", "https://help.example.com:8443/a?b=c#d"),
                    plain(", or "),
                    link("write", "mailto:a.b+c@example.com?subject=Sign%20in"),
                    plain("."),
                ],
            ),
            ("'See [1] (or ask)'", vec![plain("See [1] (or ask)")]),
            ("'a [b [c](tel:112)'", vec![plain("a [b "), link("c", "tel:112")]),
            ("'[<i>](tel:112)'", vec![link("<i>", "tel:112")]),
        ] {
            assert_eq!(read(support), expected, "{support}");
        }
        let german = Language::from_tag("de").unwrap();
        let both = parsed(&pages("{ en = 'Call [us](tel:112)', de = 'Rufen Sie an' }")).unwrap().pages.support.unwrap();
        assert_eq!(both.of(german).words()[0].text, "Rufen Sie an");
        assert_eq!(both.of(Language::ENGLISH).words().len(), 2);
    }

    #[test]
    fn a_link_leads_nowhere_dangerous() {
        for href in [
            "javascript:alert(1",
            "JavaScript:alert",
            " javascript:x",
            "java%09script:x",
            "data:text/html,x",
            "vbscript:x",
            "http://help.example.com",
            "HTTPS://help.example.com",
            "https:help.example.com",
            "https:///x",
            "https://",
            "https://.",
            "https://user@help.example.com/",
            "https://help.example.com\\\\@evil.example",
            "https://help.example.com:0/",
            "https://help.example.com:99999/",
            "https://help.example.com/\\\" onclick=\\\"x",
            "https://help.example.com/'x",
            "https://help.example.com/<b>",
            "https://help.example.com/a b",
            "https://hélp.example.com/",
            "//help.example.com",
            "/help",
            "",
            "tel:",
            "tel:+",
            "tel:1",
            "tel:abc",
            "tel:+45;ext=1",
            "tel:112\\\"x",
            "mailto:",
            "mailto:a",
            "mailto:a@",
            "mailto:@b",
            "mailto:a@b?body=x",
            "mailto:a@b?subject=x&bcc=c@d",
            "mailto:a@b,c@d",
            "mailto:a%0Ab@c",
        ] {
            let found = messages(&pages(&format!("\"Ask [us]({href}) now\"")));
            assert!(found.len() == 1 && found[0].contains("expected the address of a link"), "{href}: {found:?}");
        }
        for (support, words) in [
            ("'us](tel:112)'", "a link is written [words](address)"),
            ("'[us](tel:112'", "ends with `)`"),
            ("'[ ](tel:112)'", "a link needs words"),
            ("{ de = '[x](ftp://x)' }", "`de`: expected the address"),
        ] {
            let found = messages(&pages(support));
            assert!(found.len() == 1 && found[0].contains(words), "{support}: {found:?}");
        }
    }
}
