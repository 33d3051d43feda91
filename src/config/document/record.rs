//! What the readers of a configuration ask for while they read one: which keys of a table, and what each value may be. The schema is made
//! of this.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::ops::RangeInclusive;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What a value may be.
#[derive(Clone, PartialEq, Debug)]
pub(in crate::config) enum Shape {
    Boolean,
    Number(RangeInclusive<u32>),
    Decimal(RangeInclusive<f64>),
    /// Text that the pattern finds something in; without a pattern any that is not empty.
    Text(Option<&'static str>),
    /// Any text, also none.
    Lines,
    Duration(RangeInclusive<Duration>),
    /// One of these.
    Words(Vec<&'static str>),
    /// Text, `{ file }` or `{ env }`.
    Secret,
    /// So many entries at least.
    List(usize),
}

/// What a reader asked of a table.
#[derive(Default)]
pub(in crate::config) struct Asked {
    pub(in crate::config) keys: BTreeMap<&'static str, Key>,
    /// The key whose value decides which others there are.
    pub(in crate::config) decides: Option<&'static str>,
    /// Its keys are the operator's own.
    pub(in crate::config) is_open: bool,
}

#[derive(Clone, Copy, Default)]
pub(in crate::config) struct Key {
    pub(in crate::config) is_required: bool,
    /// What is written is what a key that is left out means.
    pub(in crate::config) is_default: bool,
}

/// By the place in memory of what was read, which stays where it is while it is read.
#[derive(Default)]
pub(in crate::config) struct Record {
    values: RefCell<HashMap<usize, Vec<Shape>>>,
    tables: RefCell<HashMap<usize, Asked>>,
}

impl Record {
    /// The last word counts: readers of special texts read any text first.
    pub(in crate::config) fn value(&self, value: &Spanned<DeValue<'_>>, shapes: Vec<Shape>) {
        self.values.borrow_mut().insert(std::ptr::from_ref(value).addr(), shapes);
    }

    pub(in crate::config) fn key(&self, table: &DeTable<'_>, key: &'static str, note: impl FnOnce(&mut Key)) {
        self.table(table, |asked| note(asked.keys.entry(key).or_default()));
    }

    pub(in crate::config) fn decides(&self, table: &DeTable<'_>, key: &'static str) {
        self.table(table, |asked| asked.decides = Some(key));
    }

    pub(in crate::config) fn open(&self, table: &DeTable<'_>) {
        self.table(table, |asked| asked.is_open = true);
    }

    fn table(&self, table: &DeTable<'_>, note: impl FnOnce(&mut Asked)) {
        note(self.tables.borrow_mut().entry(std::ptr::from_ref(table).addr()).or_default());
    }

    pub(in crate::config) fn shapes(&self, value: &Spanned<DeValue<'_>>) -> Vec<Shape> {
        self.values.borrow().get(&std::ptr::from_ref(value).addr()).cloned().unwrap_or_default()
    }

    pub(in crate::config) fn asked(&self, table: &DeTable<'_>) -> Option<Asked> {
        self.tables.borrow_mut().remove(&std::ptr::from_ref(table).addr())
    }
}
