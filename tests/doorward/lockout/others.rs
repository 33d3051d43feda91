//! Wrong passwords that are not ours, at the same time as guesses through the gateway: typed at computers of the domain, or shown by a
//! second gateway that shares nothing with the first. As long as the others alone leave room for our share, nobody is locked out.

use std::time::Duration;

use doorward::base::random::SystemSource;
use doorward::base::{Clock, Secret};
use doorward::directory::active_directory::ActiveDirectory;
use doorward::directory::{By, Directory, Verdict};

use super::{RIGHT, WINDOW, bed, patient, stranger};
use crate::support::node::Bed;
use crate::support::samba::{Admin, Samba};

/// A domain, somebody in it, and whoever may look at the counters.
struct Place {
    samba: Samba,
    admin: Admin,
    dn: String,
}

impl Place {
    async fn start(threshold: u32) -> Option<Self> {
        let samba = Samba::start().await?;
        samba.lock_out_after(threshold, WINDOW).await;
        let admin = samba.admin().await;
        let dn = admin.add_member("owner", RIGHT, &[("mobile", "+45 12 34 56 78")]).await;
        Some(Self { samba, admin, dn })
    }

    /// `badPwdCount`, once it is certain that nobody is locked out.
    async fn counted(&self) -> u32 {
        let locked = self.admin.value(&self.dn, "lockoutTime").await.unwrap_or_else(|| "0".to_owned());
        let counted = self.admin.value(&self.dn, "badPwdCount").await.unwrap_or_default();
        assert_eq!(locked, "0", "locked out after {counted}");
        counted.parse().unwrap_or(0)
    }

    /// So many wrong passwords at a computer of the domain, with a pause before each.
    async fn elsewhere(&self, count: u32, pause: Duration) {
        let computer = ActiveDirectory::new("corp".into(), &self.samba.config(), Clock::system(), &SystemSource).unwrap();
        let owner = computer.find(&By::Account("owner".into())).await.unwrap().pop().unwrap();
        for number in 0..count {
            tokio::time::sleep(pause).await;
            let judged = computer.verify(&owner, &Secret::new(format!("elsewhere {number}"))).await.unwrap();
            assert_eq!(judged, Verdict::Wrong);
        }
    }
}

/// Strangers guess so often, ten at a time.
async fn guess(bed: &Bed, count: usize) {
    for round in 0..count / 10 {
        let guesses = (0..10).map(async |number| {
            let (browser, page) = stranger(bed, round * 10 + number).await;
            let refused = browser.login_on(&page, "owner", &format!("guess {round} {number}")).await;
            assert!([403, 503].contains(&refused.status), "{}", refused.body);
        });
        futures_util::future::join_all(guesses).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_passwords_at_computers_and_guesses_here_at_the_same_time_lock_nobody_out() {
    let Some(place) = Place::start(10).await else { return };
    let bed = bed(&place.samba).await;
    // Ours are at most four; with five of others it is one less than the threshold.
    tokio::join!(guess(&bed, 100), place.elsewhere(5, Duration::from_millis(70)));
    let counted = place.counted().await;
    println!("threshold 10, 5 wrong passwords elsewhere during 100 guesses here: badPwdCount {counted}");
    assert!((5..10).contains(&counted), "{counted}");
    guess(&bed, 50).await;
    assert!(place.counted().await < 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_more_is_used_up_elsewhere_the_less_is_left_here() {
    // Half of what the threshold of ten leaves after this many, rounded down; one at least, and nothing where nothing is left.
    for (elsewhere, ours) in [(0, 4), (3, 3), (6, 1), (8, 1), (9, 0)] {
        let Some(place) = Place::start(10).await else { return };
        let bed = bed(&place.samba).await;
        place.elsewhere(elsewhere, Duration::ZERO).await;
        guess(&bed, 30).await;
        assert_eq!(place.counted().await, elsewhere + ours, "{elsewhere} elsewhere");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_that_is_stricter_than_the_domains_and_may_not_be_read_locks_nobody_out_either() {
    let Some(place) = Place::start(10).await else { return };
    place.admin.lock_out_of(&place.dn, 3, WINDOW).await;
    let bed = bed(&place.samba).await;
    let owner = bed.signed_in("owner", RIGHT).await;
    owner.sign_out().await;
    guess(&bed, 30).await;
    assert_eq!(patient(&owner, "a slip").await.status, 403);
    assert_eq!(place.counted().await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_gateways_that_share_nothing_lock_nobody_out_together() {
    let Some(place) = Place::start(5).await else { return };
    let (first, second) = (bed(&place.samba).await, bed(&place.samba).await);
    let owner = first.signed_in("owner", RIGHT).await;
    owner.sign_out().await;
    tokio::join!(guess(&first, 100), guess(&second, 100));
    let counted = place.counted().await;
    println!("threshold 5, 100 guesses at each of two gateways: badPwdCount {counted}");
    assert!((2..5).contains(&counted), "{counted}");
    // The owner too must not be the one who locks it.
    for number in 0..3 {
        assert_eq!(patient(&owner, &format!("slip {number}")).await.status, 403);
    }
    assert!(place.counted().await < 5);
    guess(&second, 20).await;
    assert!(place.counted().await < 5);
}
