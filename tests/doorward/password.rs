//! A new password in the middle of a sign-in, through the front door, with OpenLDAP's password policies behind it.

use std::time::Duration;

use futures_util::future::join_all;

use crate::support::client::{Answer, Client, FLOW, KEY};
use crate::support::node::Bed;
use crate::support::peers::{Slapd, slapd};
use crate::support::toml::Toml;

const FIRST: &str = "first-password";
const SECOND: &str = "second-password";
const POLICIES: (&str, &str) = ("PPOLICY", "1");
const DAY: Duration = Duration::from_secs(24 * 3600);

pub fn directory(slapd: &Slapd) -> String {
    format!(
        r#"
[[directory]]
name = "corp"
kind = "ldap"
servers = ["ldap://127.0.0.1:{}"]
service_user = "{}"
service_password = "{}"
users = {{ base = "ou=people,{}", names = ["uid", "mail"], member_of = "{}" }}
"#,
        slapd.port(),
        slapd.service_user(),
        slapd.service_password(),
        slapd.base(),
        slapd.group()
    )
}

async fn bed(slapd: &Slapd, rules: &'static str) -> Bed {
    Bed::with(Toml::bed().directory(directory(slapd)).rules(rules)).await
}

/// Both steps; the page that asks for a new password.
pub async fn to_new_password(bed: &Bed, browser: &Client, name: &str, password: &str) -> Answer {
    let page = browser.to_passcode(name, password).await;
    let entered = browser.passcode(&page, &bed.code(&page).await).await;
    assert!(entered.location().starts_with("/.doorward/login/password?flow="), "{}", entered.location());
    browser.get(&entered.location()).await
}

impl Client {
    pub async fn new_password(&self, page: &Answer, new: &str, again: &str) -> Answer {
        let fields = [("csrf", page.csrf()), ("new_password", new.to_owned()), ("new_password_again", again.to_owned())];
        self.post("/.doorward/login/password", &fields.each_ref().map(|(name, value)| (*name, value.as_str()))).await
    }

    async fn later(&self, page: &Answer) -> Answer {
        self.post("/.doorward/login/password", &[("csrf", &page.csrf()), ("act", "later")]).await
    }
}

fn kinds(bed: &Bed) -> Vec<String> {
    bed.journal().into_iter().map(|event| event.kind).filter(|kind| !kind.starts_with("message-")).collect()
}

#[tokio::test]
async fn who_must_change_the_password_passes_the_second_factor_then_changes_it_and_is_in() {
    let Some(slapd) = slapd(&[POLICIES]) else { return };
    let bed = bed(&slapd, "").await;
    for name in ["reset", "grace"] {
        let browser = bed.browser();
        let page = to_new_password(&bed, &browser, name, FIRST).await;
        assert!(
            page.status == 200 && page.says("Choose a new password") && page.says("autocomplete=\"new-password\""),
            "{}",
            page.body
        );
        assert!(!browser.is_in().await, "{name} is in before the change");
        let changed = browser.new_password(&page, SECOND, SECOND).await;
        assert_eq!((changed.status, changed.location().as_str()), (303, "/"), "{}", changed.body);
        assert!(browser.is_in().await);
        browser.sign_out().await;
        assert_eq!(bed.browser().login(name, FIRST).await.status, 403);
        bed.sign_in(&browser, name, SECOND).await;
        assert!(browser.is_in().await);
    }
    let expected = [
        "password-right",
        "policy-decided",
        "passcode-issued",
        "passcode-right",
        "password-change-asked",
        "password-changed",
        "signed-in",
    ];
    let found = kinds(&bed);
    assert_eq!(found.into_iter().skip_while(|kind| kind != "password-right").take(7).collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn the_directorys_complaint_is_told_in_words_and_the_next_try_may_be_right() {
    let Some(slapd) = slapd(&[POLICIES]) else { return };
    let bed = bed(&slapd, "").await;
    let browser = bed.browser();
    let mut page = to_new_password(&bed, &browser, "reset", FIRST).await;
    for (new, again, status, words) in [
        ("short", "short", 403, "This password is too short."),
        (FIRST, FIRST, 403, "You have used this password before."),
        (SECOND, "another-password", 403, "The two passwords are not the same."),
        ("", "", 403, "This cannot be used as a password."),
    ] {
        page = browser.new_password(&page, new, again).await;
        assert!(page.status == status && page.says(words), "{words}: {} {}", page.status, page.body);
        assert!(!page.body.contains("value=\"short\""));
    }
    assert_eq!(browser.new_password(&page, SECOND, SECOND).await.location(), "/");
    assert!(browser.is_in().await);

    let young = bed.browser();
    assert_eq!(young.login("young", FIRST).await.status, 303, "only who must change it is asked");
}

#[tokio::test]
async fn ten_new_passwords_that_are_refused_end_the_login() {
    let Some(slapd) = slapd(&[POLICIES]) else { return };
    let bed = bed(&slapd, "").await;
    let browser = bed.browser();
    let page = to_new_password(&bed, &browser, "reset", FIRST).await;
    for number in 0..10 {
        assert!(browser.new_password(&page, &format!("s{number}"), &format!("s{number}")).await.says("too short"), "{number}");
    }
    for _ in 0..2 {
        let over = browser.new_password(&page, SECOND, SECOND).await;
        assert!(over.status == 403 && over.says("This password change is over"), "{}", over.body);
    }
    assert!(!browser.is_in().await);
}

#[tokio::test]
async fn nothing_is_changed_without_the_second_factor_by_another_browser_or_twice() {
    let Some(slapd) = slapd(&[POLICIES]) else { return };
    let bed = bed(&slapd, "").await;
    let (owner, thief) = (bed.browser(), bed.browser());
    let code_page = owner.to_passcode("reset", FIRST).await;
    let address = format!("/.doorward/login/password?flow={}", code_page.flow());
    assert!(owner.get(&address).await.says("This sign-in is over"), "the page is there before the second factor");
    // The field of another form is none for this one.
    let skipped = owner.new_password(&code_page, SECOND, SECOND).await;
    assert!(skipped.status == 403 && skipped.says("This sign-in is over"), "{}", skipped.body);

    let page = owner.passcode_again(&code_page, &bed.code(&code_page).await).await;
    thief.get("/.doorward/login").await;
    assert!(thief.get(&address).await.says("This sign-in is over"));
    assert!(thief.new_password(&page, SECOND, SECOND).await.says("This sign-in is over"));
    assert!(thief.later(&page).await.says("This sign-in is over"));
    // "Later" is for who need not change it.
    assert!(owner.later(&page).await.says("This sign-in is over"));
    assert!(!owner.is_in().await && !thief.is_in().await);

    let again = owner.get(&format!("/.doorward/login/passcode?flow={}", code_page.flow())).await;
    assert_eq!(again.location(), address, "the passcode page leads on");
    assert_eq!(owner.new_password(&page, SECOND, SECOND).await.location(), "/");
    let replayed = bed.browser();
    replayed.put(FLOW, &owner.cookie(FLOW).unwrap());
    assert!(replayed.new_password(&page, "third-password", "third-password").await.says("You are already signed in"));
    assert!(!replayed.is_in().await);
    assert_eq!(kinds(&bed).iter().filter(|kind| *kind == "signed-in").count(), 1);
}

#[tokio::test]
async fn many_changes_at_once_are_one_change_and_one_session() {
    let Some(slapd) = slapd(&[POLICIES]) else { return };
    let bed = bed(&slapd, "").await;
    let browser = bed.browser();
    let page = to_new_password(&bed, &browser, "reset", FIRST).await;
    let posts = (0..12).map(|number| {
        let (browser, page) = (&browser, &page);
        async move { browser.new_password(page, &format!("password-{number}"), &format!("password-{number}")).await }
    });
    let answers = join_all(posts).await;
    let entered = answers.iter().filter(|answer| answer.status == 303).count();
    assert_eq!(entered, 1, "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
    for answer in answers.iter().filter(|answer| answer.status != 303) {
        assert!(answer.says("Your password is being changed.") || answer.says("You are already signed in"), "{}", answer.body);
    }
    let kinds = kinds(&bed);
    let count = |wanted: &str| kinds.iter().filter(|kind| *kind == wanted).count();
    assert_eq!((count("password-changed"), count("signed-in"), count("password-change-refused")), (1, 1, 0));
}

#[tokio::test]
async fn where_the_address_is_enough_the_new_password_comes_right_after_the_old_one() {
    let Some(slapd) = slapd(&[POLICIES]) else { return };
    let bed = bed(&slapd, r#"{ when = { address = ["127.0.0.1"] }, then = "admit" },"#).await;
    let browser = bed.browser();
    let posted = browser.login("reset", FIRST).await;
    assert!(!browser.is_in().await);
    let page = browser.get(&posted.location()).await;
    assert!(page.says("Choose a new password"), "{}", page.body);
    assert_eq!(browser.new_password(&page, SECOND, SECOND).await.location(), "/");
    assert!(browser.is_in().await);
    let elsewhere = bed.browser().from(2);
    elsewhere.put(KEY, &browser.cookie(KEY).unwrap());
    assert!(!elsewhere.is_in().await, "the session is good from elsewhere");
}

#[tokio::test]
async fn a_password_that_was_changed_meanwhile_means_to_start_again() {
    let Some(slapd) = slapd(&[POLICIES]) else { return };
    let bed = bed(&slapd, "").await;
    let (one, other) = (bed.browser(), bed.browser());
    let (page, other_page) =
        (to_new_password(&bed, &one, "reset", FIRST).await, to_new_password(&bed, &other, "reset", FIRST).await);
    assert_eq!(other.new_password(&other_page, SECOND, SECOND).await.location(), "/");
    let stale = one.new_password(&page, "third-password", "third-password").await;
    assert!(stale.status == 403 && stale.says("Your password was changed meanwhile"), "{}", stale.body);
    assert!(!one.is_in().await);
}

#[tokio::test]
async fn a_directory_that_cannot_change_it_sends_to_the_help_desk() {
    let Some(slapd) = slapd(&[POLICIES]) else { return };
    let bed = bed(&slapd, "").await;
    bed.expects_errors("a directory does not change a password");
    let browser = bed.browser();
    let page = to_new_password(&bed, &browser, "old", FIRST).await;
    let refused = browser.new_password(&page, SECOND, SECOND).await;
    assert!(refused.status == 403 && refused.says("Call your help desk"), "{}", refused.body);
    let events = bed.trace(&refused.trace()).await;
    assert!(events.iter().any(|event| event.detail.contains("\"reason\":\"unable\"")), "{events:?}");
    assert!(!browser.is_in().await);
}

#[tokio::test]
async fn a_directory_that_is_gone_keeps_the_page_and_the_right_to_try_again() {
    let Some(slapd) = slapd(&[POLICIES]) else { return };
    let bed = bed(&slapd, "").await;
    bed.expects_errors("a password could not be changed");
    let browser = bed.browser();
    let page = to_new_password(&bed, &browser, "reset", FIRST).await;
    slapd.freeze();
    let unknown = browser.new_password(&page, SECOND, SECOND).await;
    slapd.thaw();
    assert!(unknown.status == 503 && unknown.says("We do not know whether your password was changed."), "{}", unknown.body);
    assert_eq!(browser.new_password(&unknown, SECOND, SECOND).await.location(), "/");
    assert!(browser.is_in().await);
}

#[tokio::test]
async fn one_that_runs_out_soon_is_said_once_a_day_and_may_wait() {
    let Some(slapd) = slapd(&[POLICIES]) else { return };
    let bed = bed(&slapd, "").await;
    let browser = bed.browser();
    let page = to_new_password(&bed, &browser, "soon", FIRST).await;
    assert!(page.says("It expires in 9 days.") && page.says("value=\"later\""), "{}", page.body);
    assert!(!browser.is_in().await);
    assert_eq!(browser.later(&page).await.location(), "/");
    assert!(browser.is_in().await);

    let second = bed.signed_in("soon", FIRST).await;
    assert!(second.is_in().await, "it is said twice a day");
    bed.clock.advance(DAY);
    let tomorrow = bed.browser();
    let page = to_new_password(&bed, &tomorrow, "soon", FIRST).await;
    let short = tomorrow.new_password(&page, "short", "short").await;
    assert!(short.says("too short") && short.says("value=\"later\""), "{}", short.body);
    assert_eq!(tomorrow.new_password(&short, SECOND, SECOND).await.location(), "/");
    assert!(tomorrow.is_in().await);
    let kinds = kinds(&bed);
    let count = |wanted: &str| kinds.iter().filter(|kind| *kind == wanted).count();
    assert_eq!((count("password-change-asked"), count("password-change-deferred"), count("password-changed")), (2, 1, 1));
}
