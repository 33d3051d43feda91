//! The book of sessions, where a minute's housekeeping must not cost by how many there are: what it looks at, and what it writes.

use std::sync::Arc;
use std::time::Duration;

use doorward::auth::session::AccessRequest;
use doorward::auth::session::Served;
use doorward::auth::{Entered, Told};
use doorward::base::Clock;
use doorward::config;
use doorward::directory::local::Local;
use doorward::store::{Fed, Feed};

use crate::support::house::{House, open_house};

/// More than are written at a time.
const MANY: usize = 300;
const IDLE: Duration = Duration::from_secs(30 * 60);

struct Book {
    house: House,
    cookies: Vec<String>,
    _folder: tempfile::TempDir,
}

impl Book {
    async fn of(count: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = config::directory::Local { file: folder.path().join("users.toml") };
        let alice = "[[user]]\nname = \"alice\"\npassword = \"$argon2id$v=19$m=8,t=1,p=1$/E/EChn6QLk8KQWS3g2pLw$ovy5grbvke/CjLgeYtYQSFfhv1laeb7a+H68S3TbgD8\"\n";
        std::fs::write(&file.file, alice).unwrap();
        let directory = Arc::new(Local::open("people".into(), &file).unwrap());
        let mut book = Self { house: open_house(directory, Clock::by_hand()).await, cookies: Vec::new(), _folder: folder };
        for _ in 0..count {
            book.enter().await;
        }
        book
    }

    async fn enter(&mut self) {
        let answer = self.house.password(House::attempt(), "alice", "wonderland").await;
        let Told::Entered(Entered::Session(admitted)) = answer else { panic!("{answer:?}") };
        self.cookies.push(admitted.cookie.expose().to_owned());
    }

    /// A request with each cookie after this time; how many pass.
    fn used_after(&self, time: Duration) -> usize {
        self.house.clock.advance(time);
        let wanted = AccessRequest {
            application: "app",
            host: "app.example",
            address: [127, 0, 0, 1].into(),
            now: self.house.clock.now(),
        };
        self.cookies.iter().filter(|cookie| self.house.sessions.admit(cookie, &wanted).is_some()).count()
    }

    /// How many records there are, and how often each has been written since; they must have been as often.
    async fn written(&self) -> (usize, Option<u64>) {
        let (records, _) = self.house.store.changes_since(Fed::Session, 0, 1000, self.house.clock.now()).await.unwrap();
        let often = records.first().map(|record| record.version - 1);
        assert!(records.iter().all(|record| Some(record.version - 1) == often), "some were written more often than others");
        (records.len(), often)
    }
}

#[tokio::test]
async fn the_last_use_is_written_down_where_it_lags_and_all_of_it_before_a_stop() {
    let book = Book::of(MANY).await;
    let sessions = &book.house.sessions;
    assert_eq!(book.used_after(IDLE / 40), MANY);
    sessions.housekeeping().await.unwrap();
    assert_eq!(book.written().await, (MANY, Some(0)), "as good as what is on record");
    sessions.write_down().await.unwrap();
    assert_eq!(book.written().await, (MANY, Some(1)));
    sessions.write_down().await.unwrap();
    assert_eq!(book.written().await, (MANY, Some(1)), "it is on record already");
    assert_eq!(book.used_after(IDLE / 20), MANY);
    sessions.housekeeping().await.unwrap();
    assert_eq!(book.written().await, (MANY, Some(2)));
    book.house.clock.advance(IDLE);
    sessions.housekeeping().await.unwrap();
    assert_eq!((sessions.count(), book.written().await, book.used_after(Duration::ZERO)), (0, (0, None), 0));
}

#[tokio::test]
async fn what_a_login_opens_after_a_reload_is_looked_at_by_the_next_plan() {
    let mut book = Book::of(2).await;
    let sessions = book.house.sessions.clone();
    let served = |applications: &[&str]| Served {
        applications: applications.iter().map(|name| Arc::from(*name)).collect(),
        directories: [Arc::from("people")].into(),
    };
    assert_eq!(sessions.end_gone(&served(&["app"]), 0).await.unwrap(), 0);
    let from = sessions.begun();
    assert_eq!(sessions.end_gone(&served(&[]), from).await.unwrap(), 0, "these were looked at before");
    book.enter().await;
    assert_eq!(sessions.end_gone(&served(&[]), from).await.unwrap(), 1);
    assert_eq!((sessions.count(), book.used_after(Duration::ZERO)), (2, 2));
    assert_eq!(sessions.end_gone(&served(&["another"]), 0).await.unwrap(), 2);
    assert_eq!((sessions.count(), book.used_after(Duration::ZERO)), (0, 0));
}
