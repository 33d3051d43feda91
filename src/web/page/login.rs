//! The login page: a name and a password.

use http::header::SET_COOKIE;

use crate::auth::session::AccessRequest;
use crate::auth::{Ask, PasswordAttempt, Told};
use crate::base::{Language, Secret, TraceId};
use crate::web::csrf::{self, Opened};
use crate::web::form::Form;
use crate::web::{LoginProblem, LoginView, Page, Site, Visit, cookie};

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
    pub fn login_form(&self, visit: &Visit<'_>) -> Page {
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
    pub async fn login(&self, visit: &Visit<'_>, form: Form) -> Page {
        let Some(browser) = cookie::browser(visit.headers) else {
            return self.show_login(visit, self.shown(visit, Some(LoginProblem::NoCookies)));
        };
        let is_here = |carried: &csrf::Login| carried.application == *visit.application && carried.host == *visit.host;
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
            told => self.follow(language, told, &carried.back),
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
        let field = csrf::Login {
            application: visit.application.clone(),
            host: visit.host.clone(),
            back: shown.back,
            language: shown.language,
            chosen: shown.chosen,
        };
        let page = self.look.login(
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
