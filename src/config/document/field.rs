//! One value of the document and the ways of reading it. Every reader gives nothing after it has noted what is wrong.

use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use toml::Spanned;
use toml::de::DeValue;

use super::context::Context;
use super::record::Shape;
use super::scalar;
use super::section::Section;
use crate::base::phone::check_beginning;
use crate::base::{Country, Rate};

#[derive(Clone, Copy)]
pub(in crate::config) struct Field<'d> {
    pub(in crate::config) context: &'d Context<'d>,
    pub(in crate::config) key: &'d str,
    /// Where the key begins, in bytes; for an entry of a list where the entry does.
    pub(in crate::config) key_at: usize,
    pub(in crate::config) value: &'d Spanned<DeValue<'d>>,
}

impl<'d> Field<'d> {
    /// Where the value begins, in bytes.
    pub(in crate::config) fn at(self) -> usize {
        self.value.span().start
    }

    pub(in crate::config) fn problem(self, message: impl Into<String>) {
        self.context.problem(self.at(), message);
    }

    /// A problem of the key rather than of its value.
    pub(in crate::config) fn key_problem(self, message: impl Into<String>) {
        self.context.problem(self.key_at, message);
    }

    /// What a reader takes here, for the schema. The last reader's word counts.
    pub(in crate::config) fn takes(self, shapes: Vec<Shape>) {
        if let Some(record) = self.context.record {
            record.value(self.value, shapes);
        }
    }

    /// Text that this pattern fits (no stricter than the reader).
    fn takes_like(self, pattern: &'static str) {
        self.takes(vec![Shape::Text(Some(pattern))]);
    }

    /// Another type than the expected one. What a string says is not repeated: it may be a secret at the wrong place.
    fn expected<T>(self, what: impl Display) -> Option<T> {
        let found = match self.value.get_ref() {
            DeValue::String(_) => "a string".to_owned(),
            DeValue::Integer(number) => number.to_string().chars().take(32).collect(),
            DeValue::Float(_) => "a fraction".to_owned(),
            DeValue::Boolean(value) => value.to_string(),
            DeValue::Datetime(_) => "a date".to_owned(),
            DeValue::Array(_) => "a list".to_owned(),
            DeValue::Table(_) => "a table".to_owned(),
        };
        self.problem(format!("`{}`: expected {what}, found {found}", self.key));
        None
    }

    /// A string that says something else than what is expected.
    fn misread<T>(self, what: &str, text: &str, hint: &str) -> Option<T> {
        let cut: String = text.chars().take(64).collect();
        let dots = if cut.len() < text.len() { "..." } else { "" };
        self.problem(format!("`{}`: expected {what}, found {cut:?}{dots}{hint}", self.key));
        None
    }

    /// A string; `what` is expected otherwise.
    fn string(self, what: &str) -> Option<&'d str> {
        match self.value.get_ref() {
            DeValue::String(text) => Some(text),
            _ => self.expected(what),
        }
    }

    fn parsed<T>(self, what: &str, parse: impl FnOnce(&'d str) -> Option<T>) -> Option<T> {
        let text = self.string(what)?;
        parse(text).or_else(|| self.misread(what, text, ""))
    }

    /// Text of one line that is not empty.
    pub(in crate::config) fn text(self) -> Option<&'d str> {
        self.takes(vec![Shape::Text(None)]);
        self.parsed("one line of text", |text| {
            let fits = !text.trim().is_empty() && text.len() <= 4096 && !text.chars().any(char::is_control);
            fits.then_some(text)
        })
    }

    /// Any text, several lines too.
    pub(in crate::config) fn lines(self) -> Option<&'d str> {
        self.takes(vec![Shape::Lines]);
        self.parsed("text", |text| (text.len() <= 65_536 && !text.contains('\0')).then_some(text))
    }

    /// What one of our sections is called: letters, digits, `-`, `_` and `.`, at most 64.
    pub(in crate::config) fn name(self) -> Option<Arc<str>> {
        self.takes_like("^[A-Za-z0-9._-]{1,64}$");
        self.parsed("a name of letters, digits, `-`, `_` and `.` (at most 64)", |text| {
            let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
            ((1..=64).contains(&text.len()) && text.bytes().all(fits)).then(|| text.into())
        })
    }

    pub(in crate::config) fn boolean(self) -> Option<bool> {
        self.takes(vec![Shape::Boolean]);
        self.value.get_ref().as_bool().or_else(|| self.expected("true or false"))
    }

    pub(in crate::config) fn number(self, range: RangeInclusive<u32>) -> Option<u32> {
        self.takes(vec![Shape::Number(range.clone())]);
        let number = self
            .value
            .get_ref()
            .as_integer()
            .and_then(|number| u32::from_str_radix(&number.as_str().replace('_', ""), number.radix()).ok())
            .filter(|number| range.contains(number));
        number.or_else(|| self.expected(format_args!("a whole number from {} to {}", range.start(), range.end())))
    }

    /// A whole number or a fraction, both ends included.
    pub(in crate::config) fn decimal(self, least: f64, most: f64) -> Option<f64> {
        self.takes(vec![Shape::Decimal(least..=most)]);
        let number = match self.value.get_ref() {
            DeValue::Float(float) => float.as_str().replace('_', "").parse().ok(),
            DeValue::Integer(number) => {
                u32::from_str_radix(&number.as_str().replace('_', ""), number.radix()).ok().map(f64::from)
            }
            _ => None,
        };
        number
            .filter(|number| (least..=most).contains(number))
            .or_else(|| self.expected(format_args!("a number from {least} to {most}")))
    }

    pub(in crate::config) fn duration(self, range: RangeInclusive<Duration>) -> Option<Duration> {
        self.takes(vec![Shape::Duration(range.clone())]);
        let (least, most) = (scalar::written(*range.start()), scalar::written(*range.end()));
        let what = format!("a duration from \"{least}\" to \"{most}\"");
        self.parsed(&what, |text| scalar::duration(text).filter(|span| range.contains(span)))
    }

    /// Bytes, at least one.
    pub(in crate::config) fn size(self) -> Option<u64> {
        self.takes_like("^[0-9]+ ?([KMG]i)?B$");
        self.parsed("a size like \"50 MiB\"", |text| scalar::size(text).filter(|bytes| *bytes > 0))
    }

    pub(in crate::config) fn rate(self) -> Option<Rate> {
        self.takes_like("^[0-9]+/[0-9]+[smhd]$");
        self.parsed("a rate like \"60/1m\"", scalar::rate)
    }

    /// Two letters.
    pub(in crate::config) fn country(self) -> Option<Country> {
        self.takes_like("^[A-Z]{2}$");
        self.parsed("a country of ISO 3166 like \"DK\"", Country::named)
    }

    /// The beginning of phone numbers: `+45900`.
    pub(in crate::config) fn number_prefix(self) -> Option<Arc<str>> {
        self.takes_like("^[+][1-9][0-9]{0,14}$");
        let beginning = self.parsed("the first digits of a phone number, like \"+45900\"", |text| {
            let digits = text.strip_prefix('+')?;
            let fits =
                (1..=15).contains(&digits.len()) && !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit());
            fits.then_some(text)
        })?;
        let checked = check_beginning(beginning);
        checked.map_err(|error| self.problem(format!("`{}`: {beginning}: {error}", self.key))).ok()?;
        Some(beginning.into())
    }

    pub(in crate::config) fn socket(self) -> Option<SocketAddr> {
        self.takes_like(":[0-9]+$");
        self.parsed("an address and port like \"[::]:443\" or \"127.0.0.1:8443\"", |text| text.parse().ok())
    }

    /// A network, or one address. What stands behind the prefix must be zero: it is most often a mistyped prefix.
    pub(in crate::config) fn network(self) -> Option<IpNet> {
        let text = self.text()?;
        self.takes_like("^[0-9A-Fa-f.:/]+$");
        let single = text.parse().ok().map(|address: IpAddr| IpNet::from(address.to_canonical()));
        let Some(network) = single.or_else(|| text.parse().ok()) else {
            self.problem(format!("`{}`: expected a network like \"10.0.0.0/8\" or \"2001:db8::/32\"", self.key));
            return None;
        };
        if network.trunc() != network {
            self.problem(format!("`{}`: {text} has host bits set; write the network as {}", self.key, network.trunc()));
            return None;
        }
        Some(network)
    }

    /// A path; a relative one is relative to the file's folder.
    pub(in crate::config) fn path(self) -> Option<PathBuf> {
        self.takes(vec![Shape::Text(None)]);
        let text = self.parsed("a path", |text| (!text.is_empty() && !text.contains('\0')).then_some(text))?;
        Some(self.context.folder.join(text))
    }

    /// A server of one of the schemes: scheme, host without brackets, port where written.
    pub(in crate::config) fn server(self, schemes: &[&'static str]) -> Option<(&'static str, &'d str, Option<u16>)> {
        self.takes_like("^[A-Za-z]+://[^/?#]+$");
        let all: Vec<String> = schemes.iter().map(|scheme| format!("{scheme}://host[:port]")).collect();
        let what = format!("{} without a path", all.join(" or "));
        self.parsed(&what, |text| scalar::server(text, schemes))
    }

    /// `host` or `host:port`.
    pub(in crate::config) fn host_and_port(self) -> Option<(&'d str, Option<u16>)> {
        self.takes_like(r"^(\[[0-9A-Fa-f.:]+\]|[A-Za-z0-9._-]+)(:[0-9]+)?$");
        self.parsed("host:port", scalar::host_and_port)
    }

    /// A host name or address without port, in lower case and ASCII.
    pub(in crate::config) fn host(self) -> Option<Arc<str>> {
        self.takes_like(r"^[^\s:/*]+$");
        self.parsed("a host name without port", |text| scalar::host(text).map(Arc::from))
    }

    /// The same, or a pattern with `*.` in front.
    pub(in crate::config) fn host_pattern(self) -> Option<Arc<str>> {
        self.takes_like(r"^(\*\.)?[^\s:/*]+$");
        self.parsed("a host name without port, or `*.` and a name", |text| scalar::host_pattern(text).map(Arc::from))
    }

    /// One of the built words; one of the later ones is not in this version.
    pub(in crate::config) fn choice<T: Copy>(self, built: &[(&'static str, T)], later: &[&'static str]) -> Option<T> {
        self.takes(vec![Shape::Words(built.iter().map(|(word, _)| *word).collect())]);
        let words: Vec<String> = built.iter().map(|(word, _)| format!("{word:?}")).collect();
        let what = words.join(" or ");
        let text = self.string(&what)?;
        if let Some((_, value)) = built.iter().find(|(word, _)| *word == text) {
            return Some(*value);
        }
        if later.contains(&text) {
            self.problem(format!("`{} = {text:?}` is not in this version", self.key));
            return None;
        }
        let mut known = built.iter().map(|(word, _)| *word);
        let hint = scalar::did_you_mean(text, &mut known);
        self.misread(&what, text, &hint)
    }

    /// `200`, or `"2xx"` for all from 200 to 299: numbers of HTTP statuses.
    pub(in crate::config) fn statuses(self) -> Option<Vec<u16>> {
        let classes = [("2xx", 200), ("3xx", 300), ("4xx", 400), ("5xx", 500)];
        let read = if self.value.get_ref().is_integer() {
            self.number(200..=599).and_then(|number| Some(vec![u16::try_from(number).ok()?]))
        } else {
            self.choice(&classes, &[]).map(|first: u16| (first..=first + 99).collect())
        };
        self.takes(vec![Shape::Number(200..=599), Shape::Words(classes.iter().map(|(word, _)| *word).collect())]);
        read
    }

    /// The entries of a list; what is no list is a problem.
    pub(in crate::config) fn list(self) -> Option<Vec<Field<'d>>> {
        match self.value.get_ref() {
            DeValue::Array(array) => {
                self.takes(vec![Shape::List(0)]);
                Some(array.iter().map(|value| Field { key_at: value.span().start, value, ..self }).collect())
            }
            _ => self.expected("a list"),
        }
    }

    /// Every entry of a list that holds at least one. Gives what could be read.
    pub(in crate::config) fn some<T>(self, read: impl FnMut(Field<'d>) -> Option<T>) -> Option<Vec<T>> {
        let entries = self.list()?;
        self.takes(vec![Shape::List(1)]);
        if entries.is_empty() {
            self.problem(format!("`{}` must not be empty", self.key));
        }
        Some(entries.into_iter().filter_map(read).collect())
    }

    pub(in crate::config) fn is_table(self) -> bool {
        self.value.get_ref().is_table()
    }

    /// A table, inline or with a header of its own.
    pub(in crate::config) fn section(self) -> Option<Section<'d>> {
        match self.value.get_ref() {
            DeValue::Table(table) => Some(Section::new(self.context, self.key, self.at(), table)),
            _ => self.expected("a table like { key = value }"),
        }
    }
}
