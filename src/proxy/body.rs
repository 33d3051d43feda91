//! Bodies on their way through, frame by frame: whoever reads sets the pace for whoever writes. Nothing is collected.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::Sleep;

use super::exchanges::{Abandon, Entry};
use super::header_scan::Facts;
use super::headers;
use super::request_body::{BodyError, is_open};
use super::upstream::Way;
use crate::base::Time;

/// What the application answers. Dropped before its end it closes the connection to the upstream; at its end that goes back to the pool.
#[derive(Debug)]
pub struct ProxyBody {
    /// Nothing once it is over. One pointer, because an answer is handed on from hand to hand.
    open: Option<Rc<Slot>>,
    /// It broke off, which is said in a moment.
    broken: Option<Box<Broken>>,
}

#[derive(Debug)]
struct Broken {
    moment: Pin<Box<Sleep>>,
    error: Option<BodyError>,
}

/// What came before the break is on its way to the client by then. Said at once, the break would overtake it, and of an answer of which
/// nothing came clients take the request for unanswered and send it again.
const MOMENT: Duration = Duration::from_millis(20);

#[derive(Debug)]
struct Answering {
    incoming: Incoming,
    entry: Entry,
    way: Way,
    begun: Time,
}

/// Where an answer is as long as it is open; empty once it was given up for somebody else who needs its place.
#[derive(Debug)]
struct Slot(RefCell<Option<Answering>>);

impl Abandon for Slot {
    fn abandon(&self) {
        // Not while it is being asked for a frame, which is on another task of the same core.
        let answering = self.0.try_borrow_mut().ok().and_then(|mut slot| slot.take());
        drop(answering);
    }
}

impl ProxyBody {
    /// Without a body: the answer that opens a tunnel.
    pub(super) fn empty() -> Self {
        Self { open: None, broken: None }
    }

    /// A request that is still being sent goes on without anybody asking for the answer: its connection gets a task of its own.
    pub(super) fn new(incoming: Incoming, entry: Entry, mut way: Way, begun: Time) -> Self {
        if !entry.exchange.is_upload_over() {
            way.wire.detach();
        }
        entry.exchange.answer_waits(true);
        let counted = entry.exchange.is_counted().then(|| Rc::clone(&entry.exchange));
        let slot = Rc::new(Slot(RefCell::new(Some(Answering { incoming, entry, way, begun }))));
        if let Some(exchange) = counted {
            let answer: Weak<Slot> = Rc::downgrade(&slot);
            exchange.has_answer(answer);
        }
        let mut body = Self { open: Some(slot), broken: None };
        body.note_end();
        body
    }

    /// What is open, to be dropped or given back.
    fn end(&mut self) -> Option<Answering> {
        self.open.take()?.0.take()
    }

    /// The end is noticed as early as possible: where the length is known nobody asks for a frame after the last one.
    fn note_end(&mut self) {
        let is_over = |slot: &Slot| slot.0.borrow().as_ref().is_some_and(|open| open.incoming.is_end_stream());
        if self.open.as_deref().is_some_and(is_over)
            && let Some(open) = self.end()
        {
            open.way.give_back();
        }
    }

    /// The application broke off.
    fn breaks(&mut self, error: BodyError, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Some(open) = self.end() {
            open.way.failed(open.begun, "it broke off an answer");
        }
        self.broken = Some(Box::new(Broken { moment: Box::pin(tokio::time::sleep(MOMENT)), error: Some(error) }));
        self.poll_broken(context)
    }

    fn poll_broken(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Some(broken) = &mut self.broken else { return Poll::Ready(None) };
        ready!(broken.moment.as_mut().poll(context));
        Poll::Ready(broken.error.take().map(Err))
    }
}

/// What became of an answer when it was asked for a frame.
enum Polled {
    Frame(Frame<Bytes>),
    End,
    /// The application broke off.
    Broken(BodyError),
    /// We did.
    Cut(BodyError),
}

impl Answering {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Polled> {
        let exchange = &self.entry.exchange;
        if let Some(cut) = exchange.watch_down(context) {
            return Poll::Ready(Polled::Cut(cut.into()));
        }
        let incoming = &mut self.incoming;
        let polled = self.way.wire.poll(context, |context| Pin::new(&mut *incoming).poll_frame(context));
        exchange.answer_waits(polled.is_ready());
        Poll::Ready(match ready!(polled) {
            None if self.way.wire.is_shared() && is_open(&self.incoming) => Polled::Broken(BodyError::CutShort),
            None => Polled::End,
            Some(Err(error)) => Polled::Broken(error.into()),
            Some(Ok(frame)) => {
                exchange.moved();
                exchange.client_took();
                Polled::Frame(match frame.into_trailers() {
                    // gRPC needs them; they pass by the same rules as the head.
                    Ok(mut trailers) => {
                        let facts = Facts::of(&trailers);
                        headers::from_upstream(&mut trailers, facts, false, None);
                        // It has been said how long the body is.
                        trailers.remove(CONTENT_LENGTH);
                        Frame::trailers(trailers)
                    }
                    Err(frame) => frame,
                })
            }
        })
    }
}

impl Body for ProxyBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Some(slot) = &self.open else { return self.poll_broken(context) };
        let polled = match slot.0.borrow_mut().as_mut() {
            Some(open) => ready!(open.poll(context)),
            None => Polled::Cut(BodyError::Stalled),
        };
        match polled {
            Polled::Cut(error) => {
                drop(self.end());
                Poll::Ready(Some(Err(error)))
            }
            Polled::Broken(error) => self.breaks(error, context),
            Polled::End => {
                if let Some(open) = self.end() {
                    open.way.give_back();
                }
                Poll::Ready(None)
            }
            Polled::Frame(frame) => {
                self.note_end();
                Poll::Ready(Some(Ok(frame)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.open.is_none() && self.broken.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let nothing = if self.broken.is_some() { SizeHint::default() } else { SizeHint::with_exact(0) };
        match &self.open {
            None => nothing,
            Some(slot) => slot.0.borrow().as_ref().map_or_else(SizeHint::default, |open| open.incoming.size_hint()),
        }
    }
}
