//! Makes the pages: one `Look` for a configuration, one method for a page.

use bytes::Bytes;
use fluent_bundle::FluentValue;
use http::StatusCode;
use http::header::{HeaderName, HeaderValue, RETRY_AFTER};

use super::page::asset::{self, Asset};
use super::page::status::{channel, state};
use super::sheet::{Frame, LoginPage, LogoutPage, NoticePage, PasscodePage, PasswordPage, Problem, Say, finish};
use super::view::unchanged_key;
use super::{LoginProblem, LoginView, Notice, Page, PasscodeProblem, PasscodeView, PasswordView, Resend};
use crate::auth::Progress;
use crate::auth::flow::change::{Unchanged, Why};
use crate::base::{Channel, Language, Texts, TraceId};
use crate::config;
use crate::config::passcode_policy::Alphabet;

/// What all pages share. Made once for a configuration; cheap to share, never changed.
#[derive(Clone, Debug)]
pub struct Look {
    pub title: String,
    pub support: Option<String>,
    /// What is offered; the first is spoken where nothing else decides.
    pub languages: Vec<Language>,
    /// Puts a banner on every page.
    pub trial: bool,
    pub(super) logo: Option<Asset>,
    pub(super) texts: Texts,
}

/// The operator's picture: SVG or PNG.
#[derive(Clone, Debug)]
pub struct Logo(Asset);

impl Logo {
    /// Tells the kind by the content; nothing if it is neither SVG nor PNG, or larger than 256 KiB.
    pub fn from_bytes(bytes: Bytes) -> Option<Self> {
        let is_png = bytes.starts_with(b"\x89PNG\r\n\x1a\n");
        let is_svg = std::str::from_utf8(&bytes).is_ok_and(|text| text.trim_start().starts_with('<') && text.contains("<svg"));
        let (name, content_type) = match (is_png, is_svg) {
            (true, _) => ("logo.png", "image/png"),
            (_, true) => ("logo.svg", "image/svg+xml"),
            _ => return None,
        };
        (bytes.len() <= 256 * 1024).then(|| Self(Asset::new(name, content_type, bytes)))
    }
}

impl Look {
    pub fn new(pages: &config::Pages, trial: bool, logo: Option<Logo>) -> Self {
        Self {
            title: pages.title.clone(),
            support: pages.support.clone(),
            languages: pages.languages.clone(),
            trial,
            logo: logo.map(|logo| logo.0),
            texts: Texts::built_in(),
        }
    }

    /// What stands at a path under [`asset::FOLDER`]: a built-in asset or the logo.
    pub fn asset(&self, path: &str) -> Option<Page> {
        self.logo.as_ref().filter(|logo| logo.url == path).map(Asset::page).or_else(|| asset::find(path))
    }

    /// Asks for name and password.
    pub fn login(&self, language: Language, view: &LoginView<'_>) -> Page {
        let say = Say { look: self, language };
        let problem = view.problem.map(|problem| Problem {
            what: say.plain(problem.key()),
            next: say.plain(&format!("{}-next", problem.key())),
            is_calm: problem.is_calm(),
            trace: view.trace.filter(|_| !problem.is_calm()),
        });
        let status = match view.problem {
            None | Some(LoginProblem::SignedOut) => StatusCode::OK,
            Some(_) => StatusCode::FORBIDDEN,
        };
        let heading = say.with("login-title", &[("application", view.application.into())]);
        let frame = Frame { say, heading, failed: problem.as_ref().is_some_and(|problem| !problem.is_calm) };
        let refused = view.problem == Some(LoginProblem::Refused);
        finish(status, language, &LoginPage { frame, problem, view, refused })
    }

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
        finish(status, language, &page)
    }

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
                let days = expires.since(view.now).as_secs() / 86_400;
                ("password-title-expiring", say.with("password-expiring", &[("days", days.into())]))
            }
        };
        let problem = view.problem.map(|why| {
            let key = unchanged_key(why);
            let is_ours = matches!(why, Unchanged::NoAnswer | Unchanged::Unable);
            let next = say.plain(&format!("{key}-next"));
            Problem { what: say.plain(key), next, is_calm: why == Unchanged::Busy, trace: is_ours.then_some(view.trace) }
        });
        let page = PasswordPage {
            frame: Frame { say, heading: say.plain(title), failed: problem.as_ref().is_some_and(|problem| !problem.is_calm) },
            problem,
            view,
            why,
            wrong: matches!(view.problem, Some(Unchanged::Complaint(_) | Unchanged::Different | Unchanged::Unfit)),
            busy: view.problem == Some(Unchanged::Busy),
            later: matches!(view.why, Why::Expiring(_)),
        };
        finish(status, language, &page)
    }

    /// Asks whether to sign out.
    pub fn logout(&self, language: Language, csrf: &str) -> Page {
        let say = Say { look: self, language };
        let frame = Frame { say, heading: say.plain("logout-title"), failed: false };
        finish(StatusCode::OK, language, &LogoutPage { frame, csrf })
    }

    /// Says that it is done, and has the browser forget what it kept of the application.
    pub fn signed_out(&self, language: Language) -> Page {
        let say = Say { look: self, language };
        let page = NoticePage {
            what: say.plain("signed-out-text"),
            next: say.plain("signed-out-next"),
            href: "/.doorward/login?back=/".to_owned(),
            act: say.plain("next-start-again"),
            trace: None,
            frame: Frame { say, heading: say.plain("signed-out-title"), failed: false },
        };
        finish(StatusCode::OK, language, &page)
            .with(HeaderName::from_static("clear-site-data"), HeaderValue::from_static("\"cache\""))
    }

    /// Says why it does not go on, and what to do next.
    pub fn notice(&self, language: Language, notice: Notice, trace: Option<TraceId>) -> Page {
        self.notice_before(language, notice, trace, "/")
    }

    /// The same in the middle of a sign-in that was to lead to `back`, a path and query of this host.
    pub fn notice_before(&self, language: Language, notice: Notice, trace: Option<TraceId>, back: &str) -> Page {
        let say = Say { look: self, language };
        let minutes = match notice {
            Notice::FactorPaused { minutes } => minutes.max(1),
            _ => 0,
        };
        let part = |end: &str| say.with(&format!("notice-{}-{end}", notice.key()), &[("minutes", minutes.into())]);
        let page = NoticePage {
            what: part("text"),
            next: part("next"),
            href: notice.next().href(back),
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

    /// The picture of the page and of its tab: the logo, or ours.
    pub(super) fn icon(&self) -> &str {
        self.logo.as_ref().map_or_else(|| asset::url("icon.svg"), |logo| &logo.url)
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
