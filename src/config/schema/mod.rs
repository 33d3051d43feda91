//! The configuration as a JSON schema, so that editors complete and check the file. Nobody writes it: the readers of the file read the
//! project's example, which shows every key, and a record of what they ask for becomes the schema. What it says of a key is what the
//! operators' page says.

mod emit;
mod node;
mod page;

use std::path::Path;

use serde_json::Value;
use toml::de::DeTable;

use self::node::Table;
use self::page::Page;
use crate::config::document::{Context, Problem, Record, Section};
use crate::config::read;

const EXAMPLE: &str = include_str!("../../../doorward.example.toml");
const FORMS: &str = include_str!("forms.toml");
const PAGE: &str = include_str!("../../../docs/configuration.md");

/// The JSON schema (draft 2020-12) of the file.
pub fn schema() -> Value {
    let mut all = Table::default();
    for text in [shown(EXAMPLE), FORMS.to_owned()] {
        all.add(recorded(&text).0);
    }
    emit::schema(&all, &Page::read(PAGE))
}

/// What the example switches off with `# ` in front counts too.
fn shown(example: &str) -> String {
    let lines = example.lines().skip_while(|line| !line.starts_with("[node]"));
    lines.map(|line| line.strip_prefix("# ").unwrap_or(line)).fold(String::new(), |text, line| text + line + "\n")
}

/// What the readers took of a text, and what was wrong with it.
fn recorded(text: &str) -> (Table, Vec<Problem>) {
    let record = Record::default();
    let (document, errors) = DeTable::parse_recoverable(text);
    let context = Context::new(text, Path::new("/etc/doorward"), &secret, &errors).recorded(&record);
    read::read(Section::root(&context, document.get_ref()));
    (Table::of(&record, document.get_ref()).unwrap_or_default(), context.finish())
}

/// Secrets are of no interest, but their forms are checked.
fn secret(name: &str) -> Option<String> {
    Some(if name.ends_with("PIN") { "0000".to_owned() } else { "0".repeat(64) })
}

#[cfg(test)]
pub(super) mod judge;
#[cfg(test)]
mod tests;
