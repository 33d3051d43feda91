//! Every page in every state, for tests; with `GALLERY=folder` they are also written there, for `tests/browser/pages.mjs`.

use std::path::Path;

use bytes::Bytes;

use crate::auth::{Before, Fate, Progress, Way};
use crate::base::{Channel, Language, Time, TraceId};
use crate::config::Pages;
use crate::config::passcode_policy::Alphabet;
use crate::web::cross_site::{Form, FormView};
use crate::web::ended::{Entry, EntryView, Shown};
use crate::web::page::asset;
use crate::web::page::login::{LoginProblem, LoginView};
use crate::web::page::passcode::{PasscodeProblem, PasscodeView, Resend};
use crate::web::page::password::{self, PasswordView};
use crate::web::*;

const SUPPORT: &str = "Call the help desk: +45 1234 5678";

const NOTICES: [Notice; 30] = [
    Notice::PasswordSet,
    Notice::PasswordStale,
    Notice::ChangeEnded,
    Notice::FlowEnded,
    Notice::FlowExpired,
    Notice::FlowUsed,
    Notice::FlowGone,
    Notice::NoChannel,
    Notice::NotForThisSite,
    Notice::FactorPaused { minutes: 15 },
    Notice::HelpDesk,
    Notice::MessagesPaused,
    Notice::NotSent,
    Notice::DirectoryDown,
    Notice::CookiesNeeded,
    Notice::Foreign,
    Notice::CrossSite,
    Notice::SessionOver,
    Notice::Forbidden,
    Notice::TooMany,
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
];

fn look(trial: bool) -> Look {
    let pages = Pages { title: "Example Corp".into(), support: Some(SUPPORT.into()), ..Pages::default() };
    Look::new(&pages, trial, None)
}

fn trace() -> TraceId {
    "4k7q-0x2m-9dtz".parse().unwrap()
}

fn login_view(problem: Option<LoginProblem>, links: &[(Language, String)]) -> LoginView<'_> {
    let username = if problem == Some(LoginProblem::Refused) { "alice" } else { "" };
    LoginView { application: "mail", csrf: "c2VhbGVk", username, problem, trace: Some(trace()), language_links: links }
}

fn passcode_view(progress: &Progress, problem: Option<PasscodeProblem>, resend: Resend) -> PasscodeView<'_> {
    PasscodeView {
        application: "mail",
        csrf: "c2VhbGVk",
        label: "K7",
        trace: trace(),
        alphabet: Alphabet::Digits,
        progress,
        tries_left: 2,
        problem,
        resend,
        others: &[],
        restart_url: "/.doorward/login?back=/",
        status_url: "/.doorward/login/status?flow=1",
        poll_url: "/.doorward/login/status?flow=1&as=json",
        expires_in_s: 299,
    }
}

/// Name -> page, in one language.
fn pages(language: Language) -> Vec<(String, Page)> {
    let links: Vec<_> =
        Language::all().map(|language| (language, format!("/.doorward/login?language={language}&back=/"))).collect();
    let look = look(false);
    let mut pages = vec![
        ("login".to_owned(), look.login(language, &login_view(None, &links))),
        ("login-trial".to_owned(), self::look(true).login(language, &login_view(None, &links))),
        ("logout".to_owned(), look.logout(language, "c2VhbGVk")),
        ("signed-out".to_owned(), look.signed_out(language)),
    ];
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
        ("passcode-wrong", &sent, Some(Wrong), Resend::Now { left: 2 }),
        ("passcode-earlier", &sent, Some(Earlier), Resend::Now { left: 2 }),
        ("passcode-expired", &sent, Some(CodeExpired), Resend::Now { left: 2 }),
        ("passcode-expired-used", &sent, Some(CodeExpired), Resend::Used),
        ("passcode-not-yet", &sent, Some(NotYet), Resend::In { seconds: 9, left: 2 }),
        ("passcode-no-more", &sent, Some(NoMore), Resend::Used),
        ("passcode-too-many", &sent, Some(PasscodeProblem::TooMany), Resend::Now { left: 2 }),
    ] {
        pages.push((name.to_owned(), look.passcode(language, &passcode_view(progress, problem, resend))));
    }
    let letters = PasscodeView { alphabet: Alphabet::Memorable, ..passcode_view(&sent, None, Resend::Now { left: 3 }) };
    pages.push(("passcode-letters".to_owned(), look.passcode(language, &letters)));
    pages.extend(way_pages(&look, language));
    pages.extend(ended_pages(&look, language));
    pages.extend(password_pages(&look, language));
    for notice in NOTICES {
        pages.push((format!("notice-{}", notice.key()), look.notice(language, notice, Some(trace()))));
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

/// The passcode page where there are several ways, by everything that can have become of them.
fn way_pages(look: &Look, language: Language) -> Vec<(String, Page)> {
    use Channel::*;
    let to = |channel| if channel == Mail { "a•••@example.com" } else { "•••• 78" }.to_owned();
    let others = [Voice, Sms, Mail, Push];
    let others: Vec<Way> = others.into_iter().enumerate().map(|(rule, channel)| Way { rule, channel, to: to(channel) }).collect();
    let mut pages = Vec::new();
    let wait = Resend::In { seconds: 23, left: 3 };
    for (channel, next) in [(Sms, Voice), (Voice, Mail), (Mail, Push), (Push, Sms)] {
        for (fate, word) in [
            (Fate::NotSent, "not-sent"),
            (Fate::Unsure, "unsure"),
            (Fate::Undelivered, "undelivered"),
            (Fate::Unconfirmed, "unconfirmed"),
        ] {
            let before = Some(Before { channel, to: to(channel), fate });
            let progress = Progress::Sending { channel: next, to: to(next), before, again: None };
            let others: Vec<Way> = others.iter().filter(|way| way.channel != next).cloned().collect();
            let view = PasscodeView { others: &others, ..passcode_view(&progress, None, wait) };
            pages.push((format!("passcode-{word}-{}", channel.name()), look.passcode(language, &view)));
        }
        for (word, fate) in [("again", Fate::NotSent), ("again-unsure", Fate::Unsure)] {
            let before = Some(Before { channel, to: to(channel), fate });
            let progress = Progress::Sending { channel, to: to(channel), before, again: Some(fate) };
            let others: Vec<Way> = others.iter().filter(|way| way.channel != channel).cloned().collect();
            let view = PasscodeView { others: &others, ..passcode_view(&progress, None, wait) };
            pages.push((format!("passcode-{word}-{}", channel.name()), look.passcode(language, &view)));
        }
        let (at, to) = (Time::default(), to(channel));
        let waiting = Progress::Sent { channel, to: to.clone(), at, awaited: true, before: None, by: String::new() };
        let unsure = Progress::Unsure { channel, to: to.clone(), at, by: String::new() };
        let delivered = Progress::Delivered { channel, to, at };
        let now = Resend::Now { left: 2 };
        for (word, progress, resend) in [("waiting", waiting, wait), ("unsure-end", unsure, now), ("delivered", delivered, now)] {
            let others: Vec<Way> = others.iter().filter(|way| way.channel != channel).cloned().collect();
            let view = PasscodeView { others: &others, ..passcode_view(&progress, None, resend) };
            pages.push((format!("passcode-{word}-{}", channel.name()), look.passcode(language, &view)));
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
    let failed = problems.map(|why| (password::unchanged_key(why).to_owned(), Why::Expiring(days(0)), Some(why)));
    let page = |why, problem| look.password(language, &PasswordView { why, problem, ..password_view() });
    plain.into_iter().chain(failed).map(|(name, why, problem)| (name, page(why, problem))).collect()
}

fn password_view() -> PasswordView<'static> {
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

fn html(page: &Page) -> &str {
    std::str::from_utf8(&page.body).unwrap()
}

/// What a person can read: no tags, no attributes.
fn visible(html: &str) -> String {
    html.split('<').filter_map(|part| part.split_once('>')).map(|(_, text)| text).collect::<Vec<_>>().join(" ")
}

fn every_page() -> impl Iterator<Item = (String, Page)> {
    Language::all().flat_map(|language| pages(language).into_iter().map(move |(name, page)| (format!("{name}.{language}"), page)))
}

#[test]
fn every_page_has_a_next_step() {
    for (name, page) in every_page() {
        let main = html(&page).split("<main>").nth(1).and_then(|rest| rest.split("</main>").next()).unwrap();
        assert!(main.contains("<form method=\"post\"") || main.contains("<a class=\"button\" href="), "{name}");
        assert!(html(&page).contains(SUPPORT), "{name}");
    }
}

#[test]
fn no_page_shows_the_name_of_a_text() {
    let keys: Vec<&str> = include_str!("../../../locales/en.ftl")
        .lines()
        .filter(|line| line.starts_with(|letter: char| letter.is_ascii_lowercase()))
        .filter_map(|line| line.split(" =").next())
        .filter(|key| key.contains('-'))
        .collect();
    for (name, page) in every_page() {
        let text = visible(html(&page));
        for word in text.split_whitespace() {
            assert!(!keys.contains(&word) && !word.starts_with("notice-") && !word.contains(['{', '}', '$']), "{name}: {word}");
        }
    }
}

#[test]
fn every_text_of_a_page_is_used() {
    let all: String = every_page().map(|(_, page)| visible(html(&page))).collect();
    for piece in
        ["Sign in to mail", "Anmelden bei mail", "4k7q-0x2m-9dtz", "Login K7", "Anmeldung K7", "••••\u{a0}12", "30 Minuten"]
    {
        assert!(all.contains(piece), "{piece}");
    }
}

#[test]
fn no_page_has_a_style_or_script_inside() {
    for (name, page) in every_page() {
        let html = html(&page);
        for part in ["<style", " style=", "<script>", " onclick", " onsubmit", " onload", "http:", "https:"] {
            assert!(!html.contains(part), "{name}: {part}");
        }
    }
}

#[test]
fn what_others_wrote_stays_text() {
    let hostile = "\"><script>alert(1)</script>'&{ $x }";
    let given = Pages { title: hostile.into(), support: Some(hostile.into()), ..Pages::default() };
    let look = Look::new(&given, false, None);
    let links = [(Language::ENGLISH, hostile.to_owned()), (Language::ENGLISH, hostile.to_owned())];
    let login = LoginView {
        application: hostile,
        csrf: hostile,
        username: hostile,
        problem: Some(LoginProblem::Refused),
        trace: None,
        language_links: &links,
    };
    let progress = Progress::Sending { channel: Channel::Mail, to: hostile.into(), before: None, again: None };
    let passcode = PasscodeView {
        application: hostile,
        csrf: hostile,
        label: hostile,
        restart_url: "/.doorward/login?back=/",
        status_url: hostile,
        poll_url: hostile,
        ..passcode_view(&progress, None, Resend::Used)
    };
    let pages = [
        look.login(Language::ENGLISH, &login),
        look.passcode(Language::ENGLISH, &passcode),
        look.logout(Language::ENGLISH, hostile),
        look.password(Language::ENGLISH, &PasswordView { name: hostile, csrf: hostile, ..password_view() }),
        look.notice(Language::ENGLISH, Notice::Internal, None),
    ];
    for page in &pages {
        assert!(!html(page).contains("<script>") && !html(page).contains("\"><script"), "{}", html(page));
        assert!(visible(html(page)).contains("&#60;script&#62;"), "{}", html(page));
    }
}

#[test]
fn the_login_page_and_what_it_loads_are_small() {
    let look = look(false);
    for language in Language::all() {
        let links: Vec<_> = Language::all().map(|language| (language, "/.doorward/login?language=xx".to_owned())).collect();
        let page = look.login(language, &login_view(Some(LoginProblem::NoCookies), &links));
        let mut total = page.body.len();
        for name in ["page.css", "page.js", "icon.svg"] {
            total += look.asset(asset::url(name), &http::HeaderMap::new()).unwrap().body.len();
        }
        assert!(total < 20_000, "{total} bytes");
        let loaded = html(&page).matches("/.doorward/assets/").map(|_| ()).count();
        assert_eq!(loaded, 3, "icon, style sheet and the icon once more as a picture; with the page itself three requests");
        assert!(!html(&page).contains("<script"));
    }
}

#[test]
fn the_status_says_what_happened() {
    let statuses: Vec<(String, u16)> =
        pages(Language::ENGLISH).into_iter().map(|(name, page)| (name, page.status.as_u16())).collect();
    for (name, expected) in [
        ("login", 200),
        ("login-refused", 403),
        ("passcode-sent", 200),
        ("passcode-wrong", 403),
        ("passcode-not-yet", 429),
        ("password-expired", 200),
        ("password-too-short", 403),
        ("signed-out", 200),
        ("notice-flow-used", 200),
        ("notice-upstream-down", 502),
        ("notice-upstream-slow", 504),
        ("notice-unknown-host", 421),
        ("notice-internal", 500),
    ] {
        assert!(statuses.contains(&(name.to_owned(), expected)), "{name} {statuses:?}");
    }
}

#[test]
fn a_failed_page_says_so_in_the_window_title() {
    let all = pages(Language::ENGLISH);
    let title = |name: &str| {
        let page = &all.iter().find(|(known, _)| known == name).unwrap().1;
        html(page).split("<title>").nth(1).unwrap().split("</title>").next().unwrap().to_owned()
    };
    assert_eq!(title("login"), "Sign in to mail – Example Corp");
    assert_eq!(title("login-refused"), "Error: Sign in to mail – Example Corp");
}

#[test]
fn a_logo_takes_the_place_of_the_icon() {
    assert!(Logo::from_bytes(Bytes::from_static(b"GIF89a")).is_none());
    assert!(Logo::from_bytes(Bytes::from(vec![b' '; 300 * 1024])).is_none());
    let logo = Logo::from_bytes(Bytes::from_static(b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>"));
    let look = Look::new(&Pages::default(), false, Some(logo.unwrap()));
    let page = look.notice(Language::ENGLISH, Notice::NotFound, None);
    let url = html(&page).split("<img src=\"").nth(1).unwrap().split('"').next().unwrap();
    assert!(url.starts_with("/.doorward/assets/logo."), "{url}");
    assert!(look.asset(url, &http::HeaderMap::new()).unwrap().body.starts_with(b"<?xml"));
}

#[test]
fn a_text_message_fits_into_one_with_the_line_that_names_the_host() {
    const GSM: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
    let texts = crate::base::Texts::built_in();
    let host_line = format!("\n\n@{} #{}", "h".repeat(30), "4".repeat(8)).len();
    for language in Language::all() {
        for minutes in [1, 10] {
            let text = texts.say(
                language,
                "message-sms",
                &[
                    ("code", "48291348".into()),
                    ("application", "a-longer-name".into()),
                    ("label", "K7".into()),
                    ("minutes", minutes.into()),
                ],
            );
            assert!(text.chars().all(|letter| GSM.contains(letter)), "{text}");
            assert!(text.chars().count() + host_line <= 160, "{language}: {} {text}", text.chars().count());
        }
    }
}

#[test]
fn a_mail_says_what_the_code_is_for() {
    let texts = crate::base::Texts::built_in();
    let variables = [("code", "482 913".into()), ("application", "mail".into()), ("label", "K7".into()), ("minutes", 5.into())];
    let text = texts.say(Language::ENGLISH, "message-mail-text", &variables);
    assert!(
        text.starts_with("Your code for mail:\n\n482 913\n\nIt belongs to login K7 and is good for 5 minutes. Enter it only"),
        "{text}"
    );
    assert_eq!(texts.say(Language::ENGLISH, "message-mail-subject", &variables), "Your code for mail (login K7)");
}

#[test]
fn the_script_is_told_how_far_the_message_is() {
    let progress = Progress::Sending { channel: Channel::Sms, to: "•••• 12".into(), before: None, again: None };
    let page = look(false).progress(Language::ENGLISH, &progress);
    assert_eq!(html(&page), "{\"state\":\"sending\",\"text\":\"We are sending a code by text message to ••••\u{a0}12.\"}");
}

#[test]
fn the_gallery_is_written_where_it_is_asked_for() {
    let Some(folder) = std::env::var_os("GALLERY") else { return };
    write(Path::new(&folder));
}

#[test]
fn every_page_follows_the_accessibility_rules_in_a_browser() {
    let modules = std::env::var_os("DOORWARD_NODE_MODULES").map(std::path::PathBuf::from).unwrap_or_default();
    if !modules.join("playwright-core").exists() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "DOORWARD_NODE_MODULES does not lead to playwright-core");
        println!("skipped: the accessibility of every page: DOORWARD_NODE_MODULES does not lead to playwright-core");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    write(folder.path());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/pages.mjs");
    // German has the longer words. Every day the forms and one notice, which all notices look like; else everything, dark too.
    let everyday =
        ["only=^/(login|passcode|password-(expiring|too-short)|logout|signed-out|notice-upstream-down).*\\.de$", "light"];
    let all = ["only="];
    let chosen: &[&str] = if std::env::var_os("DOORWARD_LONG").is_some() { &all } else { &everyday };
    let looked = std::process::Command::new("node").arg(script).arg(folder.path()).args(chosen).output().unwrap();
    let said = String::from_utf8_lossy(&looked.stdout);
    assert!(looked.status.success(), "{said}{}", String::from_utf8_lossy(&looked.stderr));
    println!("{said}");
}

/// Every page with what it loads, and an index of them with the headers that they carry.
fn write(folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    let mut index = serde_json::Map::new();
    let look = look(false);
    let assets = ["page.css", "page.js", "icon.svg"]
        .map(|name| (asset::url(name).to_owned(), look.asset(asset::url(name), &http::HeaderMap::new()).unwrap()));
    for (name, page) in every_page().map(|(name, page)| (format!("/{name}"), page)).chain(assets) {
        let file = name.trim_start_matches('/').replace('/', "_");
        std::fs::write(folder.join(&file), &page.body).unwrap();
        let headers: serde_json::Map<_, _> =
            page.headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().into())).collect();
        index.insert(name, serde_json::json!({ "file": file, "status": page.status.as_u16(), "headers": headers }));
    }
    std::fs::write(folder.join("index.json"), serde_json::Value::Object(index).to_string()).unwrap();
}
