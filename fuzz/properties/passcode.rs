//! Typed passcodes: whatever was pasted, one passcode at most is compared, and it stood there.

use doorward::auth::passcode::typed;
use doorward::base::unicode;
use doorward::config::PasscodePolicy;
use doorward::config::passcode_policy::Alphabet;

pub fn holds(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for (alphabet, length) in [(Alphabet::Digits, 6), (Alphabet::Digits, 10), (Alphabet::Letters, 5), (Alphabet::Memorable, 8)] {
        holds_for(&text, &PasscodePolicy { alphabet, length, ..PasscodePolicy::default() });
    }
}

fn holds_for(text: &str, policy: &PasscodePolicy) {
    let read = |text: &str| typed(text, policy, &["mail-135790".to_owned()]).expose().clone();
    let code = read(text);
    assert!(code.len() <= 32 && code.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()), "{code:?}");
    assert_eq!(read(&code), code, "reading it again changes nothing");
    let plain: String = unicode::compatible(text).chars().map(same_digit).filter(char::is_ascii_alphanumeric).collect();
    assert!(plain.to_ascii_lowercase().contains(&code) || text.chars().any(is_special), "{code:?} does not stand in {text:?}");
    // What nobody sees changes nothing, wherever it stands.
    let strewn: String = text.chars().flat_map(|c| [c, '\u{200b}', '\u{ad}']).collect();
    if text.chars().count() < 500 && text.is_ascii() {
        assert_eq!(read(&strewn), code, "{text:?}");
    }
    // One of two is taken at no time, but for the one in a line for browsers.
    if let Some((one, other)) = two_of(policy)
        && text.chars().count() < 1000
        && text.is_ascii()
        && !text.contains('#')
    {
        let both = read(&format!("{one}\n{text}\n{other}"));
        assert!(both != one && both != other, "{text:?}");
    }
}

fn same_digit(c: char) -> char {
    unicode::digit(c).map_or(c, |digit| char::from(b'0' + digit))
}

/// What is left out or becomes another letter between the letters of a passcode.
fn is_special(c: char) -> bool {
    !c.is_ascii()
}

fn two_of(policy: &PasscodePolicy) -> Option<(&'static str, &'static str)> {
    match (policy.alphabet, policy.length) {
        (Alphabet::Digits, 6) => Some(("482913", "246801")),
        (Alphabet::Letters, 5) => Some(("bdfgh", "zxwvt")),
        (Alphabet::Memorable, _) => Some(("bokadu47", "venora62")),
        _ => None,
    }
}
