//! Every page in every state, for tests and for the gallery of `tests/browser/pages.mjs`.

use std::time::Duration;

use crate::auth::{Before, Fate, Offer, Progress, Way};
use crate::base::{Channel, Language, Span, Time, TraceId};
use crate::config::directory::NameForm;
use crate::config::passcode_policy::Alphabet;
use crate::config::{Limits, Pages, Translated};
use crate::web::cross_site::{Form, FormView};
use crate::web::ended::{Entry, EntryView, Shown};
use crate::web::page::login::{LoginProblem, LoginView};
use crate::web::page::passcode_view::{PasscodeProblem, PasscodeView, Resend};
use crate::web::page::password::{self, PasswordView};
use crate::web::*;

pub(super) const SUPPORT: &str = "Call the help desk: <a href=\"tel:+4512345678\"";

/// Every notice, as after limits of a quarter of an hour, a minute and an hour.
fn notices() -> [Notice; 31] {
    let wait = |seconds| Span::at_least(Duration::from_secs(seconds));
    [
        Notice::PasswordSet,
        Notice::PasswordStale,
        Notice::ChangeEnded,
        Notice::FlowEnded,
        Notice::FlowExpired,
        Notice::FlowUsed,
        Notice::FlowGone,
        Notice::NoChannel,
        Notice::NotForThisSite,
        Notice::NotFromHere,
        Notice::FactorPaused { wait: wait(900) },
        Notice::HelpDesk,
        Notice::MessagesPaused { wait: wait(3600) },
        Notice::NotSent,
        Notice::DirectoryDown,
        Notice::CookiesNeeded,
        Notice::Foreign,
        Notice::CrossSite,
        Notice::SessionOver,
        Notice::Forbidden,
        Notice::TooMany { wait: wait(60) },
        Notice::UpstreamDown,
        Notice::UpstreamSlow,
        Notice::BadRequest,
        Notice::NotFound,
        Notice::NotAllowed,
        Notice::UnknownHost,
        Notice::TooLarge,
        Notice::HeadTooLarge,
        Notice::Busy,
        Notice::Internal,
    ]
}

pub(super) fn look(trial: bool) -> Look {
    let text = "[pages]\ntitle = \"Example Corp\"\nsupport = \"Call the help desk: [+45 1234 5678](tel:+4512345678)\"";
    let look = Look::new(&written_pages(text), &Limits::default(), trial, None);
    let look = look.with_names(vec![NameForm::Plain, NameForm::At]);
    let titled = |title: &str| Some(Translated::plain(title.to_owned()));
    let look = look.with_application(&"posta".into(), titled("Şirket Postası – İç Yazışmalar"), None);
    look.with_application(&"youjian".into(), titled("邮件与日历"), None)
}

/// The section as an operator writes it.
pub(super) fn written_pages(section: &str) -> Pages {
    let minimal = include_str!("../../config/testdata/minimal.toml");
    let parsed = crate::config::parse(&format!("{minimal}\n{section}"), std::path::Path::new("/"), &|_| None);
    parsed.unwrap_or_else(|problems| panic!("{problems:?}")).pages
}

fn trace() -> TraceId {
    "4k7q-0x2m-9dtz".parse().unwrap()
}

pub(super) fn login_view(problem: Option<LoginProblem>, links: &[(Language, String)]) -> LoginView<'_> {
    let username = if problem == Some(LoginProblem::Refused) { "alice" } else { "" };
    LoginView { application: "mail", csrf: "c2VhbGVk", username, problem, trace: Some(trace()), language_links: links }
}

pub(super) fn passcode_view(progress: &Progress, problem: Option<PasscodeProblem>, resend: Resend) -> PasscodeView<'_> {
    PasscodeView {
        application: "mail",
        name: "alice",
        csrf: "c2VhbGVk",
        label: "K7",
        trace: trace(),
        alphabet: Alphabet::Digits,
        progress,
        tries_left: 2,
        problem,
        resend,
        again: None,
        others: &[],
        restart_url: "/.doorward/login?back=/",
        status_url: "/.doorward/login/status?flow=1",
        poll_url: "/.doorward/login/status?flow=1&as=json",
        expires_in_s: 299,
    }
}

/// Name -> page, in one language.
pub(super) fn pages(language: Language) -> Vec<(String, Page)> {
    let links: Vec<_> =
        Language::all().map(|language| (language, format!("/.doorward/login?language={language}&back=/"))).collect();
    let look = look(false);
    let mut pages = vec![
        ("login".to_owned(), look.login(language, &login_view(None, &links))),
        ("login-trial".to_owned(), self::look(true).login(language, &login_view(None, &links))),
        ("logout".to_owned(), look.logout(language, "c2VhbGVk")),
        ("signed-out".to_owned(), look.signed_out(language)),
    ];
    let every_form = self::look(false).with_names(vec![NameForm::Plain, NameForm::Domain, NameForm::At]);
    pages.push(("login-every-name".to_owned(), every_form.login(language, &login_view(None, &links))));
    for application in ["posta", "youjian"] {
        let view = LoginView { application, ..login_view(None, &links) };
        pages.push((format!("login-{application}"), look.before(application).login(language, &view)));
    }
    use LoginProblem::*;
    for problem in [Refused, Expired, NoCookies, StartAgain, SignedOut] {
        pages.push((problem.key().to_owned(), look.login(language, &login_view(Some(problem), &links))));
    }
    let to = || "•••• 12".to_owned();
    let sending = Progress::Sending { channel: Channel::Sms, to: to(), before: None, again: None };
    let is_sent =
        |channel, to| Progress::Sent { channel, to, at: Time::default(), awaited: false, before: None, by: String::new() };
    let (sent, mail) = (is_sent(Channel::Sms, to()), is_sent(Channel::Mail, "a•••@example.com".into()));
    use PasscodeProblem::*;
    for (name, progress, problem, resend) in [
        ("passcode-sending", &sending, None, Resend::In { seconds: 23, left: 3 }),
        ("passcode-sent", &sent, None, Resend::Now { left: 3 }),
        ("passcode-mail", &mail, None, Resend::Now { left: 1 }),
        ("passcode-failed", &Progress::Failed, None, Resend::Now { left: 2 }),
        ("passcode-failed-used", &Progress::Failed, None, Resend::Used),
        ("passcode-wrong", &sent, Some(Wrong), Resend::Now { left: 2 }),
        ("passcode-earlier", &sent, Some(Earlier), Resend::Now { left: 2 }),
        ("passcode-not-yet", &sent, Some(NotYet), Resend::In { seconds: 9, left: 2 }),
        ("passcode-no-more", &sent, Some(NoMore), Resend::Now { left: 2 }),
        ("passcode-used", &sent, None, Resend::Used),
        ("passcode-too-many", &sent, Some(PasscodeProblem::TooMany), Resend::Now { left: 2 }),
    ] {
        let again = Way { rule: 0, channel: Channel::Sms, to: to() };
        let view = PasscodeView { again: (resend != Resend::Used).then_some(&again), ..passcode_view(progress, problem, resend) };
        pages.push((name.to_owned(), look.passcode(language, &view)));
    }
    let letters = PasscodeView { alphabet: Alphabet::Memorable, ..passcode_view(&sent, None, Resend::Now { left: 3 }) };
    pages.push(("passcode-letters".to_owned(), look.passcode(language, &letters)));
    pages.extend(expired_pages(&look, language));
    pages.extend(way_pages(&look, language));
    pages.extend(ended_pages(&look, language));
    pages.extend(password_pages(&look, language));
    for notice in notices() {
        let (name, on) = (format!("notice-{}", notice.key()), Occasion { application: "mail", ..Occasion::default() });
        pages.push((name.clone(), look.notice_on(language, notice, Some(trace()), &on)));
        if notice.names_user() {
            let on = Occasion { user: Some("alice"), ..on };
            pages.push((format!("{name}-signed-in"), look.notice_on(language, notice, Some(trace()), &on)));
        }
    }
    pages
}

/// What stands in place of an answer where a session has ended, and the form of another site.
fn ended_pages(look: &Look, language: Language) -> Vec<(String, Page)> {
    let entry = |entry, shown| look.entry(language, &EntryView { application: "mail", entry, shown });
    let form = Form::read(b"SAMLResponse=PD94&RelayState=1").unwrap();
    let posted = |origin| look.cross_site_form(language, &FormView { application: "mail", action: "/acs", origin, form: &form });
    [
        ("ended-entry", entry(Entry::NotSent, Shown::Alone)),
        ("ended-entry-cut-short", entry(Entry::CutShort, Shown::Alone)),
        ("ended-entry-in-frame", entry(Entry::NotSent, Shown::InFrame)),
        ("ended-framed", look.framed(language, "/.doorward/login?back=%2F")),
        ("cross-site-form", posted("https://login.partner.example")),
        ("cross-site-form-of-another", posted("null")),
    ]
    .map(|(name, page)| (name.to_owned(), page))
    .into()
}

/// The passcode page once the code is too old, whatever became of its message.
fn expired_pages(look: &Look, language: Language) -> Vec<(String, Page)> {
    use PasscodeProblem::*;
    let delivered = Progress::Delivered { channel: Channel::Sms, to: "•••• 12".into(), at: Time::default() };
    let (again, others) = offers(Channel::Sms, Channel::Sms);
    let now = Resend::Now { left: 2 };
    [
        ("passcode-expired", None, now),
        ("passcode-expired-entered", Some(CodeExpired), now),
        ("passcode-expired-not-yet", Some(NotYet), Resend::In { seconds: 9, left: 2 }),
        ("passcode-expired-no-more", Some(NoMore), now),
        ("passcode-expired-used", Some(CodeExpired), Resend::Used),
    ]
    .map(|(name, problem, resend)| {
        let is_left = resend != Resend::Used;
        let view = PasscodeView {
            expires_in_s: 0,
            again: is_left.then_some(&again),
            others: if is_left { &others } else { &[] },
            ..passcode_view(&delivered, problem, resend)
        };
        (name.to_owned(), look.passcode(language, &view))
    })
    .into()
}

fn masked(channel: Channel) -> String {
    if channel == Channel::Mail { "a•••@example.com" } else { "•••• 78" }.to_owned()
}

/// The way that is under way, and the others: `tried` was tried before.
fn offers(here: Channel, tried: Channel) -> (Way, Vec<Offer>) {
    use Channel::*;
    let ways = [Sms, Voice, Mail, Push].into_iter().enumerate().map(|(rule, channel)| Way { rule, channel, to: masked(channel) });
    let (again, others): (Vec<Way>, Vec<Way>) = ways.partition(|way| way.channel == here);
    let mut others: Vec<Offer> = others.into_iter().map(|way| Offer { is_tried: way.channel == tried, way }).collect();
    others.sort_by_key(|offer| offer.is_tried);
    (again.into_iter().next().unwrap(), others)
}

/// The passcode page where there are several ways, by everything that can have become of them.
fn way_pages(look: &Look, language: Language) -> Vec<(String, Page)> {
    use Channel::*;
    let mut pages = Vec::new();
    let mut add = |name: String, (here, tried): (Channel, Channel), progress: &Progress, resend| {
        let (again, others) = offers(here, tried);
        let view = PasscodeView { again: Some(&again), others: &others, ..passcode_view(progress, None, resend) };
        pages.push((name, look.passcode(language, &view)));
    };
    let wait = Resend::In { seconds: 23, left: 3 };
    for (channel, next) in [(Sms, Voice), (Voice, Mail), (Mail, Push), (Push, Sms)] {
        for (fate, word) in [
            (Fate::NotSent, "not-sent"),
            (Fate::Unsure, "unsure"),
            (Fate::Undelivered, "undelivered"),
            (Fate::Unconfirmed, "unconfirmed"),
        ] {
            let before = Some(Before { channel, to: masked(channel), fate });
            let progress = Progress::Sending { channel: next, to: masked(next), before, again: None };
            add(format!("passcode-{word}-{}", channel.name()), (next, channel), &progress, wait);
        }
        for (word, fate) in [("again", Fate::NotSent), ("again-unsure", Fate::Unsure)] {
            let before = Some(Before { channel, to: masked(channel), fate });
            let progress = Progress::Sending { channel, to: masked(channel), before, again: Some(fate) };
            add(format!("passcode-{word}-{}", channel.name()), (channel, next), &progress, wait);
        }
        let (at, to) = (Time::default(), masked(channel));
        let waiting = Progress::Sent { channel, to: to.clone(), at, awaited: true, before: None, by: String::new() };
        let unsure = Progress::Unsure { channel, to: to.clone(), at, by: String::new() };
        let delivered = Progress::Delivered { channel, to, at };
        let now = Resend::Now { left: 2 };
        for (word, progress, resend) in [("waiting", waiting, wait), ("unsure-end", unsure, now), ("delivered", delivered, now)] {
            add(format!("passcode-{word}-{}", channel.name()), (channel, next), &progress, resend);
        }
    }
    pages
}

fn password_pages(look: &Look, language: Language) -> Vec<(String, Page)> {
    use crate::auth::Complaint::*;
    use crate::auth::flow::change::{Unchanged, Why};
    let whys = [("must-change", Why::MustChange), ("expired", Why::Expired), ("expiring", Why::Expiring(days(3)))];
    let complaints = [TooShort, UsedBefore, TooYoung, NotComplex, Policy].map(Unchanged::Complaint);
    use Unchanged::*;
    let problems = complaints.into_iter().chain([Different, Unfit, NoAnswer, Unable, Busy, TooMany]);
    let plain = whys.map(|(name, why)| (format!("password-{name}"), why, None));
    let failed = problems.map(|why| (password::unchanged_key(why).to_owned(), Why::Expiring(days(1)), Some(why)));
    let page = |why, problem| look.password(language, &PasswordView { why, problem, ..password_view() });
    plain.into_iter().chain(failed).map(|(name, why, problem)| (name, page(why, problem))).collect()
}

pub(super) fn password_view() -> PasswordView<'static> {
    PasswordView {
        csrf: "c2VhbGVk",
        name: "alice",
        why: crate::auth::flow::change::Why::Expired,
        problem: None,
        trace: trace(),
        restart_url: "/.doorward/login?back=/",
        check_url: "/.doorward/login/password?flow=1",
        now: Time::default(),
    }
}

fn days(days: u64) -> Time {
    Time::from_millis(days * 86_400_000 + 1)
}

pub(super) fn every_page() -> impl Iterator<Item = (String, Page)> {
    Language::all().flat_map(|language| pages(language).into_iter().map(move |(name, page)| (format!("{name}.{language}"), page)))
}
