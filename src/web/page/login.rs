//! The login page: a name and a password.

use std::sync::Arc;

use askama::Template;
use http::StatusCode;
use http::header::SET_COOKIE;
use serde::{Deserialize, Serialize};

use super::{Hosts, PageRoute, PostedForm};
use crate::auth::session::AccessRequest;
use crate::auth::{Ask, PasswordAttempt, Told};
use crate::base::{Language, Secret, TraceId};
use crate::config::directory::NameForm;
use crate::web::csrf::{self, Opened};
use crate::web::form;
use crate::web::templates::{Frame, Problem, finish};
use crate::web::translator::Say;
use crate::web::{Look, Page, Site, Visit, cookie};

pub const ROUTES: &[PageRoute] = &[PageRoute {
    path: "login",
    on: Hosts::Applications,
    get: Some(|site, visit| Box::pin(async { site.login_form(visit) })),
    post: Some(PostedForm {
        cookie: cookie::FLOW,
        opens: csrf::is_fresh::<Carried>,
        answer: |site, visit, body| Box::pin(async { Ok(site.login(visit, form::read(body)?).await) }),
    }),
    most_bytes: form::MOST_BYTES,
}];

/// What is posted.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Form {
    pub username: String,
    pub password: Secret<String>,
    pub csrf: String,
}

/// What the login form carries: until the password is right, nothing is stored.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Carried {
    pub application: Arc<str>,
    pub host: Arc<str>,
    pub back: String,
    pub language: Language,
    /// Whether the person chose the language by hand.
    pub chosen: bool,
}

impl csrf::Field for Carried {
    const PURPOSE: &'static str = "csrf login";
}

/// The login page.
#[derive(Clone, Debug)]
pub struct LoginView<'a> {
    /// The application's name.
    pub application: &'a str,
    pub csrf: &'a str,
    /// What was entered before, or nothing.
    pub username: &'a str,
    pub problem: Option<LoginProblem>,
    /// Shown with a fault; needless with mere news.
    pub trace: Option<TraceId>,
    /// The same page in each language that is offered; fewer than two are not shown.
    pub language_links: &'a [(Language, String)],
}

/// Why the login page is shown once more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LoginProblem {
    /// Every refusal before the password is right: one text for all.
    Refused,
    /// The form is older than an hour.
    Expired,
    /// The browser did not send our cookie back.
    NoCookies,
    /// The login that this belonged to is over or gone.
    StartAgain,
    /// The browser still has the cookie of a session that is over.
    SignedOut,
}

impl LoginProblem {
    /// The beginning of its keys in `locales/`.
    pub(in crate::web) const fn key(self) -> &'static str {
        match self {
            Self::Refused => "login-refused",
            Self::Expired => "login-expired",
            Self::NoCookies => "login-no-cookies",
            Self::StartAgain => "login-start-again",
            Self::SignedOut => "login-signed-out",
        }
    }

    /// Whether it is news rather than a fault.
    const fn is_calm(self) -> bool {
        matches!(self, Self::Expired | Self::StartAgain | Self::SignedOut)
    }
}

/// What a login page is made of, besides the visit.
struct Shown<'a> {
    browser: Secret<String>,
    is_new_browser: bool,
    back: String,
    language: Language,
    chosen: bool,
    username: &'a str,
    problem: Option<LoginProblem>,
    trace: Option<TraceId>,
}

impl Site {
    /// GET. Who is signed in already goes on to where the page would have led.
    fn login_form(&self, visit: &Visit<'_>) -> Page {
        let key = cookie::find(visit.headers, cookie::KEY);
        let wanted =
            AccessRequest { application: visit.application, host: visit.host, address: visit.address, now: self.clock.now() };
        match key {
            Some(key) if self.sessions.admit(key, &wanted).is_some() => Page::see_other(&visit.back()),
            Some(key) if self.sessions.was_ours(key) => self.show_login(visit, self.shown(visit, Some(LoginProblem::SignedOut))),
            _ => self.show_login(visit, self.shown(visit, None)),
        }
    }

    /// POST.
    async fn login(&self, visit: &Visit<'_>, form: Form) -> Page {
        let Some(browser) = cookie::browser(visit.headers) else {
            return self.show_login(visit, self.shown(visit, Some(LoginProblem::NoCookies)));
        };
        let is_here = |carried: &Carried| carried.application == *visit.application && carried.host == *visit.host;
        let carried = match csrf::open(&self.keys, browser.expose(), &form.csrf, self.clock.now()) {
            Opened::Fresh(carried) if is_here(&carried) => carried,
            Opened::Stale(carried) if is_here(&carried) => {
                let shown = self.shown(visit, Some(LoginProblem::Expired));
                return self.show_login(visit, Shown { back: carried.back, language: carried.language, ..shown });
            }
            _ => return self.show_login(visit, self.shown(visit, Some(LoginProblem::StartAgain))),
        };
        let language = carried.language;
        let told = self.gatekeeper.ask(Ask::Password(PasswordAttempt {
            at: visit.attempt(&browser),
            name: form.username.clone(),
            password: form.password,
            back: carried.back.clone(),
            language,
            language_chosen: carried.chosen,
        }));
        match told.await {
            Told::Refused { trace } => {
                let shown = Shown {
                    browser,
                    is_new_browser: false,
                    back: carried.back,
                    language,
                    chosen: carried.chosen,
                    username: &form.username,
                    problem: Some(LoginProblem::Refused),
                    trace: Some(trace),
                };
                self.show_login(visit, shown)
            }
            told => self.follow(visit, language, told, &carried.back),
        }
    }

    /// A login page from the beginning.
    fn shown(&self, visit: &Visit<'_>, problem: Option<LoginProblem>) -> Shown<'static> {
        let browser = cookie::browser(visit.headers);
        Shown {
            is_new_browser: browser.is_none(),
            browser: browser.unwrap_or_else(|| cookie::new_browser(self.random.as_ref())),
            back: visit.back(),
            language: visit.language(&self.look),
            chosen: visit.chosen_language().is_some(),
            username: "",
            problem,
            trace: None,
        }
    }

    fn show_login(&self, visit: &Visit<'_>, shown: Shown<'_>) -> Page {
        let links: Vec<(Language, String)> = self
            .look
            .languages
            .iter()
            .map(|language| {
                let back: String = form_urlencoded::byte_serialize(shown.back.as_bytes()).collect();
                (*language, format!("/.doorward/login?language={language}&back={back}"))
            })
            .collect();
        let field = Carried {
            application: visit.application.clone(),
            host: visit.host.clone(),
            back: shown.back,
            language: shown.language,
            chosen: shown.chosen,
        };
        let page = self.look.before(visit.application).login(
            shown.language,
            &LoginView {
                application: visit.application,
                csrf: &csrf::seal(&self.keys, shown.browser.expose(), field, self.clock.now()),
                username: shown.username,
                problem: shown.problem,
                trace: shown.trace,
                language_links: &links,
            },
        );
        match cookie::set(cookie::FLOW, shown.browser.expose(), None).filter(|_| shown.is_new_browser) {
            Some(cookie) => page.with(SET_COOKIE, cookie),
            None => page,
        }
    }
}

impl Look {
    /// Asks for name and password.
    pub fn login(&self, language: Language, view: &LoginView<'_>) -> Page {
        let say = Say { look: self, language };
        let problem = view.problem.map(|problem| Problem {
            what: say.plain(problem.key()),
            next: say.timed(&format!("{}-next", problem.key()), say.look.waits.failures),
            is_calm: problem.is_calm(),
            trace: view.trace.filter(|_| !problem.is_calm()),
        });
        let status = match view.problem {
            None | Some(LoginProblem::SignedOut) => StatusCode::OK,
            Some(_) => StatusCode::FORBIDDEN,
        };
        let heading = say.with("login-title", &[("application", say.application(view.application).into())]);
        let frame = Frame { say, heading, failed: problem.as_ref().is_some_and(|problem| !problem.is_calm) };
        let refused = view.problem == Some(LoginProblem::Refused);
        let name_hint = name_hint(say);
        finish(status, language, &LoginPage { frame, problem, view, refused, name_hint }).that_leads_on()
    }
}

#[derive(Template)]
#[template(path = "login/login.html")]
struct LoginPage<'a> {
    frame: Frame<'a>,
    problem: Option<Problem>,
    view: &'a LoginView<'a>,
    refused: bool,
    name_hint: String,
}

/// Examples of the forms in which a name may be written. They are invented: neither a user nor a domain of ours is shown to strangers.
fn name_hint(say: Say<'_>) -> String {
    let example = |form: &NameForm| {
        say.plain(match form {
            NameForm::Plain => "login-name-plain",
            NameForm::Domain => "login-name-domain",
            NameForm::At => "login-name-at",
        })
    };
    let examples: Vec<String> = say.look.name_forms.iter().map(example).collect();
    let key = match examples.len() {
        0 | 1 => "login-username-hint",
        2 => "login-username-hint-two",
        _ => "login-username-hint-three",
    };
    let names = ["first", "second", "third"].into_iter().zip(examples.iter().map(|example| example.as_str().into()));
    say.with(key, &names.collect::<Vec<_>>())
}
