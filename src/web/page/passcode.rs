//! The passcode page: shown by GET under the flow's address, so that it can be looked at again, answered by POST.

use crate::auth::flow::Answered;
use crate::auth::{Answer, Declined, FlowView};
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
        match self.gatekeeper.look(visit.attempt(&browser), flow.clone()).await {
            Err(why) => self.declined(language, why, "/"),
            Ok(Err(over)) => self.over(language, over),
            Ok(Ok(view)) => self.show_passcode(&view, &flow, &browser, None),
        }
    }

    /// GET `login/status`: the same in a few words, for the page's script.
    pub async fn status(&self, visit: &Visit<'_>) -> Page {
        let gone = || Page::json(http::StatusCode::NOT_FOUND, &serde_json::json!({ "state": "gone", "text": "" }));
        let Some(browser) = cookie::browser(visit.headers) else { return gone() };
        match self.gatekeeper.look(visit.attempt(&browser), flow_of(visit)).await {
            Ok(Ok(view)) => self.look.progress(view.language, &view.progress),
            Ok(Err(_)) => gone(),
            // It cannot be told now; the script asks again.
            Err(_) => Page::json(http::StatusCode::SERVICE_UNAVAILABLE, &serde_json::json!({ "state": "unknown", "text": "" })),
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
        let at = visit.attempt(&browser);
        let answer = match (form.act.as_str(), form.rule.parse()) {
            ("resend", _) => self.gatekeeper.resend(at, flow.clone()).await,
            ("other", Ok(rule)) => self.gatekeeper.other_channel(at, flow.clone(), rule).await,
            ("other", Err(_)) => Answer::Again,
            _ => self.gatekeeper.answer(at, flow.clone(), form.passcode).await,
        };
        match answer {
            Answer::Admitted(admitted) => Self::enter(&admitted),
            Answer::Again => Page::see_other(&address(&flow)),
            Answer::Over(over) => self.over(language, over),
            Answer::Declined { why, trace } => {
                // A limit that passes by itself must not cost the flow: its page stays, and says why nothing happened.
                let problem = match why {
                    Declined::TooManyAttempts => PasscodeProblem::TooMany,
                    Declined::TooManyMessages => PasscodeProblem::NoMore,
                    _ => return self.declined(language, (why, trace), "/"),
                };
                match self.gatekeeper.look(visit.attempt(&browser), flow.clone()).await {
                    Ok(Ok(view)) => self.show_passcode(&view, &flow, &browser, Some(problem)),
                    _ => self.declined(language, (why, trace), "/"),
                }
            }
        }
    }

    /// `problem` is what this very request met; else the page says what the flow remembers.
    fn show_passcode(&self, view: &FlowView, flow: &str, browser: &Secret<String>, problem: Option<PasscodeProblem>) -> Page {
        let field = csrf::Passcode { flow: flow.to_owned() };
        let expired = view.now >= view.lives_until;
        let problem = problem.or(match view.last {
            Some(Answered::Wrong) => Some(PasscodeProblem::Wrong),
            Some(Answered::Earlier) => Some(PasscodeProblem::Earlier),
            Some(Answered::TooSoon) if view.resend.is_some_and(|(from, _)| view.now < from) => Some(PasscodeProblem::NotYet),
            Some(Answered::Expired) => Some(PasscodeProblem::CodeExpired),
            Some(Answered::NoMore) if !expired => Some(PasscodeProblem::NoMore),
            _ => expired.then_some(PasscodeProblem::CodeExpired),
        });
        let resend = match view.resend {
            None => Resend::Used,
            Some((from, left)) if view.now >= from => Resend::Now { left },
            Some((from, left)) => Resend::In { seconds: from.since(view.now).as_secs() + 1, left },
        };
        self.look.passcode(
            view.language,
            &PasscodeView {
                application: &view.application,
                csrf: &csrf::seal(&self.keys, browser.expose(), field, view.now),
                label: &view.label,
                trace: view.trace,
                alphabet: view.alphabet,
                progress: &view.progress,
                tries_left: view.tries_left,
                problem,
                resend,
                others: &view.others,
                restart_url: &Next::StartAgain.href(&view.back),
                status_url: &address(flow),
                poll_url: &format!("/.doorward/login/status?flow={flow}"),
                expires_in_s: view.lives_until.since(view.now).as_secs(),
            },
        )
    }
}

fn address(flow: &str) -> String {
    format!("/.doorward/login/passcode?flow={flow}")
}

/// The flow a request names; what cannot be one is none.
pub(in crate::web) fn flow_of(visit: &Visit<'_>) -> String {
    let is_one = |flow: &String| flow.len() <= 64 && flow.bytes().all(|byte| byte.is_ascii_alphanumeric());
    parameter(visit.query, "flow").filter(is_one).unwrap_or_default()
}
