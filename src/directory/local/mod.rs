//! Users in a TOML file, for a small site or a trial. The file is read again when it has changed.

mod hashing;
pub(super) mod users_file;

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;

use self::hashing::Hashing;
use self::users_file::{Entry, LocalError, Stamp};
use crate::base::{Dn, Later, Secret, UserId, unicode};
use crate::config;
use crate::config::group::Group;
use crate::directory::account_status::{AccountStatus, Changes, Listed, Lister, MOST_AT_ONCE, Mark, Restriction, Who};
use crate::directory::password;
use crate::directory::password::Cost;
use crate::directory::{
    Account, By, Changed, Directory, DirectoryError, Examination, Meaning, Membership, Queue, Unlock, User, Verdict,
};

/// A directory that is a file.
pub struct Local {
    name: Arc<str>,
    file: std::path::PathBuf,
    users: ArcSwap<Users>,
    hashing: Hashing,
}

/// What the file said when it was last good, and which file we looked at last.
struct Users {
    looked_at: Option<Stamp>,
    entries: Arc<[Entry]>,
    by_name: Arc<HashMap<String, usize>>,
    by_id: Arc<HashMap<String, usize>>,
    /// What somebody who does not exist costs: as much as the first user.
    cost: Cost,
}

impl Local {
    /// Reads the file. `name` is the directory's name.
    pub fn open(name: Arc<str>, config: &config::directory::Local) -> Result<Self, LocalError> {
        let looked_at = users_file::stamp(&config.file);
        let users = Users::new(looked_at, users_file::read(&config.file)?);
        Ok(Self { name, file: config.file.clone(), users: ArcSwap::from_pointee(users), hashing: Hashing::new() })
    }

    /// Who is in the file now. If it has become faulty or is gone, who was in it when it was last good; that is logged once.
    async fn current(&self) -> Arc<Users> {
        let users = self.users.load_full();
        let file = self.file.clone();
        let known = users.looked_at;
        let looked = tokio::task::spawn_blocking(move || {
            let stamp = users_file::stamp(&file);
            (stamp != known).then(|| (stamp, users_file::read(&file)))
        });
        let Ok(Some((stamp, read))) = looked.await else {
            return users;
        };
        let fresh = match read {
            Ok(entries) => {
                tracing::info!(directory.name = %self.name, users = entries.len(), "the users file has changed and was read again");
                Users::new(stamp, entries)
            }
            Err(error) => {
                let error: &(dyn std::error::Error + 'static) = &error;
                tracing::error!(directory.name = %self.name, error, "the users file is faulty now; the users known before stay");
                users.seen_as(stamp)
            }
        };
        let fresh = Arc::new(fresh);
        self.users.store(Arc::clone(&fresh));
        fresh
    }

    /// Runs one hash on a blocking thread, as soon as those who wait in the same queue let it. If they do not, we could not tell.
    async fn hash<T: Send + 'static>(
        &self,
        queue: Queue,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, DirectoryError> {
        // Nobody could tell: "try again", not "wrong".
        let failed = |why: &str| DirectoryError::Unreachable { directory: self.name.to_string(), why: why.to_owned() };
        let place = self.hashing.place(queue).await;
        let place = place.ok_or_else(|| failed("too many passwords are being checked, and more wait than can be within 10 s"))?;
        // The place goes along: if the caller gives up, the hash goes on and still counts.
        let hashed = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(place);
            result
        });
        hashed.await.map_err(|_| failed("checking the password broke off"))
    }
}

impl Directory for Local {
    fn name(&self) -> &str {
        &self.name
    }

    fn find<'a>(&'a self, by: &'a By) -> Later<'a, Result<Vec<Account>, DirectoryError>> {
        Box::pin(async move {
            let users = self.current().await;
            let found: Vec<&Entry> = match by {
                By::Account(name) => users.named(name).into_iter().collect(),
                By::Whole { .. } => Vec::new(),
                By::Mail(mail) => users.with_mail(mail).take(2).collect(),
                By::Id(id) => users.with_id(id).into_iter().collect(),
            };
            Ok(found.into_iter().map(|entry| account(&self.name, entry)).collect())
        })
    }

    fn verify<'a>(&'a self, account: &'a Account, password: &'a Secret<String>) -> Later<'a, Result<Verdict, DirectoryError>> {
        self.verify_in(Queue::Strangers, account, password)
    }

    fn verify_nobody<'a>(&'a self, password: &'a Secret<String>) -> Later<'a, Result<(), DirectoryError>> {
        self.verify_nobody_in(Queue::Strangers, password)
    }

    fn verify_in<'a>(
        &'a self,
        queue: Queue,
        account: &'a Account,
        password: &'a Secret<String>,
    ) -> Later<'a, Result<Verdict, DirectoryError>> {
        Box::pin(async move {
            if !password::usable(password) {
                return Ok(Verdict::Wrong);
            }
            let users = self.users.load_full();
            let hash = users.with_id(&account.handle).map(|entry| entry.hash.clone());
            let (cost, password) = (users.cost.clone(), password.clone());
            let matches = self.hash(queue, move || match hash {
                Some(hash) => hash.matches(&password),
                // Gone from the file since it was found.
                None => {
                    cost.spend(&password);
                    false
                }
            });
            Ok(if matches.await? { Verdict::Correct } else { Verdict::Wrong })
        })
    }

    fn verify_nobody_in<'a>(&'a self, queue: Queue, password: &'a Secret<String>) -> Later<'a, Result<(), DirectoryError>> {
        Box::pin(async move {
            if !password::usable(password) {
                return Ok(());
            }
            let (cost, password) = (self.users.load().cost.clone(), password.clone());
            self.hash(queue, move || cost.spend(&password)).await
        })
    }

    fn change<'a>(
        &'a self,
        _: &'a Account,
        _: &'a Secret<String>,
        _: &'a Secret<String>,
    ) -> Later<'a, Result<Changed, DirectoryError>> {
        let why = format!("passwords in {} can only be changed by editing the file", self.file.display());
        Box::pin(std::future::ready(Ok(Changed::Unable(why))))
    }

    /// The file is the mark: while it stays the same, nobody has changed.
    fn unlock<'a>(&'a self, _: &'a Account) -> Later<'a, Result<Unlock, DirectoryError>> {
        Box::pin(std::future::ready(Ok(Unlock::Unable("a directory of this kind locks no account".to_owned()))))
    }

    fn changes_since<'a>(&'a self, mark: Option<&'a Mark>) -> Later<'a, Result<Changes, DirectoryError>> {
        Box::pin(async move {
            let users = self.current().await;
            let next = Mark { server: String::new(), at: format!("{:?}", users.looked_at) };
            let who = if mark == Some(&next) { Who::These(Vec::new()) } else { Who::Everybody };
            Ok(Changes::of(who, next))
        })
    }

    fn statuses<'a>(&'a self, ids: &'a [UserId]) -> Later<'a, Result<Vec<(UserId, AccountStatus)>, DirectoryError>> {
        Box::pin(async move {
            let users = self.current().await;
            let status = |id: &UserId| match users.with_id(id.in_directory()) {
                Some(entry) => AccountStatus { password: Some(entry.hash.mark()), ..AccountStatus::default() },
                None => AccountStatus { restrictions: vec![Restriction::Gone], ..AccountStatus::default() },
            };
            Ok(ids.iter().map(|id| (id.clone(), status(id))).collect())
        })
    }

    fn memberships<'a>(
        &'a self,
        user: &'a UserId,
        groups: &'a [Group],
    ) -> Later<'a, Result<Vec<Option<Membership>>, DirectoryError>> {
        Box::pin(async move {
            let users = self.current().await;
            let gone = || DirectoryError::Failed {
                directory: self.name.to_string(),
                why: "the user is no longer in the file".to_owned(),
            };
            let own = users.with_id(user.in_directory()).ok_or_else(gone)?;
            let is_in = |group: &Group| own.groups.iter().any(|name| group.is_called(name));
            Ok(groups.iter().map(|group| is_in(group).then_some(Membership::Member)).collect())
        })
    }

    /// A group is in the file if one of its users is in the group.
    fn meaning<'a>(&'a self, group: &'a Group) -> Later<'a, Result<Meaning, DirectoryError>> {
        Box::pin(async move {
            let users = self.current().await;
            let found = users.entries.iter().flat_map(|entry| &entry.groups).find(|name| group.is_called(name));
            Ok(found.cloned().map_or(Meaning::Nothing, Meaning::Group))
        })
    }

    fn tree(&self) -> Option<&Dn> {
        None
    }

    fn examine(&self) -> Later<'_, Examination> {
        Box::pin(async move {
            let users = self.current().await;
            let fact = format!("{} users in {}", users.entries.len(), self.file.display());
            Examination { facts: vec![fact], ..Examination::default() }
        })
    }

    fn list(&self, into: Lister) -> Later<'_, Result<(), DirectoryError>> {
        Box::pin(async move {
            let users = self.current().await;
            for some in users.entries.chunks(MOST_AT_ONCE) {
                let listed = |entry| Listed { user: account(&self.name, entry).user, status: AccountStatus::default() };
                // Nobody reads any more.
                if into.send(some.iter().map(listed).collect()).await.is_err() {
                    break;
                }
            }
            Ok(())
        })
    }
}

impl Users {
    fn new(looked_at: Option<Stamp>, entries: Vec<Entry>) -> Self {
        let by = |key: fn(&Entry) -> String| entries.iter().enumerate().map(|(place, entry)| (key(entry), place)).collect();
        Self {
            looked_at,
            by_name: Arc::new(by(|entry| unicode::folded(&entry.name))),
            by_id: Arc::new(by(|entry| entry.id.clone())),
            cost: entries.first().map(|entry| entry.hash.cost().clone()).unwrap_or_default(),
            entries: entries.into(),
        }
    }

    /// The same users, after a look at a file that was faulty.
    fn seen_as(&self, stamp: Option<Stamp>) -> Self {
        Self {
            looked_at: stamp,
            entries: Arc::clone(&self.entries),
            by_name: Arc::clone(&self.by_name),
            by_id: Arc::clone(&self.by_id),
            cost: self.cost.clone(),
        }
    }

    fn named(&self, name: &str) -> Option<&Entry> {
        self.by_name.get(&unicode::folded(name)).and_then(|place| self.entries.get(*place))
    }

    fn with_id(&self, id: &str) -> Option<&Entry> {
        self.by_id.get(id).and_then(|place| self.entries.get(*place))
    }

    fn with_mail(&self, mail: &str) -> impl Iterator<Item = &Entry> {
        let wanted = unicode::folded(mail);
        self.entries.iter().filter(move |entry| entry.mail.as_ref().is_some_and(|mail| unicode::folded(mail) == wanted))
    }
}

fn account(directory: &str, entry: &Entry) -> Account {
    let user = User {
        id: UserId::new(directory, &entry.id),
        name: entry.name.clone(),
        display_name: entry.display_name.clone(),
        mail: entry.mail.clone(),
        mobile: entry.mobile.clone(),
        second_mobile: entry.second_mobile.clone(),
        push: entry.push.clone(),
        sms_type: entry.sms_type,
        language: entry.language.clone(),
        groups: entry.groups.clone(),
        password_expires: None,
        password_mark: Some(entry.hash.mark()),
        mobile_changed: None,
    };
    Account { user, handle: entry.id.clone(), lock_out: None }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::time::Duration;

    use super::*;
    use crate::base::random::SystemSource;
    use crate::directory::SmsType;

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    fn user(name: &str, password: &str, more: &str) -> String {
        let hash = password::hash_at(&secret(password), &Cost::new(64, 1, 1).unwrap(), &SystemSource);
        format!("[[user]]\nname = \"{name}\"\npassword = \"{hash}\"\n{more}\n")
    }

    fn open(folder: &Path, text: &str) -> Result<Local, LocalError> {
        let file = folder.join("users.toml");
        fs::write(&file, text).unwrap();
        Local::open("people".into(), &config::directory::Local { file })
    }

    async fn one(local: &Local, name: &str) -> Option<Account> {
        let mut found = local.find(&By::Account(name.to_owned())).await.unwrap();
        assert!(found.len() < 2);
        found.pop()
    }

    #[tokio::test]
    async fn everything_the_file_says_of_a_user_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let more = "id = \"7\"\ndisplay_name = \"Alice L\"\nmobile = \"+45 1\"\nsecond_mobile = \"+45 2\"\npush = \"door-k3jx\"\nsms_type = \"flash\"\nmail = \"alice@example.test\"\n\
                    language = \"da\"\ngroups = [\"staff\", \"gate\"]";
        let local = open(folder.path(), &user("Alice", "wonderland", more)).unwrap();
        let account = one(&local, "aLICE").await.unwrap();
        let expected = User {
            id: UserId::new("people", "7"),
            name: "Alice".into(),
            display_name: Some("Alice L".into()),
            mail: Some("alice@example.test".into()),
            mobile: Some("+45 1".into()),
            second_mobile: Some("+45 2".into()),
            push: Some("door-k3jx".into()),
            sms_type: Some(SmsType::Flash),
            language: Some("da".into()),
            groups: vec!["staff".into(), "gate".into()],
            password_expires: None,
            password_mark: account.user.password_mark.clone(),
            mobile_changed: None,
        };
        assert_eq!(account.user, expected);
    }

    #[tokio::test]
    async fn only_the_right_password_is_correct() {
        let folder = tempfile::tempdir().unwrap();
        let local = open(folder.path(), &(user("alice", "wonderland", "") + &user("bob", "builder", ""))).unwrap();
        let alice = one(&local, "alice").await.unwrap();
        assert_eq!(alice.user.id, UserId::new("people", "alice"));
        assert_eq!(local.verify(&alice, &secret("wonderland")).await.unwrap(), Verdict::Correct);
        for wrong in ["", "\0", "builder", "wonderland\0", "Wonderland", &"x".repeat(2000)] {
            assert_eq!(local.verify(&alice, &secret(wrong)).await.unwrap(), Verdict::Wrong, "{wrong:?}");
        }
        local.verify_nobody(&secret("wonderland")).await.unwrap();
    }

    #[tokio::test]
    async fn a_shared_mail_address_finds_both() {
        let folder = tempfile::tempdir().unwrap();
        let shared = "mail = \"Office@example.test\"";
        let local = open(folder.path(), &["a", "b", "c"].map(|name| user(name, "x", shared)).concat()).unwrap();
        assert_eq!(local.find(&By::Mail("office@EXAMPLE.test".into())).await.unwrap().len(), 2);
        assert!(local.find(&By::Mail("a".into())).await.unwrap().is_empty());
        assert!(one(&local, "office@example.test").await.is_none());
    }

    #[tokio::test]
    async fn a_changed_file_counts_at_once_and_a_faulty_one_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let local = open(folder.path(), &user("alice", "wonderland", "")).unwrap();
        let alice = one(&local, "alice").await.unwrap();
        let file = folder.path().join("users.toml");

        fs::write(&file, "[[user]]\nname = ").unwrap();
        assert!(one(&local, "alice").await.is_some());
        fs::remove_file(&file).unwrap();
        assert!(one(&local, "alice").await.is_some());
        assert_eq!(local.verify(&alice, &secret("wonderland")).await.unwrap(), Verdict::Correct);

        fs::write(&file, user("bob", "builder", "display_name = \"Bob\"")).unwrap();
        assert!(one(&local, "bob").await.is_some());
        assert!(one(&local, "alice").await.is_none());
        assert_eq!(local.verify(&alice, &secret("wonderland")).await.unwrap(), Verdict::Wrong);
    }

    #[tokio::test]
    async fn when_all_places_are_busy_we_could_not_tell() {
        let folder = tempfile::tempdir().unwrap();
        let mut local = open(folder.path(), &user("alice", "wonderland", "")).unwrap();
        let alice = one(&local, "alice").await.unwrap();
        let patience = std::mem::replace(&mut local.hashing.patience, Duration::from_millis(1));
        let taken = local.hashing.fill().await;
        let answer = local.verify(&alice, &secret("wonderland")).await;
        assert!(matches!(answer, Err(DirectoryError::Unreachable { .. })), "{answer:?}");
        let answer = local.verify_nobody(&secret("wonderland")).await;
        assert!(matches!(answer, Err(DirectoryError::Unreachable { .. })), "a name that no user has waits as long");
        local.hashing.patience = patience;
        let answer = local.verify_in(Queue::Known, &alice, &secret("wonderland")).await;
        assert_eq!(answer.unwrap(), Verdict::Correct, "nobody known waits behind strangers");
        local.verify_nobody_in(Queue::Known, &secret("wonderland")).await.unwrap();
        drop(taken);
        assert_eq!(local.verify(&alice, &secret("wonderland")).await.unwrap(), Verdict::Correct);
    }
}
