//! A directory whose answers are timed: for the histogram by directory. Waiting for a free place counts, for it is what people wait for.

use std::sync::Arc;

use super::account_status::AccountStatus;
use super::{
    Account, By, Changed, Changes, Directory, DirectoryError, Dn, Examination, Group, Lister, Mark, Meaning, Membership, Queue,
    Unlock, Verdict,
};
use crate::base::tls::CertificateFacts;
use crate::base::{Clock, Later, Secret, Timing, UserId};

/// The directory within, and where the time of each answer is counted, errors too.
pub struct Timed {
    directory: Arc<dyn Directory>,
    clock: Clock,
    timing: Arc<Timing>,
}

impl Timed {
    pub fn new(directory: Arc<dyn Directory>, clock: Clock, timing: Arc<Timing>) -> Self {
        Self { directory, clock, timing }
    }

    fn timed<'a, T: 'a>(&'a self, answer: Later<'a, T>) -> Later<'a, T> {
        Box::pin(async move {
            let asked = self.clock.now();
            let answer = answer.await;
            self.timing.add(self.clock.now().since(asked));
            answer
        })
    }
}

impl Directory for Timed {
    fn name(&self) -> &str {
        self.directory.name()
    }

    fn find<'a>(&'a self, by: &'a By) -> Later<'a, Result<Vec<Account>, DirectoryError>> {
        self.timed(self.directory.find(by))
    }

    fn verify<'a>(&'a self, account: &'a Account, password: &'a Secret<String>) -> Later<'a, Result<Verdict, DirectoryError>> {
        self.timed(self.directory.verify(account, password))
    }

    fn verify_nobody<'a>(&'a self, password: &'a Secret<String>) -> Later<'a, Result<(), DirectoryError>> {
        self.timed(self.directory.verify_nobody(password))
    }

    fn verify_in<'a>(
        &'a self,
        queue: Queue,
        account: &'a Account,
        password: &'a Secret<String>,
    ) -> Later<'a, Result<Verdict, DirectoryError>> {
        self.timed(self.directory.verify_in(queue, account, password))
    }

    fn verify_nobody_in<'a>(&'a self, queue: Queue, password: &'a Secret<String>) -> Later<'a, Result<(), DirectoryError>> {
        self.timed(self.directory.verify_nobody_in(queue, password))
    }

    fn change<'a>(
        &'a self,
        account: &'a Account,
        old: &'a Secret<String>,
        new: &'a Secret<String>,
    ) -> Later<'a, Result<Changed, DirectoryError>> {
        self.timed(self.directory.change(account, old, new))
    }

    fn unlock<'a>(&'a self, account: &'a Account) -> Later<'a, Result<Unlock, DirectoryError>> {
        self.timed(self.directory.unlock(account))
    }

    fn changes_since<'a>(&'a self, mark: Option<&'a Mark>) -> Later<'a, Result<Changes, DirectoryError>> {
        self.timed(self.directory.changes_since(mark))
    }

    fn statuses<'a>(&'a self, ids: &'a [UserId]) -> Later<'a, Result<Vec<(UserId, AccountStatus)>, DirectoryError>> {
        self.timed(self.directory.statuses(ids))
    }

    fn memberships<'a>(
        &'a self,
        user: &'a UserId,
        groups: &'a [Group],
    ) -> Later<'a, Result<Vec<Option<Membership>>, DirectoryError>> {
        self.timed(self.directory.memberships(user, groups))
    }

    fn meaning<'a>(&'a self, group: &'a Group) -> Later<'a, Result<Meaning, DirectoryError>> {
        self.directory.meaning(group)
    }

    fn tree(&self) -> Option<&Dn> {
        self.directory.tree()
    }

    fn certificates(&self) -> Vec<(String, CertificateFacts)> {
        self.directory.certificates()
    }

    /// Not timed: it takes as long as its reader takes.
    fn list(&self, into: Lister) -> Later<'_, Result<(), DirectoryError>> {
        self.directory.list(into)
    }

    fn examine(&self) -> Later<'_, Examination> {
        self.directory.examine()
    }
}
