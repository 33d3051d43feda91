//! Cookies of our own (RFC 6265): the one place that finds them in a request and writes them into an answer. A cookie that is there
//! twice counts as none, because one of the two was planted.
//!
//! Fields are read by bytes and not by the `cookie` crate's parser: that needs UTF-8, which other people's cookies in the same field need
//! not be, and takes a name with blanks around it for the name without them.

use std::iter::once;

use cookie::time::Duration;
use cookie::{Cookie, SameSite};

/// The cookies of one `Cookie` field as they came, without the blanks around each.
pub fn pieces(field: &[u8]) -> impl Iterator<Item = &[u8]> {
    let ends = memchr::memchr_iter(b';', field).chain(once(field.len()));
    ends.scan(0, |begin, end| field.get(std::mem::replace(begin, end + 1)..end)).map(<[u8]>::trim_ascii)
}

/// Looks for the only cookie of one name among the pieces that it is shown.
#[derive(Clone, Copy, Debug)]
pub struct Search<'a> {
    name: &'static str,
    found: Found<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Found<'a> {
    Nothing,
    One(&'a [u8]),
    Several,
}

impl<'a> Search<'a> {
    /// The name must match exactly. A browser never writes a blank before the `=`, so a name with one is another name.
    pub fn for_name(name: &'static str) -> Self {
        Self { name, found: Found::Nothing }
    }

    pub fn look_at(&mut self, piece: &'a [u8]) {
        if let Some(value) = piece.strip_prefix(self.name.as_bytes()).and_then(|rest| rest.strip_prefix(b"=")) {
            self.found = match self.found {
                Found::Nothing => Found::One(value),
                Found::One(_) | Found::Several => Found::Several,
            };
        }
    }

    /// The value: 1 to 4096 bytes of UTF-8. None where there is no such cookie, and none where there are two.
    pub fn value(self) -> Option<&'a str> {
        let Found::One(value) = self.found else { return None };
        str::from_utf8(value.trim_ascii_start()).ok().filter(|value| (1..=LONGEST).contains(&value.len()))
    }
}

/// `Set-Cookie` for a cookie that browsers send to this host alone, by https alone, and show to no script. It lives as long as the browser
/// runs, or for so many seconds; with zero it is gone at once.
pub fn set(name: &str, value: &str, seconds: Option<u32>) -> String {
    let mut cookie = Cookie::build((name, value)).path("/").secure(true).http_only(true).same_site(SameSite::Lax).build();
    cookie.set_max_age(seconds.map(|seconds| Duration::seconds(seconds.into())));
    written(&cookie)
}

/// The attributes stand in the order that every version has written them in, which is not the crate's.
fn written(cookie: &Cookie<'_>) -> String {
    let attributes = [
        cookie.path().map(|path| format!("Path={path}")),
        cookie.secure().filter(|is_secure| *is_secure).map(|_| "Secure".to_owned()),
        cookie.http_only().filter(|is_http_only| *is_http_only).map(|_| "HttpOnly".to_owned()),
        cookie.same_site().map(|same_site| format!("SameSite={same_site}")),
        // Where an application fills the jar of its host, Chromium throws those of lower priority away first.
        Some("Priority=High".to_owned()),
        cookie.max_age().map(|age| format!("Max-Age={}", age.whole_seconds())),
    ];
    let pair = cookie.stripped().to_string();
    once(pair).chain(attributes.into_iter().flatten()).collect::<Vec<_>>().join("; ")
}

/// Bytes of a value that may be looked up.
const LONGEST: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn found(fields: &[&str]) -> Option<String> {
        let mut search = Search::for_name("__Host-doorward");
        fields.iter().flat_map(|field| pieces(field.as_bytes())).for_each(|piece| search.look_at(piece));
        search.value().map(str::to_owned)
    }

    #[test]
    fn a_value_is_found_where_its_cookie_is_there_once() {
        let (longest, too_long) = ("a".repeat(LONGEST), "a".repeat(LONGEST + 1));
        let table: &[(&[&str], Option<&str>)] = &[
            (&["__Host-doorward=a"], Some("a")),
            (&["x=1;__Host-doorward= a=b\t; y"], Some("a=b")),
            (&["__Host-doorward=\"a\""], Some("\"a\"")),
            (&["__Host-doorward=%61"], Some("%61")),
            (&["__Host-doorward=a; __Host-doorward=a"], None),
            (&["__Host-doorward=a", "__Host-doorward=", "__Host-doorward=a"], None),
            (&["__Host-doorward =a"], None),
            (&["__Host-doorward-flow=a; __HOST-doorward=a; =__Host-doorward=a"], None),
            (&["__Host-doorward=\u{fc}"], Some("\u{fc}")),
            (&["\u{fc}=\u{fc}; __Host-doorward=a"], Some("a")),
            (&["__Host-doorward"], None),
            (&["__Host-doorward=;"], None),
            (&[&format!("__Host-doorward={longest}")], Some(&longest)),
            (&[&format!("__Host-doorward={too_long}")], None),
            (&[], None),
        ];
        for (fields, expected) in table {
            assert_eq!(found(fields).as_deref(), *expected, "{fields:?}");
        }
    }

    #[test]
    fn a_cookie_is_for_this_host_and_https_alone() {
        assert_eq!(set("__Host-a", "b", None), "__Host-a=b; Path=/; Secure; HttpOnly; SameSite=Lax; Priority=High");
        assert_eq!(set("__Host-a", "", Some(0)), "__Host-a=; Path=/; Secure; HttpOnly; SameSite=Lax; Priority=High; Max-Age=0");
    }
}
