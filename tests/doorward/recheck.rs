//! Whoever may sign in no more is signed out within `recheck`, with everything that runs under the session.

use std::time::Duration;

use crate::support::client::Client;
use crate::support::eventually::eventually;
use crate::support::node::{Bed, detail, user};
use crate::support::peers::{Slapd, Wire, slapd};
use crate::support::samba::{Admin, Samba};
use crate::support::toml::Toml;

/// One look at what has changed, with the default of a minute.
const A_LOOK: Duration = Duration::from_secs(20);

fn directory(slapd: &Slapd, port: u16) -> String {
    format!(
        r#"
[[directory]]
name = "corp"
kind = "ldap"
domain = "ldap.example"
servers = ["ldap://127.0.0.1:{port}"]
service_user = "{}"
service_password = "{}"
users = {{ base = "ou=people,{}", names = ["uid"], member_of = "{}" }}
"#,
        slapd.service_user(),
        slapd.service_password(),
        slapd.base(),
        slapd.group(),
    )
}

async fn bed(slapd: &Slapd) -> Bed {
    Bed::with(Toml::bed().directory(directory(slapd, slapd.port()))).await
}

/// Whether it is still signed in after more than a minute, in which its directory was asked again and again.
async fn is_in_after_a_minute(bed: &Bed, browser: &Client, directory: &str) -> bool {
    for _ in 0..3 {
        let before = bed.logs.looks(directory);
        bed.clock.advance(A_LOOK);
        eventually(format!("{directory} is asked"), async || bed.logs.looks(directory) > before).await;
        if !browser.is_in().await {
            return false;
        }
    }
    true
}

/// Whether the browser is signed out before a minute is over; each look may take its time.
async fn is_out_within_a_minute(bed: &Bed, browser: &Client) -> bool {
    for _ in 0..3 {
        bed.clock.advance(A_LOOK);
        let out = eventually("it is out", async || !browser.is_in().await);
        if tokio::time::timeout(Duration::from_secs(4), out).await.is_ok() {
            return true;
        }
    }
    false
}

/// Why the last session of this user ended; the journal hears of it a moment later than the browser.
async fn reason(bed: &Bed, user: &str) -> String {
    eventually(format!("a session of {user} ended"), async || {
        let journal = bed.journal();
        let mut ended = journal.iter().rev().filter(|event| event.kind == "session-ended" && event.user.starts_with(user));
        Some(detail(ended.next()?)["reason"].as_str().unwrap().to_owned())
    })
    .await
}

fn of_group(slapd: &Slapd, change: &str, uid: &str) -> String {
    format!("dn: {}\nchangetype: modify\n{change}: member\nmember: uid={uid},ou=people,{}\n", slapd.group(), slapd.base())
}

#[tokio::test]
async fn who_is_taken_out_of_the_group_is_signed_out_and_the_others_stay() {
    let Some(slapd) = slapd(&[]) else { return };
    let bed = bed(&slapd).await;
    let alice = bed.signed_in("alice@ldap.example", "wonderland").await;
    let bob = bed.signed_in("bob@ldap.example", "can-we-fix-it").await;
    let local = bed.signed_in("bob", "builder").await;
    assert!(is_in_after_a_minute(&bed, &alice, "corp").await);
    slapd.modify(&of_group(&slapd, "delete", "alice"));
    assert!(is_out_within_a_minute(&bed, &alice).await);
    assert_eq!(reason(&bed, "corp:").await, "not-member");
    assert!(bob.is_in().await && local.is_in().await);
}

#[tokio::test]
async fn who_is_deleted_is_signed_out() {
    let Some(slapd) = slapd(&[]) else { return };
    let bed = bed(&slapd).await;
    let alice = bed.signed_in("alice@ldap.example", "wonderland").await;
    slapd.modify(&format!("dn: uid=alice,ou=people,{}\nchangetype: delete\n", slapd.base()));
    assert!(is_out_within_a_minute(&bed, &alice).await);
    assert_eq!(reason(&bed, "corp:").await, "account-gone");
}

#[tokio::test]
async fn a_change_that_keeps_nobody_out_signs_nobody_out() {
    let Some(slapd) = slapd(&[]) else { return };
    let bed = bed(&slapd).await;
    let alice = bed.signed_in("alice@ldap.example", "wonderland").await;
    slapd.modify(&format!("dn: uid=alice,ou=people,{}\nchangetype: modify\nreplace: sn\nsn: Hargreaves\n", slapd.base()));
    slapd.modify(&of_group(&slapd, "add", "carol"));
    assert!(is_in_after_a_minute(&bed, &alice, "corp").await);
}

#[tokio::test]
async fn without_a_memberof_overlay_the_groups_own_list_decides() {
    let Some(slapd) = slapd(&[("NO_MEMBEROF", "1")]) else { return };
    let bed = bed(&slapd).await;
    let alice = bed.signed_in("alice@ldap.example", "wonderland").await;
    let bob = bed.signed_in("bob@ldap.example", "can-we-fix-it").await;
    assert!(is_in_after_a_minute(&bed, &alice, "corp").await);
    slapd.modify(&of_group(&slapd, "delete", "alice"));
    assert!(is_out_within_a_minute(&bed, &alice).await);
    assert!(bob.is_in().await);
}

#[tokio::test]
async fn a_directory_that_does_not_answer_signs_nobody_out_and_counts_again_when_it_does() {
    let Some(slapd) = slapd(&[]) else { return };
    let wire = Wire::to(slapd.port()).await;
    let bed = Bed::with(Toml::bed().directory(directory(&slapd, wire.port))).await;
    bed.expects_errors("nobody knows whether all who are signed in still may");
    let alice = bed.signed_in("alice@ldap.example", "wonderland").await;
    slapd.freeze();
    assert!(is_in_after_a_minute(&bed, &alice, "corp").await);
    slapd.thaw();
    slapd.modify(&of_group(&slapd, "delete", "alice"));
    wire.cut();
    assert!(is_out_within_a_minute(&bed, &alice).await);
}

#[tokio::test]
async fn a_users_file_counts_too_with_the_person_gone_and_with_another_password() {
    let bed = Bed::start().await;
    let alice = bed.signed_in("alice", "wonderland").await;
    let bob = bed.signed_in("bob", "builder").await;
    let phone = "mobile = \"+45 12 34 56 78\"";
    let file = bed.folder().join("users.toml");
    let both = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, both.replace("mobile = \"+45 87", "mobile = \"+45 88")).unwrap();
    assert!(is_in_after_a_minute(&bed, &bob, "people").await);
    std::fs::write(&file, user("alice", "another", phone)).unwrap();
    assert!(is_out_within_a_minute(&bed, &bob).await);
    assert_eq!(reason(&bed, "people:bob").await, "account-gone");
    assert!(!alice.is_in().await);
    assert_eq!(reason(&bed, "people:alice").await, "password-changed");
    let again = bed.signed_in("alice", "another").await;
    assert!(is_in_after_a_minute(&bed, &again, "people").await);
}

/// A domain of the test's own, a node that asks it, and somebody in it.
struct Domain {
    samba: Samba,
    admin: Admin,
    bed: Bed,
}

const PASSWORD: &str = "Wonder-land1";

impl Domain {
    async fn start() -> Option<Self> {
        let samba = Samba::start().await?;
        let bed = Bed::with(Toml::bed().directory(samba.section("corp"))).await;
        Some(Self { admin: samba.admin().await, samba, bed })
    }

    /// Signs in whoever was just made.
    async fn signed_in(&self, name: &str) -> Client {
        self.bed.signed_in(&format!("{name}@{}", self.samba.domain()), PASSWORD).await
    }

    async fn member(&self, name: &str) -> String {
        self.admin.add_member(name, PASSWORD, &[("mobile", "+45 20 00 00 01")]).await
    }
}

#[tokio::test]
async fn in_active_directory_each_way_of_losing_access_signs_out_and_says_why() {
    let Some(domain) = Domain::start().await else { return };
    let admin = &domain.admin;
    let stays = {
        domain.member("stays").await;
        domain.signed_in("stays").await
    };
    let names = ["disabled", "over", "reset", "must", "deleted", "left", "moved"];
    let mut people = Vec::new();
    for name in names {
        let dn = domain.member(name).await;
        people.push((dn, domain.signed_in(name).await));
    }
    let [disabled, over, reset, must, deleted, left, moved] = people.as_slice() else { panic!("{names:?}") };
    assert!(is_in_after_a_minute(&domain.bed, &stays, "corp").await);
    for (_, browser) in &people {
        assert!(browser.is_in().await);
    }

    admin.set(&disabled.0, "userAccountControl", &["514"]).await;
    admin.set(&over.0, "accountExpires", &["125911584000000000"]).await;
    admin.set_password(&reset.0, "Another-land2").await;
    admin.set(&must.0, "pwdLastSet", &["0"]).await;
    admin.remove(&deleted.0).await;
    admin.leave(&domain.samba.group(), &left.0).await;
    // Renamed and in another place, but the same person.
    admin.move_to(&moved.0, "elsewhere", &format!("CN=Computers,{}", domain.samba.base())).await;

    let expected = [
        (disabled, "disabled"),
        (over, "account-expired"),
        (reset, "password-changed"),
        (must, "must-change"),
        (deleted, "account-gone"),
        (left, "not-member"),
    ];
    assert!(is_out_within_a_minute(&domain.bed, &disabled.1).await);
    for ((_, browser), _) in &expected {
        assert!(is_out_within_a_minute(&domain.bed, browser).await);
    }
    let mut reasons = eventually("the journal says why each ended", async || {
        let journal = domain.bed.journal();
        let ended = journal.iter().filter(|event| event.kind == "session-ended");
        let reasons: Vec<_> = ended.map(|event| detail(event)["reason"].as_str().unwrap().to_owned()).collect();
        if reasons.len() >= expected.len() { Ok(reasons) } else { Err(reasons) }
    })
    .await;
    reasons.sort();
    let mut wanted = expected.map(|(_, reason)| reason.to_owned());
    wanted.sort();
    assert_eq!(reasons, wanted);
    assert!(stays.is_in().await && moved.1.is_in().await);
}

#[tokio::test]
async fn in_active_directory_groups_within_groups_and_primary_groups_count() {
    let Some(domain) = Domain::start().await else { return };
    let admin = &domain.admin;
    let phone = [("mobile", "+45 20 00 00 01")];
    let nested = admin.add_user("nested", PASSWORD, &phone).await;
    admin.add_user("primary", PASSWORD, &phone).await;
    let inner = admin.add_group("inner", &[&nested]).await;
    let middle = admin.add_group("middle", &[&inner]).await;
    admin.join(&domain.samba.group(), &middle).await;
    admin.join(&middle, &domain.samba.dn("Domain Users")).await;
    let (first, second) = (domain.signed_in("nested").await, domain.signed_in("primary").await);
    assert!(is_in_after_a_minute(&domain.bed, &first, "corp").await);
    assert!(second.is_in().await);
    admin.leave(&middle, &domain.samba.dn("Domain Users")).await;
    assert!(is_out_within_a_minute(&domain.bed, &second).await);
    assert!(first.is_in().await);
    // Two groups away from the person.
    admin.leave(&middle, &inner).await;
    assert!(is_out_within_a_minute(&domain.bed, &first).await);
    assert_eq!(reason(&domain.bed, "corp:").await, "not-member");
}

#[tokio::test]
async fn in_active_directory_applications_are_soon_told_the_new_name_mail_and_groups() {
    let Some(domain) = Domain::start().await else { return };
    // On a busy machine Samba drops a connection now and then; the next look finds what this one did not.
    domain.bed.expects_errors("nobody knows whether all who are signed in still may");
    let admin = &domain.admin;
    let dn = domain.member("maiden").await;
    let browser = domain.signed_in("maiden").await;
    let told = |line: &str| domain.bed.upstream.last().contains(line);
    assert!(browser.is_in().await && told("x-forwarded-user: maiden") && !told("inner-circle"), "{}", domain.bed.upstream.last());

    admin.set(&dn, "sAMAccountName", &["married"]).await;
    admin.set(&dn, "mail", &["married@corp.example"]).await;
    // A change of the group alone: nothing of the person's changes.
    let inner = admin.add_group("inner-circle", &[&dn]).await;
    let is_told = async |line: &'static str, wanted: bool| {
        for _ in 0..3 {
            domain.bed.clock.advance(A_LOOK);
            let is_told = eventually("it is told", async || browser.is_in().await && told(line) == wanted);
            if tokio::time::timeout(Duration::from_secs(4), is_told).await.is_ok() {
                return true;
            }
        }
        false
    };
    assert!(is_told("x-forwarded-user: married", true).await, "{}", domain.bed.upstream.last());
    assert!(told("x-forwarded-email: married@corp.example") && told("inner-circle"), "{}", domain.bed.upstream.last());
    admin.leave(&inner, &dn).await;
    assert!(is_told("inner-circle", false).await, "{}", domain.bed.upstream.last());
    assert!(is_told("x-forwarded-user: married", true).await);
}

#[tokio::test]
async fn in_active_directory_an_account_runs_out_without_any_change() {
    let Some(domain) = Domain::start().await else { return };
    let dn = domain.member("runs-out").await;
    // Half an hour from now, in tenths of microseconds since 1601.
    let ends = (domain.bed.clock.now().millis() + 30 * 60 * 1000 + 11_644_473_600_000) * 10_000;
    domain.admin.set(&dn, "accountExpires", &[&ends.to_string()]).await;
    let browser = domain.signed_in("runs-out").await;
    for _ in 0..2 {
        assert!(is_in_after_a_minute(&domain.bed, &browser, "corp").await);
    }
    domain.bed.clock.advance(Duration::from_secs(27 * 60));
    assert!(is_out_within_a_minute(&domain.bed, &browser).await);
    assert_eq!(reason(&domain.bed, "corp:").await, "account-expired");
}

#[tokio::test]
async fn when_all_controllers_are_down_sessions_go_on() {
    let Some(domain) = Domain::start().await else { return };
    domain.bed.expects_errors("nobody knows whether all who are signed in still may");
    let dn = domain.member("lonely").await;
    let browser = domain.signed_in("lonely").await;
    domain.samba.kill();
    assert!(is_in_after_a_minute(&domain.bed, &browser, "corp").await);
    domain.samba.revive();
    domain.samba.admin().await.set(&dn, "userAccountControl", &["514"]).await;
    assert!(is_out_within_a_minute(&domain.bed, &browser).await);
}

#[tokio::test]
async fn a_password_that_openldap_has_heard_of_ends_the_session_and_one_changed_here_does_not() {
    let Some(slapd) = slapd(&[("PPOLICY", "1")]) else { return };
    let bed = bed(&slapd).await;
    let browser = bed.browser();
    let page = browser.to_passcode("reset@ldap.example", "first-password").await;
    let entered = browser.passcode(&page, &bed.code(&page).await).await;
    let page = browser.get(&entered.location()).await;
    let new = "second-password";
    let fields = [("csrf", page.csrf()), ("new_password", new.to_owned()), ("new_password_again", new.to_owned())];
    browser.post("/.doorward/login/password", &fields.each_ref().map(|(name, value)| (*name, value.as_str()))).await;
    assert!(is_in_after_a_minute(&bed, &browser, "corp").await);
    slapd.modify(&format!(
        "dn: uid=reset,ou=people,{}\nchangetype: modify\nreplace: userPassword\nuserPassword: third-password\n",
        slapd.base()
    ));
    assert!(is_out_within_a_minute(&bed, &browser).await);
    // Whoever is given a password by somebody else must change it, by this policy.
    assert!(["must-change", "password-changed"].contains(&reason(&bed, "corp:").await.as_str()));
}
