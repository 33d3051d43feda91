//! One line of the access log: a JSON object (RFC 8259) in ASCII line ends, whatever strangers put into its values. Nothing is
//! allocated and what is long is cut.

use std::io::Write;
use std::net::IpAddr;
use std::time::Duration;

use http::{Method, StatusCode, Version};

use crate::base::{Time, TraceId};
use crate::proxy::Client;

/// What is known of a request when its answer begins. Never its query, which may hold secrets, and no field but `Host`.
pub(super) struct Line<'a> {
    pub time: Time,
    pub client: &'a Client,
    pub address: IpAddr,
    pub method: &'a Method,
    pub whose: Whose<'a>,
    pub path: &'a str,
    pub status: StatusCode,
    pub duration: Duration,
    pub user: Option<&'a str>,
    pub version: Version,
    pub trace: Option<TraceId>,
    /// Why its path was refused, in a word.
    pub refused: Option<&'static str>,
}

/// Whose a request is.
pub(super) enum Whose<'a> {
    Ours(&'a PlaceText),
    /// Nobody's here: its host as it was written.
    Unknown(&'a [u8]),
}

/// A host and its application as they stand in a line, written once.
#[derive(Clone, Debug)]
pub(super) struct PlaceText {
    host: Vec<u8>,
    application: Vec<u8>,
}

impl PlaceText {
    pub fn new(host: &str, application: &str) -> Self {
        let mut written = Self { host: Vec::new(), application: Vec::new() };
        text(&mut written.host, b"\",\"host\":\"", host.as_bytes(), MOST_NAME);
        text(&mut written.application, b",\"application\":\"", application.as_bytes(), MOST_NAME);
        written.application.push(b'"');
        written
    }
}

/// The newest second as text; most lines are of the same one.
#[derive(Default)]
pub(super) struct Stamp {
    second: Option<u64>,
    text: Vec<u8>,
}

impl Stamp {
    fn write(&mut self, time: Time, out: &mut Vec<u8>) {
        let (second, millis) = (time.millis() / 1000, time.millis() % 1000);
        if self.second != Some(second) {
            self.second = Some(second);
            self.text.clear();
            // A vector takes everything.
            let _ = write!(self.text, "{}", Time::from_millis(second * 1000));
            // Without the milliseconds: `.000Z`.
            self.text.truncate(self.text.len().saturating_sub(5));
        }
        out.extend_from_slice(&self.text);
        let digit = |of: u64| b'0' + (of % 10) as u8;
        out.extend_from_slice(&[b'.', digit(millis / 100), digit(millis / 10), digit(millis), b'Z']);
    }
}

impl Line<'_> {
    pub fn write(&self, stamp: &mut Stamp, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"time\":\"");
        stamp.write(self.time, out);
        out.extend_from_slice(b"\",\"client\":\"");
        self.client.told_as(self.address, |address| out.extend_from_slice(address.as_bytes()));
        out.extend_from_slice(b"\",\"method\":\"");
        let method = self.method.as_str().as_bytes();
        // A token, in which nothing needs an escape (RFC 9110 section 5.6.2).
        out.extend_from_slice(method.get(..MOST_METHOD).unwrap_or(method));
        match self.whose {
            Whose::Ours(place) => out.extend_from_slice(&place.host),
            Whose::Unknown(host) => text(out, b"\",\"host\":\"", host, MOST_NAME),
        }
        text(out, b"\",\"path\":\"", self.path.as_bytes(), MOST_PATH);
        out.extend_from_slice(if self.path.len() > MOST_PATH { b"\",\"cut\":true,\"status\":" } else { b"\",\"status\":" });
        out.extend_from_slice(self.status.as_str().as_bytes());
        out.extend_from_slice(b",\"duration_ms\":");
        number(out, self.duration.as_secs().saturating_mul(1000).saturating_add(self.duration.subsec_millis().into()));
        if let Whose::Ours(place) = self.whose {
            out.extend_from_slice(&place.application);
        }
        if let Some(user) = self.user {
            text(out, b",\"user\":\"", user.as_bytes(), MOST_NAME);
            out.push(b'"');
        }
        out.extend_from_slice(b",\"version\":\"");
        out.extend_from_slice(version(self.version).as_bytes());
        if let Some(trace) = self.trace {
            let _ = write!(out, "\",\"trace\":\"{trace}");
        }
        if let Some(refused) = self.refused {
            let _ = write!(out, "\",\"refused\":\"{refused}");
        }
        out.extend_from_slice(b"\"}\n");
    }
}

/// A line about what could not be read as a request: nothing is known of it but where it came from and what was answered.
pub(super) fn unreadable(stamp: &mut Stamp, out: &mut Vec<u8>, (time, client, status): (Time, IpAddr, StatusCode)) {
    out.extend_from_slice(b"{\"time\":\"");
    stamp.write(time, out);
    // A vector takes everything.
    let _ = writeln!(out, "\",\"client\":\"{client}\",\"status\":{},\"refused\":\"unreadable\"}}", status.as_str());
}

/// The key with the quotes around it, and at most so many bytes of the value, whose last quote is the caller's. What is not UTF-8, also
/// where it was cut, becomes U+FFFD. The key's length is known where it is called, so that it is copied without asking for it.
fn text<const N: usize>(out: &mut Vec<u8>, key: &[u8; N], value: &[u8], most: usize) {
    out.extend_from_slice(key);
    let value = value.get(..most).unwrap_or(value);
    if is_plain(value) {
        return out.extend_from_slice(value);
    }
    for chunk in value.utf8_chunks() {
        escaped(out, chunk.valid());
        if !chunk.invalid().is_empty() {
            out.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
}

/// Whether it stands in JSON as it is: visible ASCII and blanks. Most does, so all of it is looked at without a branch for each byte.
fn is_plain(value: &[u8]) -> bool {
    value.iter().fold(true, |plain, byte| plain & (b' '..=b'~').contains(byte) & (*byte != b'"') & (*byte != b'\\'))
}

fn number(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

fn escaped(out: &mut Vec<u8>, text: &str) {
    for letter in text.chars() {
        match letter {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            // Not only what JSON forbids: a log is read on terminals, which obey control characters and turn text around.
            _ if letter.is_control()
                || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}') =>
            {
                let _ = write!(out, "\\u{:04x}", u32::from(letter));
            }
            _ => out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_09 => "0.9",
        Version::HTTP_10 => "1.0",
        Version::HTTP_11 => "1.1",
        Version::HTTP_2 => "2",
        _ => "3",
    }
}

const MOST_PATH: usize = 1024;
/// A host or an account name that is longer is none.
const MOST_NAME: usize = 256;
const MOST_METHOD: usize = 32;

/// The client went away before there was an answer. No status of HTTP; other servers write the same.
pub const GONE: u16 = 499;

#[cfg(test)]
mod tests {
    use super::*;

    fn line<'a>(client: &'a Client, whose: Whose<'a>) -> Line<'a> {
        Line {
            time: Time::from_millis(1_700_000_000_023),
            client,
            address: IpAddr::from([192, 0, 2, 7]),
            method: &Method::GET,
            whose,
            path: "/a/b%20c",
            status: StatusCode::OK,
            duration: Duration::from_millis(12),
            user: Some("alice"),
            version: Version::HTTP_2,
            trace: None,
            refused: None,
        }
    }

    fn written(line: &Line<'_>) -> String {
        let mut out = Vec::new();
        line.write(&mut Stamp::default(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_are_written_as_everybody_writes_them() {
        for given in [0, 1, 9, 10, 99, 100, 999, 1000, 65_535, u64::MAX] {
            let mut out = Vec::new();
            number(&mut out, given);
            assert_eq!(String::from_utf8(out).unwrap(), given.to_string());
        }
    }

    #[test]
    fn a_line_has_its_fields_in_order() {
        let start =
            r#"{"time":"2023-11-14T22:13:20.023Z","client":"192.0.2.7","method":"GET","host":"app.example","path":"/a/b%20c""#;
        let full = format!(
            "{start},\"status\":200,\"duration_ms\":12,\"application\":\"mail\",\"user\":\"alice\",\"version\":\"2\"}}\n"
        );
        let (client, place) = (Client::default(), PlaceText::new("app.example", "mail"));
        assert_eq!(written(&line(&client, Whose::Ours(&place))), full);
        let bare = line(&client, Whose::Unknown(b"app.example"));
        let bare = Line { user: None, version: Version::HTTP_11, status: StatusCode::NOT_FOUND, ..bare };
        assert_eq!(written(&bare), format!("{start},\"status\":404,\"duration_ms\":12,\"version\":\"1.1\"}}\n"));
        let trace: TraceId = "4k7q-0x2m-9dtz".parse().unwrap();
        assert!(written(&Line { trace: Some(trace), ..bare }).ends_with(",\"version\":\"1.1\",\"trace\":\"4k7q-0x2m-9dtz\"}\n"));
    }

    #[test]
    fn the_second_is_written_anew_when_it_changes() {
        let (mut stamp, mut out) = (Stamp::default(), Vec::new());
        for millis in [1_700_000_000_999, 1_700_000_001_000, 1_700_000_000_001] {
            stamp.write(Time::from_millis(millis), &mut out);
            out.push(b' ');
        }
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text, "2023-11-14T22:13:20.999Z 2023-11-14T22:13:21.000Z 2023-11-14T22:13:20.001Z ");
    }

    #[test]
    fn no_value_breaks_or_forges_a_line() {
        let hostile = [
            "\"}\n{\"time\":\"x\",\"user\":\"root\"}",
            "\",\"user\":\"root",
            "\\\"",
            "\\",
            "a\r\nb\0\u{7f}\u{1b}[2J\u{9b}31m",
            "\u{2028}\u{2029}\u{202e}txt.exe\u{feff}",
            "M\u{fc}ller \u{1f600}",
            "",
        ];
        let client = Client::default();
        for text in hostile {
            let place = PlaceText::new(text, text);
            let ours = Line { path: text, user: Some(text), ..line(&client, Whose::Ours(&place)) };
            let written = written(&ours);
            assert_eq!(written.matches('\n').count(), 1, "{written}");
            assert!(!written.trim_end().chars().any(|letter| letter.is_control() || letter == '\u{202e}'), "{written:?}");
            let value: serde_json::Value = serde_json::from_str(&written).unwrap();
            for key in ["path", "user", "host", "application"] {
                assert_eq!(value[key], text, "{key}");
            }
            assert_eq!(value.as_object().unwrap().len(), 10, "{written}");
            let strange = self::written(&line(&client, Whose::Unknown(text.as_bytes())));
            assert_eq!(serde_json::from_str::<serde_json::Value>(&strange).unwrap()["host"], text);
        }
    }

    #[test]
    fn a_method_is_a_token_and_cut_where_it_is_long() {
        let client = Client::default();
        for (given, expected) in
            [("PROPFIND", "PROPFIND"), ("!#$%&'*+-.^_`|~", "!#$%&'*+-.^_`|~"), (&*"M".repeat(40), &*"M".repeat(32))]
        {
            let method = Method::from_bytes(given.as_bytes()).unwrap();
            let written = written(&Line { method: &method, ..line(&client, Whose::Unknown(b"")) });
            assert_eq!(serde_json::from_str::<serde_json::Value>(&written).unwrap()["method"], expected);
        }
        for byte in 0..=255 {
            let is_plain = matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
            assert!(is_plain || Method::from_bytes(&[byte]).is_err(), "{byte}");
        }
    }

    #[test]
    fn what_is_long_is_cut_and_what_is_not_utf_8_is_shown_as_such() {
        let path = format!("/{}", "\u{fc}".repeat(5000));
        let client = Client::default();
        let strange = || line(&client, Whose::Unknown(b"a\xff\xfe.b"));
        let value: serde_json::Value = serde_json::from_str(&written(&Line { path: &path, ..strange() })).unwrap();
        assert_eq!(value["cut"], true);
        assert!(value["path"].as_str().unwrap().len() <= MOST_PATH + 2);
        assert_eq!(value["host"], "a\u{fffd}\u{fffd}.b");
        let value: serde_json::Value = serde_json::from_str(&written(&strange())).unwrap();
        assert!(value.get("cut").is_none());
    }
}
