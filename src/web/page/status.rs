//! How far a message is, in words: for the passcode page, and by itself for that page's script.

use http::StatusCode;

use super::passcode::flow_of;
use super::{Hosts, PageRoute};
use crate::auth::{AskedView, Before, Channel, Fate, OfFlow, Progress, Told, Way};
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
        match self.ask_of(visit.attempt(&browser), &flow_of(visit), OfFlow::Look).await {
            Told::Flow(view) => {
                let AskedView::Passcode(asked) = &view.asked;
                self.look.progress(view.language, &asked.progress)
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
                let perhaps = to_somebody(say, &format!("passcode-unsure-{}", channel.name()), to);
                return format!("{perhaps} {}", say.plain("passcode-unsure-next"));
            }
            Progress::Failed => return say.plain("passcode-failed"),
        };
        let mut sentences: Vec<String> = before.map(|before| past(say, before)).into_iter().collect();
        sentences.push(to_somebody(say, &format!("passcode-{words}-{}", channel.name()), to));
        if matches!(progress, Progress::Sent { awaited: true, .. }) {
            sentences.push(say.plain("passcode-awaited"));
        }
        if before.is_some_and(|before| before.fate == Fate::Unsure) {
            sentences.push(say.plain("passcode-twice"));
        }
        sentences.join(" ")
    }

    /// The same for the page's script: `{"state":"sending|waiting|sent|delivered|unsure|failed","text":"…"}`.
    pub fn progress(&self, language: Language, progress: &Progress) -> Page {
        let value = serde_json::json!({ "state": state(progress), "text": self.progress_text(language, progress) });
        Page::json(StatusCode::OK, &value)
    }

    /// What stands on the buttons for further ways.
    pub(super) fn other_texts(&self, language: Language, others: &[Way]) -> Vec<OtherButton> {
        let say = Say { look: self, language };
        let text = |way: &Way| to_somebody(say, &format!("passcode-other-{}", way.channel.name()), &way.to);
        others.iter().map(|way| OtherButton { rule: way.rule, text: text(way) }).collect()
    }
}

/// Every way was tried in vain so far, and is tried again after a pause. Where one may have taken it, this is said in place of what is tried.
fn again_text(say: Say<'_>, (channel, to): (Channel, &str), fate: Fate, before: Option<&Before>) -> String {
    let same = |before: &&Before| (before.channel, before.to.as_str()) == (channel, to);
    if let Some(perhaps) = before.filter(same).filter(|before| before.fate == Fate::Unsure) {
        return format!("{} {}", past(say, perhaps), say.plain("passcode-again-unsure"));
    }
    let mut sentences: Vec<String> = before.filter(|before| !same(before)).map(|before| past(say, before)).into_iter().collect();
    sentences.push(to_somebody(say, &format!("passcode-again-{}", channel.name()), to));
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
    to_somebody(say, &format!("passcode-{fate}-{}", before.channel.name()), &before.to)
}

/// Kept on one line: •••• 12.
fn to_somebody(say: Say<'_>, key: &str, to: &str) -> String {
    say.with(key, &[("to", to.replace(' ', "\u{a0}").into())])
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

pub(super) const fn channel(progress: &Progress) -> Option<Channel> {
    match progress {
        Progress::Sending { channel, .. }
        | Progress::Sent { channel, .. }
        | Progress::Delivered { channel, .. }
        | Progress::Unsure { channel, .. } => Some(*channel),
        Progress::Failed => None,
    }
}

/// A further way to send the passcode.
pub(super) struct OtherButton {
    pub(super) rule: usize,
    pub(super) text: String,
}
