//! `[pages]`: how our own pages look and speak.

use std::path::PathBuf;

use crate::base::Language;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pages {
    /// Stands on top of every page. Default: `Doorward`.
    pub title: String,
    /// SVG or PNG, at most 256 KiB.
    pub logo: Option<PathBuf>,
    /// Shown wherever somebody may need help.
    pub support: Option<String>,
    /// What is offered; the first is spoken where nothing else decides. Default: all that are built.
    pub languages: Vec<Language>,
}

impl Default for Pages {
    fn default() -> Self {
        Self { title: "Doorward".into(), logo: None, support: None, languages: Language::all().collect() }
    }
}
