//! The texts of refused binds: a reason is read only where one is written, and exactly that one.

use doorward::directory::active_directory::subcode::Subcode;

pub fn holds(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Some(code) = Subcode::read(&text) {
        let (_, rest) = text.split_once("AcceptSecurityContext error, data ").expect("the words in front of it");
        let digits: String = rest.chars().take_while(char::is_ascii_hexdigit).collect();
        let number = u32::from_str_radix(&digits, 16).expect("a number");
        // Nothing before the words and nothing after the number changes it.
        for end in ["", "\0", ", v4563\0", ", data 533"] {
            let alone = format!("AcceptSecurityContext error, data {number:x}{end}");
            assert_eq!(Subcode::read(&alone), Some(code), "{text:?}");
        }
        assert!(code != Subcode::Disabled || number == 0x533, "{text:?}");
    }
    // Whatever it is, as a number it is none of the reasons.
    let written = format!("AcceptSecurityContext error, data {text}");
    if !text.starts_with(|first: char| first.is_ascii_hexdigit()) {
        assert_eq!(Subcode::read(&written), None, "{text:?}");
    }
}
