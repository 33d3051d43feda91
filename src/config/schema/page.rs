//! What the operators' page on the configuration says of each key: its tables are what editors show.

use std::collections::BTreeMap;

/// The page, by section, kind and key (`upstream.health.path`).
pub(super) struct Page {
    rows: BTreeMap<(String, Option<String>, String), String>,
    sections: BTreeMap<String, String>,
}

/// Where on the page the reading is.
#[derive(Default)]
struct Place {
    section: String,
    /// None: what follows is for every kind.
    kinds: Vec<String>,
    /// The keys of the table at hand stand below this one.
    below: &'static str,
    /// The names of the table's columns.
    columns: Vec<String>,
}

impl Page {
    pub(super) fn read(text: &str) -> Self {
        let mut page = Self { rows: BTreeMap::new(), sections: BTreeMap::new() };
        let mut place = Place::default();
        for line in text.lines() {
            if let Some(heading) = line.strip_prefix("## `[") {
                let section = heading.trim_start_matches('[').split(']').next().unwrap_or_default();
                place = Place { section: section.to_owned(), ..Place::default() };
            } else if let Some(cells) = line.strip_prefix("| ") {
                let cells: Vec<&str> = cells.trim_end_matches('|').split(" | ").map(str::trim).collect();
                page.row(&mut place, &cells);
            } else if line.starts_with("With `kind = ") {
                let words = line.split(':').next().unwrap_or_default().split('"').skip(1).step_by(2);
                place.kinds = words.map(str::to_owned).collect();
            } else if !line.starts_with('|') {
                place.columns.clear();
                if !line.is_empty() && !place.section.is_empty() && place.kinds.is_empty() {
                    page.sections.entry(place.section.clone()).or_insert_with(|| plain(line));
                }
            }
        }
        page
    }

    /// The first row of a table names its columns.
    fn row(&mut self, place: &mut Place, cells: &[&str]) {
        if place.columns.is_empty() {
            place.columns = cells.iter().map(|&cell| cell.to_owned()).collect();
            place.below = match cells.first() {
                Some(&"key of a rule") => "rules.",
                Some(&"key of `when`") => "rules.when.",
                _ => "",
            };
            return;
        }
        if !place.columns.first().is_some_and(|first| first.starts_with("key")) {
            return;
        }
        let cell = |names: &[&str]| {
            let column = place.columns.iter().position(|column| names.contains(&column.as_str()));
            column.and_then(|column| cells.get(column)).map(|cell| plain(cell)).filter(|cell| !cell.is_empty())
        };
        let default = cell(&["default"]).filter(|default| default != "required").map(|default| format!("default: {default}"));
        let form = [cell(&["type"]), default].into_iter().flatten().collect::<Vec<_>>().join("; ");
        let meaning = cell(&["meaning", "matches"]);
        let words = [meaning, Some(form)].into_iter().flatten().filter(|words| !words.is_empty()).collect::<Vec<_>>();
        let kinds: Vec<Option<String>> =
            if place.kinds.is_empty() { vec![None] } else { place.kinds.iter().cloned().map(Some).collect() };
        for key in cells.first().into_iter().flat_map(|cell| cell.split(", ")) {
            for kind in &kinds {
                let key = format!("{}{}", place.below, key.trim_matches('`'));
                self.rows.insert((place.section.clone(), kind.clone(), key), words.join("\n\n"));
            }
        }
    }

    pub(super) fn section(&self, section: &str) -> Option<&str> {
        self.sections.get(section).map(String::as_str)
    }

    /// What is said of a key, for each of these kinds once.
    pub(super) fn key(&self, section: &str, kinds: &[String], key: &str) -> Option<String> {
        let row = |kind: Option<&str>| self.rows.get(&(section.to_owned(), kind.map(str::to_owned), key.to_owned()));
        if let Some(row) = row(None) {
            return Some(row.clone());
        }
        let mut said: Vec<(Vec<&str>, &str)> = Vec::new();
        for kind in kinds {
            let Some(words) = row(Some(kind)) else { continue };
            match said.iter_mut().find(|(_, known)| known == words) {
                Some((kinds, _)) => kinds.push(kind),
                None => said.push((vec![kind], words)),
            }
        }
        match said.as_slice() {
            [] => None,
            [(_, only)] => Some((*only).to_owned()),
            several => {
                let each = several.iter().map(|(kinds, words)| format!("{}: {words}", kinds.join(", ")));
                Some(each.collect::<Vec<_>>().join("\n\n"))
            }
        }
    }
}

/// Links lead nowhere in an editor: their words are kept.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, link)) = rest.split_once('[') {
        let found = link.split_once("](").and_then(|(words, after)| Some((words, after.split_once(')')?.1)));
        plain.push_str(before);
        match found {
            Some((words, after)) if !words.contains(']') => {
                plain.push_str(words);
                rest = after;
            }
            _ => {
                plain.push('[');
                rest = link;
            }
        }
    }
    plain + rest
}
