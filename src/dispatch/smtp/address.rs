//! Mail addresses as they may stand in an envelope.

use lettre::Address;

/// Octets of an address (RFC 5321 section 4.5.3.1.3, less the angle brackets).
const LONGEST: usize = 254;

/// An address, or nothing where it is none. The domain in ASCII (RFC 5891 section 4); what stands before the `@` may be outside of
/// it, and then the relay must offer SMTPUTF8 (RFC 6531).
pub(in super::super) fn address(typed: &str) -> Option<String> {
    let (local, domain) = typed.rsplit_once('@')?;
    let domain = if domain.is_ascii() { domain.to_owned() } else { idna::domain_to_ascii_strict(domain).ok()? };
    let address = format!("{local}@{domain}");
    if address.len() > LONGEST || address.contains(is_odd) {
        return None;
    }
    address.parse::<Address>().ok().map(|address| address.to_string())
}

/// The same with the domain as people write it, for the page.
pub(in super::super) fn shown(address: &str) -> String {
    match address.rsplit_once('@') {
        Some((local, domain)) if domain.contains("xn--") => match idna::domain_to_unicode(domain) {
            (domain, Ok(())) => format!("{local}@{domain}"),
            (_, Err(_)) => address.to_owned(),
        },
        _ => address.to_owned(),
    }
}

/// What has a meaning in SMTP or in a header, and what is not seen or looks like something else.
fn is_odd(letter: char) -> bool {
    match letter {
        '<' | '>' | ',' | ';' | '"' | '(' | ')' | '\\' => true,
        _ if letter.is_ascii() => !letter.is_ascii_graphic(),
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => true,
        '\u{e000}'..='\u{f8ff}' | '\u{feff}' | '\u{ff01}'..='\u{ff5e}' | '\u{fff0}'..='\u{ffff}' | '\u{e0000}'..='\u{10ffff}' => {
            true
        }
        _ => letter.is_control() || letter.is_whitespace(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_pass_and_their_domain_in_ascii() {
        for good in ["a@example.com", "first.last+tag@sub.example.com", "o'neil@example.com", "jörg@example.com"] {
            assert_eq!(address(good).as_deref(), Some(good));
        }
        for (typed, expected) in [
            ("anna@bücher.example", "anna@xn--bcher-kva.example"),
            ("anna@BÜCHER.example", "anna@xn--bcher-kva.example"),
            ("anna@bu\u{308}cher.example", "anna@xn--bcher-kva.example"),
            ("anna@straße.example", "anna@xn--strae-oqa.example"),
            ("anna@例え。テスト", "anna@xn--r8jz45g.xn--zckzah"),
            ("jörg@bücher.example", "jörg@xn--bcher-kva.example"),
        ] {
            assert_eq!(address(typed).as_deref(), Some(expected), "{typed}");
        }
        let long = format!("{}@example.com", "a".repeat(250));
        for bad in [
            "",
            "a",
            "a@",
            "@b",
            "a@b\r\nRCPT TO:<c@d>",
            "a b@c.d",
            "a@b.c,d@e.f",
            "<a@b.c>",
            "\"x y\"@b.c",
            "a@b@c",
            "a\0@b.c",
            "a\u{200b}@b.c",
            "a\u{202e}@b.c",
            "a\u{a0}b@b.c",
            "a\u{2028}@b.c",
            "a＠b@c.d",
            "a@b ü.c",
            "a@ü..c",
            "a@-ü.c",
            &long,
        ] {
            assert_eq!(address(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_domain_is_shown_as_people_write_it() {
        for (address, expected) in [
            ("anna@xn--bcher-kva.example", "anna@bücher.example"),
            ("anna@example.com", "anna@example.com"),
            ("anna@xn--\u{7f}.example", "anna@xn--\u{7f}.example"),
        ] {
            assert_eq!(shown(address), expected);
        }
    }
}
