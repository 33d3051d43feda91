//! The passcode page: shown by GET under the flow's address, so that it can be looked at again, answered by POST. What stands on it is made
//! in `passcode_view.rs`.

use serde::{Deserialize, Serialize};

use super::passcode_view::{PasscodeProblem, PasscodeView, Resend};
use super::{Hosts, PageRoute, PostedForm};
use crate::auth::flow::Answered;
use crate::auth::{Ask, AskedView, Attempt, Declined, FlowView, OfFlow, Told};
use crate::base::{Secret, Time};
use crate::web::notice::Next;
use crate::web::{Notice, Page, Site, Visit, cookie, csrf, form};

pub const ROUTES: &[PageRoute] = &[PageRoute {
    path: "login/passcode",
    on: Hosts::Applications,
    get: Some(|site, visit| Box::pin(site.passcode_form(visit))),
    post: Some(PostedForm {
        cookie: cookie::FLOW,
        opens: csrf::is_fresh::<Carried>,
        answer: |site, visit, body| Box::pin(async { Ok(site.passcode(visit, form::read(body)?).await) }),
    }),
    most_bytes: form::MOST_BYTES,
}];

/// What is posted.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Form {
    pub passcode: Secret<String>,
    pub csrf: String,
    /// The name of the button, where it is not the main act: `resend`, or `other` with `rule`.
    pub act: String,
    /// The number of another way to send a passcode; the button of that way sends it alone.
    pub rule: String,
}

/// What the passcode form carries.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Carried {
    pub flow: String,
}

impl csrf::Field for Carried {
    const PURPOSE: &'static str = "csrf passcode";
}

impl Site {
    /// GET `login/passcode`.
    async fn passcode_form(&self, visit: &Visit<'_>) -> Page {
        let language = visit.language(&self.look);
        let Some(browser) = cookie::browser(visit.headers) else {
            return self.look.before(visit.application).notice(language, Notice::CookiesNeeded, None);
        };
        let flow = visit.flow();
        match self.ask_of(visit.attempt(&browser), &flow, OfFlow::Look).await {
            Told::Flow(view) => self.show_passcode(visit, (&view, &flow), &browser, None),
            told => self.follow(visit, language, told, "/"),
        }
    }

    /// POST `login/passcode`: an answer, or the wish for a new passcode or for another way.
    async fn passcode(&self, visit: &Visit<'_>, form: Form) -> Page {
        let language = visit.language(&self.look);
        let Some(browser) = cookie::browser(visit.headers) else {
            return self.look.before(visit.application).notice(language, Notice::CookiesNeeded, None);
        };
        let opened = csrf::open(&self.keys, browser.expose(), &form.csrf, self.clock.now());
        let Some(Carried { flow }) = opened.fresh() else {
            return self.look.before(visit.application).notice(language, Notice::FlowGone, None);
        };
        let what = match (form.act.as_str(), form.rule.as_str()) {
            ("resend", _) => OfFlow::Resend,
            ("", "") => OfFlow::Answer(form.passcode),
            ("" | "other", rule) => match rule.parse() {
                Ok(rule) => OfFlow::OtherWay { rule },
                Err(_) => return Page::see_other(&address(&flow)),
            },
            _ => OfFlow::Answer(form.passcode),
        };
        let (why, trace) = match self.ask_of(visit.attempt(&browser), &flow, what).await {
            Told::Again => return Page::see_other(&address(&flow)),
            Told::Declined { why, trace } => (why, trace),
            told => return self.follow(visit, language, told, "/"),
        };
        // A limit that passes by itself must not cost the flow: its page stays, and says why nothing happened.
        let problem = match why {
            Declined::TooManyAttempts => PasscodeProblem::TooMany,
            Declined::TooManyMessages { .. } => PasscodeProblem::NoMore,
            _ => return self.declined(visit, language, (why, trace), "/"),
        };
        match self.ask_of(visit.attempt(&browser), &flow, OfFlow::Look).await {
            Told::Flow(view) => self.show_passcode(visit, (&view, &flow), &browser, Some(problem)),
            _ => self.declined(visit, language, (why, trace), "/"),
        }
    }

    pub(super) async fn ask_of(&self, at: Attempt, flow: &str, what: OfFlow) -> Told {
        self.gatekeeper.ask(Ask::Flow { at, flow: flow.to_owned(), what }).await
    }

    /// `problem` is what this very request met; else the page says what the flow remembers.
    fn show_passcode(
        &self,
        visit: &Visit<'_>,
        (view, flow): (&FlowView, &str),
        browser: &Secret<String>,
        problem: Option<PasscodeProblem>,
    ) -> Page {
        let field = Carried { flow: flow.to_owned() };
        let AskedView::Passcode(asked) = &view.asked;
        let problem = problem.or(match view.last {
            Some(Answered::Wrong) => Some(PasscodeProblem::Wrong),
            Some(Answered::Earlier) => Some(PasscodeProblem::Earlier),
            Some(Answered::TooSoon) if asked.resend.is_some_and(|(from, _)| view.now < from) => Some(PasscodeProblem::NotYet),
            Some(Answered::Expired) => Some(PasscodeProblem::CodeExpired),
            Some(Answered::NoMore) => Some(PasscodeProblem::NoMore),
            Some(Answered::TooSoon) | None => None,
        });
        let resend = match asked.resend {
            None => Resend::Used,
            Some((from, left)) if view.now >= from => Resend::Now { left },
            Some((from, left)) => Resend::In { seconds: seconds_until(from, view.now), left },
        };
        self.look.before(visit.application).passcode(
            view.language,
            &PasscodeView {
                application: &view.application,
                name: &view.name,
                csrf: &csrf::seal(&self.keys, browser.expose(), field, view.now),
                label: &asked.label,
                trace: view.trace,
                alphabet: asked.alphabet,
                progress: &asked.progress,
                tries_left: view.tries_left,
                problem,
                resend,
                again: asked.again.as_ref(),
                others: &asked.others,
                restart_url: &Next::StartAgain.href(&view.back),
                status_url: &address(flow),
                poll_url: &format!("/.doorward/login/status?flow={flow}"),
                expires_in_s: seconds_until(asked.lives_until, view.now),
            },
        )
    }
}

/// Full seconds, the last one counted as a whole.
fn seconds_until(end: Time, now: Time) -> u64 {
    u64::try_from(end.since(now).as_millis().div_ceil(1000)).unwrap_or(u64::MAX)
}

/// The page of one flow.
pub(in crate::web) fn address(flow: &str) -> String {
    format!("/.doorward/login/passcode?flow={flow}")
}
