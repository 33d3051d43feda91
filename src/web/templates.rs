//! What all templates share: the frame, the words, the box on top of a form. Each page's own template is beside it.

use askama::Template;
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderValue};

use super::Page;
use super::icons::Icon;
use super::notice::Tone;
use super::page::asset;
use super::translator::{Piece, Say};
use crate::base::{Language, Span, TraceId};
use crate::config::Support;
use crate::config::support::Words;

/// A template writes into memory, so it fails only if one of its values does; the answer is then short but still ours.
pub(super) fn finish(status: StatusCode, language: Language, template: &impl Template) -> Page {
    match template.render() {
        Ok(body) => Page::html(status, language, body),
        Err(error) => {
            tracing::error!(%error, "a page could not be written");
            let mut page = Page::html(StatusCode::INTERNAL_SERVER_ERROR, language, "Internal error.".into());
            page.headers.retain(|(name, _)| name != CONTENT_TYPE);
            page.with(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"))
        }
    }
}

/// What `base.html` needs.
pub(super) struct Frame<'a> {
    pub(super) say: Say<'a>,
    pub(super) heading: String,
    /// The window's title then says so first.
    pub(super) failed: bool,
}

impl Frame<'_> {
    pub(super) fn say(&self, key: &str) -> String {
        self.say.plain(key)
    }

    pub(super) fn title(&self) -> &str {
        self.say.look.title(self.say.language)
    }

    /// Who helps, in words with links.
    pub(super) fn support_words(&self) -> &[Words] {
        self.say.look.support(self.say.language).map(Support::words).unwrap_or_default()
    }

    /// A language's name in itself.
    pub(super) fn name_of(&self, language: &Language) -> String {
        Say { language: *language, ..self.say }.plain("language-name")
    }

    /// When a button can be pressed; the script counts its number down.
    pub(super) fn possible_in(&self, seconds: &u64) -> String {
        self.say.timed("passcode-possible-in", Span::in_seconds(*seconds))
    }

    pub(super) fn alert(&self) -> String {
        Icon::Alert.svg()
    }

    pub(super) fn asset(&self, name: &str) -> &'static str {
        asset::url(name)
    }
}

/// The box on top of a form that is shown once more.
pub(super) struct Problem {
    pub(super) what: String,
    pub(super) next: String,
    pub(super) is_calm: bool,
    pub(super) trace: Option<TraceId>,
}

#[derive(Template)]
#[template(path = "error/notice.html")]
pub(super) struct NoticePage<'a> {
    pub(super) frame: Frame<'a>,
    pub(super) tone: Tone,
    pub(super) icon: Icon,
    /// Who is signed in; empty where the page does not say so.
    pub(super) signed_in: Vec<Piece>,
    pub(super) what: String,
    pub(super) next: String,
    pub(super) href: String,
    pub(super) act: String,
    pub(super) trace: Option<TraceId>,
}
