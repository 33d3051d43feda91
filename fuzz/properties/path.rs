//! Paths: what is accepted can be read in one way only, and what lies below a public prefix stays there.

use doorward::base::path::{OddPaths, has_one_reading, is_below, judge, loosest};

/// A path; after a line break, a prefix.
pub fn holds(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (path, prefix) = text.split_once('\n').unwrap_or((text, "/public"));
    let below = is_below(path, prefix);
    if below {
        assert!(path.starts_with(prefix), "{path:?} {prefix:?}");
        let rest = &path[prefix.len()..];
        assert!(rest.is_empty() || rest.starts_with('/') || prefix.ends_with('/'), "{path:?} {prefix:?}");
    }
    assert!(is_below(path, path));
    assert!(is_below(&format!("{path}/x"), path));
    if !path.ends_with('/') {
        assert!(!is_below(&format!("{path}x"), path));
    }
    let odd = OddPaths { encoded_slash: true, empty_segments: true, backslash: true };
    if odd.judge(path).is_ok() {
        let read = loosest(path);
        assert!(!read.contains("//") && !read.contains('\\') && read.starts_with('/'), "{path:?}");
        assert!(!read.split('/').any(|segment| [".", ".."].contains(&segment)), "{path:?}");
    }
    if judge(path).is_err() {
        return;
    }
    assert!(odd.judge(path).is_ok(), "{path:?}: more is allowed");
    if has_one_reading(path) {
        let plain = decoded(path.as_bytes()).expect("every escape is one");
        let plain = String::from_utf8(plain).expect("it is text");
        // Decoded a second time it is the same.
        assert_eq!(decoded(plain.as_bytes()), Some(plain.clone().into_bytes()), "{path:?}");
        for segment in plain.split('/') {
            // What is left of it where parameters, streams and blanks are cut off.
            let name = segment.split([';', ':']).next().unwrap_or_default().trim();
            assert!(name.is_empty() || !name.chars().all(|letter| letter == '.'), "{path:?}");
        }
    }

    assert!(path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic()), "{path:?}");
    assert!(!path.contains("//") && !path.contains(['\\', '#']), "{path:?}");
    let plain = decoded(path.as_bytes()).expect("every escape is one");
    assert!(!plain.iter().any(|byte| matches!(byte, b'\\' | 0..=0x1f | 0x7f)), "{path:?}");
    let slashes = |bytes: &[u8]| bytes.iter().filter(|byte| **byte == b'/').count();
    assert_eq!(slashes(path.as_bytes()), slashes(&plain), "{path:?}: decoding makes no new segment");
    for segment in plain.split(|byte| *byte == b'/') {
        let name = segment.split(|byte| *byte == b';').next().unwrap_or_default();
        assert!(![b".".as_slice(), b".."].contains(&segment) && ![b".".as_slice(), b".."].contains(&name), "{path:?}");
    }
    if below && judge(prefix).is_ok() {
        let plain_prefix = decoded(prefix.as_bytes()).expect("every escape is one");
        assert!(plain.starts_with(&plain_prefix), "{path:?} {prefix:?}: also below it once both are decoded");
    }
}

/// Percent-decodes once; nothing where an escape is none.
fn decoded(path: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'%' {
            plain.push(*byte);
            continue;
        }
        let digit = |at: usize| after.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        plain.push(u8::try_from(digit(0)? * 16 + digit(1)?).ok()?);
        rest = &after[2..];
    }
    Some(plain)
}
