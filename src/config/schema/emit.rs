//! Writes what may stand in the file as a JSON schema (draft 2020-12). Of a table whose keys depend on one of them, all keys are properties,
//! which editors offer, and `allOf` says which of them go with what.

use serde_json::{Map, Value, json};

use super::node::{Form, Node, Table};
use super::page::Page;
use crate::config::document::Shape;
use crate::config::document::scalar::written;

/// Where in the file something stands.
#[derive(Clone)]
struct Place<'p> {
    page: &'p Page,
    section: String,
    /// Of the section, where it has some.
    kinds: Vec<String>,
    /// Within the section: `upstream.health`.
    key: String,
}

impl Place<'_> {
    /// The place of a key here.
    fn at(&self, key: &str) -> Self {
        let mut place = self.clone();
        if self.section.is_empty() {
            key.clone_into(&mut place.section);
        } else {
            place.key = if self.key.is_empty() { key.to_owned() } else { format!("{}.{key}", self.key) };
        }
        place
    }

    fn description(&self) -> Option<String> {
        if self.key.is_empty() {
            return self.page.section(&self.section).map(str::to_owned);
        }
        // What is said of `limits.body` holds for `routes.limits.body` too.
        let below = self.key.match_indices('.').filter_map(|(dot, _)| self.key.get(dot + 1..)).filter(|key| key.contains('.'));
        std::iter::once(self.key.as_str()).chain(below).find_map(|key| self.page.key(&self.section, &self.kinds, key))
    }
}

/// Keywords and their values.
type Rules = Map<String, Value>;

fn add(rules: &mut Rules, keyword: &str, value: impl Into<Value>) {
    rules.insert(keyword.to_owned(), value.into());
}

/// The whole schema.
pub(super) fn schema(root: &Table, page: &Page) -> Value {
    let mut rules = object(root, &Place { page, section: String::new(), kinds: Vec::new(), key: String::new() });
    add(&mut rules, "$schema", "https://json-schema.org/draft/2020-12/schema");
    add(&mut rules, "title", "Doorward's configuration");
    Value::Object(rules)
}

/// What may stand at a place, and what is said of it.
fn described(node: &Node, place: &Place<'_>) -> Value {
    let mut rules = forms(node, place);
    let spans = node.shapes.iter().filter_map(|shape| match shape {
        Shape::Duration(range) => Some(format!("From {} to {}.", written(*range.start()), written(*range.end()))),
        _ => None,
    });
    let said: Vec<String> = place.description().into_iter().chain(spans).collect();
    if !said.is_empty() {
        add(&mut rules, "description", said.join("\n\n"));
    }
    if let [default] = node.defaults.as_slice() {
        add(&mut rules, "default", default.clone());
    }
    Value::Object(rules)
}

fn forms(node: &Node, place: &Place<'_>) -> Rules {
    let list = node.list.as_ref().map(|(least, entries)| {
        let mut list = rules(json!({ "type": "array", "items": forms(entries, place) }));
        if *least > 0 {
            add(&mut list, "minItems", *least);
        }
        list
    });
    let table = node.table.as_ref().map(|table| object(table, place));
    any_of(node.shapes.iter().map(single).chain(list).chain(table).collect())
}

fn any_of(mut forms: Vec<Rules>) -> Rules {
    if forms.len() == 1 { forms.remove(0) } else { rules(json!({ "anyOf": forms })) }
}

/// Of an object written out.
fn rules(schema: Value) -> Rules {
    if let Value::Object(rules) = schema { rules } else { Rules::new() }
}

fn single(shape: &Shape) -> Rules {
    rules(match shape {
        Shape::Boolean => json!({ "type": "boolean" }),
        Shape::Number(range) => json!({ "type": "integer", "minimum": range.start(), "maximum": range.end() }),
        Shape::Decimal(range) => json!({ "type": "number", "minimum": range.start(), "maximum": range.end() }),
        Shape::Text(Some(pattern)) => json!({ "type": "string", "pattern": pattern }),
        Shape::Text(None) => json!({ "type": "string", "minLength": 1 }),
        Shape::Lines | Shape::List(_) => json!({ "type": "string" }),
        Shape::Duration(_) => json!({ "type": "string", "pattern": "^[0-9]+[smhd]$" }),
        Shape::Words(words) => json!({ "enum": words }),
        Shape::Secret => {
            let text = json!({ "type": "string", "minLength": 1 });
            let table = |key: &str| json!({ "type": "object", "properties": { key: text }, "required": [key], "additionalProperties": false });
            json!({ "anyOf": [text, table("file"), table("env")] })
        }
    })
}

fn object(table: &Table, place: &Place<'_>) -> Rules {
    let mut place = place.clone();
    if table.decides == Some("kind") {
        place.kinds = table.forms.keys().flatten().cloned().collect();
    }
    let whole = table.whole();
    let properties: Rules = whole.keys.iter().map(|(key, node)| ((*key).to_owned(), described(node, &place.at(key)))).collect();
    let others = table.open.as_ref().map_or(json!(false), |open| Value::Object(forms(open, &place)));
    let mut rules = rules(json!({ "type": "object", "properties": properties, "additionalProperties": others }));
    if !whole.required.is_empty() {
        add(&mut rules, "required", json!(whole.required));
    }
    if let Some(decides) = table.decides.filter(|_| table.forms.len() > 1) {
        let each = table.forms.iter().map(|(word, form)| depending(decides, word.as_deref(), form, &whole));
        add(&mut rules, "allOf", each.collect::<Value>());
    }
    rules
}

/// What goes with one word of the key that decides, or with its absence.
fn depending(decides: &str, word: Option<&str>, form: &Form, whole: &Form) -> Value {
    let condition = match word {
        Some(word) => json!({ "properties": { decides: { "const": word } }, "required": [decides] }),
        None => json!({ "not": { "required": [decides] } }),
    };
    json!({ "if": condition, "then": less(form, whole).map_or(json!(true), Value::Object) })
}

/// What one form of a table takes less than all of them together. Which keys there are and must be is known of every form; what a value may be
/// only where it is written in one way, for of several ways the form at hand need not show all.
fn less(form: &Form, whole: &Form) -> Option<Rules> {
    let property = |(key, all): (&&'static str, &Node)| {
        let own = form.keys.get(key).map_or(Some(json!(false)), |own| less_of_value(own, all))?;
        Some(((*key).to_owned(), own))
    };
    let properties: Rules = whole.keys.iter().filter_map(property).collect();
    let required: Vec<_> = form.required.difference(&whole.required).collect();
    let mut less = Rules::new();
    if !properties.is_empty() {
        add(&mut less, "properties", properties);
    }
    if !required.is_empty() {
        add(&mut less, "required", json!(required));
    }
    (!less.is_empty()).then_some(less)
}

fn less_of_value(own: &Node, all: &Node) -> Option<Value> {
    if all.list.is_none() && all.table.is_none() {
        let shapes: Vec<Rules> = own.shapes.iter().map(single).collect();
        return (!shapes.is_empty() && own.shapes != all.shapes).then(|| Value::Object(any_of(shapes)));
    }
    let tables = own.table.as_ref().zip(all.table.as_ref());
    let mut found = tables.and_then(|(own, all)| less(&own.whole(), &all.whole())).unwrap_or_default();
    let entries = own.list.as_ref().zip(all.list.as_ref());
    if let Some(less) = entries.and_then(|((_, own), (_, all))| less_of_value(own, all)) {
        add(&mut found, "items", less);
    }
    (!found.is_empty()).then_some(Value::Object(found))
}
