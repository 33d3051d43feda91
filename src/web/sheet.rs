//! What the templates are filled with: one struct each, all words already said.

use askama::Template;
use fluent_bundle::FluentValue;
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderValue};

use super::page::asset;
use super::{LoginView, Look, Page, PasscodeView, PasswordView};
use crate::base::{Language, TraceId};

/// A template writes into memory, so it fails only if one of its values does; the answer is then short but still ours.
pub(super) fn finish(status: StatusCode, language: Language, template: &impl Template) -> Page {
    match template.render() {
        Ok(body) => Page::html(status, language, body),
        Err(error) => {
            tracing::error!(%error, "a page could not be written");
            let mut page = Page::html(StatusCode::INTERNAL_SERVER_ERROR, language, "Internal error.".into());
            page.headers.retain(|(name, _)| name != CONTENT_TYPE);
            page.with(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"))
        }
    }
}

/// Speaks one language.
#[derive(Clone, Copy)]
pub(super) struct Say<'a> {
    pub(super) look: &'a Look,
    pub(super) language: Language,
}

impl Say<'_> {
    pub(super) fn plain(self, key: &str) -> String {
        self.with(key, &[])
    }

    pub(super) fn with(self, key: &str, variables: &[(&str, FluentValue<'_>)]) -> String {
        self.look.texts.say(self.language, key, variables)
    }
}

/// What `base.html` needs.
pub(super) struct Frame<'a> {
    pub(super) say: Say<'a>,
    pub(super) heading: String,
    /// The window's title then says so first.
    pub(super) failed: bool,
}

impl Frame<'_> {
    pub(super) fn say(&self, key: &str) -> String {
        self.say.plain(key)
    }

    /// A language's name in itself.
    pub(super) fn name_of(&self, language: &Language) -> String {
        Say { language: *language, ..self.say }.plain("language-name")
    }

    pub(super) fn asset(&self, name: &str) -> &'static str {
        asset::url(name)
    }
}

/// The box on top of a form that is shown once more.
pub(super) struct Problem {
    pub(super) what: String,
    pub(super) next: String,
    pub(super) is_calm: bool,
    pub(super) trace: Option<TraceId>,
}

#[derive(Template)]
#[template(path = "login/login.html")]
pub(super) struct LoginPage<'a> {
    pub(super) frame: Frame<'a>,
    pub(super) problem: Option<Problem>,
    pub(super) view: &'a LoginView<'a>,
    pub(super) refused: bool,
}

#[derive(Template)]
#[template(path = "login/passcode.html")]
pub(super) struct PasscodePage<'a> {
    pub(super) frame: Frame<'a>,
    pub(super) problem: Option<Problem>,
    pub(super) view: &'a PasscodeView<'a>,
    /// Where one is signing in, as a sentence.
    pub(super) application: String,
    pub(super) label: String,
    pub(super) label_why: String,
    pub(super) progress: String,
    pub(super) state: &'static str,
    /// Empty where no passcode is on its way.
    pub(super) life: String,
    /// Takes the place of `life` when that is over.
    pub(super) expired: String,
    pub(super) resend: String,
    /// Seconds until a new passcode can be asked for.
    pub(super) wait: Option<u64>,
    /// Takes the place of `resend` when the wait is over.
    pub(super) resend_left: String,
    pub(super) resend_offered: bool,
    pub(super) others: Vec<OtherButton>,
    pub(super) help: &'static str,
    pub(super) wrong: bool,
    /// There may be a code that hints would help with.
    pub(super) hints: bool,
    /// For the keyboard of a phone.
    pub(super) digits: bool,
}

/// A further way to send the passcode.
pub(super) struct OtherButton {
    pub(super) rule: usize,
    pub(super) text: String,
}

#[derive(Template)]
#[template(path = "login/password.html")]
pub(super) struct PasswordPage<'a> {
    pub(super) frame: Frame<'a>,
    pub(super) problem: Option<Problem>,
    pub(super) view: &'a PasswordView<'a>,
    /// Why it is asked for, as a sentence.
    pub(super) why: String,
    /// The new password itself is at fault.
    pub(super) wrong: bool,
    pub(super) busy: bool,
    /// Whether the old one may be kept for now.
    pub(super) later: bool,
}

#[derive(Template)]
#[template(path = "login/logout.html")]
pub(super) struct LogoutPage<'a> {
    pub(super) frame: Frame<'a>,
    pub(super) csrf: &'a str,
}

#[derive(Template)]
#[template(path = "error/notice.html")]
pub(super) struct NoticePage<'a> {
    pub(super) frame: Frame<'a>,
    pub(super) what: String,
    pub(super) next: String,
    pub(super) href: String,
    pub(super) act: String,
    pub(super) trace: Option<TraceId>,
}
