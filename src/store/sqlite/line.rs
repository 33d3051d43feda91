//! The line of work in front of a thread that owns a connection: bounded, and every wait in it has a limit. The writer runs
//! what is waiting in one transaction (one sync to disk for all of it) and answers only after the commit.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior};
use tokio::sync::{mpsc, oneshot, watch};

use super::open::BUSY;
use super::room::Room;
use crate::base::{Clock, Timing};
use crate::store::StoreError;

/// So many calls wait; the next one waits for a place, and gives up after [`ENTER`].
const PLACES: usize = 1024;
const ENTER: Duration = Duration::from_secs(5);

/// How long a call that is in the line waits for its answer; longer than SQLite waits for another process.
const ANSWER: Duration = Duration::from_secs(20);

/// So many calls share one transaction.
const TOGETHER: usize = 256;

/// The end where calls come in.
pub(super) struct Line {
    orders: mpsc::Sender<Order>,
    ended: watch::Receiver<()>,
    /// How long calls take, from the end of the line to the answer.
    timing: Arc<Timing>,
    /// The database's; nothing where it is in memory.
    file: Option<PathBuf>,
}

enum Order {
    Job(Box<dyn Job>),
    /// Empty the write-ahead log, which may still hold what was overwritten in the tables.
    Tidy,
    /// Take nothing more, finish what is waiting, end.
    Stop,
}

impl Line {
    /// One thread that writes.
    pub(super) fn to_writer(mut connection: Connection, timing: Arc<Timing>) -> std::io::Result<Self> {
        let (orders, mut waiting) = mpsc::channel(PLACES);
        let file = connection.path().map(PathBuf::from);
        let (alive, ended) = watch::channel(());
        std::thread::Builder::new().name("store-writer".into()).spawn(move || {
            write_all(&mut connection, &mut waiting);
            close(connection);
            drop(alive);
        })?;
        Ok(Self { orders, ended, timing, file })
    }

    /// One thread per connection; whichever is free reads next.
    pub(super) fn to_readers(connections: Vec<Connection>, timing: Arc<Timing>) -> std::io::Result<Self> {
        let (orders, waiting) = mpsc::channel(PLACES);
        let file = connections.first().and_then(Connection::path).map(PathBuf::from);
        let (alive, ended) = watch::channel(());
        let (waiting, alive) = (Arc::new(Mutex::new(waiting)), Arc::new(alive));
        for connection in connections {
            let (waiting, alive) = (Arc::clone(&waiting), Arc::clone(&alive));
            std::thread::Builder::new().name("store-reader".into()).spawn(move || {
                read_all(&connection, &waiting);
                close(connection);
                drop(alive);
            })?;
        }
        Ok(Self { orders, ended, timing, file })
    }

    /// Runs `work` on the line's thread. It may be run again where the transaction it shared was lost. After an error it is
    /// not known whether the work was done.
    pub(super) async fn ask<T, W>(&self, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: Fn(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        self.ask_within(ANSWER, work).await
    }

    /// The same for work that is timed as its own kind.
    pub(super) async fn ask_timed<T, W>(&self, timing: &Timing, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: Fn(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let asked = Clock::system().now();
        let answer = self.answer(ANSWER, work).await;
        timing.add(Clock::system().now().since(asked));
        answer
    }

    /// The same for work that may take longer than the usual.
    pub(super) async fn ask_within<T, W>(&self, limit: Duration, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: Fn(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let asked = Clock::system().now();
        let answer = self.answer(limit, work).await;
        self.timing.add(Clock::system().now().since(asked));
        answer
    }

    async fn answer<T, W>(&self, limit: Duration, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: Fn(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let job = Box::new(Task { work, result: None, answer });
        self.orders.send_timeout(Order::Job(job), ENTER).await.map_err(|_| StoreError::Closed)?;
        match tokio::time::timeout(limit, answered).await {
            Ok(Ok(result)) => result.map_err(|error| self.failed(error)),
            Ok(Err(_)) | Err(_) => Err(StoreError::Closed),
        }
    }

    fn failed(&self, error: Failed) -> StoreError {
        let full = self.file.as_deref().and_then(|file| Some((file, Room::free_if_full(file, &error.0)?)));
        match full {
            Some((file, free)) => StoreError::Full { file: file.display().to_string(), free },
            None => StoreError::Failed(Box::new(error)),
        }
    }

    /// Asks for the log to be emptied; it is left for the next time where the line is full.
    pub(super) fn tidy(&self) {
        drop(self.orders.try_send(Order::Tidy));
    }

    /// Lets nobody in any more and returns once what was waiting is done and the connections are closed.
    pub(super) async fn stop(&self) {
        if self.orders.send_timeout(Order::Stop, ENTER).await.is_ok() {
            let mut ended = self.ended.clone();
            // Nothing is ever sent: it ends with an error when the last thread has let go of the other end.
            drop(tokio::time::timeout(ANSWER, ended.changed()).await);
        }
    }
}

fn write_all(connection: &mut Connection, waiting: &mut mpsc::Receiver<Order>) {
    while let Some(first) = waiting.blocking_recv() {
        let mut jobs = Vec::new();
        let mut tidy = false;
        let mut next = Some(first);
        while let Some(order) = next {
            match order {
                Order::Job(job) => jobs.push(job),
                Order::Tidy => tidy = true,
                Order::Stop => waiting.close(),
            }
            next = if jobs.len() < TOGETHER { waiting.try_recv().ok() } else { None };
        }
        if tidy {
            empty_log(connection);
        }
        jobs.retain(|job| job.is_wanted());
        if !jobs.is_empty() {
            serve(connection, jobs);
        }
    }
    empty_log(connection);
}

fn read_all(connection: &Connection, waiting: &Mutex<mpsc::Receiver<Order>>) {
    loop {
        let order = {
            let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
            let order = waiting.blocking_recv();
            if matches!(order, Some(Order::Stop)) {
                waiting.close();
            }
            order
        };
        match order {
            None => return,
            Some(Order::Job(mut job)) if job.is_wanted() => {
                job.run(connection);
                job.answer();
            }
            Some(_) => {}
        }
    }
}

/// All in one transaction; if that is lost as a whole, each in one of its own, so that only those fail that must.
fn serve(connection: &mut Connection, mut jobs: Vec<Box<dyn Job>>) {
    match together(connection, &mut jobs) {
        Ok(()) => jobs.into_iter().for_each(|job| job.answer()),
        Err(error) if jobs.len() == 1 || is_busy(&error) => {
            let error = Arc::new(error);
            jobs.into_iter().for_each(|job| job.fail(&error));
        }
        Err(_) => jobs.into_iter().for_each(|job| serve(connection, vec![job])),
    }
}

fn together(connection: &mut Connection, jobs: &mut [Box<dyn Job>]) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for job in jobs {
        run_apart(&transaction, job.as_mut())?;
    }
    transaction.commit()
}

/// In a savepoint of its own, so that what half a job wrote goes with it. `Err` means that the whole transaction is lost: SQLite
/// itself rolls back on some errors, a full disk among them, and everything before would be forgotten by a commit.
fn run_apart(transaction: &Transaction<'_>, job: &mut dyn Job) -> rusqlite::Result<()> {
    transaction.prepare_cached("SAVEPOINT job")?.execute([])?;
    let is_done = job.run(transaction);
    if !is_done {
        transaction.prepare_cached("ROLLBACK TO job")?.execute([])?;
    }
    transaction.prepare_cached("RELEASE job")?.execute([])?;
    Ok(())
}

/// Another process has the file; trying each job alone would wait for it as often as there are jobs.
fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// Without waiting: a search that still reads from the log must not hold up every write.
fn empty_log(connection: &Connection) {
    let emptied = connection
        .busy_timeout(Duration::ZERO)
        .and_then(|()| connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())))
        .and(connection.busy_timeout(BUSY));
    if let Err(error) = emptied {
        tracing::warn!(%error, "the database's log could not be emptied; it is tried again at the next sweep");
    }
}

fn close(connection: Connection) {
    if let Err((_, error)) = connection.close() {
        tracing::warn!(%error, "the database was not closed cleanly");
    }
}

/// A piece of work and the caller who waits for it.
trait Job: Send {
    /// Whether its caller is still there.
    fn is_wanted(&self) -> bool;
    /// Does the work and keeps what came of it; says whether it went well.
    fn run(&mut self, connection: &Connection) -> bool;
    fn answer(self: Box<Self>);
    /// Answers with what went wrong: with its own work, where that is known, else with the transaction.
    fn fail(self: Box<Self>, error: &Arc<rusqlite::Error>);
}

/// SQLite's error, which several callers may be given.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct Failed(#[from] Arc<rusqlite::Error>);

struct Task<T, W> {
    work: W,
    result: Option<Result<T, Failed>>,
    answer: oneshot::Sender<Result<T, Failed>>,
}

impl<T: Send, W: Fn(&Connection) -> rusqlite::Result<T> + Send> Job for Task<T, W> {
    fn is_wanted(&self) -> bool {
        !self.answer.is_closed()
    }

    fn run(&mut self, connection: &Connection) -> bool {
        let result = (self.work)(connection).map_err(|error| Failed(Arc::new(error)));
        self.result.insert(result).is_ok()
    }

    fn answer(self: Box<Self>) {
        if let Some(result) = self.result {
            drop(self.answer.send(result));
        }
    }

    fn fail(self: Box<Self>, error: &Arc<rusqlite::Error>) {
        let own = self.result.and_then(Result::err);
        drop(self.answer.send(Err(own.unwrap_or_else(|| Failed(Arc::clone(error))))));
    }
}
