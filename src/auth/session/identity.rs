//! How an application is told who a user is, as it stands in a request.

use bytes::Bytes;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::directory::User;

/// Account name, mail and groups with commas between. Values are UTF-8, percent-encoded (RFC 3986 section 2.1) wherever they are not
/// visible ASCII; `%` and, in a group, `,` are encoded too, and a blank at either end. So plain names arrive as they are, and nothing in
/// a directory can break a line or make one group look like two.
///
/// All in one piece, which every value is a part of: a request fetches it from memory once.
#[derive(Debug)]
pub struct IdentityHeaders {
    text: Bytes,
    /// Where the name ends, and where the mail does.
    ends: [u32; 2],
}

impl IdentityHeaders {
    pub fn of(user: &User) -> Self {
        let mut text = String::new();
        encode(&mut text, &user.name);
        let name = length(&text);
        encode(&mut text, user.mail.as_deref().unwrap_or_default());
        let mail = length(&text);
        for (place, group) in user.groups.iter().enumerate() {
            if place > 0 {
                text.push(',');
            }
            encode(&mut text, group);
        }
        let text = text.as_bytes();
        let short = together::<56>(text).or_else(|| together::<120>(text)).or_else(|| together::<248>(text));
        Self { text: short.unwrap_or_else(|| Bytes::copy_from_slice(text)), ends: [name, mail] }
    }

    /// Name, mail if there is one, and groups; visible ASCII and blanks.
    pub fn values(&self) -> [Option<Bytes>; 3] {
        let [name, mail] = self.ends();
        [Some(self.text.slice(..name)), (name < mail).then(|| self.text.slice(name..mail)), Some(self.text.slice(mail..))]
    }

    /// The account name as the directory spells it, where it stands in a request like that.
    pub fn plain_name(&self) -> Option<&str> {
        let [name, _] = self.ends();
        // What was encoded has a sign of it.
        let text = self.text.get(..name).filter(|text| !text.contains(&b'%'));
        text.and_then(|text| str::from_utf8(text).ok())
    }

    fn ends(&self) -> [usize; 2] {
        self.ends.map(|end| usize::try_from(end).unwrap_or(usize::MAX).min(self.text.len()))
    }
}

fn length(text: &str) -> u32 {
    u32::try_from(text.len()).unwrap_or(u32::MAX)
}

/// With the count of those who hold it beside it, if it is no longer than this.
fn together<const MOST: usize>(text: &[u8]) -> Option<Bytes> {
    let mut owner = [0; MOST];
    owner.get_mut(..text.len())?.copy_from_slice(text);
    Some(Bytes::from_owner(owner).slice(..text.len()))
}

fn encode(out: &mut String, text: &str) {
    let inner = text.trim_matches(' ');
    let before = text.len() - text.trim_start_matches(' ').len();
    let after = text.len() - before - inner.len();
    out.extend(std::iter::repeat_n(BLANK, before));
    out.extend(utf8_percent_encode(inner, HIDDEN));
    out.extend(std::iter::repeat_n(BLANK, after));
}

const BLANK: &str = "%20";
/// Everything beyond ASCII besides.
const HIDDEN: &AsciiSet = &CONTROLS.add(b'%').add(b',');

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_values_cannot_be_misread() {
        type Row<'a> = (&'a str, Option<&'a str>, &'a [&'a str], [Option<&'a str>; 3]);
        let table: &[Row<'_>] = &[
            ("alice", None, &[], [Some("alice"), None, Some("")]),
            ("", Some(""), &[""], [Some(""), None, Some("")]),
            ("alice", Some("a@example.com"), &["staff", "all"], [Some("alice"), Some("a@example.com"), Some("staff,all")]),
            (
                "søren\r\nX-Admin: 1",
                Some(" s@example.com"),
                &["Sales team", "CN=A,OU=B", "100%", " "],
                [Some("s%C3%B8ren%0D%0AX-Admin: 1"), Some("%20s@example.com"), Some("Sales team,CN=A%2COU=B,100%25,%20")],
            ),
        ];
        for (name, mail, groups, values) in table {
            let groups: Vec<_> = groups.iter().map(|group| (*group).to_owned()).collect();
            let user = User { mail: mail.map(str::to_owned), groups, ..User::bare(name) };
            let headers = IdentityHeaders::of(&user);
            assert_eq!(headers.plain_name(), (!values[0].unwrap().contains('%')).then_some(*name));
            let given = headers.values().map(|value| value.map(|value| String::from_utf8(value.to_vec()).unwrap()));
            assert_eq!(given.each_ref().map(Option::as_deref), *values, "{name:?}");
        }
    }

    #[test]
    fn its_values_are_whole_at_any_length() {
        for length in (0..300).chain([5000]) {
            let (name, mail) = ("n".repeat(length), "m".repeat(length / 2 + 1));
            let user = User { mail: Some(mail.clone()), groups: vec!["g".repeat(length)], ..User::bare(&name) };
            let headers = IdentityHeaders::of(&user);
            assert_eq!(headers.plain_name(), Some(name.as_str()));
            let expected = [Some(name.clone()), Some(mail), Some("g".repeat(length))];
            assert_eq!(headers.values().map(|value| value.map(|value| String::from_utf8(value.to_vec()).unwrap())), expected);
        }
    }
}
