//! Signing out: GET asks, POST does. An application's link or picture must not be able to do it by itself.

use std::sync::Arc;

use askama::Template;
use http::StatusCode;
use http::header::{HeaderName, HeaderValue, SET_COOKIE};
use serde::{Deserialize, Serialize};

use super::{Hosts, PageRoute, PostedForm};
use crate::auth::Ask;
use crate::auth::session::registry::About;
use crate::base::{Language, Secret};
use crate::web::icons::Icon;
use crate::web::notice::Tone;
use crate::web::templates::{Frame, NoticePage, finish};
use crate::web::translator::Say;
use crate::web::{Look, Page, Site, Visit, cookie, csrf, form};

pub const ROUTES: &[PageRoute] = &[PageRoute {
    path: "logout",
    on: Hosts::Applications,
    get: Some(|site, visit| Box::pin(async { site.logout_form(visit) })),
    post: Some(PostedForm {
        cookie: cookie::KEY,
        opens: csrf::is_fresh::<Carried>,
        answer: |site, visit, body| Box::pin(async { Ok(site.logout(visit, form::read(body)?).await) }),
    }),
    most_bytes: form::MOST_BYTES,
}];

/// What is posted.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Form {
    pub csrf: String,
}

/// What the logout form carries.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Carried {
    pub host: Arc<str>,
}

impl csrf::Field for Carried {
    const PURPOSE: &'static str = "csrf logout";
}

impl Site {
    /// GET.
    fn logout_form(&self, visit: &Visit<'_>) -> Page {
        let language = visit.language(&self.look);
        match cookie::find(visit.headers, cookie::KEY).filter(|key| self.sessions.of_cookie(key).is_some()) {
            None => self.look.before(visit.application).signed_out(language),
            Some(key) => {
                let field = Carried { host: visit.host.clone() };
                self.look.before(visit.application).logout(language, &csrf::seal(&self.keys, key, field, self.clock.now()))
            }
        }
    }

    /// POST. A field that does not open asks once more.
    async fn logout(&self, visit: &Visit<'_>, form: Form) -> Page {
        let language = visit.language(&self.look);
        let Some(key) = cookie::find(visit.headers, cookie::KEY) else {
            return self.look.before(visit.application).signed_out(language);
        };
        let opened: csrf::Opened<Carried> = csrf::open(&self.keys, key, &form.csrf, self.clock.now());
        if opened.fresh().is_none_or(|field| field.host != *visit.host) {
            return self.logout_form(visit);
        }
        let about = About { trace: None, application: Some(visit.application.clone()), address: Some(visit.address) };
        let cookie = Secret::new(key.to_owned());
        drop(self.gatekeeper.ask(Ask::SignOut { cookie, about }).await);
        let page = self.look.before(visit.application).signed_out(language);
        match cookie::set(cookie::KEY, "", Some(0)) {
            Some(gone) => page.with(SET_COOKIE, gone),
            None => page,
        }
    }
}

impl Look {
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
            signed_in: Vec::new(),
            tone: Tone::Good,
            icon: Icon::Done,
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
}

#[derive(Template)]
#[template(path = "login/logout.html")]
struct LogoutPage<'a> {
    frame: Frame<'a>,
    csrf: &'a str,
}
