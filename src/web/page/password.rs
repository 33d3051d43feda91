//! The page for a new password, after everything else is proven: shown by GET under the flow's address, answered by POST.

use super::passcode::flow_of;
use crate::auth::flow::change::Unchanged;
use crate::auth::{ChangeView, OfFlow, Told};
use crate::base::Secret;
use crate::web::csrf;
use crate::web::form::Form;
use crate::web::notice::Next;
use crate::web::{Notice, Page, PasswordView, Site, Visit, cookie};

impl Site {
    /// GET `login/password`.
    pub async fn password_form(&self, visit: &Visit<'_>) -> Page {
        let language = visit.language(&self.look);
        let Some(browser) = cookie::browser(visit.headers) else {
            return self.look.notice(language, Notice::CookiesNeeded, None);
        };
        let flow = flow_of(visit);
        match self.ask_of(visit.attempt(&browser), &flow, OfFlow::LookChange).await {
            Told::Change(view) => self.show_password(&view, &flow, &browser, view.last),
            told => self.follow(language, told, "/"),
        }
    }

    /// POST `login/password`: a new password, or "later".
    pub async fn password(&self, visit: &Visit<'_>, form: Form) -> Page {
        let language = visit.language(&self.look);
        let Some(browser) = cookie::browser(visit.headers) else {
            return self.look.notice(language, Notice::CookiesNeeded, None);
        };
        let opened = csrf::open(&self.keys, browser.expose(), &form.csrf, self.clock.now());
        let Some(csrf::NewPassword { flow }) = opened.fresh() else { return self.look.notice(language, Notice::FlowGone, None) };
        let what = match form.act.as_str() {
            "later" => OfFlow::ChangeLater,
            _ => OfFlow::Change { new: form.new_password, again: form.new_password_again },
        };
        match self.ask_of(visit.attempt(&browser), &flow, what).await {
            Told::Unchanged(why) => match self.ask_of(visit.attempt(&browser), &flow, OfFlow::LookChange).await {
                Told::Change(view) => self.show_password(&view, &flow, &browser, Some(why)),
                told => self.follow(language, told, "/"),
            },
            told => self.follow(language, told, "/"),
        }
    }

    fn show_password(&self, view: &ChangeView, flow: &str, browser: &Secret<String>, problem: Option<Unchanged>) -> Page {
        let field = csrf::NewPassword { flow: flow.to_owned() };
        self.look.password(
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

/// The page of one flow.
pub(in crate::web) fn address(flow: &str) -> String {
    format!("/.doorward/login/password?flow={flow}")
}
