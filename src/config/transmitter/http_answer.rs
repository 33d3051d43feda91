//! What an HTTP gateway says: which answers count as "sent", what the others mean, what it calls the message, and how it reports
//! later what became of it.

use regex::RegexBuilder;

use super::http_gateway::Gateway;
use crate::config::document::{Field, Section, Shape};

/// What to make of an answer.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Answers {
    pub success: Match,
    /// The first that fits says what the failure means.
    pub failures: Vec<FailureRule>,
    /// Where the gateway's name for the message is; it is what reports are about.
    pub reference: Option<Extract>,
}

/// All of it must be so.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Match {
    /// Empty: any.
    pub status: Vec<u16>,
    /// A regular expression that the body (first 64 KiB) must match, where given.
    pub body: Option<String>,
    /// What must stand at places of a JSON body (RFC 6901, with `*` for every entry of a list), in one of the spellings.
    pub json: Vec<(String, Vec<String>)>,
}

/// One entry of `failure`: an answer that says that the message was not taken, and what follows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FailureRule {
    pub when: Match,
    pub then: Then,
}

/// What a failure means for what is tried next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Then {
    /// Here again, later.
    Later,
    Elsewhere,
    /// Nowhere: the number is no good.
    Refused,
}

/// Where something stands in an answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Extract {
    /// The first group of a regular expression.
    Body(String),
    /// A place in a JSON body.
    Json(String),
}

/// How the provider says what became of a message: in a form, a query or JSON.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// The field, or the place in JSON, of what the message is called.
    pub reference: String,
    pub status: String,
    /// Of the failure's reason.
    pub why: Option<String>,
    /// Values of the status, in any case. Others are no news.
    pub delivered: Vec<String>,
    pub failed: Vec<String>,
    pub signature: Option<Signature>,
}

/// How a report is signed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Signature {
    /// `X-Twilio-Signature`: HMAC-SHA-1 of the URL and the sorted form, under `api_secret`, else `password`.
    Twilio,
}

impl Answers {
    pub(in crate::config) fn read(gateway: &Gateway<'_, '_>) -> Self {
        let success = gateway.section.optional("success").and_then(Field::section).map(|table| {
            let read = Match::read(&table);
            table.finish();
            read
        });
        let mut success = success.unwrap_or_default();
        if success.status.is_empty() {
            success.status = (200..=299).collect();
        }
        let failures = gateway.section.optional("failures").and_then(Field::list).unwrap_or_default();
        let failures = failures.into_iter().filter_map(|entry| entry.section().and_then(FailureRule::read)).collect();
        let reference = gateway.section.optional("reference").and_then(Field::section).and_then(Extract::read);
        Self { success, failures, reference }
    }
}

impl Match {
    fn read(section: &Section<'_>) -> Self {
        let status = section.optional("status").and_then(|list| list.some(Field::statuses)).map(|lists| lists.concat());
        let body = section.optional("body").and_then(pattern);
        let json = section.optional("json").and_then(Field::section).map(|table| places(&table)).unwrap_or_default();
        Self { status: status.unwrap_or_default(), body, json }
    }
}

impl FailureRule {
    fn read(section: Section<'_>) -> Option<Self> {
        let when = Match::read(&section);
        let words = [("later", Then::Later), ("elsewhere", Then::Elsewhere), ("refused", Then::Refused)];
        let then = section.required("then").and_then(|field| field.choice(&words, &[]));
        if when == Match::default() {
            section.problem("a rule of `failures` without `status`, `body` or `json` would match every answer");
        }
        section.finish();
        Some(Self { when, then: then? })
    }
}

impl Extract {
    fn read(section: Section<'_>) -> Option<Self> {
        let (body_field, json_field) = (section.optional("body"), section.optional("json"));
        let (body, json) = (body_field.and_then(pattern), json_field.and_then(pointer));
        let read = match (body, json) {
            (Some(pattern), None) if !pattern.contains('(') => {
                section.problem("the expression of `reference` needs a capture group around the message id");
                None
            }
            (Some(pattern), None) => Some(Self::Body(pattern)),
            (None, Some(pointer)) => Some(Self::Json(pointer)),
            _ if body_field.is_some() != json_field.is_some() => None,
            _ => {
                section.problem("`reference`: give either `body` or `json`");
                None
            }
        };
        section.finish();
        read
    }
}

impl Report {
    pub(in crate::config) fn read(section: Section<'_>) -> Option<Self> {
        let text = |field: Field<'_>| field.text().map(str::to_owned);
        let reference = section.required("reference").and_then(text);
        let status = section.required("status").and_then(text);
        let why = section.optional("why").and_then(text);
        let delivered = section.required("delivered").and_then(|list| list.some(spelling));
        let failed = section.required("failed").and_then(|list| list.some(spelling));
        let signature = section.optional("signature").and_then(|field| field.choice(&[("twilio", Signature::Twilio)], &[]));
        section.finish();
        Some(Self { reference: reference?, status: status?, why, delivered: delivered?, failed: failed?, signature })
    }
}

fn pattern(field: Field<'_>) -> Option<String> {
    let pattern = field.lines()?;
    match RegexBuilder::new(pattern).size_limit(1 << 20).build() {
        Ok(_) => Some(pattern.to_owned()),
        Err(error) => {
            let why = error.to_string();
            let last = why.lines().last().unwrap_or_default().trim_start_matches("error: ");
            field.problem(format!("`{}` is not a valid regular expression: {last}", field.key));
            None
        }
    }
}

fn pointer(field: Field<'_>) -> Option<String> {
    let text = field.text()?;
    if !text.starts_with('/') {
        field.problem(format!("`{}`: expected a place in JSON like \"/messages/0/id\"", field.key));
        return None;
    }
    Some(text.to_owned())
}

fn places(table: &Section<'_>) -> Vec<(String, Vec<String>)> {
    let entry = |field: Field<'_>| {
        if !field.key.starts_with('/') {
            field.key_problem("expected places in JSON like \"/messages/0/status\" with the values they may have");
            return None;
        }
        Some((field.key.to_owned(), field.some(spelling)?))
    };
    table.entries().into_iter().filter_map(entry).collect()
}

/// Text, or a number as it is written: gateways use both.
fn spelling(field: Field<'_>) -> Option<String> {
    let read = if field.value.get_ref().is_integer() {
        field.number(0..=u32::MAX).map(|number| number.to_string())
    } else {
        field.text().map(str::to_owned)
    };
    field.takes(vec![Shape::Number(0..=u32::MAX), Shape::Text(None)]);
    read
}
