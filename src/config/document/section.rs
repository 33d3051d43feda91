//! A table of the document: hands out its keys, remembers which were asked for, and in the end says which nobody knows.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::context::Context;
use super::field::Field;
use super::names::Kind;
use super::record::{Key, Shape};
use super::scalar::nearest;

pub(in crate::config) struct Section<'d> {
    pub(in crate::config) context: &'d Context<'d>,
    /// As the operator writes it: `[node]`, `[[listener]]`, `upstream`.
    pub(in crate::config) title: &'d str,
    /// Where it begins, in bytes.
    pub(in crate::config) at: usize,
    /// What the operator wrote; nothing where a preset alone says something.
    table: Option<&'d DeTable<'d>>,
    /// What counts where the operator wrote nothing.
    preset: Option<Below<'d>>,
    /// The operator means a preset that does not exist, so that nobody knows what may be left out.
    lacks_preset: bool,
    asked: RefCell<Vec<&'static str>>,
    missing: RefCell<Vec<&'static str>>,
    unfinished: Unfinished<'d>,
}

/// A section that nobody has finished. One whose reader gives up must not vanish without a word: a rule that is left out might be the one
/// that refuses.
struct Unfinished<'d> {
    context: &'d Context<'d>,
    title: &'d str,
    at: usize,
    is_finished: Cell<bool>,
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if !self.is_finished.get() {
            self.context.give_up(self.at, self.title);
        }
    }
}

/// A table of a preset.
#[derive(Clone, Copy)]
struct Below<'d> {
    context: &'d Context<'d>,
    table: &'d DeTable<'d>,
}

impl<'d> Section<'d> {
    pub(in crate::config) fn new(context: &'d Context<'d>, title: &'d str, at: usize, table: &'d DeTable<'d>) -> Self {
        Self { table: Some(table), ..Self::empty(context, title, at) }
    }

    fn empty(context: &'d Context<'d>, title: &'d str, at: usize) -> Self {
        let (asked, missing) = (RefCell::default(), RefCell::default());
        let unfinished = Unfinished { context, title, at, is_finished: Cell::default() };
        Self { context, title, at, table: None, preset: None, lacks_preset: false, asked, missing, unfinished }
    }

    /// The same section with the keys of a preset below the operator's.
    pub(in crate::config) fn over(self, context: &'d Context<'d>, table: &'d DeTable<'d>) -> Self {
        Self { preset: Some(Below { context, table }), ..self }
    }

    /// The same section, of which nobody knows what may be left out.
    pub(in crate::config) fn without_its_preset(self) -> Self {
        Self { lacks_preset: true, ..self }
    }

    pub(in crate::config) fn lacks_preset(&self) -> bool {
        self.lacks_preset
    }

    /// The line that it begins in, from 1.
    pub(in crate::config) fn line(&self) -> usize {
        self.context.line(self.at)
    }

    pub(in crate::config) fn problem(&self, message: impl Into<String>) {
        self.context.problem(self.at, message);
    }

    /// What the operator wrote, or else the preset.
    pub(in crate::config) fn optional(&self, key: &'static str) -> Option<Field<'d>> {
        self.own(key).or_else(|| self.of_preset(key))
    }

    /// What the operator wrote.
    pub(in crate::config) fn own(&self, key: &'static str) -> Option<Field<'d>> {
        self.note(key, |_| ());
        self.unlisted(key)
    }

    /// A key that is looked for only to say why it must not be there.
    pub(in crate::config) fn unlisted(&self, key: &'static str) -> Option<Field<'d>> {
        self.asked.borrow_mut().push(key);
        field(self.context, self.table?, key)
    }

    /// What the preset says, whatever the operator wrote.
    pub(in crate::config) fn of_preset(&self, key: &'static str) -> Option<Field<'d>> {
        let below = self.preset?;
        field(below.context, below.table, key)
    }

    /// A table whose keys count one by one: each that the operator did not write may come from the preset. The table of
    /// [`Field::section`] is the operator's or the preset's as a whole.
    pub(in crate::config) fn merged(&self, key: &'static str) -> Option<Section<'d>> {
        let (own, below) = (self.own(key), self.of_preset(key));
        let preset = below.and_then(|field| Some(Below { context: field.context, table: field.section()?.table? }));
        match own {
            Some(field) => Some(Section { preset, ..field.section()? }),
            None => preset.map(|_| Section { preset, ..Section::empty(self.context, key, self.at) }),
        }
    }

    /// That it is missing is said by [`Section::finish`], unless it is there under a mistyped name.
    pub(in crate::config) fn required(&self, key: &'static str) -> Option<Field<'d>> {
        let field = self.optional(key);
        self.needs(key);
        if field.is_none() && !self.lacks_preset {
            self.missing.borrow_mut().push(key);
        }
        field
    }

    /// The value as `read` gives it, or the default. A wrong value is a problem by then, so the default does no harm.
    pub(in crate::config) fn or<T: PartialEq>(
        &self,
        key: &'static str,
        default: T,
        read: impl FnOnce(Field<'d>) -> Option<T>,
    ) -> T {
        let Some(read) = self.optional(key).and_then(read) else { return default };
        if read == default {
            self.note(key, |key| key.is_default = true);
        }
        read
    }

    /// The schema says that the key is required; that it is missing is said elsewhere.
    pub(in crate::config) fn needs(&self, key: &'static str) {
        self.note(key, |key| key.is_required = true);
    }

    /// The schema says that the other keys depend on the value of this one.
    pub(in crate::config) fn decides(&self, key: &'static str) {
        if let (Some(record), Some(table)) = (self.context.record, self.table) {
            record.decides(table, key);
        }
    }

    fn note(&self, key: &'static str, note: impl FnOnce(&mut Key)) {
        if let (Some(record), Some(table)) = (self.context.record, self.table) {
            record.key(table, key, note);
        }
    }

    /// The section's own `name`: given once among its kind.
    pub(in crate::config) fn name(&self, kind: Kind) -> Option<Arc<str>> {
        let field = self.required("name");
        let name = field.and_then(Field::name);
        match (&name, field) {
            (Some(name), Some(field)) => self.context.define(kind, name, field.at()),
            _ => self.context.lose(kind),
        }
        name
    }

    /// Keys of a later version.
    pub(in crate::config) fn later(&self, keys: &[&'static str]) {
        for key in keys {
            if let Some(field) = self.unlisted(key) {
                field.key_problem(format!("`{key}` is not in this version"));
            }
        }
    }

    /// A key with one value that is built so far.
    pub(in crate::config) fn only(&self, key: &'static str, built: &'static str, later: &[&'static str]) {
        if let Some(field) = self.optional(key) {
            field.choice(&[(built, ())], later);
        }
    }

    /// Says which keys are missing and which nobody asked for.
    pub(in crate::config) fn finish(self) {
        self.end(true);
    }

    /// Says which keys are missing alone: without the one that decides which others belong here, nobody knows those.
    pub(in crate::config) fn finish_undecided(self) {
        self.end(false);
    }

    fn end(self, knows_all: bool) {
        self.unfinished.is_finished.set(true);
        let (asked, mut missing) = (self.asked.into_inner(), self.missing.into_inner());
        for key in self.table.iter().flat_map(|table| table.keys()) {
            let written: &str = key.get_ref();
            if asked.contains(&written) {
                continue;
            }
            let near = nearest(written, &mut asked.iter().copied());
            if !knows_all && near.is_none_or(|near| !missing.contains(&near)) {
                continue;
            }
            missing.retain(|key| Some(*key) != near);
            let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            let word = if self.title.is_empty() { "section" } else { "key" };
            self.context.problem(key.span().start, format!("unknown {word} `{}`{hint}", written.escape_debug()));
        }
        for key in missing.into_iter().filter(|_| !self.context.is_broken()) {
            self.context.problem(self.at, format!("{} lacks `{key}`", self.title));
        }
    }

    /// Whether nothing is written in it.
    pub(in crate::config) fn is_empty(&self) -> bool {
        self.table.is_none_or(DeTable::is_empty)
    }

    /// The key's place and value of everything in the table, in the order of the text; for tables whose keys are the operator's, which
    /// are read to their end by this.
    pub(in crate::config) fn entries(&self) -> Vec<Field<'d>> {
        self.unfinished.is_finished.set(true);
        if let (Some(record), Some(table)) = (self.context.record, self.table) {
            record.open(table);
        }
        let mut entries: Vec<_> = self.table.iter().flat_map(|table| table.iter()).collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        let field = |(key, value)| Field {
            context: self.context,
            key: Spanned::<DeString<'d>>::get_ref(key),
            key_at: key.span().start,
            value,
        };
        entries.into_iter().map(field).collect()
    }
}

fn field<'d>(context: &'d Context<'d>, table: &'d DeTable<'d>, key: &'static str) -> Option<Field<'d>> {
    let (written, value) = table.get_key_value(key)?;
    Some(Field { context, key, key_at: written.span().start, value })
}

/// The document itself, whose keys are the sections.
impl<'d> Section<'d> {
    pub(in crate::config) fn root(context: &'d Context<'d>, table: &'d DeTable<'d>) -> Self {
        Self::new(context, "", 0, table)
    }

    /// `[key]`, which may be there once.
    pub(in crate::config) fn table(&self, key: &'static str, title: &'static str) -> Option<Section<'d>> {
        let field = self.optional(key)?;
        match field.value.get_ref() {
            DeValue::Table(table) => Some(Section::new(self.context, title, field.at(), table)),
            DeValue::Array(_) => {
                field.problem(format!("write [{key}] with single brackets: there is only one"));
                None
            }
            _ => {
                field.problem(format!("`{key}` is a section: write [{key}] and its keys below"));
                None
            }
        }
    }

    /// `[[key]]`, in the order of the text.
    pub(in crate::config) fn tables(&self, key: &'static str, title: &'static str) -> Vec<Section<'d>> {
        let Some(field) = self.optional(key) else { return Vec::new() };
        let tables: Option<Vec<_>> = match field.value.get_ref() {
            DeValue::Array(array) => {
                field.takes(vec![Shape::List(0)]);
                array.iter().map(|item| item.get_ref().as_table().map(|table| (item.span().start, table))).collect()
            }
            _ => None,
        };
        let Some(tables) = tables else {
            field.problem(format!("write [[{key}]] with double brackets: there may be several"));
            return Vec::new();
        };
        tables.into_iter().map(|(at, table)| Section::new(self.context, title, at, table)).collect()
    }

    /// Whole sections of a later version.
    pub(in crate::config) fn later_sections(&self, keys: &[&'static str]) {
        for key in keys {
            let Some(field) = self.unlisted(key) else { continue };
            let headers = match field.value.get_ref() {
                DeValue::Array(array) if !array.is_empty() => array.iter().map(|item| item.span().start).collect(),
                _ => vec![field.at()],
            };
            for at in headers {
                self.context.problem(at, format!("the section `{key}` is not in this version"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// The problems of a section of which `read` makes what it likes.
    fn problems(read: impl FnOnce(Section<'_>)) -> Vec<String> {
        let (text, environment) = ("\n[rule]\nwhen = 1\n", |_: &str| None);
        let (document, errors) = DeTable::parse_recoverable(text);
        let context = Context::new(text, Path::new("/"), &environment, &errors);
        let root = Section::root(&context, document.get_ref());
        if let Some(rule) = root.optional("rule").and_then(Field::section) {
            read(rule);
        }
        root.finish();
        context.finish().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_section_whose_reader_gives_up_is_never_left_out_in_silence() {
        assert_eq!(problems(|rule| _ = rule.optional("when")).len(), 1);
        assert_eq!(problems(|rule| _ = rule.required("then")).len(), 1);
        let whole = |rule: Section<'_>| {
            rule.optional("when");
            rule.finish();
        };
        assert_eq!(problems(whole), [""; 0]);
        // Where something else is said already, that is enough.
        let told = problems(|rule| rule.problem("no"));
        assert!(told.len() == 1 && told[0].contains("no"), "{told:?}");
    }
}
