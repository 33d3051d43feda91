//! What may stand at one place of the file: all that the readers took there, in every table of the same kind.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::config::document::{Record, Shape};

/// The forms that a value may have.
#[derive(Clone, PartialEq, Default, Debug)]
pub(super) struct Node {
    /// Single values.
    pub(super) shapes: Vec<Shape>,
    /// A list of these, so many at least.
    pub(super) list: Option<(usize, Box<Node>)>,
    pub(super) table: Option<Table>,
    /// What a key that is left out means; several where that depends on other keys.
    pub(super) defaults: Vec<Value>,
}

/// The forms of a table, by the value of the key that decides which other keys there are.
#[derive(Clone, PartialEq, Default, Debug)]
pub(super) struct Table {
    pub(super) decides: Option<&'static str>,
    /// By nothing where no key decides, or where it is not there.
    pub(super) forms: BTreeMap<Option<String>, Form>,
    /// What stands under keys of the operator's own.
    pub(super) open: Option<Box<Node>>,
}

#[derive(Clone, PartialEq, Default, Debug)]
pub(super) struct Form {
    pub(super) keys: BTreeMap<&'static str, Node>,
    pub(super) required: BTreeSet<&'static str>,
}

impl Node {
    pub(super) fn of(record: &Record, value: &Spanned<DeValue<'_>>) -> Self {
        let shapes = record.shapes(value);
        let mut node = Self::default();
        match value.get_ref() {
            DeValue::Table(table) if !shapes.contains(&Shape::Secret) => node.table = Table::of(record, table),
            DeValue::Array(entries) => {
                let mut all = Self::default();
                entries.iter().for_each(|entry| all.add(Self::of(record, entry)));
                let least = shapes.iter().find_map(|shape| if let Shape::List(least) = shape { Some(*least) } else { None });
                node.list = least.map(|least| (least, Box::new(all)));
            }
            _ => {}
        }
        node.shapes = shapes.into_iter().filter(|shape| !matches!(shape, Shape::List(_))).collect();
        node
    }

    /// Takes the forms of another place of the same kind in.
    pub(super) fn add(&mut self, other: Self) {
        other.shapes.into_iter().for_each(|shape| self.add_shape(shape));
        self.list = match (self.list.take(), other.list) {
            (Some((least, mut node)), Some((others, other))) => {
                node.add(*other);
                Some((least.min(others), node))
            }
            (one, another) => one.or(another),
        };
        self.table = match (self.table.take(), other.table) {
            (Some(mut table), Some(other)) => {
                table.add(other);
                Some(table)
            }
            (one, another) => one.or(another),
        };
        for default in other.defaults {
            if !self.defaults.contains(&default) {
                self.defaults.push(default);
            }
        }
    }

    fn add_shape(&mut self, shape: Shape) {
        for known in &mut self.shapes {
            match (known, &shape) {
                (Shape::Words(words), Shape::Words(more)) => {
                    words.extend(more.iter().filter(|word| !words.contains(word)).copied().collect::<Vec<_>>());
                    return;
                }
                (Shape::Number(range), Shape::Number(other)) => {
                    *range = *range.start().min(other.start())..=*range.end().max(other.end());
                    return;
                }
                (Shape::Duration(range), Shape::Duration(other)) => {
                    *range = *range.start().min(other.start())..=*range.end().max(other.end());
                    return;
                }
                _ => {}
            }
        }
        if !self.shapes.contains(&shape) {
            self.shapes.push(shape);
        }
    }
}

impl Table {
    pub(super) fn of(record: &Record, table: &DeTable<'_>) -> Option<Self> {
        let asked = record.asked(table)?;
        let deciding = asked.decides.and_then(|key| table.get(key)).and_then(|value| value.get_ref().as_str().map(str::to_owned));
        let mut form = Form::default();
        for (key, noted) in &asked.keys {
            let mut node = Node::default();
            if let Some(value) = table.get(*key) {
                node = Node::of(record, value);
                node.defaults.extend(noted.is_default.then(|| json(value.get_ref())));
            }
            form.keys.insert(key, node);
            if noted.is_required {
                form.required.insert(key);
            }
        }
        let open = asked.is_open.then(|| {
            let mut all = Node::default();
            let own = table.iter().filter(|(key, _)| !asked.keys.contains_key(key.get_ref().as_ref()));
            own.for_each(|(_, value)| all.add(Node::of(record, value)));
            Box::new(all)
        });
        Some(Self { decides: asked.decides, forms: BTreeMap::from([(deciding, form)]), open })
    }

    /// What is required in one table and not in the other is not required.
    pub(super) fn add(&mut self, other: Self) {
        if self.forms.is_empty() {
            *self = other;
            return;
        }
        self.decides = self.decides.or(other.decides);
        for (deciding, form) in other.forms {
            match self.forms.get_mut(&deciding) {
                Some(known) => known.add(form),
                None => {
                    self.forms.insert(deciding, form);
                }
            }
        }
        self.open = match (self.open.take(), other.open) {
            (Some(mut open), Some(other)) => {
                open.add(*other);
                Some(open)
            }
            (one, another) => one.or(another),
        };
    }

    /// Every form in one.
    pub(super) fn whole(&self) -> Form {
        let mut forms = self.forms.values().cloned();
        let mut whole = forms.next().unwrap_or_default();
        forms.for_each(|form| whole.add(form));
        whole
    }
}

impl Form {
    fn add(&mut self, other: Self) {
        for (key, node) in other.keys {
            self.keys.entry(key).or_default().add(node);
        }
        self.required.retain(|key| other.required.contains(key));
    }
}

/// A value as JSON has it. The file has no dates, and numbers are small.
fn json(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::from(text.as_ref()),
        DeValue::Integer(number) => {
            i64::from_str_radix(&number.as_str().replace('_', ""), number.radix()).map_or(Value::Null, Value::from)
        }
        DeValue::Float(number) => number.as_str().replace('_', "").parse::<f64>().map_or(Value::Null, Value::from),
        DeValue::Boolean(value) => Value::from(*value),
        DeValue::Datetime(date) => Value::from(date.to_string()),
        DeValue::Array(entries) => entries.iter().map(|entry| json(entry.get_ref())).collect(),
        DeValue::Table(table) => table.iter().map(|(key, value)| (key.get_ref().to_string(), json(value.get_ref()))).collect(),
    }
}
