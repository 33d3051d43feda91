//! The passcode page: shown by GET under the flow's address, so that it can be looked at again, answered by POST.

use crate::auth::flow::Answered;
use crate::auth::{Ask, AskedView, Attempt, Declined, FlowView, OfFlow, Told};
use crate::base::Secret;
use crate::web::csrf;
use crate::web::form::{Form, parameter};
use crate::web::notice::Next;
use crate::web::{Notice, Page, PasscodeProblem, PasscodeView, Resend, Site, Visit, cookie};

impl Site {
    /// GET `login/passcode`.
    pub async fn passcode_form(&self, visit: &Visit<'_>) -> Page {
        let language = visit.language(&self.look);
        let Some(browser) = cookie::browser(visit.headers) else {
            return self.look.notice(language, Notice::CookiesNeeded, None);
        };
        let flow = flow_of(visit);
        match self.ask_of(visit.attempt(&browser), &flow, OfFlow::Look).await {
            Told::Flow(view) => self.show_passcode(&view, &flow, &browser, None),
            told => self.follow(language, told, "/"),
        }
    }

    /// GET `login/status`: the same in a few words, for the page's script.
    pub async fn status(&self, visit: &Visit<'_>) -> Page {
        let gone = || Page::json(http::StatusCode::NOT_FOUND, &serde_json::json!({ "state": "gone", "text": "" }));
        let Some(browser) = cookie::browser(visit.headers) else { return gone() };
        match self.ask_of(visit.attempt(&browser), &flow_of(visit), OfFlow::Look).await {
            Told::Flow(view) => {
                let AskedView::Passcode(asked) = &view.asked;
                self.look.progress(view.language, &asked.progress)
            }
            // It cannot be told now; the script asks again.
            Told::Declined { .. } => {
                Page::json(http::StatusCode::SERVICE_UNAVAILABLE, &serde_json::json!({ "state": "unknown", "text": "" }))
            }
            _ => gone(),
        }
    }

    /// POST `login/passcode`: an answer, or the wish for a new passcode or for another way.
    pub async fn passcode(&self, visit: &Visit<'_>, form: Form) -> Page {
        let language = visit.language(&self.look);
        let Some(browser) = cookie::browser(visit.headers) else {
            return self.look.notice(language, Notice::CookiesNeeded, None);
        };
        let opened = csrf::open(&self.keys, browser.expose(), &form.csrf, self.clock.now());
        let Some(csrf::Passcode { flow }) = opened.fresh() else { return self.look.notice(language, Notice::FlowGone, None) };
        let what = match (form.act.as_str(), form.rule.parse()) {
            ("resend", _) => OfFlow::Resend,
            ("other", Ok(rule)) => OfFlow::OtherWay { rule },
            ("other", Err(_)) => return Page::see_other(&address(&flow)),
            _ => OfFlow::Answer(form.passcode),
        };
        let (why, trace) = match self.ask_of(visit.attempt(&browser), &flow, what).await {
            Told::Again => return Page::see_other(&address(&flow)),
            Told::Declined { why, trace } => (why, trace),
            told => return self.follow(language, told, "/"),
        };
        // A limit that passes by itself must not cost the flow: its page stays, and says why nothing happened.
        let problem = match why {
            Declined::TooManyAttempts => PasscodeProblem::TooMany,
            Declined::TooManyMessages => PasscodeProblem::NoMore,
            _ => return self.declined(language, (why, trace), "/"),
        };
        match self.ask_of(visit.attempt(&browser), &flow, OfFlow::Look).await {
            Told::Flow(view) => self.show_passcode(&view, &flow, &browser, Some(problem)),
            _ => self.declined(language, (why, trace), "/"),
        }
    }

    pub(super) async fn ask_of(&self, at: Attempt, flow: &str, what: OfFlow) -> Told {
        self.gatekeeper.ask(Ask::Flow { at, flow: flow.to_owned(), what }).await
    }

    /// `problem` is what this very request met; else the page says what the flow remembers.
    fn show_passcode(&self, view: &FlowView, flow: &str, browser: &Secret<String>, problem: Option<PasscodeProblem>) -> Page {
        let field = csrf::Passcode { flow: flow.to_owned() };
        let AskedView::Passcode(asked) = &view.asked;
        let expired = view.now >= asked.lives_until;
        let problem = problem.or(match view.last {
            Some(Answered::Wrong) => Some(PasscodeProblem::Wrong),
            Some(Answered::Earlier) => Some(PasscodeProblem::Earlier),
            Some(Answered::TooSoon) if asked.resend.is_some_and(|(from, _)| view.now < from) => Some(PasscodeProblem::NotYet),
            Some(Answered::Expired) => Some(PasscodeProblem::CodeExpired),
            Some(Answered::NoMore) if !expired => Some(PasscodeProblem::NoMore),
            _ => expired.then_some(PasscodeProblem::CodeExpired),
        });
        let resend = match asked.resend {
            None => Resend::Used,
            Some((from, left)) if view.now >= from => Resend::Now { left },
            Some((from, left)) => Resend::In { seconds: from.since(view.now).as_secs() + 1, left },
        };
        self.look.passcode(
            view.language,
            &PasscodeView {
                application: &view.application,
                csrf: &csrf::seal(&self.keys, browser.expose(), field, view.now),
                label: &asked.label,
                trace: view.trace,
                alphabet: asked.alphabet,
                progress: &asked.progress,
                tries_left: view.tries_left,
                problem,
                resend,
                others: &asked.others,
                restart_url: &Next::StartAgain.href(&view.back),
                status_url: &address(flow),
                poll_url: &format!("/.doorward/login/status?flow={flow}"),
                expires_in_s: asked.lives_until.since(view.now).as_secs(),
            },
        )
    }
}

/// The page of one flow.
pub(in crate::web) fn address(flow: &str) -> String {
    format!("/.doorward/login/passcode?flow={flow}")
}

/// The flow a request names; what cannot be one is none.
pub(in crate::web) fn flow_of(visit: &Visit<'_>) -> String {
    let is_one = |flow: &String| flow.len() <= 64 && flow.bytes().all(|byte| byte.is_ascii_alphanumeric());
    parameter(visit.query, "flow").filter(is_one).unwrap_or_default()
}
