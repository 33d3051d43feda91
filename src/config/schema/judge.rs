//! Judges by the schema, as far as the schema needs it: a JSON schema's keywords that it does not use are no part of this. A test through the
//! front door has the schema judged by a library that knows all of them.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use regex::Regex;
use serde_json::{Map, Value};

static SCHEMA: LazyLock<Value> = LazyLock::new(super::schema);
static PATTERNS: LazyLock<Mutex<HashMap<String, Regex>>> = LazyLock::new(Mutex::default);

/// Whether the schema takes this configuration.
pub(in crate::config) fn takes(toml: &str) -> bool {
    takes_value(&json(toml))
}

pub(super) fn takes_value(value: &Value) -> bool {
    fits(&SCHEMA, value)
}

pub(super) fn json(toml: &str) -> Value {
    serde_json::to_value(toml::from_str::<toml::Table>(toml).unwrap()).unwrap()
}

fn fits(schema: &Value, value: &Value) -> bool {
    match schema {
        Value::Bool(fits) => *fits,
        Value::Object(rules) => rules.iter().all(|(keyword, rule)| obeys(rules, keyword, rule, value)),
        _ => panic!("no schema: {schema}"),
    }
}

fn obeys(rules: &Map<String, Value>, keyword: &str, rule: &Value, value: &Value) -> bool {
    let list = || rule.as_array().unwrap().iter();
    let is_in = |least: bool| {
        value
            .as_f64()
            .is_none_or(|number| if least { number >= rule.as_f64().unwrap() } else { number <= rule.as_f64().unwrap() })
    };
    match keyword {
        "$schema" | "title" | "description" | "default" | "then" => true,
        "type" => match rule.as_str().unwrap() {
            "boolean" => value.is_boolean(),
            "integer" => value.is_i64() || value.is_u64(),
            "number" => value.is_number(),
            "string" => value.is_string(),
            "array" => value.is_array(),
            "object" => value.is_object(),
            other => panic!("{other}"),
        },
        "const" => value == rule,
        "enum" => list().any(|word| word == value),
        "pattern" => value.as_str().is_none_or(|text| holds(rule.as_str().unwrap(), text)),
        "minLength" => value.as_str().is_none_or(|text| text.chars().count() as u64 >= rule.as_u64().unwrap()),
        "minimum" => is_in(true),
        "maximum" => is_in(false),
        "minItems" => value.as_array().is_none_or(|entries| entries.len() as u64 >= rule.as_u64().unwrap()),
        "items" => value.as_array().is_none_or(|entries| entries.iter().all(|entry| fits(rule, entry))),
        "properties" => rule.as_object().unwrap().iter().all(|(key, rule)| value.get(key).is_none_or(|value| fits(rule, value))),
        "required" => list().all(|key| !value.is_object() || value.get(key.as_str().unwrap()).is_some()),
        "additionalProperties" => {
            let known = rules["properties"].as_object().unwrap();
            let others = value.as_object().into_iter().flatten().filter(|(key, _)| !known.contains_key(*key));
            others.into_iter().all(|(_, value)| fits(rule, value))
        }
        "anyOf" => list().any(|schema| fits(schema, value)),
        "allOf" => list().all(|schema| fits(schema, value)),
        "not" => !fits(rule, value),
        "if" => !fits(rule, value) || fits(&rules["then"], value),
        other => panic!("`{other}` is not known here"),
    }
}

fn holds(pattern: &str, text: &str) -> bool {
    let mut patterns = PATTERNS.lock().unwrap();
    patterns.entry(pattern.to_owned()).or_insert_with(|| Regex::new(pattern).unwrap()).is_match(text)
}
