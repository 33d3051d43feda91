//! The schema against the readers: neither takes what the other does not know.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::judge::{self, takes};
use super::*;
use crate::config::read::parse;

/// The example and what it comments out, the other forms, the least.
fn texts() -> [String; 3] {
    [shown(EXAMPLE), FORMS.to_owned(), include_str!("../testdata/minimal.toml").to_owned()]
}

/// A file of the value, every table and list within one line.
fn toml(value: &Value) -> String {
    fn inline(value: &Value) -> String {
        match value {
            Value::Object(table) => {
                let keys = table.iter().map(|(key, value)| format!("{} = {}", Value::from(key.as_str()), inline(value)));
                format!("{{ {} }}", keys.collect::<Vec<_>>().join(", "))
            }
            Value::Array(entries) => format!("[{}]", entries.iter().map(inline).collect::<Vec<_>>().join(", ")),
            other => other.to_string(),
        }
    }
    value.as_object().unwrap().iter().map(|(key, value)| format!("{key} = {}\n", inline(value))).collect()
}

fn problems(value: &Value) -> Vec<String> {
    // Nothing is recorded, and no file is read.
    let text = toml(value);
    let text = text.replace("\"file\" = \"/etc/doorward/seal-k1\"", "\"env\" = \"SEAL\"");
    let read = parse(&text, Path::new("/etc/doorward"), &secret);
    read.err().unwrap_or_default().into_iter().map(|problem| problem.message).collect()
}

/// Every place of a value, as a JSON pointer, from the outside in.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(table) => {
            table
                .iter()
                .for_each(|(key, value)| places(value, &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), found));
        }
        Value::Array(entries) => {
            entries.iter().enumerate().for_each(|(number, value)| places(value, &format!("{at}/{number}"), found));
        }
        _ => {}
    }
}

/// Judges every change once for each kind of place.
fn each_change(change: impl Fn(&Value, &str) -> Option<Value>, judge: impl Fn(&str, &Value)) {
    let mut seen = BTreeSet::new();
    for text in texts() {
        let whole = judge::json(&text);
        let mut all = Vec::new();
        places(&whole, "", &mut all);
        for place in all {
            let mut steps = place.split('/').skip(1);
            let section = format!("/{}/{}", steps.next().unwrap_or_default(), steps.next().unwrap_or_default());
            let kind = whole.pointer(&format!("{section}/kind")).map(Value::to_string);
            let sort: String = place.split('/').filter(|step| step.parse::<usize>().is_err()).collect();
            if let Some(changed) = change(&without_other_gateways(&whole, &section), &place).filter(|_| seen.insert((kind, sort)))
            {
                judge(&place, &changed);
            }
        }
    }
}

/// Every gateway's templates are tried with hard values whenever a file is read, which takes a while: those that do not matter here become
/// consoles, which reach people by every channel too.
fn without_other_gateways(whole: &Value, section: &str) -> Value {
    let mut whole = whole.clone();
    for (number, transmitter) in whole["transmitter"].as_array_mut().into_iter().flatten().enumerate() {
        let is_gateway = ["http", "voice", "push"].iter().any(|kind| transmitter["kind"] == *kind);
        if is_gateway && section != format!("/transmitter/{number}") {
            let table = transmitter.as_object_mut().unwrap();
            table.retain(|key, _| matches!(key.as_str(), "name" | "group"));
            table.insert("kind".to_owned(), json!("console"));
        }
    }
    whole
}

#[test]
fn everything_that_is_shown_is_read_without_a_mistake_and_fits_the_schema() {
    for text in texts() {
        assert_eq!(recorded(&text).1, []);
        assert!(takes(&text), "{text}");
    }
}

#[test]
fn every_key_that_is_asked_for_has_a_form_and_words() {
    fn look(schema: &Value, at: &str, said: &str, lacking: &mut Vec<String>) {
        assert_ne!(schema["anyOf"], json!([]), "{at}: nothing shows what may stand there");
        for (key, inner) in schema["properties"].as_object().into_iter().flatten() {
            let own = inner["description"].as_str().unwrap_or_default();
            let is_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
            let is_named = !own.is_empty() || said.split(|letter| !is_word(letter)).any(|word| word == key);
            let is_table = inner.get("properties").is_some();
            if !is_named && !is_table && !matches!(key.as_str(), "file" | "env") {
                lacking.push(format!("{at}.{key}"));
            }
            look(inner, &format!("{at}.{key}"), if own.is_empty() { said } else { own }, lacking);
        }
        let several = schema["anyOf"].as_array().into_iter().flatten();
        several
            .chain(schema.get("items"))
            .for_each(|inner| look(inner, at, schema["description"].as_str().unwrap_or(said), lacking));
    }
    let mut lacking = Vec::new();
    look(&schema(), "", "", &mut lacking);
    lacking.retain(|key| key.matches('.').count() > 1);
    assert_eq!(lacking, [""; 0], "docs/configuration.md says nothing of these");
}

#[test]
fn a_key_that_nobody_knows_is_refused_by_both() {
    let add = |whole: &Value, place: &str| {
        let mut changed = whole.clone();
        changed.pointer_mut(place)?.as_object_mut()?.insert("zzzzzz".to_owned(), json!(true));
        Some(changed)
    };
    each_change(add, |place, changed| {
        assert!(!problems(changed).is_empty(), "{place}");
        assert!(!judge::takes_value(changed), "{place}");
    });
}

/// The reading of a configuration itself sees to it that the schema takes whatever the readers take.
#[test]
fn what_is_missing_is_missed_by_both() {
    let remove = |whole: &Value, place: &str| {
        let (table, key) = place.rsplit_once('/')?;
        let mut changed = whole.clone();
        changed.pointer_mut(table)?.as_object_mut()?.remove(&key.replace("~1", "/").replace("~0", "~"))?;
        Some(changed)
    };
    each_change(remove, |place, changed| {
        let lacks = problems(changed).into_iter().find(|problem| problem.contains(" lacks `"));
        // What a preset has need not be written.
        let depends = ["/preset", "/url", "/server"].iter().any(|key| place.ends_with(key));
        if let Some(lacks) = lacks.filter(|_| !depends) {
            assert!(!judge::takes_value(changed), "{place}: {lacks}");
        }
    });
}

#[test]
fn another_type_or_a_word_that_nobody_knows_is_refused_by_both() {
    let types = |whole: &Value, place: &str| {
        let mut changed = whole.clone();
        let value = changed.pointer_mut(place).filter(|_| !place.is_empty())?;
        *value = if value.is_array() { json!(true) } else { json!([[]]) };
        Some(changed)
    };
    each_change(types, |place, changed| {
        assert!(!problems(changed).is_empty() && !judge::takes_value(changed), "{place}");
    });
    let words = |whole: &Value, place: &str| {
        let mut changed = whole.clone();
        *changed.pointer_mut(place).filter(|value| value.is_string())? = json!("zzzzzz");
        Some(changed)
    };
    each_change(words, |place, changed| {
        if let Some(problem) = problems(changed).iter().find(|problem| problem.contains("`: expected \"")) {
            assert!(!judge::takes_value(changed), "{place}: {problem}");
        }
    });
}

#[test]
fn editors_are_told_defaults_ranges_and_words() {
    let schema = schema();
    let at = |place: &str| schema.pointer(place).unwrap_or_else(|| panic!("{place}"));
    assert_eq!(at("/properties/node/properties/drain/default"), "30s");
    assert_eq!(at("/properties/application/items/properties/limits/properties/body/default"), "150 MiB");
    let baud = at("/properties/transmitter/items/properties/baud");
    assert_eq!((&baud["minimum"], &baud["maximum"], &baud["default"]), (&json!(300), &json!(4_000_000), &json!(115_200)));
    assert_eq!(at("/properties/application/items/properties/preset/enum"), &json!(["plain"]));
    assert_eq!(at("/properties/node/properties/role/enum"), &json!(["all"]));
    let of_sms = schema.pointer("/properties/transmitter/items/allOf").unwrap().as_array().unwrap();
    let of_push = of_sms.iter().find(|form| form["if"]["properties"]["kind"]["const"] == "push").unwrap();
    assert_eq!(of_push["then"]["properties"]["preset"]["enum"], json!(["ntfy", "gotify"]));
    assert_eq!(of_push["then"]["properties"]["baud"], json!(false));
    assert!(at("/properties/directory/items/properties/recheck/description").as_str().unwrap().contains("From 3s to 1h."));
    // What is not in this version is not offered.
    assert!(schema.pointer("/properties/radius").is_none() && schema.pointer("/properties/node/properties/time_zone").is_none());
}
