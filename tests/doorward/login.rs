//! The first step through the front door: who is asked to sign in, whom a typed name means, and in which language.

use futures_util::future::join_all;
use http::Method;

use crate::support::client::{Answer, Client, FLOW, KEY, KNOWN};
use crate::support::eventually::eventually;
use crate::support::node::{Bed, alice_and_bob, detail, user};
use crate::support::toml::Toml;

#[tokio::test]
async fn a_deep_link_with_its_query_is_where_the_sign_in_ends() {
    let bed = Bed::start().await;
    let browser = bed.browser();
    let sent = browser.get("/a/b%20c?d=e&f=%2Fg%3Fh").await;
    assert_eq!(sent.status, 303);
    let page = browser.get(&sent.location()).await;
    let posted = browser.login_on(&page, "alice", "wonderland").await;
    let page = browser.get(&posted.location()).await;
    let entered = browser.passcode(&page, &bed.code(&page).await).await;
    assert_eq!(entered.location(), "/a/b%20c?d=e&f=%2Fg%3Fh");
    let reached = browser.get(&entered.location()).await;
    assert!(reached.says("upstream\nGET /a/b%20c?d=e&f=%2Fg%3Fh HTTP/1.1"), "{}", reached.body);
}

#[tokio::test]
async fn the_hint_at_the_name_shows_the_forms_that_the_directories_accept() {
    let bed = Bed::start().await;
    for (language, hint) in [
        ("en", "For example: alice, DOMAIN\\alice or alice@example.com"),
        ("de", "Zum Beispiel: alice, DOMÄNE\\alice oder alice@example.com"),
    ] {
        let page = bed.browser().get(&format!("/.doorward/login?language={language}")).await;
        assert!(page.says(&format!("<p class=\"hint\" id=\"username-hint\">{hint}</p>")), "{hint}: {}", page.body);
        assert!(!page.says("CORP") && !page.says("corp.example"), "strangers are shown the domain: {}", page.body);
    }
}

#[tokio::test]
async fn the_whole_sign_in_works_over_http_2() {
    let bed = Bed::start().await;
    let mut browser = bed.browser();
    browser.http2 = true;
    bed.sign_in(&browser, "alice", "wonderland").await;
    assert!(browser.is_in().await);
}

#[tokio::test]
async fn a_program_gets_401_and_never_a_redirect() {
    let bed = Bed::start().await;
    let table: &[(Method, &[(&str, &str)])] = &[
        (Method::GET, &[]),
        (Method::GET, &[("accept", "application/json")]),
        (Method::GET, &[("accept", "text/html"), ("x-requested-with", "XMLHttpRequest")]),
        (Method::GET, &[("accept", "text/html"), ("sec-fetch-mode", "cors"), ("sec-fetch-site", "same-origin")]),
        (Method::POST, &[("accept", "text/html"), ("sec-fetch-mode", "cors")]),
        (Method::PUT, &[("accept", "text/html")]),
    ];
    for (method, headers) in table {
        let answer = bed.browser().ask(method.clone(), "/a", headers, "").await;
        assert_eq!((answer.status, answer.header("location"), answer.header("content-type")), (401, "", "application/json"));
        assert_eq!(answer.header("www-authenticate"), "", "{method} {headers:?}");
    }
}

#[tokio::test]
async fn somebody_signed_in_who_visits_the_login_page_goes_on() {
    let bed = Bed::start().await;
    let browser = bed.signed_in("alice", "wonderland").await;
    let answer = browser.get("/.doorward/login?back=%2Fx%3Fy").await;
    assert_eq!((answer.status, answer.header("location")), (303, "/x?y"));
}

#[tokio::test]
async fn the_way_back_bears_long_addresses_and_odd_letters() {
    let bed = Bed::start().await;
    let long = format!("/x?state={}", "a".repeat(8000));
    let too_long = format!("/x?state={}", "a".repeat(8200));
    for (wanted, back) in [
        (long.as_str(), long.as_str()),
        (&too_long, "/"),
        ("/x?user=CORP\\alice", "/x?user=CORP%5Calice"),
        ("/x?q=\u{fc}&r=\"<b>\"", "/x?q=%C3%BC&r=%22%3Cb%3E%22"),
        ("/\u{fc}ber", "/%C3%BCber"),
        ("/x?q=1#/inbox/3", "/x?q=1#/inbox/3"),
    ] {
        let browser = bed.browser();
        let wanted: String = form_urlencoded::byte_serialize(wanted.as_bytes()).collect();
        let page = browser.get(&format!("/.doorward/login?back={wanted}")).await;
        let posted = browser.login_on(&page, "alice", "wonderland").await;
        let code_page = browser.get(&posted.location()).await;
        let entered = browser.passcode(&code_page, &bed.code(&code_page).await).await;
        assert_eq!((entered.status, entered.header("location")), (303, back));
    }
}

#[tokio::test]
async fn a_long_address_is_kept_on_the_way_to_the_login_page() {
    let bed = Bed::start().await;
    let browser = bed.browser();
    let target = format!("/x?state={}", "%20".repeat(2000));
    let sent = browser.get(&target).await;
    let page = browser.get(&sent.location()).await;
    assert_eq!(page.status, 200);
    let language = page.between("/.doorward/login?language=de&#38;back=", "\"").unwrap();
    assert_eq!(language, form_urlencoded::byte_serialize(target.as_bytes()).collect::<String>());
}

#[tokio::test]
async fn a_sign_in_leaves_guarded_cookies_for_this_host_alone() {
    let bed = Bed::start().await;
    let browser = bed.browser();
    let page = browser.get("/.doorward/login").await;
    let posted = browser.login_on(&page, "alice", "wonderland").await;
    let code_page = browser.get(&posted.location()).await;
    let entered = browser.passcode(&code_page, &bed.code(&code_page).await).await;
    let lines: Vec<String> = [&page, &entered]
        .iter()
        .flat_map(|answer| answer.headers.get_all("set-cookie").iter().map(|line| line.to_str().unwrap().to_owned()))
        .collect();
    let names: Vec<&str> = lines.iter().map(|line| line.split('=').next().unwrap()).collect();
    assert_eq!(names, [FLOW, KEY, KNOWN]);
    for line in &lines {
        assert!(line.contains("; Path=/; Secure; HttpOnly; SameSite=Lax") && !line.contains("Domain"), "{line}");
    }
    assert!(lines[2].contains("Max-Age=31536000") && !lines[1].contains("Max-Age"), "{lines:?}");
}

#[tokio::test]
async fn a_name_is_understood_in_every_spelling() {
    let bed = Bed::start().await;
    for name in [
        "alice",
        "ALICE",
        " alice ",
        "CORP\\alice",
        "corp\\Alice",
        "alice@corp.example",
        "ALICE@Corp.Example",
        "alice@mail.example",
        "Alice@MAIL.example",
        "\u{feff}alice\u{200b}",
        "\u{202a}al\u{ad}ice\u{202c}",
        "ａｌｉｃｅ",
        "ＣＯＲＰ＼alice",
        "alice＠corp．example",
        "alice\u{200e}@mail.example",
    ] {
        let page = bed.browser().to_passcode(name, "wonderland").await;
        assert_eq!(bed.messages_for(&page, 1).await[0].user, "people:alice", "{name}");
    }
}

#[tokio::test]
async fn a_stored_name_is_the_same_in_every_normalization_form() {
    // One was saved composed, the other decomposed and with a joiner that its letters need.
    let users =
        [user("jürgen groß", "a", "mobile = \"+45 1111 1111\""), user("a\u{30a}sa\u{200c}x", "b", "mobile = \"+45 2222 2222\"")];
    let bed = Bed::with(Toml::bed().users(users.concat())).await;
    let table = [
        ("ju\u{308}rgen  gro\u{df}", "a", "people:jürgen groß"),
        ("JÜRGEN\u{a0}GROSS", "a", "people:jürgen groß"),
        ("åsax", "b", "people:a\u{30a}sa\u{200c}x"),
        ("A\u{30a}SA\u{200c}X", "b", "people:a\u{30a}sa\u{200c}x"),
    ];
    for (name, password, expected) in table {
        let page = bed.browser().to_passcode(name, password).await;
        assert_eq!(bed.messages_for(&page, 1).await[0].user, expected, "{name:?}");
    }
}

fn two_directories() -> Toml {
    let people =
        [user("alice", "wonderland", "mail = \"office@mail.example\""), user("carl", "x", "mobile = \"+45 11 11 11 11\"")];
    let guests =
        [user("alice", "looking-glass", "mobile = \"+45 22 22 22 22\""), user("zoe", "zebra", "mail = \"office@mail.example\"")];
    Toml::bed().users(people.concat()).guests(guests.concat())
}

#[tokio::test]
async fn a_domain_written_with_the_name_chooses_the_directory() {
    let bed = Bed::with(two_directories()).await;
    let table = [
        ("alice", "wonderland", "people:alice"),
        ("CORP\\alice", "wonderland", "people:alice"),
        ("GUESTS\\alice", "looking-glass", "guests:alice"),
        ("alice@guests.example", "looking-glass", "guests:alice"),
        ("zoe", "zebra", "guests:zoe"),
    ];
    for (name, password, expected) in table {
        let page = bed.browser().to_passcode(name, password).await;
        assert_eq!(bed.messages_for(&page, 1).await[0].user, expected, "{name}");
    }
}

#[tokio::test]
async fn an_ambiguous_name_is_nobody_and_the_journal_says_whose_it_was() {
    let bed = Bed::with(two_directories()).await;
    let refused = bed.browser().login("office@mail.example", "wonderland").await;
    assert_eq!(refused.status, 403);
    let events = bed.trace(&refused.trace()).await;
    let said = detail(&events[0]);
    assert_eq!((said["reason"].as_str(), said["detail"].as_str()), (Some("several"), Some("people:alice, guests:zoe")));
}

fn german_user() -> Toml {
    let users = [user("heidi", "alm", "mobile = \"+45 33 33 33 33\"\nlanguage = \"de\""), alice_and_bob()];
    Toml::bed().users(users.concat())
}

fn is_german(page: &Answer) -> bool {
    page.header("content-language") == "de" && page.says("<html lang=\"de\"")
}

#[tokio::test]
async fn the_login_page_speaks_the_browsers_language() {
    let bed = Bed::start().await;
    let page = bed.browser().with("accept-language", "de-AT,de;q=0.9,en;q=0.5").get("/.doorward/login").await;
    assert!(is_german(&page) && page.says("Anmelden bei app"), "{}", page.body);
}

#[tokio::test]
async fn a_language_chosen_by_hand_holds_through_the_sign_in_and_its_message() {
    let bed = Bed::start().await;
    let browser = bed.browser().with("accept-language", "en");
    let page = browser.get("/.doorward/login?language=de&back=%2F").await;
    assert!(is_german(&page));
    let refused = browser.login_on(&page, "alice", "wrong").await;
    assert!(is_german(&refused));
    let posted = browser.login_on(&refused, "alice", "wonderland").await;
    let page = browser.get(&posted.location()).await;
    assert!(is_german(&page));
    assert!(bed.messages_for(&page, 1).await[0].text.contains("Ihr Code"));
}

#[tokio::test]
async fn the_users_own_language_is_spoken_once_the_user_is_known() {
    let bed = Bed::with(german_user()).await;
    let browser = bed.browser().with("accept-language", "en");
    assert_eq!(browser.get("/.doorward/login").await.header("content-language"), "en");
    let page = browser.to_passcode("heidi", "alm").await;
    assert!(is_german(&page));
    assert!(bed.messages_for(&page, 1).await[0].text.contains("Ihr Code"));
}

#[tokio::test]
async fn a_preferred_language_may_be_a_list_with_weights() {
    for (preferred, is_spoken) in
        [("da, de;q=0.7", true), ("en;q=0.3, de-AT", true), ("da", false), ("*", false), ("de;q=0.2,en", false)]
    {
        let users = user("heidi", "alm", &format!("mobile = \"+45 33 33 33 33\"\nlanguage = \"{preferred}\""));
        let bed = Bed::with(Toml::bed().users(users)).await;
        let page = bed.browser().with("accept-language", "en").to_passcode("heidi", "alm").await;
        assert_eq!(is_german(&page), is_spoken, "{preferred}");
        assert_eq!(bed.messages_for(&page, 1).await[0].text.contains("Ihr Code"), is_spoken, "{preferred}");
    }
}

#[tokio::test]
async fn a_language_chosen_by_hand_goes_before_the_users_own() {
    let bed = Bed::with(german_user()).await;
    let browser = bed.browser();
    let page = browser.get("/.doorward/login?language=en").await;
    let posted = browser.login_on(&page, "heidi", "alm").await;
    assert_eq!(browser.get(&posted.location()).await.header("content-language"), "en");
}

#[tokio::test]
async fn who_sends_no_cookie_back_is_told_to_allow_cookies() {
    let bed = Bed::start().await;
    let browser = bed.browser();
    let page = browser.get("/.doorward/login").await;
    browser.forget(FLOW);
    let answer = browser.login_on(&page, "alice", "wonderland").await;
    assert!(answer.status == 403 && answer.says("Allow cookies for this site"), "{}", answer.body);
    assert!(bed.messages().is_empty());
}

#[tokio::test]
async fn a_form_older_than_an_hour_is_shown_anew_and_leads_where_it_would_have_led() {
    let bed = Bed::start().await;
    let browser = bed.browser();
    let page = browser.get("/.doorward/login?back=%2Fdeep%3Fq").await;
    bed.clock.advance(std::time::Duration::from_secs(3600));
    let again = browser.login_on(&page, "alice", "wonderland").await;
    assert!(again.says("This page was open for too long."), "{}", again.body);
    let posted = browser.login_on(&again, "alice", "wonderland").await;
    let page = browser.get(&posted.location()).await;
    let entered = browser.passcode(&page, &bed.code(&page).await).await;
    assert_eq!(entered.location(), "/deep?q");
}

#[tokio::test]
async fn whom_the_policy_refuses_is_told_so_with_a_trace_id_after_the_right_password() {
    let rules = r#"{ when = { group = ["Staff"] }, then = "refuse" },"#;
    let bed = Bed::with(Toml::bed().rules(rules)).await;
    let answer = bed.browser().login("alice", "wonderland").await;
    assert!(answer.status == 403 && answer.says("your account may not use this site"), "{}", answer.body);
    assert_eq!(bed.reason(&answer).await, "staff rule 1");
    assert_eq!(bed.browser().login("bob", "builder").await.status, 303);
}

#[tokio::test]
async fn the_address_is_named_as_the_reason_only_where_another_one_would_go_on() {
    let challenge = r#"then = "challenge", factors = ["passcode"], dispatch = "standard""#;
    let inside = "when = { address = [\"192.0.2.0/24\"] }";
    let table = [
        (format!("{{ {inside}, {challenge} }},"), r#"{ then = "refuse" }"#.to_owned(), true),
        ("{ when = { address = [\"127.0.0.1\"] }, then = \"refuse\" },".to_owned(), format!("{{ {challenge} }}"), true),
        (format!("{{ {inside}, then = \"refuse\" }},"), r#"{ then = "refuse" }"#.to_owned(), false),
    ];
    for (rules, last, by_address) in table {
        let bed = Bed::with(Toml::bed().rules(&rules).everybody(&last)).await;
        let answer = bed.browser().login("alice", "wonderland").await;
        assert_eq!((answer.status, answer.says("from where you are")), (403, by_address), "{rules}: {}", answer.body);
    }
}

#[tokio::test]
async fn whom_nothing_reaches_is_told_that_no_code_can_be_sent() {
    let users = user("hermit", "cave", "");
    let bed = Bed::with(Toml::bed().users(users)).await;
    let answer = bed.browser().login("hermit", "cave").await;
    assert!(answer.status == 403 && answer.says("We cannot send you a code"), "{}", answer.body);
    assert_eq!(bed.trace(&answer.trace()).await.last().unwrap().kind, "message-refused");
}

#[tokio::test]
async fn logins_at_the_same_time_all_succeed() {
    let bed = Bed::start().await;
    let browsers: Vec<Client> = (0..8).map(|_| bed.browser()).collect();
    let pages = join_all(browsers.iter().enumerate().map(|(number, browser)| {
        let (name, password) = if number % 2 == 0 { ("alice", "wonderland") } else { ("bob", "builder") };
        browser.to_passcode(name, password)
    }))
    .await;
    eventually("a message for each", async || bed.messages().len() >= browsers.len()).await;
    let finished = browsers.iter().zip(&pages).map(|(browser, page)| async {
        let is_mine = |message: &crate::support::outbox::Message| message.text.contains(&format!(" {}", page.label()));
        // Two logins may bear the same label by chance: then one of the codes is ours.
        for message in bed.messages().iter().filter(|message| is_mine(message)) {
            if browser.passcode(page, &message.passcode).await.header("location") == "/" {
                return browser.is_in().await;
            }
        }
        false
    });
    assert!(join_all(finished).await.into_iter().all(|is_in| is_in));
}
