//! Messages that are no passcode, in words.

use std::time::Duration;

use fluent_bundle::FluentValue;

use super::message::one_line;
use crate::base::{Language, Span, Time};
use crate::dispatch::{Dispatcher, Purpose, Ready};

/// What there is to be told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Notice {
    /// An operator tries the way.
    Test,
    /// For somebody who is to begin using the sign-in.
    Welcome,
    /// Signed in from a browser that was never seen with this user.
    NewPlace { at: Time },
    /// The second factor is paused after too many wrong codes.
    Paused { wait: Duration },
}

impl Notice {
    const fn key(self) -> &'static str {
        match self {
            Self::Test => "message-test",
            Self::Welcome => "message-welcome",
            Self::NewPlace { .. } => "message-new-place",
            Self::Paused { .. } => "message-paused",
        }
    }
}

impl Dispatcher {
    /// In the person's language; `name` is the account's, `application` may be empty.
    pub fn written(&self, notice: Notice, language: Language, (name, application): (&str, &str)) -> Ready {
        let mut variables: Vec<(&str, FluentValue<'_>)> =
            vec![("name", one_line(name).into()), ("application", one_line(application).into())];
        match notice {
            Notice::Test | Notice::Welcome => {}
            // To the minute: `2026-11-22 12:30`.
            Notice::NewPlace { at } => {
                let at = at.to_string();
                variables.push(("at", at.get(..16).unwrap_or(&at).replace('T', " ").into()));
            }
            Notice::Paused { wait } => {
                variables.push(("time", Span::at_least(wait).say(&self.inner.texts, language).into()));
            }
        }
        let key = notice.key();
        let say = |part: &str| self.inner.texts.say(language, &format!("{key}-{part}"), &variables);
        let purpose = if notice == Notice::Test { Purpose::Test } else { Purpose::Notice };
        Ready { purpose, subject: one_line(&say("subject")), text: say("text") }
    }
}
