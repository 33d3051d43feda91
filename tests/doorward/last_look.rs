//! Whoever loses access while a code is on its way gets no session for it, and a directory that is silent just then keeps nobody out.

use std::time::Duration;

use crate::support::client::{Answer, Client, Watch};
use crate::support::node::{Bed, detail, user};
use crate::support::peers::{Slapd, slapd};
use crate::support::samba::{Admin, Samba};
use crate::support::toml::Toml;

const PASSWORD: &str = "Wonder-land1";
const PHONE: (&str, &str) = ("mobile", "+45 20 00 00 01");
/// Reading and typing a code takes longer than this.
const A_WHILE: Duration = Duration::from_secs(3);

/// A person between the steps: the browser, the passcode page, the code that has arrived.
struct Waiting {
    browser: Client,
    page: Answer,
    code: String,
}

impl Waiting {
    async fn begin(bed: &Bed, name: &str, password: &str) -> Self {
        let browser = bed.browser();
        let page = browser.to_passcode(name, password).await;
        let code = bed.code(&page).await;
        Self { browser, page, code }
    }

    async fn enter(&self) -> Answer {
        self.browser.passcode(&self.page, &self.code).await
    }

    /// Enters it, and is refused for this reason, in the words that somebody hears whose account is disabled.
    async fn is_refused(&self, bed: &Bed, reason: &str) {
        let refused = self.enter().await;
        assert_eq!(refused.status, 403, "{reason}: {}", refused.body);
        assert!(refused.says("Call your help desk") && !self.browser.is_in().await, "{reason}: {}", refused.body);
        let events = bed.trace(&refused.trace()).await;
        let kinds: Vec<&str> = events.iter().map(|event| event.kind.as_str()).collect();
        assert_eq!(kinds[kinds.len() - 2..], ["passcode-right", "recheck-refused"], "{reason}");
        assert_eq!(bed.reason(&refused).await, reason);
        // The code is used up, whatever becomes of the account.
        let again = self.enter().await;
        assert!(again.status != 303 && !self.browser.is_in().await, "{reason}: {}", again.body);
    }
}

async fn with_samba() -> Option<(Samba, Admin, Bed)> {
    let samba = Samba::start().await?;
    let bed = Bed::with(Toml::bed().directory(samba.section("corp"))).await;
    let admin = samba.admin().await;
    Some((samba, admin, bed))
}

#[tokio::test]
async fn in_active_directory_each_way_of_losing_access_meanwhile_ends_the_sign_in_and_says_why() {
    let Some((samba, admin, bed)) = with_samba().await else { return };
    let reasons = ["disabled", "account-expired", "password-changed", "must-change", "account-gone", "not-member"];
    let mut people = Vec::new();
    for reason in reasons.into_iter().chain(["stays", "moved"]) {
        let dn = admin.add_member(reason, PASSWORD, &[PHONE]).await;
        people.push((reason, dn, Waiting::begin(&bed, &format!("{reason}@{}", samba.domain()), PASSWORD).await));
    }
    for (reason, dn, _) in &people {
        match *reason {
            "disabled" => admin.set(dn, "userAccountControl", &["514"]).await,
            "account-expired" => admin.set(dn, "accountExpires", &["125911584000000000"]).await,
            "password-changed" => admin.set_password(dn, "Another-land2").await,
            "must-change" => admin.set(dn, "pwdLastSet", &["0"]).await,
            "account-gone" => admin.remove(dn).await,
            "not-member" => admin.leave(&samba.group(), dn).await,
            "moved" => admin.move_to(dn, "elsewhere", &format!("CN=Computers,{}", samba.base())).await,
            _ => {}
        }
    }
    bed.clock.advance(A_WHILE);
    for (reason, _, waiting) in &people {
        if reasons.contains(reason) {
            waiting.is_refused(&bed, reason).await;
        } else {
            assert_eq!(waiting.enter().await.status, 303, "{reason}");
            assert!(waiting.browser.is_in().await, "{reason}");
        }
    }
}

#[tokio::test]
async fn whoever_is_disabled_before_the_new_password_gets_none_and_no_session() {
    let Some((samba, admin, bed)) = with_samba().await else { return };
    let dn = admin.add_member("leaver", PASSWORD, &[PHONE]).await;
    admin.set(&dn, "pwdLastSet", &["0"]).await;
    let waiting = Waiting::begin(&bed, &format!("leaver@{}", samba.domain()), PASSWORD).await;
    bed.clock.advance(A_WHILE);
    // That it must be changed is what this sign-in is for.
    let page = waiting.browser.get(&waiting.enter().await.location()).await;
    admin.set(&dn, "userAccountControl", &["514"]).await;
    bed.clock.advance(A_WHILE);
    let fields =
        [("csrf", page.csrf()), ("new_password", "Looking-glass2".into()), ("new_password_again", "Looking-glass2".into())];
    let fields: [(&str, &str); 3] = fields.each_ref().map(|(name, value): &(&str, String)| (*name, value.as_str()));
    let refused = waiting.browser.post("/.doorward/login/password", &fields).await;
    assert!(refused.status == 403 && refused.says("Call your help desk"), "{}", refused.body);
    assert_eq!(admin.value(&dn, "pwdLastSet").await.as_deref(), Some("0"), "it was changed");
    admin.set(&dn, "userAccountControl", &["512"]).await;
    assert_ne!(waiting.browser.post("/.doorward/login/password", &fields).await.status, 303, "the flow goes on");
    assert!(!waiting.browser.is_in().await);
}

async fn with_slapd(environment: &[(&str, &str)]) -> Option<(Slapd, Bed)> {
    let slapd = slapd(environment)?;
    let directory = format!(
        "[[directory]]\nname = \"corp\"\nkind = \"ldap\"\ndomain = \"ldap.example\"\nservers = [\"ldap://127.0.0.1:{}\"]\n\
         service_user = \"{}\"\nservice_password = \"{}\"\n\
         users = {{ base = \"ou=people,{}\", names = [\"uid\"], member_of = \"{}\" }}\n",
        slapd.port(),
        slapd.service_user(),
        slapd.service_password(),
        slapd.base(),
        slapd.group(),
    );
    let bed = Bed::with(Toml::bed().directory(directory)).await;
    Some((slapd, bed))
}

#[tokio::test]
async fn in_openldap_too() {
    let Some((slapd, bed)) = with_slapd(&[("PPOLICY", "1")]).await else { return };
    let (base, group) = (slapd.base(), slapd.group());
    let table = [
        (
            "alice",
            "wonderland",
            "not-member",
            format!("dn: {group}\nchangetype: modify\ndelete: member\nmember: uid=alice,ou=people,{base}\n"),
        ),
        ("bob", "can-we-fix-it", "account-gone", format!("dn: uid=bob,ou=people,{base}\nchangetype: delete\n")),
        (
            "soon",
            "first-password",
            "disabled",
            format!(
                "dn: uid=soon,ou=people,{base}\nchangetype: modify\nreplace: pwdAccountLockedTime\npwdAccountLockedTime: 000001010000Z\n"
            ),
        ),
    ];
    let mut people = Vec::new();
    for (name, password, reason, change) in &table {
        let waiting = Waiting::begin(&bed, &format!("{name}@ldap.example"), password).await;
        slapd.modify(change);
        people.push((waiting, reason));
    }
    bed.clock.advance(A_WHILE);
    for (waiting, reason) in people {
        waiting.is_refused(&bed, reason).await;
    }
}

#[tokio::test]
async fn a_users_file_counts_too() {
    let bed = Bed::start().await;
    let (gone, changed) = (Waiting::begin(&bed, "bob", "builder").await, Waiting::begin(&bed, "alice", "wonderland").await);
    let phone = "mobile = \"+45 12 34 56 78\"";
    std::fs::write(bed.folder().join("users.toml"), user("alice", "another", phone)).unwrap();
    bed.clock.advance(A_WHILE);
    gone.is_refused(&bed, "account-gone").await;
    changed.is_refused(&bed, "password-changed").await;
}

#[tokio::test]
async fn a_silent_directory_keeps_nobody_out_and_is_not_asked_again_at_once() {
    let Some((slapd, bed)) = with_slapd(&[]).await else { return };
    let (quick, slow) = (
        Waiting::begin(&bed, "alice@ldap.example", "wonderland").await,
        Waiting::begin(&bed, "bob@ldap.example", "can-we-fix-it").await,
    );
    slapd.freeze();
    // Asked two seconds ago at most: not again.
    assert_eq!(quick.enter().await.status, 303);
    let asked = |bed: &Bed| bed.journal().into_iter().filter(|event| event.kind == "recheck-failed").collect::<Vec<_>>();
    assert!(quick.browser.is_in().await && asked(&bed).is_empty());
    bed.clock.advance(A_WHILE);
    let begun = Watch::start();
    // Pressed more often than there are tries, as quickly as fingers are: right is no try.
    let press = async |after: u64| {
        tokio::time::sleep(Duration::from_millis(after)).await;
        slow.enter().await
    };
    let pressed = futures_util::future::join_all((0..5).map(|number| press(number * 200))).await;
    let took = begun.elapsed();
    slapd.thaw();
    let (entered, again): (Vec<_>, Vec<_>) = pressed.into_iter().partition(|answer| answer.status == 303);
    assert!(entered.len() == 1 && again.iter().all(|answer| answer.says("You are already signed in")), "{again:?}");
    assert!(slow.browser.is_in().await && took < Duration::from_secs(7), "{took:?}");
    let asked = asked(&bed);
    assert!(asked.len() == 1 && asked[0].outcome == "fact" && detail(&asked[0])["detail"].as_str().unwrap().contains("corp"));
}
