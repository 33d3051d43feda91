//! The page for a new password, after everything else is proven: shown by GET under the flow's address, answered by POST.

use askama::Template;
use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::{Hosts, PageRoute, PostedForm};
use crate::auth::flow::change::{Unchanged, Why};
use crate::auth::{ChangeView, Complaint, OfFlow, REMINDED_AFTER, Told};
use crate::base::{Language, Secret, Span, Time, TraceId};
use crate::web::notice::Next;
use crate::web::templates::{Frame, Problem, finish};
use crate::web::translator::Say;
use crate::web::{Look, Notice, Page, Site, Visit, cookie, csrf, form};

pub const ROUTES: &[PageRoute] = &[PageRoute {
    path: "login/password",
    on: Hosts::Applications,
    get: Some(|site, visit| Box::pin(site.password_form(visit))),
    post: Some(PostedForm {
        cookie: cookie::FLOW,
        opens: csrf::is_fresh::<Carried>,
        answer: |site, visit, body| Box::pin(async { Ok(site.password(visit, form::read(body)?).await) }),
    }),
    most_bytes: form::MOST_BYTES,
}];

/// What is posted.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Form {
    pub new_password: Secret<String>,
    pub new_password_again: Secret<String>,
    pub csrf: String,
    /// The name of the button, where it is not the main act: `later`.
    pub act: String,
}

/// What the form for a new password carries.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Carried {
    pub flow: String,
}

impl csrf::Field for Carried {
    const PURPOSE: &'static str = "csrf new password";
}

/// The page for a new password.
#[derive(Clone, Debug)]
pub struct PasswordView<'a> {
    pub csrf: &'a str,
    /// The account's name, for password managers.
    pub name: &'a str,
    pub why: Why,
    pub problem: Option<Unchanged>,
    pub trace: TraceId,
    /// The login page, on the way to the same place.
    pub restart_url: &'a str,
    /// This page once more, by GET.
    pub check_url: &'a str,
    pub now: Time,
}

impl Site {
    /// GET `login/password`.
    async fn password_form(&self, visit: &Visit<'_>) -> Page {
        let language = visit.language(&self.look);
        let Some(browser) = cookie::browser(visit.headers) else {
            return self.look.before(visit.application).notice(language, Notice::CookiesNeeded, None);
        };
        let flow = visit.flow();
        match self.ask_of(visit.attempt(&browser), &flow, OfFlow::LookChange).await {
            Told::Change(view) => self.show_password(visit, (&view, &flow), &browser, view.last),
            told => self.follow(visit, language, told, "/"),
        }
    }

    /// POST `login/password`: a new password, or "later".
    async fn password(&self, visit: &Visit<'_>, form: Form) -> Page {
        let language = visit.language(&self.look);
        let Some(browser) = cookie::browser(visit.headers) else {
            return self.look.before(visit.application).notice(language, Notice::CookiesNeeded, None);
        };
        let opened = csrf::open(&self.keys, browser.expose(), &form.csrf, self.clock.now());
        let Some(Carried { flow }) = opened.fresh() else {
            return self.look.before(visit.application).notice(language, Notice::FlowGone, None);
        };
        let what = match form.act.as_str() {
            "later" => OfFlow::ChangeLater,
            _ => OfFlow::Change { new: form.new_password, again: form.new_password_again },
        };
        match self.ask_of(visit.attempt(&browser), &flow, what).await {
            Told::Unchanged(why) => match self.ask_of(visit.attempt(&browser), &flow, OfFlow::LookChange).await {
                Told::Change(view) => self.show_password(visit, (&view, &flow), &browser, Some(why)),
                told => self.follow(visit, language, told, "/"),
            },
            told => self.follow(visit, language, told, "/"),
        }
    }

    fn show_password(
        &self,
        visit: &Visit<'_>,
        (view, flow): (&ChangeView, &str),
        browser: &Secret<String>,
        problem: Option<Unchanged>,
    ) -> Page {
        let field = Carried { flow: flow.to_owned() };
        self.look.before(visit.application).password(
            view.language,
            &PasswordView {
                csrf: &csrf::seal(&self.keys, browser.expose(), field, view.now),
                name: &view.name,
                why: view.why,
                problem,
                trace: view.trace,
                restart_url: &Next::StartAgain.href(&view.back),
                check_url: &address(flow),
                now: view.now,
            },
        )
    }
}

impl Look {
    /// Asks for a new password and says why.
    pub fn password(&self, language: Language, view: &PasswordView<'_>) -> Page {
        let say = Say { look: self, language };
        let status = match view.problem {
            None => StatusCode::OK,
            Some(Unchanged::NoAnswer | Unchanged::Busy) => StatusCode::SERVICE_UNAVAILABLE,
            Some(Unchanged::TooMany) => StatusCode::TOO_MANY_REQUESTS,
            Some(_) => StatusCode::FORBIDDEN,
        };
        let (title, why) = match view.why {
            Why::MustChange => ("password-title", say.plain("password-must-change")),
            Why::Expired => ("password-title", say.plain("password-expired")),
            Why::Expiring(expires) => {
                let left = Span::at_most(expires.since(view.now));
                ("password-title-expiring", say.timed("password-expiring", left))
            }
        };
        let problem = view.problem.map(|why| {
            let key = unchanged_key(why);
            let is_ours = matches!(why, Unchanged::NoAnswer | Unchanged::Unable);
            let next = say.timed(&format!("{key}-next"), say.look.waits.failures);
            Problem { what: say.plain(key), next, is_calm: why == Unchanged::Busy, trace: is_ours.then_some(view.trace) }
        });
        let page = PasswordPage {
            frame: Frame { say, heading: say.plain(title), failed: problem.as_ref().is_some_and(|problem| !problem.is_calm) },
            problem,
            view,
            why,
            wrong: matches!(view.problem, Some(Unchanged::Complaint(_) | Unchanged::Different | Unchanged::Unfit)),
            busy: view.problem == Some(Unchanged::Busy),
            later: matches!(view.why, Why::Expiring(_)).then(|| say.timed("password-later-why", Span::about(REMINDED_AFTER))),
        };
        finish(status, language, &page).that_leads_on()
    }
}

/// The page of one flow.
pub(in crate::web) fn address(flow: &str) -> String {
    format!("/.doorward/login/password?flow={flow}")
}

/// The beginning of the keys in `locales/` of why a password is still the old one.
pub(in crate::web) const fn unchanged_key(why: Unchanged) -> &'static str {
    match why {
        Unchanged::Complaint(Complaint::TooShort) => "password-too-short",
        Unchanged::Complaint(Complaint::UsedBefore) => "password-used-before",
        Unchanged::Complaint(Complaint::TooYoung) => "password-too-young",
        Unchanged::Complaint(Complaint::NotComplex) => "password-not-complex",
        Unchanged::Complaint(Complaint::Policy) => "password-policy",
        Unchanged::Different => "password-different",
        Unchanged::Unfit => "password-unfit",
        Unchanged::NoAnswer => "password-no-answer",
        Unchanged::Unable => "password-unable",
        Unchanged::Busy => "password-busy",
        Unchanged::TooMany => "password-too-many",
    }
}

#[derive(Template)]
#[template(path = "login/password.html")]
struct PasswordPage<'a> {
    frame: Frame<'a>,
    problem: Option<Problem>,
    view: &'a PasswordView<'a>,
    /// Why it is asked for, as a sentence.
    why: String,
    /// The new password itself is at fault.
    wrong: bool,
    busy: bool,
    /// Where the old one may be kept for now: when it is asked for again.
    later: Option<String>,
}
