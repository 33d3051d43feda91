//! One line of the access log: a JSON object (RFC 8259) in ASCII line ends, whatever strangers put into its values. Nothing is
//! allocated and what is long is cut.

use std::io::Write;
use std::net::IpAddr;
use std::time::Duration;

use http::Version;

use crate::base::{Time, TraceId};

/// What is known of a request when its answer begins. Never its query, which may hold secrets, and no field but `Host`.
pub(super) struct Line<'a> {
    pub time: Time,
    pub client: IpAddr,
    pub method: &'a str,
    /// Where it is none of ours: as it was written.
    pub host: &'a [u8],
    pub path: &'a str,
    pub status: u16,
    pub duration: Duration,
    pub application: Option<&'a str>,
    pub user: Option<&'a str>,
    pub version: Version,
    pub trace: Option<TraceId>,
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
        out.push(b'.');
        number(out, millis, 3);
        out.push(b'Z');
    }
}

impl Line<'_> {
    pub fn write(&self, stamp: &mut Stamp, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"time\":\"");
        stamp.write(self.time, out);
        out.extend_from_slice(b"\",\"client\":\"");
        address(out, self.client);
        text(out, b"\",\"method\":\"", self.method.as_bytes(), MOST_METHOD);
        text(out, b"\",\"host\":\"", self.host, MOST_NAME);
        text(out, b"\",\"path\":\"", self.path.as_bytes(), MOST_PATH);
        out.extend_from_slice(if self.path.len() > MOST_PATH { b"\",\"cut\":true,\"status\":" } else { b"\",\"status\":" });
        number(out, self.status.into(), 1);
        out.extend_from_slice(b",\"duration_ms\":");
        number(out, u64::try_from(self.duration.as_millis()).unwrap_or(u64::MAX), 1);
        if let Some(application) = self.application {
            text(out, b",\"application\":\"", application.as_bytes(), MOST_NAME);
            out.push(b'"');
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
        out.extend_from_slice(b"\"}\n");
    }
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

/// At least so many digits. The machinery of `write!` costs ten times as much.
fn number(out: &mut Vec<u8>, number: u64, least: usize) {
    let mut digits = [b'0'; 20];
    let mut rest = number;
    let mut used = 0;
    for digit in digits.iter_mut().rev() {
        if rest == 0 && used >= least {
            break;
        }
        *digit = b"0123456789".get((rest % 10) as usize).copied().unwrap_or(b'0');
        rest /= 10;
        used += 1;
    }
    out.extend_from_slice(digits.get(digits.len() - used..).unwrap_or_default());
}

fn address(out: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(address) => {
            for (place, octet) in address.octets().into_iter().enumerate() {
                if place > 0 {
                    out.push(b'.');
                }
                number(out, octet.into(), 1);
            }
        }
        // A vector takes everything.
        IpAddr::V6(address) => drop(write!(out, "{address}")),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn line<'a>() -> Line<'a> {
        Line {
            time: Time::from_millis(1_700_000_000_023),
            client: IpAddr::from([192, 0, 2, 7]),
            method: "GET",
            host: b"app.example",
            path: "/a/b%20c",
            status: 200,
            duration: Duration::from_millis(12),
            application: Some("mail"),
            user: Some("alice"),
            version: Version::HTTP_2,
            trace: None,
        }
    }

    fn written(line: &Line<'_>) -> String {
        let mut out = Vec::new();
        line.write(&mut Stamp::default(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_and_addresses_are_written_as_everybody_writes_them() {
        for given in [0, 1, 9, 10, 99, 100, 999, 1000, 65_535, u64::MAX] {
            let mut out = Vec::new();
            number(&mut out, given, 1);
            number(&mut out, given, 3);
            assert_eq!(String::from_utf8(out).unwrap(), format!("{given}{given:03}"));
        }
        for given in ["0.0.0.0", "192.0.2.7", "255.255.255.255", "2001:db8::1", "::1"] {
            let mut out = Vec::new();
            address(&mut out, given.parse().unwrap());
            assert_eq!(String::from_utf8(out).unwrap(), given);
        }
    }

    #[test]
    fn a_line_has_its_fields_in_order() {
        let start =
            r#"{"time":"2023-11-14T22:13:20.023Z","client":"192.0.2.7","method":"GET","host":"app.example","path":"/a/b%20c""#;
        let full = format!(
            "{start},\"status\":200,\"duration_ms\":12,\"application\":\"mail\",\"user\":\"alice\",\"version\":\"2\"}}\n"
        );
        assert_eq!(written(&line()), full);
        let bare = Line { application: None, user: None, version: Version::HTTP_11, status: 404, ..line() };
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
        for text in hostile {
            let line =
                Line { path: text, user: Some(text), host: text.as_bytes(), method: text, application: Some(text), ..line() };
            let written = written(&line);
            assert_eq!(written.matches('\n').count(), 1, "{written}");
            assert!(!written.trim_end().chars().any(|letter| letter.is_control() || letter == '\u{202e}'), "{written:?}");
            let value: serde_json::Value = serde_json::from_str(&written).unwrap();
            for key in ["path", "user", "host", "application"] {
                assert_eq!(value[key], text, "{key}");
            }
            assert_eq!(value.as_object().unwrap().len(), 10, "{written}");
        }
    }

    #[test]
    fn what_is_long_is_cut_and_what_is_not_utf_8_is_shown_as_such() {
        let path = format!("/{}", "\u{fc}".repeat(5000));
        let value: serde_json::Value =
            serde_json::from_str(&written(&Line { path: &path, host: b"a\xff\xfe.b", ..line() })).unwrap();
        assert_eq!(value["cut"], true);
        assert!(value["path"].as_str().unwrap().len() <= MOST_PATH + 2);
        assert_eq!(value["host"], "a\u{fffd}\u{fffd}.b");
        let value: serde_json::Value = serde_json::from_str(&written(&line())).unwrap();
        assert!(value.get("cut").is_none());
    }
}
