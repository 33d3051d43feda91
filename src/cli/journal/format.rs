//! One event as a line: for a terminal, as JSON, as CSV.

use clap::ValueEnum;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::cli::csv::cell;
use crate::cli::plain::{escaped, escaped_json};
use crate::store::{Entry, Link};

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub enum Format {
    #[default]
    Text,
    Json,
    Csv,
}

impl Format {
    /// The line before the first, where there is one.
    pub const fn head(self) -> &'static str {
        match self {
            Self::Text | Self::Json => "",
            Self::Csv => "at,outcome,event,application,name,user,address,reason,detail,browser,trace,node,seq\r\n",
        }
    }

    pub fn line(self, link: &Link) -> String {
        match self {
            Self::Text => text(&link.entry),
            Self::Json => json(link),
            Self::Csv => csv(link),
        }
    }
}

/// What an event says besides its columns, taken apart.
struct Detail {
    address: String,
    browser: String,
    reason: String,
    rest: Map<String, Value>,
}

impl Detail {
    fn of(entry: &Entry) -> Self {
        let mut rest: Map<String, Value> = serde_json::from_str(&entry.detail).unwrap_or_default();
        let mut take = |key: &str| match rest.remove(key) {
            Some(Value::String(text)) => text,
            Some(other) => other.to_string(),
            None => String::new(),
        };
        let (address, browser, reason) = (take("address"), take("browser"), take("reason"));
        Self { address, browser, reason, rest }
    }
}

/// `2026-11-30T12:30:05.123Z  no    password-refused  mail  alice (corp:1)  192.0.2.7  4k7q-0x2m-9dtz  wrong  tries_left=2  "Mozilla…"`
pub fn text(entry: &Entry) -> String {
    let Detail { address, browser, reason, rest } = Detail::of(entry);
    let or_none = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
    let trace = entry.trace.map_or_else(|| "-".to_owned(), |trace| trace.to_string());
    let mut line = format!(
        "{}  {:<4}  {:<20}  {}  {}  {}  {trace}",
        entry.at,
        entry.outcome,
        entry.kind,
        or_none(&entry.application),
        who(entry),
        or_none(&address),
    );
    if !reason.is_empty() {
        line += &format!("  {reason}");
    }
    fields("", &Value::Object(rest), &mut line);
    if !browser.is_empty() {
        line += &format!("  {browser:?}");
    }
    escaped(&line) + "\n"
}

/// The name beside the id, which stays when names change.
fn who(entry: &Entry) -> String {
    match (entry.name.as_str(), entry.user.as_str()) {
        ("", "") => "-".to_owned(),
        ("", user) => user.to_owned(),
        (name, user) => format!("{name} ({user})"),
    }
}

/// `key=value` for each, with a dot between the keys of what stands within another.
fn fields(key: &str, value: &Value, line: &mut String) {
    match value {
        Value::Null => {}
        Value::Object(map) => {
            for (name, value) in map {
                let key = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
                fields(&key, value, line);
            }
        }
        Value::Array(list) if list.iter().any(Value::is_object) => list.iter().for_each(|value| fields(key, value, line)),
        Value::Array(list) => {
            let words: Vec<String> = list.iter().map(word).collect();
            *line += &format!("  {key}={}", words.join("+"));
        }
        value => *line += &format!("  {key}={}", word(value)),
    }
}

fn word(value: &Value) -> String {
    match value {
        Value::String(text) if text.contains(' ') || text.is_empty() => format!("{text:?}"),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Everything that is stored of an event, and the name.
#[derive(Serialize)]
struct Whole<'a> {
    at: String,
    node: &'a str,
    seq: u64,
    trace: Option<String>,
    event: &'a str,
    outcome: &'a str,
    user: &'a str,
    name: &'a str,
    application: &'a str,
    country: &'a str,
    detail: Value,
    format: u32,
    hash: &'a str,
}

fn json(link: &Link) -> String {
    let Link { node, seq, format, hash, entry } = link;
    let whole = Whole {
        at: entry.at.to_string(),
        node,
        seq: *seq,
        trace: entry.trace.map(|trace| trace.to_string()),
        event: &entry.kind,
        outcome: &entry.outcome,
        user: &entry.user,
        name: &entry.name,
        application: &entry.application,
        country: &entry.country,
        detail: serde_json::from_str(&entry.detail).unwrap_or_else(|_| Value::String(entry.detail.clone())),
        format: *format,
        hash,
    };
    escaped_json(&serde_json::to_string(&whole).unwrap_or_default()) + "\n"
}

fn csv(link: &Link) -> String {
    let Link { node, seq, entry, .. } = link;
    let Detail { address, browser, reason, rest } = Detail::of(entry);
    let rest = if rest.is_empty() { String::new() } else { Value::Object(rest).to_string() };
    let cells = [
        entry.at.to_string(),
        entry.outcome.clone(),
        entry.kind.clone(),
        entry.application.clone(),
        entry.name.clone(),
        entry.user.clone(),
        address,
        reason,
        rest,
        browser,
        entry.trace.map(|trace| trace.to_string()).unwrap_or_default(),
        node.clone(),
        seq.to_string(),
    ];
    cells.map(|text| cell(&text)).join(",") + "\r\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Time;

    fn link(name: &str, detail: Value) -> Link {
        let entry = Entry {
            at: Time::from_millis(1_700_000_000_123),
            kind: "password-refused".into(),
            outcome: "no".into(),
            user: "corp:1".into(),
            name: name.into(),
            application: "mail".into(),
            trace: "4k7q-0x2m-9dtz".parse().ok(),
            detail: detail.to_string(),
            ..Entry::default()
        };
        Link { node: "doorward".into(), seq: 7, format: 1, hash: "ab".into(), entry }
    }

    #[test]
    fn a_line_says_who_from_where_and_why() {
        let detail = serde_json::json!({
            "reason": "wrong", "address": "192.0.2.7", "browser": "Mozilla/5.0 (X11)", "tries_left": 2, "none": null,
            "facts": { "door": "browser mail.example", "groups": [{ "group": "cn=a", "answer": "member" }] }, "list": ["a", "b"],
        });
        assert_eq!(
            text(&link("alice", detail).entry),
            "2023-11-14T22:13:20.123Z  no    password-refused      mail  alice (corp:1)  192.0.2.7  4k7q-0x2m-9dtz  wrong  \
             facts.door=\"browser mail.example\"  facts.groups.answer=member  facts.groups.group=cn=a  list=a+b  tries_left=2  \
             \"Mozilla/5.0 (X11)\"\n"
        );
    }

    #[test]
    fn nothing_that_a_stranger_wrote_is_obeyed_anywhere() {
        let hostile = link("=cmd\u{1b}[2J", serde_json::json!({ "browser": "@SUM(A1)\u{202e}\r\n=1", "reason": "\u{9b}31m" }));
        for format in [Format::Text, Format::Json, Format::Csv] {
            let line = format.line(&hostile);
            let inner = line.trim_end_matches(['\r', '\n']);
            assert!(!inner.contains(|letter: char| letter.is_control() || letter == '\u{202e}'), "{format:?}: {line:?}");
        }
        let csv = Format::Csv.line(&hostile);
        assert!(csv.contains("\"'=cmd") && csv.contains("\"'@SUM(A1)"), "{csv}");
        assert!(text(&hostile.entry).contains("\\u{1b}[2J"));
        let value: Value = serde_json::from_str(&Format::Json.line(&hostile)).unwrap();
        assert_eq!(value["name"], "=cmd\u{1b}[2J");
        assert_eq!(value["detail"]["browser"], "@SUM(A1)\u{202e}\r\n=1");
    }
}
