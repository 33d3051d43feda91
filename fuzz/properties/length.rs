//! The length of a body: what is left of several fields is one number that all of them say, or nothing is changed.

use doorward::proxy::length::unify;
use http::header::{CONTENT_LENGTH, HeaderMap, HeaderValue};

/// The fields of a message: a line each.
pub fn holds(data: &[u8]) {
    let lines = data.split(|byte| *byte == b'\n').filter_map(|line| HeaderValue::from_bytes(line).ok());
    let given: HeaderMap = lines.map(|line| (CONTENT_LENGTH, line)).collect();
    let mut unified = given.clone();
    if unify(&mut unified).is_err() {
        assert_eq!(unified, given, "refused, and changed");
        return;
    }
    let written: Vec<&[u8]> = unified.get_all(CONTENT_LENGTH).iter().map(HeaderValue::as_bytes).collect();
    let [written] = written[..] else {
        assert!(written.is_empty() && given.is_empty(), "several are left");
        return;
    };
    let number: u64 = std::str::from_utf8(written).unwrap().parse().unwrap();
    assert_eq!(number.to_string().as_bytes(), written, "it has another spelling");
    for value in &given {
        for text in value.1.as_bytes().split(|byte| *byte == b',') {
            let digits: Vec<u8> = text.iter().copied().filter(|byte| !matches!(byte, b' ' | b'\t')).collect();
            let without = digits.iter().position(|byte| *byte != b'0').map_or(&b"0"[..], |start| &digits[start..]);
            assert_eq!(without, written, "one of them says something else");
        }
    }
    let mut again = unified.clone();
    assert_eq!(unify(&mut again), Ok(()));
    assert_eq!(again, unified);
}
