//! How far a message is, in words: for the passcode page, and by itself for that page's script.

use http::StatusCode;

use super::{Hosts, PageRoute};
use crate::auth::{AskedView, Before, Channel, Fate, OfFlow, Progress, Told};
use crate::base::Language;
use crate::web::translator::Say;
use crate::web::{Look, Page, Site, Visit, cookie};

pub const ROUTES: &[PageRoute] = &[PageRoute {
    path: "login/status",
    on: Hosts::Applications,
    get: Some(|site, visit| Box::pin(site.status(visit))),
    post: None,
    most_bytes: 0,
}];

impl Site {
    /// GET.
    async fn status(&self, visit: &Visit<'_>) -> Page {
        let gone = || Page::json(http::StatusCode::NOT_FOUND, &serde_json::json!({ "state": "gone", "text": "" }));
        let Some(browser) = cookie::browser(visit.headers) else { return gone() };
        match self.ask_of(visit.attempt(&browser), &visit.flow(), OfFlow::Look).await {
            Told::Flow(view) => {
                let AskedView::Passcode(asked) = &view.asked;
                if view.now >= asked.lives_until {
                    self.look.expired(view.language)
                } else {
                    self.look.progress(view.language, &asked.progress)
                }
            }
            // It cannot be told now; the script asks again.
            Told::Declined { .. } => {
                Page::json(http::StatusCode::SERVICE_UNAVAILABLE, &serde_json::json!({ "state": "unknown", "text": "" }))
            }
            _ => gone(),
        }
    }
}

impl Look {
    /// How far the message is, with where it goes and what became of the way before.
    pub fn progress_text(&self, language: Language, progress: &Progress) -> String {
        let say = Say { look: self, language };
        let (words, channel, to, before) = match progress {
            Progress::Sending { again: Some(fate), channel, to, before } => {
                return again_text(say, (*channel, to), *fate, before.as_ref());
            }
            Progress::Sending { again: None, channel, to, before } => ("sending", channel, to, before.as_ref()),
            Progress::Sent { channel, to, before, .. } => ("sent", channel, to, before.as_ref()),
            Progress::Delivered { channel, to, .. } => ("delivered", channel, to, None),
            Progress::Unsure { channel, to, .. } => {
                let perhaps = to_somebody(say, &format!("passcode-unsure-{}", channel.name()), (*channel, to));
                return format!("{perhaps} {}", say.plain("passcode-unsure-next"));
            }
            Progress::Failed => return say.plain("passcode-failed"),
        };
        // That the same way failed at first is over once it works.
        let is_over = |before: &&Before| before.fate == Fate::NotSent && (before.channel, &before.to) == (*channel, to);
        let told = before.filter(|before| !is_over(before));
        let mut sentences: Vec<String> = told.map(|before| past(say, before)).into_iter().collect();
        sentences.push(to_somebody(say, &format!("passcode-{words}-{}", channel.name()), (*channel, to)));
        // A call is under way until it ends, and its own words say so.
        if matches!(progress, Progress::Sent { awaited: true, channel, .. } if *channel != Channel::Voice) {
            sentences.push(say.plain("passcode-awaited"));
        }
        if before.is_some_and(|before| before.fate == Fate::Unsure) {
            sentences.push(say.plain("passcode-twice"));
        }
        sentences.join(" ")
    }

    /// The same for the page's script: `{"state":"sending|waiting|sent|delivered|unsure|failed|expired","text":"…"}`.
    pub fn progress(&self, language: Language, progress: &Progress) -> Page {
        let value = serde_json::json!({ "state": state(progress), "text": self.progress_text(language, progress) });
        Page::json(StatusCode::OK, &value)
    }

    /// The same of a code that is too old, whatever became of its message.
    fn expired(&self, language: Language) -> Page {
        let text = Say { look: self, language }.plain("passcode-expired");
        Page::json(StatusCode::OK, &serde_json::json!({ "state": "expired", "text": text }))
    }
}

/// Every way was tried in vain so far, and is tried again after a pause. Where one may have taken it, this is said in place of what is tried.
fn again_text(say: Say<'_>, (channel, to): (Channel, &str), fate: Fate, before: Option<&Before>) -> String {
    let same = |before: &&Before| (before.channel, before.to.as_str()) == (channel, to);
    if let Some(perhaps) = before.filter(same).filter(|before| before.fate == Fate::Unsure) {
        return format!("{} {}", past(say, perhaps), say.plain("passcode-again-unsure"));
    }
    let mut sentences: Vec<String> = before.filter(|before| !same(before)).map(|before| past(say, before)).into_iter().collect();
    sentences.push(to_somebody(say, &format!("passcode-again-{}", channel.name()), (channel, to)));
    sentences.push(say.plain("passcode-again-next"));
    if fate == Fate::Unsure {
        sentences.push(say.plain("passcode-twice"));
    }
    sentences.join(" ")
}

fn past(say: Say<'_>, before: &Before) -> String {
    let fate = match before.fate {
        Fate::NotSent => "not-sent",
        Fate::Unsure => "unsure",
        Fate::Undelivered => "undelivered",
        Fate::Unconfirmed => "unconfirmed",
    };
    to_somebody(say, &format!("passcode-{fate}-{}", before.channel.name()), (before.channel, &before.to))
}

/// A sentence with a masked address. Of a number the last digits are said, without the dots, which a screen reader would spell out.
pub(super) fn to_somebody(say: Say<'_>, key: &str, (channel, to): (Channel, &str)) -> String {
    let to = match channel {
        Channel::Sms | Channel::Voice => to.trim_start_matches(['•', ' ']),
        Channel::Mail | Channel::Push => to,
    };
    say.with(key, &[("to", to.to_owned().into())])
}

/// The script asks again while it is `sending` or `waiting`.
pub(super) const fn state(progress: &Progress) -> &'static str {
    match progress {
        Progress::Sending { .. } => "sending",
        Progress::Sent { awaited: true, .. } => "waiting",
        Progress::Sent { awaited: false, .. } => "sent",
        Progress::Delivered { .. } => "delivered",
        Progress::Unsure { .. } => "unsure",
        Progress::Failed => "failed",
    }
}
