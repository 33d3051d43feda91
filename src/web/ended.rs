//! The pages of a session's end, in place of what was asked for: a form whose entry is not lost, a frame, and its way out.

use askama::Template;
use http::StatusCode;

use super::templates::{Frame, finish};
use super::translator::Say;
use super::{Look, Page};
use crate::base::Language;

/// What became of what somebody sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Entry {
    /// Nothing of it was passed on.
    NotSent,
    /// The session ended while it was on its way.
    CutShort,
}

/// Where a page is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shown {
    Alone,
    /// Inside a page of the same site.
    InFrame,
}

/// The page in place of the answer to a form.
#[derive(Clone, Copy, Debug)]
pub struct EntryView<'a> {
    /// The application's name.
    pub application: &'a str,
    pub entry: Entry,
    pub shown: Shown,
}

impl Look {
    /// Says what became of an entry. The browser still has it: signing in happens beside, and the browser sends it again.
    pub fn entry(&self, language: Language, view: &EntryView<'_>) -> Page {
        let say = Say { look: self, language };
        let what = match view.entry {
            Entry::NotSent => "ended-not-sent",
            Entry::CutShort => "ended-cut-short",
        };
        let frame = Frame { say, heading: say.plain("ended-title"), failed: true };
        let page = EntryPage {
            what: say.with(what, &[("application", say.application(view.application).into())]),
            framed: view.shown == Shown::InFrame,
            frame,
        };
        let page = finish(StatusCode::UNAUTHORIZED, language, &page);
        if view.shown == Shown::InFrame { page.framed_by_its_own() } else { page }
    }

    /// In place of what a frame was to show; `href` leads to the login page.
    pub fn framed(&self, language: Language, href: &str) -> Page {
        let say = Say { look: self, language };
        let frame = Frame { say, heading: say.plain("ended-title"), failed: true };
        finish(StatusCode::UNAUTHORIZED, language, &FramedPage { frame, href }).framed_by_its_own()
    }
}

#[derive(Template)]
#[template(path = "ended/entry.html")]
struct EntryPage<'a> {
    frame: Frame<'a>,
    what: String,
    framed: bool,
}

#[derive(Template)]
#[template(path = "ended/framed.html")]
struct FramedPage<'a> {
    frame: Frame<'a>,
    href: &'a str,
}
