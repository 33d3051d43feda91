//! Signing out: GET asks, POST does. An application's link or picture must not be able to do it by itself.

use http::header::SET_COOKIE;

use crate::auth::Ask;
use crate::auth::session::registry::About;
use crate::base::Secret;
use crate::web::csrf;
use crate::web::form::Form;
use crate::web::{Page, Site, Visit, cookie};

impl Site {
    /// GET.
    pub fn logout_form(&self, visit: &Visit<'_>) -> Page {
        let language = visit.language(&self.look);
        match cookie::find(visit.headers, cookie::KEY).filter(|key| self.sessions.of_cookie(key).is_some()) {
            None => self.look.signed_out(language),
            Some(key) => {
                let field = csrf::Logout { host: visit.host.clone() };
                self.look.logout(language, &csrf::seal(&self.keys, key, field, self.clock.now()))
            }
        }
    }

    /// POST. A field that does not open asks once more.
    pub async fn logout(&self, visit: &Visit<'_>, form: &Form) -> Page {
        let language = visit.language(&self.look);
        let Some(key) = cookie::find(visit.headers, cookie::KEY) else { return self.look.signed_out(language) };
        let opened: csrf::Opened<csrf::Logout> = csrf::open(&self.keys, key, &form.csrf, self.clock.now());
        if opened.fresh().is_none_or(|field| field.host != *visit.host) {
            return self.logout_form(visit);
        }
        let about = About { trace: None, application: Some(visit.application.clone()), address: Some(visit.address) };
        let cookie = Secret::new(key.to_owned());
        drop(self.gatekeeper.ask(Ask::SignOut { cookie, about }).await);
        let page = self.look.signed_out(language);
        match cookie::set(cookie::KEY, "", Some(0)) {
            Some(gone) => page.with(SET_COOKIE, gone),
            None => page,
        }
    }
}
