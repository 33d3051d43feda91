//! A gateway that is restarted remembers what strangers used up, and does not take it for somebody else's wrong passwords.

use std::path::PathBuf;
use std::time::Duration;

use super::{RIGHT, WINDOW, bed, patient, stranger};
use crate::support::client::Client;
use crate::support::node::Bed;
use crate::support::samba::{Admin, Samba};

/// The threshold is five: four are usable, two of them by strangers.
struct Place {
    _samba: Samba,
    admin: Admin,
    dn: String,
    bed: Bed,
    owner: Client,
}

impl Place {
    async fn start() -> Option<Self> {
        let samba = Samba::start().await?;
        samba.lock_out_after(5, WINDOW).await;
        let admin = samba.admin().await;
        let dn = admin.add_member("owner", RIGHT, &[("mobile", "+45 12 34 56 78")]).await;
        let bed = bed(&samba).await;
        let owner = bed.signed_in("owner", RIGHT).await;
        owner.sign_out().await;
        Some(Self { _samba: samba, admin, dn, bed, owner })
    }

    async fn restart(&mut self) {
        self.bed.clock.advance(Duration::from_secs(2));
        let state: PathBuf = self.bed.state.clone();
        self.bed.restart(&state).await.unwrap();
        self.owner.server = self.bed.address;
    }

    /// Guesses of so many strangers, and how many of them were shown to the domain.
    async fn guess(&self, count: usize) -> u32 {
        let before = self.counted().await;
        for number in 0..count {
            let (browser, page) = stranger(&self.bed, number).await;
            let refused = browser.login_on(&page, "owner", &format!("{:?} {number}", self.bed.clock.now())).await;
            assert_eq!(refused.status, 403, "{}", refused.body);
        }
        self.counted().await - before
    }

    async fn counted(&self) -> u32 {
        let locked = self.admin.value(&self.dn, "lockoutTime").await.unwrap_or_else(|| "0".to_owned());
        let counted = self.admin.value(&self.dn, "badPwdCount").await.unwrap_or_default();
        assert_eq!(locked, "0", "locked out after {counted}");
        counted.parse().unwrap_or(0)
    }

    async fn owner_enters(&self) {
        let page = self.owner.get(&patient(&self.owner, RIGHT).await.location()).await;
        self.owner.passcode(&page, &self.bed.code(&page).await).await;
        assert!(self.owner.is_in().await, "the owner is kept out");
        self.owner.sign_out().await;
    }
}

#[tokio::test]
async fn strangers_have_used_up_their_half_before_and_after_a_restart_and_the_owner_gets_in() {
    let Some(mut place) = Place::start().await else { return };
    assert_eq!(place.guess(5).await, 2);
    for _ in 0..3 {
        place.restart().await;
        assert_eq!(place.guess(5).await, 0, "strangers begin anew");
    }
    assert_eq!(patient(&place.owner, "a slip").await.status, 403);
    assert_eq!(place.counted().await, 3, "the slip was not judged");
    place.restart().await;
    place.owner_enters().await;
    // The domain has forgotten them; strangers have not got more for it, before the window is over.
    place.restart().await;
    assert_eq!(place.guess(5).await, 0);
    place.bed.clock.advance(WINDOW + Duration::from_secs(60));
    place.restart().await;
    assert_eq!(place.guess(5).await, 2, "strangers have no allowance again");
}

#[tokio::test]
async fn half_of_the_half_is_left_over_a_restart_and_no_more() {
    let Some(mut place) = Place::start().await else { return };
    assert_eq!(place.guess(1).await, 1);
    place.restart().await;
    assert_eq!(place.guess(5).await, 1, "the half of strangers shrank or grew");
    place.restart().await;
    assert_eq!(place.guess(5).await, 0);
    place.owner_enters().await;
}

#[tokio::test]
async fn a_gateway_that_dies_while_under_attack_is_no_worse() {
    let Some(mut place) = Place::start().await else { return };
    for _ in 0..4 {
        place.guess(1).await;
        assert_eq!(patient(&place.owner, &format!("slip {:?}", place.bed.clock.now())).await.status, 403);
        place.restart().await;
    }
    assert_eq!(place.counted().await, 4, "two of strangers and two of the owner");
    let (browser, page) = stranger(&place.bed, 7).await;
    let refused = browser.login_on(&page, "owner", RIGHT).await;
    assert_eq!(place.bed.reason(&refused).await, "account-paused");
}
