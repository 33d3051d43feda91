//! Somebody in very many groups, through the front door. With `DOORWARD_LONG=1` as many as Windows allows in a token, and half again.

use crate::support::client::Watch;
use crate::support::node::Bed;
use crate::support::samba::Samba;
use crate::support::toml::Toml;

#[tokio::test]
async fn somebody_in_very_many_groups_signs_in_and_reaches_the_application() {
    let Some(samba) = Samba::start().await else { return };
    let count = if std::env::var("DOORWARD_LONG").is_ok_and(|long| long == "1") { 1500 } else { 300 };
    let admin = samba.admin().await;
    let dn = admin.add_member("collector", "Wonder-land1", &[("mobile", "+45 20 00 00 01")]).await;
    for number in 0..count {
        // Half of them directly, half through another group.
        let member = if number % 2 == 0 { dn.clone() } else { samba.dn(&format!("collection {}", number - 1)) };
        admin.add_group(&format!("collection {number}"), &[&member]).await;
    }
    let bed = Bed::with(Toml::bed().directory(samba.section("corp"))).await;
    let name = format!("collector@{}", samba.domain());
    let mut times = Vec::new();
    for _ in 0..2 {
        let browser = bed.browser();
        let begun = Watch::start();
        let page = browser.to_passcode(&name, "Wonder-land1").await;
        let password = begun.elapsed();
        let code = bed.code(&page).await;
        bed.clock.advance(std::time::Duration::from_secs(31));
        let begun = Watch::start();
        assert_eq!(browser.passcode(&page, &code).await.status, 303);
        let entered = begun.elapsed();
        let begun = Watch::start();
        assert!(browser.is_in().await);
        times.push((password, entered, begun.elapsed()));
    }
    let head = bed.upstream.last();
    let groups = head.lines().find_map(|line| line.strip_prefix("x-forwarded-groups: ")).unwrap();
    println!(
        "{count} groups: (password, passcode, request), the first time and again: {times:?}; X-Forwarded-Groups has {} bytes",
        groups.len()
    );
    assert!(groups.split(',').count() > count, "{groups}");
    assert!(groups.contains(&format!("collection {}", count - 1)), "{groups}");
}
