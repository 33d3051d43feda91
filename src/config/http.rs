//! `kind = "http"` of `[[transmitter]]`: an HTTP gateway, by preset or written out. A preset is a file of the same keys; what
//! the operator writes goes before it.

use std::path::Path;
use std::time::Duration;

use regex::RegexBuilder;
use toml::de::DeTable;

use super::field::Field;
use super::scalar;
use super::section::Section;
use super::transmitter::{Body, Encoder, Http, Slot, Success, Template};
use super::walk::Walk;

/// The known gateways. A new one is a file and a line here.
const PRESETS: &[(&str, &str)] = &[("clickatell", include_str!("presets/clickatell.toml"))];

const LATER_PRESETS: &[&str] = &["clickatell-classic", "twilio", "vonage", "cm", "messagebird"];

impl Http {
    pub(super) fn read(section: &Section<'_>) -> Option<Self> {
        let preset = section.optional("preset").map(|field| field.choice(PRESETS, LATER_PRESETS));
        let text = match preset {
            None => None,
            Some(Some(text)) => Some(text),
            // Without the preset nobody knows what the operator need not write.
            Some(None) => {
                for key in KEYS {
                    section.optional(key);
                }
                return None;
            }
        };
        let environment = |_: &str| None;
        let (table, errors) = DeTable::parse_recoverable(text.unwrap_or_default());
        let walk = Walk::new(text.unwrap_or_default(), Path::new(""), &environment, &errors);
        let preset = text.map(|_| Section::new(&walk, "preset", 0, table.get_ref()));
        let read = Keys { own: section, preset: preset.as_ref() }.read();
        // What is wrong with a preset is found by a test, not by the operator.
        drop(preset);
        read
    }
}

const KEYS: [&str; 10] = ["method", "url", "headers", "body", "content_type", "success", "api_key", "sender", "ca", "timeout"];

/// The operator's keys and, behind them, the preset's.
struct Keys<'k, 'd> {
    own: &'k Section<'d>,
    preset: Option<&'k Section<'d>>,
}

impl<'d> Keys<'_, 'd> {
    fn optional(&self, key: &'static str) -> Option<Field<'d>> {
        self.own.optional(key).or_else(|| self.preset.and_then(|preset| preset.optional(key)))
    }

    fn read(&self) -> Option<Http> {
        let methods = [("POST", "POST"), ("PUT", "PUT"), ("GET", "GET")];
        let method = self.optional("method").and_then(|field| field.choice(&methods, &[])).unwrap_or("POST");
        // The preset's address counts as there; only without both is the operator asked for one.
        let url = self.optional("url").or_else(|| self.own.required("url")).and_then(url);
        let headers = self.optional("headers").and_then(Field::section).map(|table| headers(&table)).unwrap_or_default();
        let body = self.body();
        if let Some(field) = self.own.optional("body").filter(|_| method == "GET") {
            field.key_problem("a GET request takes no `body`");
        }
        let success = self.optional("success").and_then(Field::section).map(success).unwrap_or_default();
        let seconds = Duration::from_secs(1)..=Duration::from_secs(120);
        let http = Http {
            method: method.to_owned(),
            url: url?,
            headers,
            body: body.filter(|_| method != "GET"),
            success,
            ca: self.optional("ca").and_then(Field::path),
            timeout: self.optional("timeout").and_then(|field| field.duration(seconds)).unwrap_or(Duration::from_secs(10)),
            sender: self.optional("sender").and_then(Field::text).map(str::to_owned),
            api_key: self.optional("api_key").and_then(Field::secret),
        };
        self.check_slots(&http);
        Some(http)
    }

    fn body(&self) -> Option<Body> {
        let kind_field = self.optional("content_type");
        let content_type = kind_field.map_or(Some("application/json"), Field::text)?;
        let encoder = encoder(content_type);
        if let (None, Some(field)) = (encoder, kind_field) {
            field.problem(format!("`content_type`: expected one of {}", CONTENT_TYPES.map(|(name, _)| name).join(", ")));
        }
        let (field, encoder) = (self.optional("body")?, encoder?);
        let template = template(field, field.lines()?)?;
        if encoder == Encoder::Json && serde_json::from_str::<serde_json::Value>(&template.filled("0")).is_err() {
            field.problem("`body` is no JSON; with another `content_type` it need not be");
        }
        Some(Body { content_type: content_type.to_owned(), encoder, template })
    }

    /// A placeholder that stands for a key needs the key; a message without its text or code is none.
    fn check_slots(&self, http: &Http) {
        let mut templates: Vec<&Template> = vec![&http.url];
        templates.extend(http.headers.iter().map(|(_, template)| template));
        templates.extend(http.body.as_ref().map(|body| &body.template));
        let used = |slot| templates.iter().any(|template| template.uses(slot));
        for (slot, key) in [(Slot::Sender, "sender"), (Slot::ApiKey, "api_key")] {
            if used(slot) && self.optional(key).is_none() {
                self.own.problem(format!("`{key}` is missing: the placeholder {{{{{key}}}}} stands for it"));
            }
        }
        if ![Slot::Text, Slot::TextHexUtf16, Slot::Code].into_iter().any(used) {
            self.own.problem("neither `url` nor `body` holds {{text}} or {{code}}: nothing would be sent");
        }
        if ![Slot::ToE164, Slot::ToDigits, Slot::To00].into_iter().any(used) {
            self.own.problem("neither `url` nor `body` holds {{to_e164}} or its like: nobody would be reached");
        }
    }
}

const CONTENT_TYPES: [(&str, Encoder); 5] = [
    ("application/json", Encoder::Json),
    ("application/x-www-form-urlencoded", Encoder::Url),
    ("text/xml", Encoder::Xml),
    ("application/xml", Encoder::Xml),
    ("text/plain", Encoder::Raw),
];

/// By the type alone; `; charset=utf-8` may follow.
fn encoder(content_type: &str) -> Option<Encoder> {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    CONTENT_TYPES.iter().find(|(name, _)| name.eq_ignore_ascii_case(kind)).map(|(_, encoder)| *encoder)
}

fn template(field: Field<'_>, text: &str) -> Option<Template> {
    Template::parse(text).map_err(|why| field.problem(format!("`{}`: {why}", field.key))).ok()
}

/// The scheme and host must be written out: no message may choose where it is sent to.
fn url(field: Field<'_>) -> Option<Template> {
    let text = field.text()?;
    let template = template(field, text)?;
    let authority = text.split_once("://").map(|(_, rest)| rest.split(['/', '?', '#']).next().unwrap_or_default());
    let server = authority.and_then(|authority| {
        let end = text.find("://")? + 3 + authority.len();
        scalar::server(text.get(..end)?, &["https", "http"])
    });
    let Some((scheme, host, _)) = server.filter(|_| template.filled("0").parse::<http::Uri>().is_ok() && !text.contains('#'))
    else {
        field.problem("`url`: expected https://host[:port]/path, with placeholders only behind the host");
        return None;
    };
    if scheme == "http" && !scalar::is_loopback(host) {
        field.problem("`url`: http:// would send passcodes in the clear; it is for loopback only");
    }
    Some(template)
}

fn headers(table: &Section<'_>) -> Vec<(String, Template)> {
    let entry = |field: Field<'_>| {
        let text = field.text()?;
        if http::HeaderName::from_bytes(field.key.as_bytes()).is_err() {
            field.key_problem(format!("`{}` is no name of a header", field.key.escape_debug()));
            return None;
        }
        let managed = ["content-type", "content-length", "transfer-encoding", "host", "connection"];
        if managed.iter().any(|name| name.eq_ignore_ascii_case(field.key)) {
            field.key_problem(format!("the header `{}` is made from `url`, `body` and `content_type`", field.key));
            return None;
        }
        Some((field.key.to_owned(), template(field, text)?))
    };
    table.entries().into_iter().filter_map(entry).collect()
}

impl Default for Success {
    fn default() -> Self {
        Self { status: (200..=299).collect(), body: None }
    }
}

fn success(section: Section<'_>) -> Success {
    let default = Success::default();
    let status = section.optional("status").and_then(|list| list.some(statuses));
    let body = section.optional("body").and_then(|field| {
        let pattern = field.lines()?;
        match RegexBuilder::new(pattern).size_limit(1 << 20).build() {
            Ok(_) => Some(pattern.to_owned()),
            Err(error) => {
                let why = error.to_string();
                let last = why.lines().last().unwrap_or_default().trim_start_matches("error: ");
                field.problem(format!("`body` is no regular expression: {last}"));
                None
            }
        }
    });
    section.finish();
    Success { status: status.map_or(default.status, |lists| lists.concat()), body }
}

/// `200`, or `"2xx"` for all from 200 to 299.
pub(super) fn statuses(field: Field<'_>) -> Option<Vec<u16>> {
    if field.value.get_ref().is_integer() {
        return Some(vec![u16::try_from(field.number(200..=599)?).ok()?]);
    }
    let classes = [("2xx", 200), ("3xx", 300), ("4xx", 400), ("5xx", 500)];
    let first: u16 = field.choice(&classes, &[])?;
    Some((first..=first + 99).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_is_read_without_a_mistake() {
        for (name, text) in PRESETS {
            let environment = |_: &str| None;
            let whole = format!("api_key = \"k\"\nsender = \"s\"\n{text}");
            let (table, errors) = DeTable::parse_recoverable(&whole);
            let walk = Walk::new(&whole, Path::new(""), &environment, &errors);
            {
                let section = Section::new(&walk, "preset", 0, table.get_ref());
                assert!(Keys { own: &section, preset: None }.read().is_some(), "{name}");
                section.finish();
            }
            assert_eq!(walk.finish(), [], "{name}");
        }
    }
}
