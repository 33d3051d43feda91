//! The passcode page: shown by GET under the flow's address, so that it can be looked at again, answered by POST.

use askama::Template;
use fluent_bundle::FluentValue;
use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::status::{OtherButton, channel, state};
use super::{Hosts, PageRoute};
use crate::auth::flow::Answered;
use crate::auth::{Ask, AskedView, Attempt, Declined, FlowView, OfFlow, Progress, Told, Way};
use crate::base::{Channel, Language, Secret, TraceId};
use crate::config::passcode_policy::Alphabet;
use crate::web::notice::Next;
use crate::web::templates::{Frame, Problem, finish};
use crate::web::translator::Say;
use crate::web::{Look, Notice, Page, Site, Visit, cookie, csrf, form};

pub const ROUTES: &[PageRoute] = &[PageRoute {
    path: "login/passcode",
    on: Hosts::Applications,
    get: Some(|site, visit| Box::pin(site.passcode_form(visit))),
    post: Some(|site, visit, body| Box::pin(async { Ok(site.passcode(visit, form::read(body)?).await) })),
    most_bytes: form::MOST_BYTES,
}];

/// What is posted.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Form {
    pub passcode: Secret<String>,
    pub csrf: String,
    /// The name of the button, where it is not the main act: `resend` or `other`.
    pub act: String,
    /// With `other`, the number of another way to send a passcode.
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

/// The passcode page.
#[derive(Clone, Debug)]
pub struct PasscodeView<'a> {
    /// The application's name.
    pub application: &'a str,
    pub csrf: &'a str,
    /// Tells two logins at once apart: `K7`. The message says it too.
    pub label: &'a str,
    pub progress: &'a Progress,
    /// How many more wrong passcodes the flow bears.
    pub tries_left: u32,
    pub problem: Option<PasscodeProblem>,
    pub resend: Resend,
    /// Further ways to send it, as often and as soon as a new passcode.
    pub others: &'a [Way],
    /// The login page, on the way to the same place.
    pub restart_url: &'a str,
    /// This page once more, by GET.
    pub status_url: &'a str,
    /// What [`Look::progress`] answers, for the script.
    pub poll_url: &'a str,
    /// For whoever is asked for help.
    pub trace: TraceId,
    /// What the passcode is made of, for the keyboard of a phone.
    pub alphabet: Alphabet,
    /// Seconds until the newest passcode is worth nothing.
    pub expires_in_s: u64,
}

/// Why the passcode page is shown once more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PasscodeProblem {
    Wrong,
    /// Right, but replaced by a newer one.
    Earlier,
    CodeExpired,
    /// A new one was asked for too early.
    NotYet,
    /// A limit on messages was reached, so no new one was sent; the last one is still good.
    NoMore,
    /// The limit of this address was reached; the passcode was not looked at.
    TooMany,
}

impl PasscodeProblem {
    /// Whether the passcode itself was at fault.
    const fn is_wrong(self) -> bool {
        matches!(self, Self::Wrong | Self::Earlier | Self::CodeExpired)
    }

    /// The beginning of its keys in `locales/`.
    const fn key(self) -> &'static str {
        match self {
            Self::Wrong => "passcode-wrong",
            Self::Earlier => "passcode-earlier",
            Self::CodeExpired => "passcode-code-expired",
            Self::NotYet => "passcode-not-yet",
            Self::NoMore => "passcode-no-more",
            Self::TooMany => "passcode-too-many",
        }
    }
}

/// Whether a new passcode can be asked for; `left` counts how often.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Resend {
    Now { left: u32 },
    In { seconds: u64, left: u32 },
    Used,
}

impl Site {
    /// GET `login/passcode`.
    async fn passcode_form(&self, visit: &Visit<'_>) -> Page {
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

    /// POST `login/passcode`: an answer, or the wish for a new passcode or for another way.
    async fn passcode(&self, visit: &Visit<'_>, form: Form) -> Page {
        let language = visit.language(&self.look);
        let Some(browser) = cookie::browser(visit.headers) else {
            return self.look.notice(language, Notice::CookiesNeeded, None);
        };
        let opened = csrf::open(&self.keys, browser.expose(), &form.csrf, self.clock.now());
        let Some(Carried { flow }) = opened.fresh() else { return self.look.notice(language, Notice::FlowGone, None) };
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
        let field = Carried { flow: flow.to_owned() };
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

impl Look {
    /// Asks for the passcode and says where it went.
    pub fn passcode(&self, language: Language, view: &PasscodeView<'_>) -> Page {
        let say = Say { look: self, language };
        let status = match view.problem {
            None => StatusCode::OK,
            Some(problem) if problem.is_wrong() => StatusCode::FORBIDDEN,
            Some(_) => StatusCode::TOO_MANY_REQUESTS,
        };
        let label = [("label", FluentValue::from(view.label))];
        let (resend, wait, left) = match view.resend {
            Resend::Now { left } => (say.with("passcode-resend-left", &[("left", left.into())]), None, left),
            Resend::In { seconds, left } => (say.with("passcode-resend-in", &[("seconds", seconds.into())]), Some(seconds), left),
            Resend::Used => (say.plain("passcode-resend-used"), None, 0),
        };
        let page = PasscodePage {
            problem: view.problem.map(|problem| passcode_problem(say, view, problem)),
            view,
            application: say.with("login-title", &[("application", view.application.into())]),
            label: say.with("passcode-label", &label),
            label_why: say.with("passcode-label-why", &label),
            progress: self.progress_text(language, view.progress),
            state: state(view.progress),
            life: match view.expires_in_s {
                _ if matches!(view.progress, Progress::Failed) => String::new(),
                0 => say.plain("passcode-code-expired"),
                seconds => say.with("passcode-life", &[("minutes", (seconds.saturating_add(30) / 60).into())]),
            },
            expired: say.plain("passcode-code-expired"),
            resend,
            wait,
            resend_left: say.with("passcode-resend-left", &[("left", left.into())]),
            resend_offered: view.resend != Resend::Used,
            others: self.other_texts(language, view.others),
            help: match channel(view.progress) {
                Some(Channel::Mail) => "passcode-help-mail",
                Some(Channel::Voice) => "passcode-help-voice",
                Some(Channel::Push) => "passcode-help-push",
                Some(Channel::Sms) | None => "passcode-help-sms",
            },
            wrong: view.problem.is_some_and(PasscodeProblem::is_wrong),
            hints: !matches!(view.progress, Progress::Failed),
            digits: view.alphabet == Alphabet::Digits,
            frame: Frame { say, heading: say.plain("passcode-title"), failed: view.problem.is_some() },
        };
        finish(status, language, &page).that_leads_on()
    }
}

fn passcode_problem(say: Say<'_>, view: &PasscodeView<'_>, problem: PasscodeProblem) -> Problem {
    let key = problem.key();
    let next = match (problem, view.resend) {
        (PasscodeProblem::CodeExpired, Resend::Used) => format!("{key}-over"),
        _ => format!("{key}-next"),
    };
    let next = say.with(&next, &[("left", view.tries_left.into())]);
    Problem { what: say.plain(key), next, is_calm: false, trace: None }
}

/// The page of one flow.
pub(in crate::web) fn address(flow: &str) -> String {
    format!("/.doorward/login/passcode?flow={flow}")
}

/// The flow a request names; what cannot be one is none.
pub(in crate::web) fn flow_of(visit: &Visit<'_>) -> String {
    let is_one = |flow: &String| flow.len() <= 64 && flow.bytes().all(|byte| byte.is_ascii_alphanumeric());
    form::parameter(visit.query, "flow").filter(is_one).unwrap_or_default()
}

#[derive(Template)]
#[template(path = "login/passcode.html")]
struct PasscodePage<'a> {
    frame: Frame<'a>,
    problem: Option<Problem>,
    view: &'a PasscodeView<'a>,
    /// Where one is signing in, as a sentence.
    application: String,
    label: String,
    label_why: String,
    progress: String,
    state: &'static str,
    /// Empty where no passcode is on its way.
    life: String,
    /// Takes the place of `life` when that is over.
    expired: String,
    resend: String,
    /// Seconds until a new passcode can be asked for.
    wait: Option<u64>,
    /// Takes the place of `resend` when the wait is over.
    resend_left: String,
    resend_offered: bool,
    others: Vec<OtherButton>,
    help: &'static str,
    wrong: bool,
    /// There may be a code that hints would help with.
    hints: bool,
    /// For the keyboard of a phone.
    digits: bool,
}
