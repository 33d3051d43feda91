//! One request for a page of ours, and what answering it needs. Form in, one call of the house rules, page out: the pages
//! themselves are in `page/`.

use std::net::IpAddr;
use std::sync::Arc;

use http::HeaderMap;
use http::header::{ACCEPT_LANGUAGE, SET_COOKIE, USER_AGENT};

use super::page::{passcode, password};
use super::submission::Submissions;
use super::{Look, Notice, Occasion, Page, cookie, form, way_back};
use crate::auth::{Admitted, Attempt, Declined, Door, Entered, FlowOver, Gatekeeper, Sessions, Step, Told, Trouble, TroubleKind};
use crate::base::{Clock, Keys, Language, Random, Secret, Span, TraceId, language};

/// Answers for our own pages. Cheap to clone; every core has one.
#[derive(Clone)]
pub struct Site {
    pub look: Arc<Look>,
    pub gatekeeper: Gatekeeper,
    pub sessions: Sessions,
    pub keys: Keys,
    pub clock: Clock,
    pub random: Arc<dyn Random>,
    pub submissions: Submissions,
}

/// Who asks, for what, from where.
#[derive(Clone, Copy, Debug)]
pub struct Visit<'a> {
    /// The application, or the set of pages where the host carries none: what one signs in to here.
    pub application: &'a Arc<str>,
    /// Lower case, without port.
    pub host: &'a Arc<str>,
    pub address: IpAddr,
    pub path: &'a str,
    pub query: Option<&'a str>,
    pub headers: &'a HeaderMap,
}

impl Visit<'_> {
    pub(super) fn attempt(&self, browser: &Secret<String>) -> Attempt {
        let door = Door::Browser {
            application: Arc::clone(self.application),
            host: Arc::clone(self.host),
            cookie: browser.clone(),
            known: cookie::find(self.headers, cookie::KNOWN).map(str::to_owned),
            agent: self.headers.get(USER_AGENT).map(|agent| shortened(&String::from_utf8_lossy(agent.as_bytes()))),
        };
        Attempt { door, address: Some(self.address) }
    }

    /// Where a notice stands that is shown in place of the page; `back` is where the sign-in would have led.
    fn occasion<'b>(&'b self, back: &'b str) -> Occasion<'b> {
        Occasion { application: self.application, back, ..Occasion::default() }
    }

    /// Where to go in the end, on this very host and at most 8 KiB long; anything else, and our own pages, is `/`.
    pub(super) fn back(&self) -> String {
        form::parameter(self.query, "back").and_then(|back| way_back::judged(&back)).unwrap_or_else(|| "/".to_owned())
    }

    /// The flow that the request names; empty where it names what cannot be one.
    pub(super) fn flow(&self) -> String {
        let is_one = |flow: &String| flow.len() <= 64 && flow.bytes().all(|byte| byte.is_ascii_alphanumeric());
        form::parameter(self.query, "flow").filter(is_one).unwrap_or_default()
    }

    pub(super) fn chosen_language(&self) -> Option<Language> {
        form::parameter(self.query, "language").and_then(|tag| Language::from_tag(&tag))
    }

    /// What to speak before the user is known.
    pub fn language(&self, look: &Look) -> Language {
        let accept = self.headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        language::choose(self.chosen_language().map(Language::tag), accept, &look.languages)
    }
}

impl Site {
    /// What every page makes of an answer that is none of its own. `back` is where the sign-in would have led.
    pub(super) fn follow(&self, visit: &Visit<'_>, language: Language, told: Told, back: &str) -> Page {
        match told {
            Told::Entered(Entered::Session(admitted)) => Self::enter(&admitted),
            Told::Next { flow, step: Step::Factor } => Page::see_other(&passcode::address(&flow)),
            Told::Next { flow, step: Step::NewPassword } => Page::see_other(&password::address(&flow)),
            Told::Over(over) => self.over(visit, language, &over),
            Told::Declined { why, trace } => self.declined(visit, language, (why, trace), back),
            // No answer to what this page asked.
            Told::Entered(Entered::Accept(_))
            | Told::Again
            | Told::Unchanged(_)
            | Told::Flow(_)
            | Told::Change(_)
            | Told::Refused { .. }
            | Told::SignedOut => {
                let trace = TraceId::new(self.random.as_ref());
                tracing::error!(%trace, "a page was given an answer to another question");
                self.gatekeeper.note_trouble(Trouble {
                    trace,
                    application: None,
                    address: None,
                    kind: TroubleKind::SignIn,
                    reason: "broken",
                    detail: "a page was given an answer to another question".to_owned(),
                });
                self.declined(visit, language, (Declined::Broken, trace), back)
            }
        }
    }

    /// Somebody is in: the cookies that say so, and the way to where they wanted to go. The flow cookie stays: another tab may be in
    /// the middle of a flow of its own.
    fn enter(admitted: &Admitted) -> Page {
        let cookies = [
            cookie::set(cookie::KEY, admitted.cookie.expose(), None),
            cookie::set(cookie::KNOWN, admitted.known.expose(), Some(A_YEAR)),
        ];
        cookies.into_iter().flatten().fold(Page::see_other(&admitted.back), |page, cookie| page.with(SET_COOKIE, cookie))
    }

    /// `back` is where the sign-in would have led.
    pub(super) fn declined(&self, visit: &Visit<'_>, language: Language, (why, trace): (Declined, TraceId), back: &str) -> Page {
        let notice = match why {
            Declined::NoChannel => Notice::NoChannel,
            Declined::NotForThisSite => Notice::NotForThisSite,
            Declined::NotFromHere => Notice::NotFromHere,
            Declined::Paused { wait } => Notice::FactorPaused { wait: Span::at_least(wait) },
            // A page for a new password stands on every host with a login page.
            Declined::HelpDesk | Declined::PasswordDue => Notice::HelpDesk,
            Declined::TooManyMessages { wait } => Notice::MessagesPaused { wait: Span::at_least(wait) },
            Declined::TooManyAttempts => Notice::TooMany { wait: self.look.waits.attempts },
            Declined::Busy => Notice::Busy,
            Declined::Unavailable => Notice::DirectoryDown,
            Declined::PasswordSet => Notice::PasswordSet,
            Declined::Broken => Notice::Internal,
        };
        self.look.before(visit.application).notice_on(language, notice, Some(trace), &visit.occasion(back))
    }

    pub(super) fn over(&self, visit: &Visit<'_>, language: Language, over: &FlowOver) -> Page {
        let (notice, back) = match over {
            FlowOver::Ended { back } => (Notice::FlowEnded, back.as_str()),
            FlowOver::Used { back } => (Notice::FlowUsed, back.as_str()),
            FlowOver::PasswordStale { back } => (Notice::PasswordStale, back.as_str()),
            FlowOver::ChangeEnded { back } => (Notice::ChangeEnded, back.as_str()),
            FlowOver::Gone => (Notice::FlowGone, "/"),
        };
        self.look.before(visit.application).notice_on(language, notice, None, &visit.occasion(back))
    }
}

fn shortened(agent: &str) -> Arc<str> {
    let end = agent.char_indices().nth(AGENT_MOST).map_or(agent.len(), |(end, _)| end);
    agent.get(..end).unwrap_or_default().into()
}

/// Characters of what a browser calls itself: all that the usual ones say.
const AGENT_MOST: usize = 200;
const A_YEAR: u32 = 365 * 24 * 3600;
