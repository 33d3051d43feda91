//! The access log, as far as it is on the way of a request: one JSON object a line, written straight into a buffer of the core. What
//! leaves it leaves in whole lines, and nothing here waits: whoever writes the file is behind a queue that may be full.

use std::cell::{Cell, OnceCell, RefCell};
use std::net::IpAddr;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use http::header::{HOST, HeaderValue};
use http::request::Parts;
use http::{Method, StatusCode, Uri, Version};

use super::access_line::{self, GONE, Line, Stamp, Whose};
use super::call_path;
use super::route::Place;
use crate::auth::session::Session;
use crate::base::{Clock, Time, TraceId};
use crate::proxy::Client;

/// Where full buffers go. Cheap to clone; all cores have the same one.
#[derive(Clone, Debug)]
pub struct Outlet {
    pub to: SyncSender<Parcel>,
    pub file: Arc<Path>,
    /// Lines that found no room, until the file says so.
    pub lost: Arc<AtomicU64>,
}

/// What the file's writer is handed.
#[derive(Debug)]
pub enum Parcel {
    /// Whole lines for this file, and how many.
    Lines { file: Arc<Path>, bytes: Vec<u8>, count: u64 },
    /// Lets go of what is open; a file that is named is opened at once, so that what is wrong with it is said early.
    Open(Option<Arc<Path>>),
    /// Nothing comes any more: answers when everything before is written or given up.
    End(SyncSender<()>),
}

/// One core's log.
pub struct AccessLog {
    outlet: Outlet,
    clock: Clock,
    lines: RefCell<Lines>,
}

#[derive(Default)]
struct Lines {
    bytes: Vec<u8>,
    count: u64,
    stamp: Stamp,
}

impl AccessLog {
    /// To be called inside the core's runtime: a task hands on what is there once a second, until the log is dropped.
    pub fn new(outlet: Outlet, clock: Clock) -> Rc<Self> {
        let log = Rc::new(Self { outlet, clock: clock.clone(), lines: RefCell::default() });
        let weak = Rc::downgrade(&log);
        drop(tokio::task::spawn_local(async move {
            while weak.strong_count() > 0 {
                clock.sleep(EVERY).await;
                if let Some(log) = weak.upgrade() {
                    log.hand_on(&mut log.lines.borrow_mut());
                }
            }
        }));
        log
    }

    /// For a request that begins. Its line is written when the entry is dropped, so that there is one in any case. Boxed, so that the
    /// request does not carry it about.
    pub(super) fn enter<'a>(&'a self, head: &Parts, client: &'a Client, address: IpAddr, started: Time) -> Box<Entry<'a>> {
        Box::new(Entry {
            log: self,
            client,
            method: head.method.clone(),
            uri: head.uri.clone(),
            version: head.version,
            host: OnceCell::new(),
            address,
            started,
            place: Cell::default(),
            session: OnceCell::new(),
            trace: Cell::default(),
            refused: Cell::default(),
            status: Cell::default(),
        })
    }

    /// For what could not be read as a request and was answered all the same.
    pub fn note_unreadable(&self, address: IpAddr, status: StatusCode) {
        let time = self.clock.now();
        self.append(|stamp, out| access_line::unreadable(stamp, out, (time, address, status)));
    }

    fn write(&self, line: &Line<'_>) {
        self.append(|stamp, out| line.write(stamp, out));
    }

    fn append(&self, write: impl FnOnce(&mut Stamp, &mut Vec<u8>)) {
        let mut lines = self.lines.borrow_mut();
        if lines.bytes.capacity() == 0 {
            // At once, not in a dozen steps that each copy everything.
            lines.bytes.reserve(FULL + LINE_MOST);
        }
        let Lines { bytes, count, stamp } = &mut *lines;
        write(stamp, bytes);
        *count += 1;
        if bytes.len() >= FULL {
            self.hand_on(&mut lines);
        }
    }

    /// Where the queue is full the lines are lost and counted: memory is bounded, and requests go on.
    fn hand_on(&self, lines: &mut Lines) {
        if lines.bytes.is_empty() {
            return;
        }
        let (bytes, count) = (std::mem::take(&mut lines.bytes), std::mem::take(&mut lines.count));
        let parcel = Parcel::Lines { file: Arc::clone(&self.outlet.file), bytes, count };
        if self.outlet.to.try_send(parcel).is_err() {
            self.outlet.lost.fetch_add(count, Ordering::Relaxed);
        }
    }
}

impl Drop for AccessLog {
    fn drop(&mut self) {
        self.hand_on(&mut self.lines.borrow_mut());
    }
}

/// What is noted of a request on its way.
pub(super) struct Entry<'a> {
    log: &'a AccessLog,
    client: &'a Client,
    method: Method,
    /// Kept by because forwarding takes the request's own; its bytes are shared, not copied.
    uri: Uri,
    version: Version,
    /// As it was written, where it is none of ours.
    host: OnceCell<HeaderValue>,
    address: IpAddr,
    started: Time,
    place: Cell<Option<&'a Place>>,
    pub session: OnceCell<Arc<Session>>,
    pub trace: Cell<Option<TraceId>>,
    /// Why its path was refused, in a word.
    pub refused: Cell<Option<&'static str>>,
    pub status: Cell<Option<StatusCode>>,
}

impl<'a> Entry<'a> {
    /// Where the request belongs, if it is ours.
    pub fn belongs(&self, place: Option<&'a Place>, head: &Parts) {
        self.place.set(place);
        if let (None, Some(host)) = (place, head.headers.get(HOST)) {
            drop(self.host.set(host.clone()));
        }
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        let place = self.place.get();
        let written = || self.uri.host().map(str::as_bytes).or(self.host.get().map(HeaderValue::as_bytes));
        let unanswered = || StatusCode::from_u16(GONE).ok().filter(|_| !std::thread::panicking());
        let now = self.log.clock.now();
        let who = self.session.get().map(|session| session.identity());
        self.log.write(&Line {
            time: now,
            client: self.client,
            address: self.address,
            method: &self.method,
            whose: place.map_or_else(|| Whose::Unknown(written().unwrap_or_default()), |place| Whose::Ours(&place.text)),
            path: call_path::without_token(self.uri.path()),
            status: self.status.get().or_else(unanswered).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            duration: now.since(self.started),
            user: who.as_ref().map(|who| who.name()),
            version: self.version,
            trace: self.trace.get(),
            refused: self.refused.get(),
        });
    }
}

/// A buffer is handed on when it holds as much, in bytes, or after a second.
const FULL: usize = 64 << 10;
/// A line is seldom longer.
const LINE_MOST: usize = 2 << 10;
const EVERY: Duration = Duration::from_secs(1);
