//! Topics of push services: whoever knows one can read along, so they are handled as secrets; and they must not change the request that
//! they are part of.

/// A topic of ntfy or an application's token of Gotify, as a directory holds it, or nothing.
pub(in crate::dispatch) fn topic(typed: &str) -> Option<String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let plain = (1..=64).contains(&typed.len()) && typed.bytes().all(fits);
    (plain && !typed.bytes().all(|byte| byte == b'.')).then(|| typed.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_one_harmless_word() {
        for good in ["door-k3jx_91", "A.bcDEF", "a"] {
            assert_eq!(topic(good).as_deref(), Some(good));
        }
        let long = "a".repeat(65);
        for bad in ["", ".", "..", "a/b", "../a", "a b", "a\r\nX: y", "a?b", "a%2f", "tøpic", "a\0", &long] {
            assert_eq!(topic(bad), None, "{bad:?}");
        }
    }
}
