//! What all pages share, and the notices. Each page's own file adds the method that makes it.

use std::collections::HashMap;
use std::sync::Arc;

use http::header::RETRY_AFTER;

use super::page::asset::{self, Asset};
use super::templates::{Frame, NoticePage, finish};
use super::translator::Say;
use super::{Logo, Notice, Occasion, Page};
use crate::base::{Language, Rate, Span, Texts, TraceId};
use crate::config::directory::NameForm;
use crate::config::{self, Support, Translated};

/// What all pages share. Made once for a configuration; cheap to share, never changed.
#[derive(Clone, Debug)]
pub struct Look {
    title: Translated<String>,
    support: Option<Translated<Support>>,
    /// What is offered; the first is spoken where nothing else decides.
    pub languages: Vec<Language>,
    /// Puts a banner on every page.
    pub trial: bool,
    pub(super) waits: Waits,
    /// How the login page says that names are written; not empty.
    pub(super) name_forms: Vec<NameForm>,
    pub(super) logo: Option<Asset>,
    pub(super) texts: Texts,
    /// What people call the application that these pages stand before; nothing where that is its name.
    called: Option<Translated<String>>,
    /// Those of each application, by its name.
    applications: HashMap<Arc<str>, Self>,
}

/// How long the limits last that pages tell of without asking.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waits {
    /// After too many attempts from one address.
    pub(super) attempts: Span,
    /// After too many wrong passwords; a directory's own limit may last longer.
    pub(super) failures: Span,
}

impl Waits {
    fn of(limits: &config::Limits) -> Self {
        let wait = |rate: Rate| Span::at_least(rate.window);
        Self { attempts: wait(limits.attempts_per_address), failures: wait(limits.failures_per_user) }
    }
}

impl Look {
    pub fn new(pages: &config::Pages, limits: &config::Limits, trial: bool, logo: Option<Logo>) -> Self {
        Self {
            title: pages.title.clone(),
            support: pages.support.clone(),
            languages: pages.languages.clone(),
            trial,
            waits: Waits::of(limits),
            name_forms: vec![NameForm::Plain],
            logo: logo.map(|logo| logo.0),
            texts: Texts::built_in(),
            called: None,
            applications: HashMap::new(),
        }
    }

    /// The same where the directories accept these forms of names.
    #[must_use]
    pub fn with_names(self, name_forms: Vec<NameForm>) -> Self {
        Self { name_forms, ..self }
    }

    /// The same with what an application has of its own.
    #[must_use]
    pub fn with_application(mut self, name: &Arc<str>, called: Option<Translated<String>>, logo: Option<Logo>) -> Self {
        let own = logo.map(|logo| logo.0).or_else(|| self.logo.clone());
        let before = std::mem::take(&mut self.applications);
        let one = Self { called, logo: own, ..self.clone() };
        self.applications = before;
        self.applications.insert(Arc::clone(name), one);
        self
    }

    /// The pages before an application; those of none where there is no such application.
    pub fn before(&self, application: &str) -> &Self {
        self.applications.get(application).unwrap_or(self)
    }

    /// The pictures of all applications, and that of the others.
    pub(super) fn logos(&self) -> impl Iterator<Item = &Asset> {
        self.logo.iter().chain(self.applications.values().filter_map(|look| look.logo.as_ref()))
    }

    /// Says why it does not go on, and what to do next.
    pub fn notice(&self, language: Language, notice: Notice, trace: Option<TraceId>) -> Page {
        self.notice_on(language, notice, trace, &Occasion::default())
    }

    /// The same with the name of the application, and of the user who is signed in.
    pub fn notice_on(&self, language: Language, notice: Notice, trace: Option<TraceId>, on: &Occasion<'_>) -> Page {
        let say = Say { look: self, language };
        let time = notice.wait().map(|wait| say.time(wait)).unwrap_or_default();
        let application = if on.application.is_empty() { self.title(language) } else { say.application(on.application) };
        let variables = [("time", time.as_str().into()), ("application", application.into())];
        let part = |end: &str| say.with(&format!("notice-{}-{end}", notice.key()), &variables);
        let user = on.user.filter(|_| notice.names_user());
        let (tone, icon) = notice.looks();
        let page = NoticePage {
            tone,
            icon,
            signed_in: user.map(|name| say.pieces("notice-signed-in-as", &[("name", name)])).unwrap_or_default(),
            what: part(if user.is_some() { "text-signed-in" } else { "text" }),
            next: part("next"),
            href: notice.next().href(on.back),
            act: say.plain(notice.next().key()),
            trace,
            frame: Frame { say, heading: part("title"), failed: notice.status().as_u16() >= 400 },
        };
        let page = finish(notice.status(), language, &page);
        match notice.retry_after() {
            Some(seconds) => page.with(RETRY_AFTER, seconds.into()),
            None => page,
        }
    }

    /// On top of every page.
    pub(super) fn title(&self, language: Language) -> &str {
        self.title.of(language)
    }

    pub(super) fn support(&self, language: Language) -> Option<&Support> {
        self.support.as_ref().map(|support| support.of(language))
    }

    /// What people call the application of this name.
    pub(super) fn called<'a>(&'a self, application: &'a str, language: Language) -> &'a str {
        let look = if self.called.is_some() { self } else { self.before(application) };
        look.called.as_ref().map_or(application, |called| called.of(language))
    }

    /// The picture of the page and of its tab: the logo, or ours.
    pub(super) fn icon(&self) -> &str {
        self.logo.as_ref().map_or_else(|| asset::url("icon.svg"), |logo| &logo.url)
    }
}
