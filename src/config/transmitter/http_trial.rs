//! Tries every template of an HTTP gateway when the configuration is read, with values that are hard to write: a passcode with a leading
//! zero, a text with quotes, line breaks and letters of all kinds. What breaks then would break when somebody waits for a code.

use super::encoder::Encoder;
use super::http::{Auth, Http};
use super::http_gateway::Gateway;
use super::http_parts::charset;
use super::http_reading::{Place, read};
use super::template::{Condition, Piece, Slot, Template, name_of};

impl Gateway<'_, '_> {
    /// One problem for each template that some value breaks, the first that was found.
    pub(in crate::config) fn try_templates(&self, http: &Http) {
        let tried = |place, template| Trial { http, place, template }.run();
        if let Err(mistake) = tried(Place::Url, &http.url) {
            self.say("url", &mistake.words("`url`", Place::Url));
        }
        if has_plus_before_number(&http.url, &mut At::Path) {
            self.say("url", "`url`: a + before {{to_digits}} is read as a space after the ?; write {{to_e164}}, or %2B");
        }
        for (name, template) in &http.headers {
            if let Err(mistake) = tried(Place::Header, template) {
                self.say("headers", &mistake.words(&format!("`headers`: `{name}`"), Place::Header));
            }
        }
        if let Some(body) = &http.body {
            let place = Place::Body(body.encoder);
            if let Err(mistake) = tried(place, &body.template) {
                self.say("body", &mistake.words("`body`", place));
            }
            if body.encoder == Encoder::Url && has_plus_before_number(&body.template, &mut At::Form) {
                self.say("body", "`body`: a + before {{to_digits}} is read as a space in a form; write {{to_e164}}, or %2B");
            }
            if charset(&body.content_type).is_some_and(|name| name != "utf-8") {
                self.say("content_type", "`content_type`: Doorward sends UTF-8: write charset=utf-8, or no charset");
            }
        }
        self.try_auth(http);
    }

    /// What shows who we are stands in a header, whatever else holds it.
    fn try_auth(&self, http: &Http) {
        let named = &http.named;
        let fits = |text: &str| http::HeaderValue::from_str(text).is_ok();
        match &http.auth {
            Auth::Bearer | Auth::Header(_) if named.api_key.as_ref().is_some_and(|key| !fits(key.expose())) => {
                self.say(
                    "api_key",
                    "`api_key` is sent in a header, which may not contain line breaks or other control characters",
                );
            }
            Auth::Basic if named.user.as_ref().is_some_and(|user| user.contains(':')) => {
                self.say("user", "`user`: may not contain a colon: `auth = \"basic\"` writes user:password (RFC 7617, 2)");
            }
            _ => {}
        }
    }

    /// At the operator's own key; a preset's is the section's.
    fn say(&self, key: &'static str, message: &str) {
        match self.section.own(key) {
            Some(field) => field.problem(message),
            None => self.section.problem(message),
        }
    }
}

struct Trial<'t> {
    http: &'t Http,
    place: Place,
    template: &'t Template,
}

/// What breaks a template.
struct Mistake {
    /// Nothing where it is broken whatever is filled in.
    by: Option<(Slot, Option<&'static str>)>,
    /// A condition that some of it depends on, and whether it held.
    under: Vec<(Condition, bool)>,
    /// Nothing where a gateway can read it and finds something else.
    why: Option<String>,
}

impl Trial<'_> {
    fn run(&self) -> Result<(), Mistake> {
        let (mut conditions, mut slots) = (Vec::new(), Vec::new());
        collect(self.template, &mut conditions, &mut slots);
        conditions.retain(|condition| self.http.named.holds(*condition).is_none());
        for number in 0..1_u32 << conditions.len() {
            let chosen = conditions.iter().enumerate().map(|(place, condition)| (*condition, number >> place & 1 == 1));
            self.under(&chosen.collect::<Vec<_>>(), &slots)?;
        }
        Ok(())
    }

    /// Where these conditions are so.
    fn under(&self, chosen: &[(Condition, bool)], slots: &[Slot]) -> Result<(), Mistake> {
        let holds = |condition: Condition| {
            let known = chosen.iter().find(|(listed, _)| *listed == condition).map(|(_, so)| *so);
            known.or_else(|| self.http.named.holds(condition)).unwrap_or_default()
        };
        let used: Vec<Slot> =
            slots.iter().copied().filter(|slot| self.template.uses_where(*slot, &|condition| Some(holds(condition)))).collect();
        let mistake = |by, why| Mistake { by, under: chosen.to_vec(), why };
        let filled = |slot: Option<Slot>, value: &str| self.filled(&holds, slot, value);
        let plain = read(self.place, &filled(None, ""), "").map_err(|why| mistake(None, Some(why)))?.len();
        for slot in used {
            let own = self.http.named.value(slot);
            let values: Vec<&str> = own.map_or_else(|| hard(slot).to_vec(), |own| vec![own]);
            for value in values {
                // What the operator wrote may be a secret, which is not repeated, nor what a parser says of it.
                let shown = hard(slot).iter().find(|shown| **shown == value && own.is_none()).copied();
                let found = read(self.place, &filled(Some(slot), value), value);
                let found =
                    found.map_err(|why| mistake(Some((slot, shown)), Some(if own.is_some() { String::new() } else { why })))?;
                if value.is_empty() {
                    continue;
                }
                let is_kept = found.iter().any(|text| text.contains(value));
                // A script is a document of its own, of which a part may well be looked into.
                if slot != Slot::Twiml && !(is_kept && found.len() == plain) {
                    return Err(mistake(Some((slot, shown)), None));
                }
            }
        }
        Ok(())
    }

    /// With this value in one place, and a zero, which stands anywhere, in every other.
    fn filled(&self, holds: &dyn Fn(Condition) -> bool, slot: Option<Slot>, value: &str) -> String {
        let encoder = match self.place {
            Place::Url => Encoder::Url,
            Place::Header => Encoder::Raw,
            Place::Body(encoder) => encoder,
        };
        let mut text = String::new();
        fill(&mut text, self.template, holds, &|found| if Some(found) == slot { encoder.encode(value) } else { "0".to_owned() });
        text
    }
}

fn fill(text: &mut String, template: &Template, holds: &dyn Fn(Condition) -> bool, value: &dyn Fn(Slot) -> String) {
    for piece in &template.0 {
        match piece {
            Piece::Text(piece) => text.push_str(piece),
            Piece::Slot(slot) => text.push_str(&value(*slot)),
            Piece::When { condition, so, then } if holds(*condition) == *so => fill(text, then, holds, value),
            Piece::When { .. } => {}
        }
    }
}

/// Where in an address: a + is itself in the path, and a blank in what follows the `?`, which is a form.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    Path,
    Form,
}

/// `+{{to_digits}}` as people write it, who forget that a form has another + (WHATWG URL, application/x-www-form-urlencoded).
fn has_plus_before_number(template: &Template, at: &mut At) -> bool {
    let mut plus = false;
    for piece in &template.0 {
        match piece {
            Piece::Text(text) => {
                if text.contains('?') {
                    *at = At::Form;
                }
                plus = text.ends_with('+');
            }
            Piece::Slot(slot) => {
                if plus && *slot == Slot::ToDigits && *at == At::Form {
                    return true;
                }
                plus = false;
            }
            Piece::When { then, .. } => {
                if has_plus_before_number(then, at) {
                    return true;
                }
                plus = false;
            }
        }
    }
    false
}

/// Each of them once.
fn collect(template: &Template, conditions: &mut Vec<Condition>, slots: &mut Vec<Slot>) {
    for piece in &template.0 {
        match piece {
            Piece::Slot(slot) if !slots.contains(slot) => slots.push(*slot),
            Piece::When { condition, then, .. } => {
                if !conditions.contains(condition) {
                    conditions.push(*condition);
                }
                collect(then, conditions, slots);
            }
            Piece::Slot(_) | Piece::Text(_) => {}
        }
    }
}

impl Mistake {
    /// `what`: the key, as it is shown.
    fn words(&self, what: &str, place: Place) -> String {
        let language = match place {
            Place::Url => "address",
            Place::Header => "header",
            Place::Body(Encoder::Json) => "JSON",
            Place::Body(Encoder::Url) => "form",
            Place::Body(Encoder::Xml) => "XML",
            Place::Body(Encoder::Raw) => "text",
        };
        let under: String = self.under.iter().map(|(condition, so)| condition.named(*so)).collect();
        let under = if under.is_empty() { under } else { format!(" with {under}") };
        let why = self.why.as_ref().map(|why| if why.is_empty() { String::new() } else { format!(": {why}") });
        let Some((slot, value)) = self.by else {
            let other = if matches!(place, Place::Body(_)) { "; another `content_type` would not require it" } else { "" };
            return format!("{what} is no {language}{under}{}{other}", why.unwrap_or_default());
        };
        let name = name_of(slot);
        let value = value.map_or_else(|| format!("as `{name}` is"), |value| format!("is {value:?}"));
        let advice = match (place, &why) {
            (Place::Body(Encoder::Json), Some(_)) => format!("put quotes around it: \"{{{{{name}}}}}\""),
            (Place::Body(Encoder::Xml), Some(_)) => "write it between tags, or as an attribute in quotes".to_owned(),
            (Place::Body(Encoder::Xml), None) => {
                "it is escaped already: take it out of the CDATA section, or of the text that has a language of its own"
                    .to_owned()
            }
            (Place::Header, _) => "write it into `body`".to_owned(),
            (Place::Body(Encoder::Raw), _) => "name the language in `content_type`".to_owned(),
            _ => "the text around it has a language of its own, in which it is not escaped: make it a value by itself".to_owned(),
        };
        match why {
            Some(why) => format!("{what} is no {language} where {{{{{name}}}}} {value}{under}{why}; {advice}"),
            None => format!("{what} says something else where {{{{{name}}}}} {value}{under}; {advice}"),
        }
    }
}

/// Values that a placeholder may come to stand for, those that are hard to write among them. What the operator's own keys name is known.
fn hard(slot: Slot) -> &'static [&'static str] {
    match slot {
        Slot::ToE164 => &["+4512345678", "+998901234567890"],
        Slot::ToDigits => &["4512345678", "998901234567890"],
        Slot::To00 => &["004512345678"],
        Slot::ToNational => &["12345678", "0612345678"],
        Slot::Topic => &["door-k3jx_91", "007", "A.b"],
        Slot::Title => &["", "Sign-in", "\"a\" \\ 'b'", "<a> & --> ]]>", "100% + 1 = #?/;", "Grüße, 東京 😀"],
        Slot::Text => &["012345", "\"a\" \\ 'b'", "<a> & --> ]]>", "100% + 1 = #?/;", "Grüße, 東京 😀", "two\nlines", LONG],
        Slot::TextHexUtf16 => &["0034003800320039", "004f"],
        Slot::Spoken => &["0, 1, 2, 3, 4, 5", "b, k"],
        Slot::Twiml => &["<Response><Say language=\"de-DE\">Grüße &amp; 012345</Say></Response>"],
        Slot::Language => &["de", "pt-BR"],
        Slot::Reference => &["012345", "m1x2y3"],
        Slot::TtlSeconds | Slot::TtlMilliseconds => &["1", "240000"],
        Slot::Code => &["012345", "482913", "BCDFGH"],
        Slot::ReceiptUrl => &["https://reports.example/receipt/gateway/k3jx?a=b"],
        // Not written: said elsewhere.
        Slot::Sender | Slot::Service | Slot::Account | Slot::User | Slot::Password | Slot::ApiKey | Slot::ApiSecret => &[],
    }
}

/// A message of ten parts.
const LONG: &str = match std::str::from_utf8(&[b'x'; 1530]) {
    Ok(text) => text,
    Err(_) => "",
};

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config::parse;

    const MINIMAL: &str = include_str!("../testdata/minimal.toml");
    const URL: &str = "url = \"https://a.example/{{to_digits}}/{{text}}\"";

    /// Each problem and its line within the section.
    fn problems(section: &str) -> Vec<(usize, String)> {
        let more = format!("name = \"gateway\"\n{section}\n[[transmitter]]\nname = \"screen\"");
        let before = MINIMAL.split("name = \"screen\"").next().unwrap().lines().count();
        let parsed = parse(&MINIMAL.replacen("name = \"screen\"", &more, 1), Path::new("/"), &|_| None);
        let list = parsed.err().unwrap_or_default();
        list.into_iter().map(|problem| (problem.line.saturating_sub(before + 1), problem.message)).collect()
    }

    fn body(content_type: &str, body: &str) -> String {
        format!(
            "kind = \"http\"\n{URL}\ncontent_type = \"{content_type}\"\nsender = \"Müller & \\\"Söhne\\\"\"\nbody = '''{body}'''"
        )
    }

    #[test]
    fn a_template_that_some_value_breaks_is_a_mistake_in_its_line() {
        let (json, xml, form) = ("application/json", "text/xml", "application/x-www-form-urlencoded");
        let table = [
            (
                json,
                r#"{"code":{{code}}}"#,
                r#"`body` is no JSON where {{code}} is "012345": "#,
                r#"; put quotes around it: "{{code}}""#,
            ),
            (json, r#"{"text":{{text}}}"#, "`body` is no JSON where {{text}} is", r#"put quotes around it: "{{text}}""#),
            (json, r#"{"to":{{to_e164}}}"#, r#"where {{to_e164}} is "+4512345678""#, "quotes"),
            (json, r#"{"to":{{to_00}}}"#, r#"where {{to_00}} is "004512345678""#, "quotes"),
            (json, r#"{"to":{{to_national}}}"#, r#"where {{to_national}} is "0612345678""#, "quotes"),
            (json, r#"{"id":{{ref}}}"#, "where {{ref}} is", "quotes"),
            (json, r#"{"from":{{sender}}}"#, "where {{sender}} as `sender` is", "quotes"),
            (json, r#"{"a":"{{text}}"{{#flash}}"b":1{{/flash}}}"#, "`body` is no JSON with {{#flash}}: ", "would not require it"),
            (
                json,
                r#"{"a":"{{text}}"{{#flash}},"c":{{code}}{{/flash}}}"#,
                "where {{code}} is \"012345\" with {{#flash}}: ",
                "quotes",
            ),
            (json, r#"{"a":"{{text}}"{{^unicode}},"c":{{code}}{{/unicode}}}"#, "with {{^unicode}}: ", "quotes"),
            (json, r#"{"a":1{{#flash}}{{^ascii}},{{/ascii}}{{/flash}}}"#, "with {{#flash}}{{^ascii}}", "would not require it"),
            (
                json,
                r#"{"payload":"{\"text\":\"{{text}}\"}"}"#,
                "`body` says something else where {{text}} is",
                "language of its own",
            ),
            (json, r#"{"payload":"<sms>{{text}}</sms>"}"#, "says something else", "language of its own"),
            (json, r#"{"a":"{{text}}",}"#, "`body` is no JSON: ", "would not require it"),
            (xml, "<a>{{text}}</b>", "`body` is no XML: ", "would not require it"),
            (xml, "<a b={{code}}>{{text}}</a>", "`body` is no XML: ", "would not require it"),
            (xml, "<a><![CDATA[{{text}}]]></a>", "`body` says something else where {{text}} is \"\\\"a\\\"", "CDATA"),
            (xml, "<a><!-- {{text}} -->{{code}}</a>", "`body` says something else where {{text}}", "escaped already"),
            (xml, "<a{{text}}/>", "is no XML where {{text}} is", "between tags"),
            (xml, "<a>R&D: {{text}}</a>", "`body` is no XML: ", ""),
            (xml, "<a>a&nbsp;{{text}}</a>", "`body` is no XML: ", ""),
            (xml, "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a>{{text}}</a>", "encoding=\\\"utf-8\\\"", ""),
            ("application/xml", " <?xml version=\"1.0\"?><a>{{text}}</a>", "`body` is no XML: ", ""),
            (form, "text={{text}}&rate=100%&to={{to_digits}}", "`body` is no form: it contains a % that", "%25"),
            (form, "text=100%{{text}}", "`body` is no form", "%25"),
            (form, "to={{to_digits}}&text={{text}}\n", "a line break", ""),
            (form, "to=+{{to_digits}}&text={{text}}", "`body`: a + before {{to_digits}} is read as a space", "{{to_e164}}"),
            (form, "text={{text}}{{#flash}}&to=+{{to_digits}}{{/flash}}", "`body`: a + before {{to_digits}}", "%2B"),
            (form, "payload={\"text\":\"{{text}}\"}", "`body` says something else where {{text}} is", "a value by itself"),
            (form, "xml=<a>{{text}}</a>", "`body` says something else", "a value by itself"),
            ("text/plain", "{\"text\":\"{{text}}\"}", "`body` says something else where {{text}} is", "name the language"),
        ];
        for (content_type, template, start, rest) in table {
            let found = problems(&body(content_type, template));
            let start = start.replace("\\\"", "\"").replace("\"\"a\"", "\"\\\"a\\\"");
            let fits = |(line, message): &(usize, String)| *line == 5 && message.contains(&start) && message.contains(rest);
            assert!(found.len() == 1 && fits(&found[0]), "{template}: {found:?}");
        }
    }

    #[test]
    fn an_address_and_headers_are_tried_too() {
        let plain = "kind = \"http\"\nmethod = \"GET\"\nurl = \"https://a.example/{{to_digits}}?text={{text}}\"";
        let table = [
            (
                format!("{plain}\nheaders = {{ X-Text = \"{{{{text}}}}\" }}"),
                4,
                "`headers`: `X-Text` is no header where {{text}} is",
            ),
            (
                format!("{plain}\nheaders = {{ A = \"b\", X-Key = \"{{{{api_key}}}}\" }}\napi_key = \"k\\n\""),
                4,
                "as `api_key` is",
            ),
            (format!("{plain}\nauth = \"bearer\"\napi_key = \"one\\ntwo\""), 5, "`api_key` is sent in a header"),
            (format!("{plain}\nauth = {{ header = \"X-Key\" }}\napi_key = \"\\u007f\""), 5, "`api_key` is sent in a header"),
            (format!("{plain}\nauth = \"basic\"\nuser = \"a:b\"\npassword = \"p\""), 5, "`user`: may not contain a colon"),
            (plain.replace("text={{text}}", "rate=100%&text={{text}}"), 3, "`url` is no address: it contains a % that"),
            (plain.replace("text={{text}}", "json=%7B%22t%22:%22{{text}}%22%7D"), 3, "`url` says something else where {{text}}"),
            (plain.replace("?text={{text}}", "?to=+{{to_digits}}&text={{text}}"), 3, "`url`: a + before {{to_digits}}"),
            (body("text/plain; charset=iso-8859-1", "{{text}}"), 3, "`content_type`: Doorward sends UTF-8"),
        ];
        for (section, at, expected) in table {
            let found = problems(&section);
            assert!(found.len() == 1 && found[0].0 == at && found[0].1.contains(expected), "{section}: {found:?}");
        }
        // What the operator wrote may be a secret.
        let found = problems(&format!("{plain}\nheaders = {{ X-Key = \"{{{{api_key}}}}\" }}\napi_key = \"geheim\\n\""));
        assert!(found.len() == 1 && !found[0].1.contains("geheim"), "{found:?}");
        // Letters beyond ASCII go out in UTF-8 (RFC 9110, 5.5), which push services read.
        assert_eq!(
            problems(&format!(
                "{plain}\nheaders = {{ Title = \"{{{{title}}}}\", From = \"{{{{sender}}}}\" }}\nsender = \"Müller\""
            )),
            []
        );
    }

    #[test]
    fn what_every_value_leaves_whole_is_taken() {
        let (json, xml, form) = ("application/json", "text/xml", "application/x-www-form-urlencoded");
        for (content_type, template) in [
            (json, r#"{"to":{{to_digits}},"ttl":{{ttl_s}},"code":"{{code}}","text":"{{text}}","from":"{{sender}}"}"#),
            (
                json,
                "[\n  {{#flash}}{\"flash\":true},{{/flash}}{{^flash}}{{/flash}}{\"{{to_digits}}\":\"{{title}}{{receipt_url}}\"}\n]",
            ),
            (json, r#"{"note":"<b>{\"not\": json","text":"{ {{text}} }"}"#),
            ("application/json; charset=UTF-8", r#""{{text}}""#),
            (
                xml,
                "<?xml version=\"1.0\" encoding='UTF-8'?>\n<!DOCTYPE a>\n<a to=\"{{to_e164}}\"><!-- x --><t>{{text}}</t><e>{{title}}</e></a>",
            ),
            (
                xml,
                "<s:e xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:b>R&amp;D {{sender}}: {{text}} &#x20AC;</s:b></s:e>",
            ),
            (json, r#"{"to":"+{{to_digits}}","text":"{{text}}"}"#),
            ("application/soap+xml; charset=utf-8; action=\\\"urn:sms#send\\\"", "<e><t>{{text}}</t></e>"),
            ("application/problem+json; Charset = \\\"UTF-8\\\"", r#"{"text":"{{text}}"}"#),
            (form, "to=%2B{{to_digits}}&text={{text}}"),
            (form, "to={{to_digits}}&from={{sender}}&text={{text}}&title={{title}}&rate=100%25&note=a+b c ü"),
            (form, "{{#unicode}}type=unicode&{{/unicode}}text={{text_hex_utf16}}&xml={{twiml}}&c={{code}}"),
            ("text/plain", "{{sender}}: {{text}} [{{code}}]"),
        ] {
            // A script is for calls alone.
            let section = body(content_type, template);
            let section = if template.contains("twiml") { section.replace("\"http\"", "\"voice\"") } else { section };
            let found: Vec<_> = problems(&section).into_iter().filter(|(_, message)| !message.contains("[receipts]")).collect();
            assert_eq!(found, [], "{template}");
        }
    }

    #[test]
    fn every_preset_is_whole_with_and_without_what_need_not_be_written() {
        let keys = [
            "api_key = \"k-1\"",
            "api_secret = \"x/+&\"",
            "user = \"u\"",
            "password = \"p<&\\\"\"",
            "service = \"MG1\"",
            "account = \"a\"",
        ];
        for (kind, preset) in [
            ("http", "clickatell"),
            ("http", "clickatell-classic"),
            ("http", "twilio"),
            ("http", "vonage"),
            ("http", "cm"),
            ("voice", "twilio"),
            ("push", "ntfy"),
            ("push", "gotify"),
        ] {
            for chosen in 0..1_u32 << keys.len() {
                let written =
                    keys.iter().enumerate().filter(|(place, _)| chosen >> place & 1 == 1).map(|(_, key)| format!("{key}\n"));
                for sender in ["", "sender = \"Müller & \\\"S\\\"\"\n"] {
                    let server = if kind == "push" { "server = \"https://push.example\"\n" } else { "" };
                    let section = format!(
                        "kind = \"{kind}\"\npreset = \"{preset}\"\n{server}{sender}{}",
                        written.clone().collect::<String>()
                    );
                    let broken = |message: &str| {
                        message.contains(" is no ") || message.contains("something else") || message.contains("in a header")
                    };
                    let found: Vec<_> = problems(&section).into_iter().filter(|(_, message)| broken(message)).collect();
                    assert_eq!(found, [], "{section}");
                }
            }
        }
    }
}
