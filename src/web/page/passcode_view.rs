//! What stands on the passcode page: one field and one button, one line on what became of the code, and in a fold the ways to another.

use std::time::Duration;

use askama::Template;
use http::StatusCode;

use super::status::{state, to_somebody};
use crate::auth::{Offer, Progress, Way};
use crate::base::{Channel, Language, Span, TraceId, unicode};
use crate::config::passcode_policy::Alphabet;
use crate::web::icons::Icon;
use crate::web::templates::{Frame, Problem, finish};
use crate::web::translator::{Piece, Say};
use crate::web::{Look, Page};

/// The passcode page.
#[derive(Clone, Debug)]
pub struct PasscodeView<'a> {
    /// The application's name.
    pub application: &'a str,
    /// The user's name as typed; may be empty.
    pub name: &'a str,
    pub csrf: &'a str,
    /// Tells two logins at once apart: `K7`. The message says it too.
    pub label: &'a str,
    pub progress: &'a Progress,
    /// How many more wrong passcodes the flow bears.
    pub tries_left: u32,
    pub problem: Option<PasscodeProblem>,
    pub resend: Resend,
    /// By which way a new passcode is sent; nothing where none is left.
    pub again: Option<&'a Way>,
    /// The other ways, in the order in which they are offered.
    pub others: &'a [Offer],
    /// The login page, on the way to the same place.
    pub restart_url: &'a str,
    /// This page once more, by GET.
    pub status_url: &'a str,
    /// What [`Look::progress`] answers, for the script.
    pub poll_url: &'a str,
    /// For whoever is asked for help.
    pub trace: TraceId,
    /// What the passcode is made of, for the keyboard of a phone.
    pub alphabet: Alphabet,
    /// Seconds until the newest passcode is worth nothing; 0 once it has expired.
    pub expires_in_s: u64,
}

/// Why the passcode page is shown once more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PasscodeProblem {
    Wrong,
    /// Right, but replaced by a newer one.
    Earlier,
    /// Typed after the end of its life.
    CodeExpired,
    /// A new one was asked for too early.
    NotYet,
    /// A limit on messages was reached, so no new one was sent; the last one is still good.
    NoMore,
    /// The limit of this address was reached; the passcode was not looked at.
    TooMany,
}

impl PasscodeProblem {
    /// Whether the passcode itself was at fault.
    const fn is_wrong(self) -> bool {
        matches!(self, Self::Wrong | Self::Earlier | Self::CodeExpired)
    }

    /// The beginning of its keys in `locales/`.
    const fn key(self) -> &'static str {
        match self {
            Self::Wrong => "passcode-wrong",
            Self::Earlier => "passcode-earlier",
            Self::CodeExpired => "passcode-expired",
            Self::NotYet => "passcode-not-yet",
            Self::NoMore => "passcode-no-more",
            Self::TooMany => "passcode-too-many",
        }
    }
}

/// Whether a new passcode can be asked for; `left` counts how often.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Resend {
    Now { left: u32 },
    In { seconds: u64, left: u32 },
    Used,
}

impl Look {
    /// Asks for the passcode and says where it went; or says that it has expired or was not sent, and offers another.
    pub fn passcode(&self, language: Language, view: &PasscodeView<'_>) -> Page {
        let say = Say { look: self, language };
        let status = match view.problem {
            None => StatusCode::OK,
            Some(problem) if problem.is_wrong() => StatusCode::FORBIDDEN,
            Some(_) => StatusCode::TOO_MANY_REQUESTS,
        };
        let stage = Stage::of(view);
        let (heading, progress, state) = match stage {
            Stage::Open => ("passcode-title", self.progress_text(language, view.progress), state(view.progress)),
            Stage::Expired => ("passcode-expired-title", expired_text(say, view), "expired"),
            Stage::NotSent => ("passcode-failed-title", self.progress_text(language, view.progress), "failed"),
        };
        let (name, application) = (shown_name(view.name), say.application(view.application));
        let signing_in = match name.as_str() {
            "" => say.pieces("passcode-at", &[("application", application)]),
            name => say.pieces("passcode-as", &[("application", application), ("name", name)]),
        };
        let problem = view.problem.filter(|_| stage == Stage::Open || view.problem != Some(PasscodeProblem::CodeExpired));
        let page = PasscodePage {
            at_field: problem.is_some_and(PasscodeProblem::is_wrong),
            // A user who asked for another code looks for it where the ways stand.
            is_open: matches!(view.problem, Some(PasscodeProblem::NotYet | PasscodeProblem::NoMore)),
            problem: problem.map(|problem| passcode_problem(say, view, problem)),
            view,
            stage,
            signing_in,
            progress,
            state,
            hint: hint(say, view),
            life: say.timed("passcode-life", Span::about(Duration::from_secs(view.expires_in_s))),
            rows: rows(say, view, stage),
            wait: wait(view.resend),
            help: help(view.progress),
            digits: view.alphabet == Alphabet::Digits,
            frame: Frame { say, heading: say.plain(heading), failed: view.problem.is_some() },
        };
        finish(status, language, &page).that_leads_on()
    }
}

/// What the page is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    /// A code is on its way or there, and can be entered.
    Open,
    /// The code is too old.
    Expired,
    /// No way worked, so there is nothing to enter.
    NotSent,
}

impl Stage {
    fn of(view: &PasscodeView<'_>) -> Self {
        match view.progress {
            Progress::Failed => Self::NotSent,
            _ if view.expires_in_s == 0 => Self::Expired,
            _ => Self::Open,
        }
    }

    /// Whether a new code is what the page's one filled button asks for.
    fn asks_for_new(self) -> bool {
        self != Self::Open
    }
}

/// What the directory calls the account is no stranger's business, so the page shows what was typed; what cannot be seen is left out.
fn shown_name(typed: &str) -> String {
    let seen = typed.chars().filter(|c| !unicode::is_invisible(*c) && !c.is_control());
    seen.take(MOST_SHOWN).collect()
}

/// So many characters of a name are shown.
const MOST_SHOWN: usize = 64;

fn expired_text(say: Say<'_>, view: &PasscodeView<'_>) -> String {
    let mut sentences = Vec::new();
    if view.problem == Some(PasscodeProblem::CodeExpired) {
        sentences.push(say.plain("passcode-expired-free"));
    }
    sentences.push(match view.again {
        Some(way) => to_somebody(say, &format!("passcode-expired-{}", way.channel.name()), (way.channel, &way.to)),
        None => say.plain("passcode-resend-used"),
    });
    sentences.join(" ")
}

/// Which message it is that has the code. A call does not say which login it is for.
fn hint(say: Say<'_>, view: &PasscodeView<'_>) -> Vec<Piece> {
    if view.progress.way().is_some_and(|(channel, _)| channel == Channel::Voice) {
        return Vec::new();
    }
    let label = say.with("passcode-label", &[("label", view.label.into())]).replace(' ', "\u{a0}");
    say.pieces("passcode-label-why", &[("label", &label)])
}

/// The ways to another code. Those that were not tried come first; then the same way once more.
fn rows(say: Say<'_>, view: &PasscodeView<'_>, stage: Stage) -> Vec<WayRow> {
    let other = |offer: &Offer| {
        let (channel, to) = (offer.way.channel, offer.way.to.as_str());
        WayRow {
            field: "rule",
            value: offer.way.rule.to_string(),
            icon: icon(channel),
            name: say.plain(&format!("passcode-other-{}", channel.name())),
            to: to_somebody(say, &format!("passcode-other-{}-to", channel.name()), (channel, to)),
            is_paced: offer.is_tried,
        }
    };
    let again = view.again.filter(|_| !stage.asks_for_new()).map(|way| WayRow {
        field: "act",
        value: "resend".to_owned(),
        icon: Icon::Again,
        name: say.plain("passcode-resend"),
        to: say.plain(&format!("passcode-resend-{}", way.channel.name())),
        is_paced: true,
    });
    let (tried, fresh): (Vec<&Offer>, Vec<&Offer>) = view.others.iter().partition(|offer| offer.is_tried);
    fresh.into_iter().map(other).chain(again).chain(tried.into_iter().map(other)).collect()
}

const fn icon(channel: Channel) -> Icon {
    match channel {
        Channel::Sms => Icon::Text,
        Channel::Mail => Icon::Mail,
        Channel::Voice => Icon::Call,
        Channel::Push => Icon::Phone,
    }
}

const fn wait(resend: Resend) -> Option<u64> {
    match resend {
        Resend::In { seconds, .. } => Some(seconds),
        Resend::Now { .. } | Resend::Used => None,
    }
}

fn help(progress: &Progress) -> &'static str {
    match progress.way().map(|(channel, _)| channel) {
        Some(Channel::Mail) => "passcode-help-mail",
        Some(Channel::Voice) => "passcode-help-voice",
        Some(Channel::Push) => "passcode-help-push",
        Some(Channel::Sms) | None => "passcode-help-sms",
    }
}

fn passcode_problem(say: Say<'_>, view: &PasscodeView<'_>, problem: PasscodeProblem) -> Problem {
    let key = problem.key();
    let next = match problem {
        PasscodeProblem::NoMore if Stage::of(view) != Stage::Open => format!("{key}-over"),
        _ => format!("{key}-next"),
    };
    let time = say.time(say.look.waits.attempts);
    let next = say.with(&next, &[("left", view.tries_left.into()), ("time", time.into())]);
    Problem { what: say.plain(key), next, is_calm: problem == PasscodeProblem::NotYet, trace: None }
}

/// A button of the list of ways.
struct WayRow {
    field: &'static str,
    value: String,
    icon: Icon,
    name: String,
    to: String,
    /// It waits for the pause of a resend.
    is_paced: bool,
}

#[derive(Template)]
#[template(path = "login/passcode.html")]
struct PasscodePage<'a> {
    frame: Frame<'a>,
    problem: Option<Problem>,
    view: &'a PasscodeView<'a>,
    stage: Stage,
    /// Who signs in where.
    signing_in: Vec<Piece>,
    progress: String,
    state: &'static str,
    /// Which message has the code.
    hint: Vec<Piece>,
    /// How long the code works.
    life: String,
    rows: Vec<WayRow>,
    /// Seconds until a new passcode can be asked for.
    wait: Option<u64>,
    help: &'static str,
    /// The problem stands at the field, not on top.
    at_field: bool,
    /// The list of ways is unfolded.
    is_open: bool,
    /// For the keyboard of a phone.
    digits: bool,
}
