//! The access log's file: one thread that appends what the cores hand over. Whatever becomes of the disk, nobody waits for it but this
//! thread; what cannot be written is counted, and the file itself says how many lines are missing.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::base::Clock;
use crate::config;
use crate::gateway::access_log::{Outlet, Parcel};

/// The thread, made when a configuration first asks for a log.
#[derive(Clone)]
pub struct AccessLogs(Arc<Inside>);

struct Inside {
    clock: Clock,
    to: OnceLock<SyncSender<Parcel>>,
    lost: Arc<AtomicU64>,
    /// Set by a reload, whatever is in the queue: the next line goes to a file that was opened after it.
    anew: Arc<AtomicBool>,
}

impl AccessLogs {
    pub fn new(clock: Clock) -> Self {
        Self(Arc::new(Inside { clock, to: OnceLock::new(), lost: Arc::default(), anew: Arc::default() }))
    }

    /// What the cores of a plan with this section hand their lines to.
    pub fn outlet(&self, section: &config::AccessLog) -> Outlet {
        let to = self.0.to.get_or_init(|| self.spawn()).clone();
        Outlet { to, file: section.file.as_path().into(), lost: Arc::clone(&self.0.lost) }
    }

    /// Opens the file of this section anew, or lets go of the last one: after the start and after every reload.
    pub fn open(&self, section: Option<&config::AccessLog>) {
        self.0.anew.store(true, Ordering::Release);
        if let Some(to) = self.0.to.get() {
            // With a full queue there are lines, before which it is opened as well.
            drop(to.try_send(Parcel::Open(section.map(|section| section.file.as_path().into()))));
        }
    }

    /// Once the cores have ended: waits until everything is in the file, but not for a disk that hangs.
    pub fn finish(&self) {
        let Some(to) = self.0.to.get() else { return };
        let (done, ended) = sync_channel(1);
        let mut end = Parcel::End(done);
        for _ in 0..TRIES {
            match to.try_send(end) {
                Ok(()) if ended.recv_timeout(LAST_WORDS).is_ok() => return,
                Ok(()) => break,
                Err(std::sync::mpsc::TrySendError::Full(again)) => end = again,
                Err(std::sync::mpsc::TrySendError::Disconnected(_)) => return,
            }
            std::thread::sleep(LAST_WORDS / TRIES);
        }
        tracing::error!("the end of the access log could not be written in time");
    }

    fn spawn(&self) -> SyncSender<Parcel> {
        let (to, from) = sync_channel(MOST_WAITING);
        let (clock, lost, anew) = (self.0.clock.clone(), Arc::clone(&self.0.lost), Arc::clone(&self.0.anew));
        let writer = Writer { clock, lost, anew, open: None, torn: false, failing: false };
        if let Err(error) = std::thread::Builder::new().name("access-log".into()).spawn(move || writer.run(&from)) {
            tracing::error!(%error, "the access log is off: its thread cannot be started");
        }
        to
    }
}

struct Writer {
    clock: Clock,
    lost: Arc<AtomicU64>,
    anew: Arc<AtomicBool>,
    open: Option<(Arc<Path>, File)>,
    /// Part of a line stands at the end of the file and could not be taken back.
    torn: bool,
    /// Said once, until it works again.
    failing: bool,
}

impl Writer {
    /// Until the last sender is gone.
    fn run(mut self, from: &Receiver<Parcel>) {
        while let Ok(parcel) = from.recv() {
            match parcel {
                Parcel::Lines { file, bytes, count } => {
                    let result = self.lines(&file, &bytes, count);
                    self.told(&file, result);
                }
                Parcel::Open(None) => self.open = None,
                Parcel::Open(Some(file)) => {
                    let result = self.opened(&file).map(drop);
                    self.told(&file, result);
                }
                Parcel::End(done) => drop(done.send(())),
            }
        }
    }

    fn opened(&mut self, path: &Arc<Path>) -> std::io::Result<&mut File> {
        let anew = self.anew.swap(false, Ordering::Acquire);
        let current = self.open.take().filter(|(known, _)| !anew && known == path);
        let file = match current {
            Some((_, file)) => file,
            None => {
                self.torn = false;
                open(path)?
            }
        };
        Ok(&mut self.open.insert((Arc::clone(path), file)).1)
    }

    /// Says first what is missing before these lines. What does not get into the file is counted as lost.
    fn lines(&mut self, path: &Arc<Path>, bytes: &[u8], count: u64) -> std::io::Result<()> {
        let missing = self.lost.swap(0, Ordering::Relaxed);
        let mut notice = if self.torn { b"\n".to_vec() } else { Vec::new() };
        if missing > 0 {
            let _ = writeln!(notice, "{{\"time\":\"{}\",\"lost\":{missing}}}", self.clock.now());
        }
        let result = self.opened(path).map_err(|error| (missing + count, None, error)).and_then(|file| {
            append(file, &notice).map_err(|cut| (missing + count, Some(cut.torn), cut.error))?;
            append(file, bytes).map_err(|cut| (count.saturating_sub(cut.lines), Some(cut.torn), cut.error))
        });
        match result {
            Ok(()) => {
                self.torn = false;
                Ok(())
            }
            Err((lost, torn, error)) => {
                self.torn = torn.unwrap_or(self.torn);
                self.lost.fetch_add(lost, Ordering::Relaxed);
                Err(error)
            }
        }
    }

    fn told(&mut self, path: &Path, result: std::io::Result<()>) {
        match result {
            Ok(()) if self.failing => {
                self.failing = false;
                tracing::info!("the access log {} is written again", path.display());
            }
            Err(error) if !self.failing => {
                self.failing = true;
                tracing::error!(%error, "the access log {} cannot be written; requests go on without", path.display());
            }
            Ok(()) | Err(_) => {}
        }
    }
}

/// For us to write, for our group to read; who made the file before us has decided otherwise.
fn open(path: &Path) -> std::io::Result<File> {
    match OpenOptions::new().append(true).create_new(true).mode(MODE).open(path) {
        Ok(file) => {
            // The mask of the process has no say.
            file.set_permissions(Permissions::from_mode(MODE))?;
            Ok(file)
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            // To open one is to wait for its reader, who may never come.
            if std::fs::metadata(path)?.file_type().is_fifo() {
                return Err(std::io::Error::other("it is a FIFO"));
            }
            OpenOptions::new().append(true).open(path)
        }
        Err(error) => Err(error),
    }
}

/// How far it came.
struct Cut {
    /// So many whole lines are in the file.
    lines: u64,
    /// And behind them part of another one.
    torn: bool,
    error: std::io::Error,
}

fn append(file: &mut File, bytes: &[u8]) -> Result<(), Cut> {
    let mut left = bytes;
    while !left.is_empty() {
        let error = match file.write(left) {
            Ok(0) => ErrorKind::WriteZero.into(),
            Ok(written) => {
                left = left.get(written..).unwrap_or_default();
                continue;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => error,
        };
        let (written, _) = bytes.split_at(bytes.len() - left.len());
        let whole = written.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let part = written.len() - whole;
        let lines = written.iter().filter(|byte| **byte == b'\n').count();
        return Err(Cut { lines: lines as u64, torn: part > 0 && take_back(file, part as u64).is_err(), error });
    }
    Ok(())
}

/// Nobody but us appends to it, so the last bytes are ours.
fn take_back(file: &File, part: u64) -> std::io::Result<()> {
    file.set_len(file.metadata()?.len().saturating_sub(part))
}

const MODE: u32 = 0o640;
/// Parcels of about 64 KiB each; beyond these lines are lost.
const MOST_WAITING: usize = 64;
const LAST_WORDS: Duration = Duration::from_secs(5);
const TRIES: u32 = 250;
