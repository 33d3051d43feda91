//! The states of an account in a real Active Directory, at the login page and on the page for a new password.

use std::time::Duration;

use crate::password::to_new_password;
use crate::support::node::Bed;
use crate::support::samba::Samba;
use crate::support::toml::Toml;

const FIRST: &str = "First-Passw0rd";
const SECOND: &str = "Second-Passw0rd";
const PHONE: (&str, &str) = ("mobile", "+45 12 34 56 78");
const DAY: Duration = Duration::from_secs(24 * 3600);

async fn bed(samba: &Samba) -> Bed {
    let limits = "messages_per_number = \"1000/1h\"";
    Bed::with(Toml::bed().directory(samba.section("corp")).limits(limits)).await
}

#[tokio::test]
async fn must_change_and_expired_lead_through_the_second_factor_to_a_new_password() {
    let Some(samba) = Samba::start().await else { return };
    let admin = samba.admin().await;
    let dn = admin.add_member("fresh", FIRST, &[PHONE]).await;
    admin.set(&dn, "pwdLastSet", &["0"]).await;
    let aged = admin.add_member("aged", FIRST, &[PHONE]).await;
    samba.age_password("aged", 100 * DAY);
    let bed = bed(&samba).await;
    for (name, dn) in [("fresh", dn), ("aged", aged)] {
        assert_eq!(bed.browser().login(name, "not this").await.status, 403);
        let browser = bed.browser();
        let page = to_new_password(&bed, &browser, name, FIRST).await;
        let short = browser.new_password(&page, "aB1", "aB1").await;
        assert!(short.status == 403 && short.says("id=\"problem\""), "{}", short.body);
        assert!(!browser.is_in().await);
        let changed = browser.new_password(&short, SECOND, SECOND).await;
        assert_eq!((changed.status, changed.header("location")), (303, "/"), "{name}: {}", changed.body);
        assert!(browser.is_in().await, "{name}");
        assert_eq!(bed.browser().login(name, FIRST).await.status, 403);
        assert_eq!(bed.browser().login(name, SECOND).await.status, 303);
        assert_eq!(admin.value(&dn, "lockoutTime").await.unwrap_or_else(|| "0".to_owned()), "0");
    }
}

#[tokio::test]
async fn barred_is_for_the_help_desk_and_only_with_the_right_password() {
    let Some(samba) = Samba::start().await else { return };
    let admin = samba.admin().await;
    let states: [(&str, &str, &str); 3] = [
        ("disabled", "userAccountControl", "514"),
        ("over", "accountExpires", "126000000000000000"),
        ("elsewhere", "userWorkstations", "OTHERPC"),
    ];
    for (name, attribute, value) in states {
        let dn = admin.add_member(name, FIRST, &[PHONE]).await;
        admin.set(&dn, attribute, &[value]).await;
    }
    let bed = bed(&samba).await;
    for (name, ..) in states {
        let refused = bed.browser().login(name, "not this").await;
        assert!(refused.status == 403 && refused.says("We could not sign you in."), "{name}: {}", refused.body);
        let barred = bed.browser().login(name, FIRST).await;
        assert!(barred.status == 403 && barred.says("Call your help desk"), "{name}: {}", barred.body);
        let reason = bed.reason(&barred).await;
        assert!(["disabled", "account-expired", "workstation"].contains(&reason.as_str()), "{name}: {reason}");
    }
    assert!(bed.messages().is_empty());
}

#[tokio::test]
async fn a_password_that_runs_out_soon_can_be_changed_at_once() {
    let Some(samba) = Samba::start().await else { return };
    samba.admin().await.add_member("soon", FIRST, &[PHONE]).await;
    // The domain's passwords last 42 days.
    samba.age_password("soon", 40 * DAY);
    let bed = bed(&samba).await;
    let browser = bed.browser();
    let page = to_new_password(&bed, &browser, "soon", FIRST).await;
    assert!(page.says("It expires in 47 hours."), "{}", page.body);
    assert_eq!(browser.new_password(&page, SECOND, SECOND).await.header("location"), "/");
    assert!(browser.is_in().await);
}
