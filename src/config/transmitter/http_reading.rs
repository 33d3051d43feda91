//! What a gateway finds in what we send it: the values of JSON, XML, a form, an address or a header, in their order, and those within a
//! text that is JSON or XML itself. With this a template can be tried before anybody waits for a code.

use serde_json::Value;

use super::encoder::Encoder;

/// Where a template stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::config) enum Place {
    Url,
    Header,
    Body(Encoder),
}

/// Reads a filled template as strictly as the strictest gateway, or says what is wrong with it. A text that is `value` and nothing else is not
/// looked into.
pub(in crate::config) fn read(place: Place, text: &str, value: &str) -> Result<Vec<String>, String> {
    let mut found = Found { value, texts: Vec::new() };
    match place {
        Place::Header => {
            http::HeaderValue::from_str(text)
                .map_err(|_| "headers may not contain line breaks or other control characters".to_owned())?;
            found.texts.push(text.to_owned());
        }
        Place::Url => {
            let parsed: http::Uri = text.parse().map_err(|error: http::uri::InvalidUri| error.to_string())?;
            let (path, query) = (parsed.path(), parsed.query().unwrap_or_default());
            found.form(&path.replace('/', "&"))?;
            found.form(query)?;
        }
        Place::Body(Encoder::Json) => found.json(&serde_json::from_str(text).map_err(|error| error.to_string())?),
        Place::Body(Encoder::Url) => found.form(text)?,
        Place::Body(Encoder::Xml) => {
            declared(text)?;
            found.xml(&xml(text)?);
        }
        Place::Body(Encoder::Raw) => found.text(text),
    }
    Ok(found.texts)
}

struct Found<'v> {
    value: &'v str,
    texts: Vec<String>,
}

impl Found<'_> {
    /// A text, or what is in it.
    fn text(&mut self, text: &str) {
        let trimmed = text.trim();
        let is_whole = text == self.value;
        match trimmed.chars().next() {
            Some('{' | '[') if !is_whole => match serde_json::from_str(trimmed) {
                Ok(json @ (Value::Object(_) | Value::Array(_))) => self.json(&json),
                _ => self.texts.push(text.to_owned()),
            },
            Some('<') if !is_whole => match xml(trimmed) {
                Ok(document) => self.xml(&document),
                Err(_) => self.texts.push(text.to_owned()),
            },
            _ => self.texts.push(text.to_owned()),
        }
    }

    fn json(&mut self, json: &Value) {
        match json {
            Value::String(text) => self.text(text),
            Value::Array(list) => list.iter().for_each(|entry| self.json(entry)),
            Value::Object(map) => {
                for (key, entry) in map {
                    self.texts.push(key.clone());
                    self.json(entry);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => self.texts.push(json.to_string()),
        }
    }

    fn xml(&mut self, document: &roxmltree::Document<'_>) {
        for node in document.descendants() {
            self.texts.extend(node.is_element().then(|| node.tag_name().name().to_owned()));
            node.attributes().for_each(|attribute| self.text(attribute.value()));
            if let Some(text) = node.text().filter(|_| node.is_text()) {
                self.text(text);
            }
        }
    }

    /// Names and values (WHATWG URL Standard, 5.1). Blanks and letters beyond ASCII are let through as every server does.
    fn form(&mut self, text: &str) -> Result<(), String> {
        if text.contains(char::is_control) {
            return Err("it contains a line break or another control character".to_owned());
        }
        let escaped = |rest: &str| rest.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
        if text.split('%').skip(1).any(|rest| !escaped(rest)) {
            return Err("it contains a % that begins none of %00 to %FF: write %25 for the sign itself".to_owned());
        }
        for (name, value) in form_urlencoded::parse(text.as_bytes()) {
            self.text(&name);
            self.text(&value);
        }
        Ok(())
    }
}

fn xml(text: &str) -> Result<roxmltree::Document<'_>, String> {
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..roxmltree::ParsingOptions::default() };
    roxmltree::Document::parse_with_options(text, options).map_err(|error| error.to_string())
}

/// The character set that a document says it has must be the one it is sent in.
fn declared(text: &str) -> Result<(), String> {
    let Some((head, _)) = text.strip_prefix("<?xml").and_then(|rest| rest.split_once("?>")) else { return Ok(()) };
    let Some((_, named)) = head.split_once("encoding") else { return Ok(()) };
    let named = named.trim_start_matches(['=', ' ', '"', '\'']).split(['"', '\'']).next().unwrap_or_default();
    if named.eq_ignore_ascii_case("utf-8") { Ok(()) } else { Err("it is sent as UTF-8: write encoding=\"utf-8\"".to_owned()) }
}
