//! Phone numbers: what is accepted is E.164 and stays what it is, and a mask shows two digits.

use doorward::dispatch::number::{mask_mail, mask_number, normalise};

pub fn holds(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for prefix in [None, Some("+45"), Some("+1234"), Some(text.as_ref())] {
        let Ok(number) = normalise(&text, prefix) else { continue };
        let digits = number.strip_prefix('+').expect("a plus sign");
        assert!((8..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()), "{number}");
        assert!(!digits.starts_with('0'), "{number}");
        assert_eq!(normalise(&number, prefix).as_deref(), Ok(number.as_str()), "once more changes nothing");
        let typed: String = text.replace("(0)", "").chars().filter(char::is_ascii_digit).collect();
        assert!(typed.ends_with(&digits[digits.len() - 4..]), "{text:?} became {number}");
    }
    assert!(mask_number(&text).chars().filter(char::is_ascii_digit).count() <= 2);
    if let Some((local, domain)) = text.rsplit_once('@') {
        let masked = mask_mail(&text);
        assert!(masked.ends_with(&format!("•••@{domain}")) && masked.chars().count() <= domain.chars().count() + 5, "{masked}");
        assert!(local.chars().count() < 2 || masked.starts_with(local.chars().next().unwrap_or_default()));
    }
}
