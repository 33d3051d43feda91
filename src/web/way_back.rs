//! The way back: where a sign-in leads in the end, as a path, query and fragment of this very host. What cannot stand in a `Location` is
//! percent-encoded, so that one odd letter does not cost the whole address.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, CONTROLS, percent_encode};

use crate::base::path::{self, OddPaths};

/// So long it may be, in bytes, as it stands in a `Location`.
const LONGEST: usize = 8 * 1024;

/// What no `Location` holds (RFC 3986 section 2), or what a browser would take for something else: a backslash for a slash.
const ODD: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'\\');

/// An address as a `Location` can hold it, whatever its bytes.
pub fn written(target: &[u8]) -> Cow<'_, str> {
    percent_encode(target, ODD).into()
}

/// The same, if a browser takes it for this host and no other, and it is none of our own pages.
pub fn judged(target: &str) -> Option<String> {
    let written = written(target.as_bytes());
    let plain = written.split(['?', '#']).next().unwrap_or_default();
    let is_here = path::judge(plain).is_ok() || is_odd_here(plain);
    let is_one = written.len() <= LONGEST && is_here && !path::is_below_in_any_case(&path::loosest(plain), "/.doorward");
    is_one.then(|| written.into_owned())
}

/// A path that an application may take though it can be read in two ways, which no browser takes for another host.
fn is_odd_here(path: &str) -> bool {
    let begins_oddly = path.get(1..).is_none_or(|rest| rest.starts_with(['/', '\\', '%']));
    !begins_oddly && OddPaths::ALL.judge(path).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stays_on_this_host() {
        let longest = format!("/?{}", "a".repeat(LONGEST - 2));
        for back in [
            "/",
            "/a/b?c=d&e=/x//y",
            "/a?next=https://other.example/",
            "/%C3%BC",
            "/a#b",
            "/a?b#/c/d",
            "/a?b=%zz",
            "/api/a%2Fb",
            "/a//b",
            &longest,
        ] {
            assert_eq!(judged(back).as_deref(), Some(back));
        }
        let long = format!("/{}", "a".repeat(LONGEST));
        for back in [
            "",
            "a",
            "?a",
            "#a",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "https://evil.example/",
            "javascript:alert(1)",
            "/\t/evil.example",
            "/ /evil.example\r\n",
            "/a\r\nSet-Cookie: x=1",
            "/%2fevil.example",
            "/..//evil.example",
            "/a/..%2fb",
            "/.doorward%2flogin",
            "/.Doorward//login",
            "/.doorward/login",
            "/.doorward",
            "/.doorward#a",
            &long,
        ] {
            assert_eq!(judged(back), None, "{back:?}");
        }
    }

    #[test]
    fn what_cannot_stand_there_is_escaped() {
        for (back, expected) in [
            ("/a?user=CORP\\alice", "/a?user=CORP%5Calice"),
            ("/a?q=\u{fc} \"<b>\"", "/a?q=%C3%BC%20%22%3Cb%3E%22"),
            ("/\u{fc}ber?\u{20ac}=1", "/%C3%BCber?%E2%82%AC=1"),
            ("/a?q=\r\nSet-Cookie: x=1", "/a?q=%0D%0ASet-Cookie:%20x=1"),
            ("/a?q=100%25&r=%FC", "/a?q=100%25&r=%FC"),
        ] {
            assert_eq!(judged(back).as_deref(), Some(expected), "{back:?}");
        }
        assert_eq!(written(b"/a?q=\xfc"), "/a?q=%FC", "in whatever encoding");
    }
}
