//! What holds for every page in every state; with `GALLERY=folder` they are also written there, for `tests/browser/pages.mjs`.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;

use super::states::{SUPPORT, every_page, login_view, look, pages, passcode_view, password_view, written_pages};
use crate::auth::Progress;
use crate::base::{Channel, Language, Span};
use crate::config::{Limits, Pages, Translated};
use crate::web::page::asset;
use crate::web::page::login::{LoginProblem, LoginView};
use crate::web::page::passcode_view::{PasscodeView, Resend};
use crate::web::page::password::PasswordView;
use crate::web::*;

fn html(page: &Page) -> &str {
    std::str::from_utf8(&page.body).unwrap()
}

/// What a person can read: no tags, no attributes.
fn visible(html: &str) -> String {
    html.split('<').filter_map(|part| part.split_once('>')).map(|(_, text)| text).collect::<Vec<_>>().join(" ")
}

#[test]
fn every_page_has_a_next_step() {
    for (name, page) in every_page() {
        let main = html(&page).split("<main>").nth(1).and_then(|rest| rest.split("</main>").next()).unwrap();
        assert!(main.contains("<form method=\"post\"") || main.contains("<a class=\"button"), "{name}");
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
    for piece in [
        "Sign in to mail",
        "Anmelden bei mail",
        "4k7q-0x2m-9dtz",
        "login\u{a0}K7",
        "Anmeldung\u{a0}K7",
        "ending in 12",
        "15 Minuten",
    ] {
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
    let linked = format!("'''{hostile} [{hostile}](tel:112)'''");
    let given = written_pages(&format!("[pages]\ntitle = '''{hostile}'''\nsupport = {linked}"));
    let look = Look::new(&given, &Limits::default(), false, None);
    let name: std::sync::Arc<str> = "mail".into();
    let look = look.with_application(&name, Some(Translated::plain(hostile.to_owned())), None);
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
        name: hostile,
        csrf: hostile,
        label: hostile,
        restart_url: "/.doorward/login?back=/",
        status_url: hostile,
        poll_url: hostile,
        ..passcode_view(&progress, None, Resend::Used)
    };
    let pages = [
        look.login(Language::ENGLISH, &login),
        look.before("mail").login(Language::ENGLISH, &LoginView { application: "mail", ..login.clone() }),
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
        assert_eq!(loaded, 4, "icon, style sheet, script, and the icon as a picture: with the page four requests");
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
    let look = Look::new(&Pages::default(), &Limits::default(), false, Some(logo.unwrap()));
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
        for seconds in [30, 60, 110, 600, 86_400, 36 * 3600] {
            let time = Span::about(Duration::from_secs(seconds)).say(&texts, language);
            let text = texts.say(
                language,
                "message-sms",
                &[
                    ("code", "48291348".into()),
                    ("application", "a-longer-name".into()),
                    ("label", "K7".into()),
                    ("time", time.into()),
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
    let variables =
        [("code", "482 913".into()), ("application", "mail".into()), ("label", "K7".into()), ("time", "5 minutes".into())];
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
    assert_eq!(html(&page), "{\"state\":\"sending\",\"text\":\"We are sending a text message to your number ending in 12.\"}");
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
