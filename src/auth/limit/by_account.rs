//! How many wrong passwords the gateway may still show to a directory for one account, over all doors, spellings and browsers together.
//!
//! A directory counts on until its observation window has passed since the *last* wrong password, so our count does the same: it begins
//! anew once the window has passed since the last one that we took. While it runs, strangers and the user's own browsers have a share
//! each and together never more than what the threshold leaves.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::account_lock::turn;
use super::known_browser::Browser;
use crate::base::{Rate, Time};
use crate::directory::LockOut;
use crate::store::{Kind, Step, StoreError, Stored, Table, Versioned};

/// What one account bears, until nothing was wrong for `window`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shares {
    pub strangers: u32,
    /// All browsers together in which this user has signed in before.
    pub known: u32,
    pub all: u32,
    pub window: Duration,
    rule: (Rate, Option<LockOut>),
}

impl Shares {
    /// One less than the threshold; strangers get at most half of that, rounded down. Where that is nothing (a threshold of 2), it goes
    /// to the first that comes: a share that no new browser could ever use would keep every user out. With a threshold of 1 every wrong
    /// password locks, wherever it is typed; nothing can be left to spare there.
    pub fn of(ours: Rate, directory: Option<LockOut>) -> Self {
        let Some(lock_out) = directory.filter(|lock_out| lock_out.threshold > 0) else {
            let rule = (ours, directory);
            return Self { strangers: ours.count, known: ours.count, all: u32::MAX, window: ours.window, rule };
        };
        // What others have used up leaves less, to the last: then no password is judged until the directory has forgotten it.
        let usable = (lock_out.threshold - 1).max(1).saturating_sub(lock_out.spent);
        Self {
            strangers: ours.count.min((usable / 2).max(1)).min(usable),
            known: ours.count.min(usable - usable / 2),
            all: usable,
            window: ours.window.max(lock_out.window.saturating_add(LATE)),
            rule: (ours, directory),
        }
    }

    /// The same where so many of what the directory calls spent were ours.
    fn less(self, earlier: u32) -> Self {
        let (ours, directory) = self.rule;
        Self::of(ours, directory.map(|lock_out| LockOut { spent: lock_out.spent.saturating_sub(earlier), ..lock_out }))
    }
}

/// The count of one account.
#[derive(Clone, Debug)]
pub struct AccountFailures {
    user: String,
    is_known: bool,
    shares: Shares,
    /// When the directory began to tell our wrong passwords from those of others: it does so in memory.
    since: Time,
}

/// One that was taken, until it is known whether the password was wrong.
#[derive(Clone, Copy, Debug)]
pub struct Taken {
    before: Time,
    after: Time,
}

impl Taken {
    fn undo(self, count: &mut Count) {
        // A request that took one meanwhile has moved it on, and it stays there.
        if count.until == self.after {
            count.until = self.before;
        }
    }
}

/// The wrong passwords of one account, as they are on record.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
pub struct Count {
    strangers: u32,
    known: u32,
    /// The window after the last one ends then.
    until: Time,
    /// Of these so many were taken before `since`: the directory takes them for somebody else's.
    #[serde(default)]
    earlier: u32,
    #[serde(default)]
    since: Time,
    /// Of each share so many are with the directory, or never answered for.
    #[serde(default)]
    strangers_asked: u32,
    #[serde(default)]
    known_asked: u32,
}

impl Count {
    /// What is on record at a start, or a reload, is `earlier` for who looks from then on; who began before sees it with the eyes of then.
    fn earlier(&mut self, since: Time) -> u32 {
        if since > self.since {
            (self.since, self.earlier) = (since, self.all());
        }
        if since < self.since { 0 } else { self.earlier }
    }

    fn all(&self) -> u32 {
        self.strangers.saturating_add(self.known)
    }
}

/// So much later than we the directory may judge a password: its own count then runs longer than ours would.
const LATE: Duration = Duration::from_secs(30);

impl Stored for Count {
    const KIND: Kind = Kind::Failures;
    const FORMAT: u8 = 1;
    const SEALED: bool = false;
}

impl AccountFailures {
    /// By the account's immutable id.
    pub fn new(user: &str, browser: Browser<'_>, shares: Shares) -> Self {
        Self { user: user.to_owned(), is_known: matches!(browser, Browser::Known(_)), shares, since: Time::default() }
    }

    /// The same for a directory whose memory began then.
    #[must_use]
    pub fn since(self, since: Time) -> Self {
        Self { since, ..self }
    }

    /// Takes one before the password is shown to the directory, so that many at once cannot be more than are allowed; nothing where none
    /// is left.
    pub async fn take(&self, counts: &Table<Count>, now: Time) -> Result<Option<Taken>, StoreError> {
        let mut taken = None;
        self.update(counts, now, |count| {
            taken = None;
            let shares = self.shares.less(count.earlier(self.since));
            let (share, most) = match self.is_known {
                true => (&mut count.known, shares.known),
                false => (&mut count.strangers, shares.strangers),
            };
            let is_left = *share < most;
            *share = share.saturating_add(1);
            *self.asked(count) += 1;
            if !is_left || count.all() > shares.all {
                return false;
            }
            let after = now.plus(shares.window);
            taken = Some(Taken { before: count.until, after });
            count.until = count.until.max(after);
            true
        })
        .await
        .map(|done| taken.filter(|_| done))
    }

    /// Until when no password of this share is shown to the directory; nothing where one still is.
    pub async fn paused_until(&self, counts: &Table<Count>, now: Time) -> Result<Option<Time>, StoreError> {
        let Some(mut found) = counts.find(&self.user, now).await? else { return Ok(None) };
        let count = &mut found.row;
        let shares = self.shares.less(count.earlier(self.since));
        let (used, most) = if self.is_known { (count.known, shares.known) } else { (count.strangers, shares.strangers) };
        Ok((used >= most || count.all() >= shares.all).then_some(found.expires))
    }

    /// The directory could not tell, or it was right and counts for nothing more: it was no failure.
    pub async fn give_back(&self, counts: &Table<Count>, taken: Taken, now: Time) -> Result<(), StoreError> {
        let given = self.update(counts, now, |count| {
            self.answered(count);
            let share = self.share(count);
            *share = share.saturating_sub(1);
            taken.undo(count);
            true
        });
        given.await.map(drop)
    }

    /// The password was right, so the directory begins anew, and so does this share. It does so here and not once the user is in: what
    /// is wrong between password and passcode the directory counts. What strangers did stays, where the owner came in from elsewhere.
    pub async fn begin_anew(&self, counts: &Table<Count>, taken: Taken, now: Time) -> Result<(), StoreError> {
        let begun = self.update(counts, now, |count| {
            self.answered(count);
            // The directory may yet see those that are on their way, and count them after this one.
            *self.share(count) = *self.asked(count);
            taken.undo(count);
            true
        });
        begun.await.map(drop)
    }

    /// The directory said that it was wrong: what was taken stays taken.
    pub async fn was_wrong(&self, counts: &Table<Count>, now: Time) -> Result<(), StoreError> {
        let noted = self.update(counts, now, |count| {
            self.answered(count);
            true
        });
        noted.await.map(drop)
    }

    fn share<'a>(&self, count: &'a mut Count) -> &'a mut u32 {
        if self.is_known { &mut count.known } else { &mut count.strangers }
    }

    fn asked<'a>(&self, count: &'a mut Count) -> &'a mut u32 {
        if self.is_known { &mut count.known_asked } else { &mut count.strangers_asked }
    }

    fn answered(&self, count: &mut Count) {
        let asked = self.asked(count);
        *asked = asked.saturating_sub(1);
    }

    /// Changes the count if `change` says so, again if another node did meanwhile; whether it was changed.
    async fn update(
        &self,
        counts: &Table<Count>,
        now: Time,
        mut change: impl FnMut(&mut Count) -> bool,
    ) -> Result<bool, StoreError> {
        let _turn = turn(&self.user).await;
        let changed = counts.update(&self.user, now, |found| {
            let mut found = found.unwrap_or_else(|| Versioned::new(Count::default(), self.user.as_str(), now));
            let count = &mut found.row;
            if !change(count) {
                return Step::Leave(false);
            }
            count.earlier = count.earlier.min(count.all());
            // Nothing is forgotten before the window is over, were it only that a later request may find it.
            found.expires = count.until.max(now.plus(Duration::from_millis(1)));
            Step::Write(found, true)
        });
        match changed.await {
            // Other nodes were faster each time: nothing is taken then.
            Err(StoreError::Conflict(_)) => Ok(false),
            changed => changed,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::base::keys::SealKey;
    use crate::base::{Keys, Secret};
    use crate::store::Stores;
    use crate::store::sqlite::Sqlite;

    const MINUTE: Duration = Duration::from_secs(60);

    fn shares(threshold: u32, ours: u32) -> Shares {
        shares_after(threshold, ours, 0)
    }

    fn shares_after(threshold: u32, ours: u32, spent: u32) -> Shares {
        let ours = Rate { count: ours, window: 15 * MINUTE };
        Shares::of(ours, Some(LockOut { threshold, window: 30 * MINUTE, spent }))
    }

    #[test]
    fn what_others_have_used_up_is_left_to_nobody() {
        let table = [(0, (2, 2, 4)), (1, (1, 2, 3)), (2, (1, 1, 2)), (3, (1, 1, 1)), (4, (0, 0, 0)), (9, (0, 0, 0))];
        for (spent, expected) in table {
            let shares = shares_after(5, 5, spent);
            assert_eq!((shares.strangers, shares.known, shares.all), expected, "{spent} spent");
        }
    }

    #[test]
    fn strangers_get_at_most_half_of_what_the_threshold_leaves_and_all_together_no_more_than_that() {
        let table = [
            // threshold, ours -> strangers, known, all
            (0, 5, (5, 5, u32::MAX)),
            (1, 5, (1, 1, 1)),
            (2, 5, (1, 1, 1)),
            (3, 5, (1, 1, 2)),
            (4, 5, (1, 2, 3)),
            (5, 5, (2, 2, 4)),
            (6, 5, (2, 3, 5)),
            (6, 1, (1, 1, 5)),
            (50, 5, (5, 5, 49)),
        ];
        for (threshold, ours, expected) in table {
            let shares = shares(threshold, ours);
            assert_eq!((shares.strangers, shares.known, shares.all), expected, "threshold {threshold}");
        }
        assert_eq!(shares(5, 5).window, 30 * MINUTE + LATE);
        assert_eq!(shares(0, 5).window, 15 * MINUTE);
    }

    struct Bench {
        counts: Table<Count>,
        _folder: tempfile::TempDir,
    }

    impl Bench {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let keys = Keys::new(vec![SealKey { id: "k1".into(), secret: Secret::new(vec![7; 32]) }]).unwrap();
            let store = Arc::new(Sqlite::open(&folder.path().join("doorward.db")).unwrap());
            Self { counts: Table::new(&Stores::one(&store), &keys), _folder: folder }
        }

        async fn take(&self, browser: Browser<'_>, threshold: u32, minute: u64) -> Option<Taken> {
            let failures = AccountFailures::new("corp:1", browser, shares(threshold, 5));
            failures.take(&self.counts, at(minute)).await.unwrap()
        }
    }

    fn at(minute: u64) -> Time {
        Time::from_millis(minute * 60_000)
    }

    const STRANGER: Browser<'static> = Browser::Stranger;

    #[tokio::test]
    async fn known_browsers_share_what_strangers_leave() {
        let bench = Bench::new();
        for (browser, expected) in [
            (Browser::Known("a"), true),
            (Browser::Known("b"), true),
            (Browser::Known("c"), false),
            (STRANGER, true),
            (STRANGER, true),
            (STRANGER, false),
        ] {
            assert_eq!(bench.take(browser, 5, 0).await.is_some(), expected, "{browser:?}");
        }
    }

    #[tokio::test]
    async fn however_they_are_spread_over_time_the_directory_never_counts_to_its_threshold() {
        for threshold in 2..8 {
            let bench = Bench::new();
            // As a directory counts: anew where the window has passed since the last wrong one.
            let (mut counted, mut last) = (0, 0);
            for minute in 0..600 {
                let browser = if minute % 7 < 3 { STRANGER } else { Browser::Known("a") };
                if bench.take(browser, threshold, minute).await.is_some() {
                    counted = if minute - last >= 30 { 1 } else { counted + 1 };
                    last = minute;
                    assert!(counted < threshold, "locked at minute {minute}, threshold {threshold}");
                }
            }
        }
    }

    #[tokio::test]
    async fn what_is_given_back_is_as_if_it_had_not_been() {
        let bench = Bench::new();
        let failures = AccountFailures::new("corp:1", STRANGER, shares(5, 5));
        bench.take(STRANGER, 5, 0).await.unwrap();
        bench.take(STRANGER, 5, 0).await.unwrap();
        for minute in 1..30 {
            let known = AccountFailures::new("corp:1", Browser::Known("a"), shares(5, 5));
            let taken = known.take(&bench.counts, at(minute)).await.unwrap().unwrap();
            known.give_back(&bench.counts, taken, at(minute)).await.unwrap();
        }
        assert!(bench.take(STRANGER, 5, 30).await.is_none());
        assert!(bench.take(STRANGER, 5, 31).await.is_some(), "right passwords keep strangers out");
        failures.was_wrong(&bench.counts, at(31)).await.unwrap();
        let taken = failures.take(&bench.counts, at(31)).await.unwrap().unwrap();
        failures.begin_anew(&bench.counts, taken, at(31)).await.unwrap();
        assert!(bench.take(STRANGER, 5, 31).await.is_some() && bench.take(STRANGER, 5, 31).await.is_some());
    }

    #[tokio::test]
    async fn what_was_wrong_before_a_restart_is_not_taken_for_somebody_elses() {
        let bench = Bench::new();
        assert!(bench.take(STRANGER, 5, 0).await.is_some() && bench.take(STRANGER, 5, 0).await.is_some());
        let take = async |browser, spent, started: u64| {
            let failures = AccountFailures::new("corp:1", browser, shares_after(5, 5, spent)).since(at(started));
            failures.take(&bench.counts, at(started)).await.unwrap().is_some()
        };
        // The directory says two, and cannot know any more whose they were.
        assert!(take(Browser::Known("a"), 2, 1).await, "the owner is kept out");
        assert!(!take(STRANGER, 2, 1).await, "strangers begin anew");
        assert!(take(Browser::Known("a"), 2, 1).await && !take(Browser::Known("a"), 2, 1).await);
        let bench = Bench::new();
        assert!(bench.take(STRANGER, 5, 0).await.is_some());
        let failures = |spent| AccountFailures::new("corp:1", Browser::Known("a"), shares_after(5, 5, spent)).since(at(1));
        // One was ours and three are somebody else's: nothing is left.
        assert!(failures(4).take(&bench.counts, at(1)).await.unwrap().is_none());
        assert!(failures(3).take(&bench.counts, at(1)).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn an_owner_who_signs_in_gives_strangers_nothing_new() {
        let bench = Bench::new();
        assert!(bench.take(STRANGER, 5, 0).await.is_some() && bench.take(STRANGER, 5, 0).await.is_some());
        assert!(bench.take(Browser::Known("a"), 5, 0).await.is_some());
        let known = AccountFailures::new("corp:1", Browser::Known("a"), shares(5, 5));
        known.was_wrong(&bench.counts, at(1)).await.unwrap();
        let taken = known.take(&bench.counts, at(1)).await.unwrap().unwrap();
        known.begin_anew(&bench.counts, taken, at(1)).await.unwrap();
        assert!(bench.take(STRANGER, 5, 1).await.is_none());
        assert!(bench.take(Browser::Known("a"), 5, 1).await.is_some() && bench.take(Browser::Known("b"), 5, 1).await.is_some());
    }

    #[tokio::test]
    async fn a_right_password_does_not_forget_what_is_still_on_its_way() {
        let bench = Bench::new();
        let known = AccountFailures::new("corp:1", Browser::Known("a"), shares(5, 5));
        let (counts, now) = (&bench.counts, at(0));
        known.take(counts, now).await.unwrap().unwrap();
        let right = known.take(counts, now).await.unwrap().unwrap();
        known.begin_anew(counts, right, now).await.unwrap();
        // Judged after the right one, it is the first that the directory counts anew.
        known.was_wrong(counts, now).await.unwrap();
        let right = known.take(counts, now).await.unwrap().unwrap();
        assert!(known.take(counts, now).await.unwrap().is_none());
        known.begin_anew(counts, right, now).await.unwrap();
        assert!(known.take(counts, now).await.unwrap().is_some() && known.take(counts, now).await.unwrap().is_some());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn many_at_once_are_never_more_than_are_left() {
        let bench = Arc::new(Bench::new());
        let takers = (0..200).map(|number| {
            let bench = Arc::clone(&bench);
            tokio::spawn(async move {
                let browser = if number % 2 == 0 { STRANGER } else { Browser::Known("a") };
                bench.take(browser, 5, 0).await.is_some()
            })
        });
        let taken = futures_util::future::join_all(takers).await.into_iter().filter(|taken| *taken.as_ref().unwrap()).count();
        assert_eq!(taken, 4);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn nobody_is_refused_because_others_are_faster() {
        let bench = Arc::new(Bench::new());
        let takers = (0..400).map(|_| {
            let bench = Arc::clone(&bench);
            tokio::spawn(async move {
                let ours = Rate { count: 1_000_000, window: 15 * MINUTE };
                let failures = AccountFailures::new("corp:1", STRANGER, Shares::of(ours, None));
                let taken = failures.take(&bench.counts, at(0)).await.unwrap().expect("one is left");
                failures.begin_anew(&bench.counts, taken, at(0)).await.unwrap();
            })
        });
        for taker in futures_util::future::join_all(takers).await {
            taker.unwrap();
        }
        let count = bench.counts.find("corp:1", at(0)).await.unwrap();
        assert_eq!(count.map_or(0, |count| count.row.all()), 0, "a right password was lost");
    }
}
