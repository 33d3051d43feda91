//! `[pages]`: how our own pages look and speak.

use std::path::PathBuf;

use super::support::Support;
use super::translated::{self, Translated};
use crate::base::Language;
use crate::config::document::{Field, Section, Shape};

/// `[pages]`: how our own pages look and speak.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pages {
    /// Stands on top of every page. Default: `Doorward`.
    pub title: Translated<String>,
    /// SVG or PNG, at most 256 KiB.
    pub logo: Option<PathBuf>,
    /// Shown wherever somebody may need help.
    pub support: Option<Translated<Support>>,
    /// What is offered; the first is spoken where nothing else decides. Default: all that are built.
    pub languages: Vec<Language>,
}

impl Default for Pages {
    fn default() -> Self {
        Self { title: Translated::plain("Doorward".into()), logo: None, support: None, languages: Language::all().collect() }
    }
}

impl Pages {
    pub(in crate::config) fn read(section: Section<'_>) -> Self {
        let default = Self::default();
        let title = |field| Translated::read(field, |text| translated::title(text, MOST_TITLE));
        let pages = Self {
            title: section.or("title", default.title, title),
            logo: section.optional("logo").and_then(logo),
            support: section.optional("support").and_then(|field| Translated::read(field, Support::read)),
            languages: section.or("languages", default.languages, |list| list.some(language)),
        };
        section.finish();
        pages
    }
}

/// Characters of an organisation's name.
const MOST_TITLE: usize = 200;

/// SVG or PNG, by the name.
pub(in crate::config) fn logo(field: Field<'_>) -> Option<PathBuf> {
    let path = field.path()?;
    let fits = path.extension().is_some_and(|kind| kind.eq_ignore_ascii_case("svg") || kind.eq_ignore_ascii_case("png"));
    if !fits {
        field.problem("`logo`: expected the path of a .svg or .png file");
    }
    fits.then_some(path)
}

fn language(field: Field<'_>) -> Option<Language> {
    let tag = field.text()?;
    field.takes(vec![Shape::Words(Language::all().map(Language::tag).collect()), Shape::Text(None)]);
    let language = Language::from_tag(tag);
    if language.is_none() {
        let built: Vec<&str> = Language::all().map(Language::tag).collect();
        field.problem(format!("the language {tag:?} is not in this version; built are {}", built.join(", ")));
    }
    language
}
