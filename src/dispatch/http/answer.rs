//! What a gateway's answer means: sent, and under which name; or not, and what to try next.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use regex::Regex;
use serde_json::Value;

use crate::base::Time;
use crate::config::transmitter::{Answers, Extract, Match, Then};
use crate::dispatch::FailureKind;

/// The rules of one gateway, ready to use.
pub(in crate::dispatch) struct Rules {
    success: Matcher,
    failures: Vec<(Matcher, FailureKind)>,
    reference: Option<Place>,
}

#[derive(PartialEq, Eq, Debug)]
pub(in crate::dispatch) enum Verdict {
    Sent { reference: Option<String> },
    Failed(FailureKind),
}

struct Matcher {
    status: Vec<u16>,
    body: Option<Regex>,
    json: Vec<(Vec<String>, Vec<String>)>,
}

enum Place {
    Body(Regex),
    Json(Vec<String>),
}

/// Longer names of messages are none.
const LONGEST_REFERENCE: usize = 128;

impl Rules {
    pub fn new(answers: &Answers) -> Result<Self, regex::Error> {
        let failures = answers.failures.iter().map(|rule| Ok((Matcher::new(&rule.when)?, kind(rule.then))));
        let reference = answers.reference.as_ref().map(|extract| {
            Ok(match extract {
                Extract::Body(pattern) => Place::Body(Regex::new(pattern)?),
                Extract::Json(pointer) => Place::Json(steps(pointer)),
            })
        });
        Ok(Self {
            success: Matcher::new(&answers.success)?,
            failures: failures.collect::<Result<_, regex::Error>>()?,
            reference: reference.transpose()?,
        })
    }

    pub fn judge(&self, status: u16, body: &str) -> Verdict {
        // A body that is no JSON has nothing at any place.
        let json: Value = serde_json::from_str(body).unwrap_or_default();
        if self.success.fits(status, body, &json) {
            let reference = self.reference.as_ref().and_then(|place| place.find(body, &json));
            return Verdict::Sent { reference: reference.filter(|name| is_reference(name)) };
        }
        let told = self.failures.iter().find(|(matcher, _)| matcher.fits(status, body, &json)).map(|(_, kind)| *kind);
        Verdict::Failed(told.unwrap_or_else(|| usual(status, body)))
    }

    /// The same of an answer whose body cannot be read; nothing where that would decide.
    pub fn judge_unread(&self, status: u16) -> Option<Verdict> {
        let Matcher { body, json, .. } = &self.success;
        match self.success.is_status(status) {
            true if body.is_none() && json.is_empty() => Some(Verdict::Sent { reference: None }),
            true => None,
            false => Some(self.judge(status, "")),
        }
    }
}

impl Matcher {
    fn new(like: &Match) -> Result<Self, regex::Error> {
        let json = like.json.iter().map(|(pointer, values)| (steps(pointer), values.clone()));
        Ok(Self { status: like.status.clone(), body: like.body.as_deref().map(Regex::new).transpose()?, json: json.collect() })
    }

    fn is_status(&self, status: u16) -> bool {
        self.status.is_empty() || self.status.contains(&status)
    }

    fn fits(&self, status: u16, body: &str, json: &Value) -> bool {
        let as_wished = |(steps, values): &(Vec<String>, Vec<String>)| {
            let mut found = Vec::new();
            collect(json, steps, &mut found);
            // Every part of a long message must have been taken; none at all is no success either.
            !found.is_empty() && found.iter().all(|found| values.contains(found))
        };
        self.is_status(status) && self.body.as_ref().is_none_or(|regex| regex.is_match(body)) && self.json.iter().all(as_wished)
    }
}

impl Place {
    fn find(&self, body: &str, json: &Value) -> Option<String> {
        match self {
            Self::Body(regex) => regex.captures(body)?.get(1).map(|found| found.as_str().to_owned()),
            Self::Json(steps) => {
                let mut found = Vec::new();
                collect(json, steps, &mut found);
                found.into_iter().next()
            }
        }
    }
}

/// The steps of a JSON pointer (RFC 6901), `*` for every entry of a list.
pub(in crate::dispatch) fn steps(pointer: &str) -> Vec<String> {
    pointer.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~")).collect()
}

/// What stands at a place: text as it is, numbers and booleans as JSON writes them.
pub(in crate::dispatch) fn collect(value: &Value, steps: &[String], found: &mut Vec<String>) {
    let Some((step, rest)) = steps.split_first() else {
        match value {
            Value::String(text) => found.push(text.clone()),
            Value::Number(_) | Value::Bool(_) => found.push(value.to_string()),
            Value::Null | Value::Array(_) | Value::Object(_) => {}
        }
        return;
    };
    match value {
        Value::Array(list) if step == "*" => list.iter().for_each(|entry| collect(entry, rest, found)),
        Value::Array(list) => {
            if let Some(entry) = step.parse().ok().and_then(|place: usize| list.get(place)) {
                collect(entry, rest, found);
            }
        }
        Value::Object(map) => {
            if let Some(entry) = map.get(step) {
                collect(entry, rest, found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A message's name as gateways make them: printable, without blanks, not endless.
pub(in crate::dispatch) fn is_reference(name: &str) -> bool {
    (1..=LONGEST_REFERENCE).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic())
}

fn kind(then: Then) -> FailureKind {
    match then {
        Then::Later => FailureKind::RetryHere,
        Then::Elsewhere => FailureKind::RetryElsewhere,
        Then::Refused => FailureKind::Final,
    }
}

/// Where no rule says otherwise. Only answers that speak of the number itself keep other gateways from being tried.
fn usual(status: u16, body: &str) -> FailureKind {
    const SIGNS: [&str; 9] = [
        "invalid destination",
        "invalid number",
        "invalid phone",
        "invalid msisdn",
        "invalid recipient",
        "invalid 'to'",
        "not a valid phone number",
        "\"code\":21211",
        "\"code\": 21211",
    ];
    let body = body.to_lowercase();
    match status {
        400 | 404 | 422 if SIGNS.iter().any(|sign| body.contains(sign)) => FailureKind::Final,
        408 | 425 | 429 => FailureKind::RetryHere,
        // What the server cannot do at all (RFC 9110 sections 15.6.2 and 15.6.6, RFC 2295, 2774, 5842 and 6585) stays so.
        501 | 505 | 506 | 508 | 510 | 511 => FailureKind::RetryElsewhere,
        // Everything else that a server says of itself passes, those of proxies in front of it among them.
        500..=599 => FailureKind::RetryHere,
        _ => FailureKind::RetryElsewhere,
    }
}

/// `Retry-After` (RFC 9110 section 10.2.3): seconds, or a date in any of the forms of section 5.6.7. Nothing where it is none.
pub fn retry_after(value: &str, now: Time) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // So many that they do not fit are more than anybody waits for.
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::from(u32::MAX))));
    }
    let date = httpdate(value)?;
    let millis = u64::try_from(date.as_millisecond()).ok()?;
    Some(Time::from_millis(millis).since(now))
}

fn httpdate(value: &str) -> Option<Timestamp> {
    if let Ok(date) = jiff::fmt::rfc2822::parse(value) {
        return Some(date.timestamp());
    }
    // Obsolete, and to be understood all the same: RFC 850's with a year of two digits, and C's asctime, both in UTC.
    let (_, rest) = value.split_once([',', ' '])?;
    let fields = rest.trim().trim_end_matches("GMT").trim();
    ["%d-%b-%y %H:%M:%S", "%b %e %H:%M:%S %Y"]
        .iter()
        .find_map(|form| DateTime::strptime(form, fields).ok())
        .and_then(|date| date.to_zoned(TimeZone::UTC).ok())
        .map(|date| date.timestamp())
}

#[cfg(test)]
mod tests {
    use super::FailureKind::RetryElsewhere;
    use super::FailureKind::RetryHere;
    use super::*;
    use crate::config::transmitter::FailureRule;

    #[test]
    fn every_part_must_have_been_taken() {
        let json = vec![("/messages/*/status".to_owned(), vec!["0".to_owned()])];
        let rules = Rules::new(&Answers {
            success: Match { status: vec![200], body: None, json },
            failures: vec![FailureRule { when: Match { body: Some("throttled".into()), ..Match::default() }, then: Then::Later }],
            reference: Some(Extract::Json("/messages/0/id".into())),
        });
        let rules = rules.unwrap();
        let sent = |reference: Option<&str>| Verdict::Sent { reference: reference.map(str::to_owned) };
        let elsewhere = || Verdict::Failed(FailureKind::RetryElsewhere);
        let table = [
            (r#"{"messages":[{"status":"0","id":"a1"},{"status":"0","id":"a2"}]}"#, sent(Some("a1"))),
            (r#"{"messages":[{"status":0}]}"#, sent(None)),
            (r#"{"messages":[{"status":"0","id":"a b"}]}"#, sent(None)),
            (r#"{"messages":[{"status":"0"},{"status":"5"}]}"#, elsewhere()),
            (r#"{"messages":[{"status":"0"},{}]}"#, sent(None)),
            (r#"{"messages":[]}"#, elsewhere()),
            (r#"{"messages":"0"}"#, elsewhere()),
            ("[[[[", elsewhere()),
            ("", elsewhere()),
            ("throttled", Verdict::Failed(FailureKind::RetryHere)),
        ];
        for (body, expected) in table {
            assert_eq!(rules.judge(200, body), expected, "{body}");
        }
        assert_eq!(rules.judge(201, r#"{"messages":[{"status":"0"}]}"#), elsewhere());
        assert_eq!(rules.judge(200, &"[".repeat(60_000)), elsewhere(), "deep nesting is no JSON");
    }

    #[test]
    fn what_a_server_says_of_itself_passes() {
        let table = [
            (RetryHere, &[408, 425, 429, 500, 502, 503, 504, 507, 520, 522, 524, 529, 598][..]),
            (RetryElsewhere, &[301, 401, 402, 403, 404, 405, 410, 501, 505, 511]),
        ];
        for (kind, all) in table {
            for status in all {
                assert_eq!(usual(*status, ""), kind, "{status}");
            }
        }
    }

    #[test]
    fn a_server_says_when_to_come_again() {
        let now = Time::from_millis(784_111_770_000);
        let table = [
            ("7", Some(7)),
            (" 120 ", Some(120)),
            ("0", Some(0)),
            ("99999999999999999999999", Some(4_294_967_295)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(7)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", Some(7)),
            ("Sun Nov  6 08:49:37 1994", Some(7)),
            ("Sun, 06 Nov 1994 08:49:00 GMT", Some(0)),
            ("", None),
            ("soon", None),
            ("-5", None),
            ("1.5", None),
        ];
        for (value, seconds) in table {
            assert_eq!(retry_after(value, now), seconds.map(Duration::from_secs), "{value:?}");
        }
    }

    #[test]
    fn a_regular_expression_finds_the_name() {
        let rules = Rules::new(&Answers {
            success: Match { status: vec![200], body: Some("^ID:".into()), json: Vec::new() },
            failures: Vec::new(),
            reference: Some(Extract::Body(r"^ID:\s*(\S+)".into())),
        });
        let rules = rules.unwrap();
        assert_eq!(rules.judge(200, "ID: 0a1b"), Verdict::Sent { reference: Some("0a1b".into()) });
        assert_eq!(rules.judge(200, &format!("ID: {}", "a".repeat(129))), Verdict::Sent { reference: None });
        assert_eq!(rules.judge(200, "ERR: 105, Invalid Destination"), Verdict::Failed(FailureKind::RetryElsewhere));
        assert_eq!(rules.judge(400, "Invalid Destination"), Verdict::Failed(FailureKind::Final));
        assert_eq!(rules.judge(429, ""), Verdict::Failed(FailureKind::RetryHere));
    }
}
