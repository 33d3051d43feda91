//! Bodies on their way through, frame by frame: whoever reads sets the pace for whoever writes. Nothing is collected.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::Sleep;

use super::exchanges::Entry;
use super::header_scan::Facts;
use super::headers;
use super::request_body::{BodyError, is_open};
use super::upstream::Way;
use crate::base::Time;

/// What the application answers. Dropped before its end it closes the connection to the upstream; at its end that goes back to the pool.
#[derive(Debug)]
pub struct ProxyBody {
    /// Nothing once it is over. Boxed, because an answer is handed on from hand to hand.
    open: Option<Box<Answering>>,
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
        let mut body = Self { open: Some(Box::new(Answering { incoming, entry, way, begun })), broken: None };
        body.note_end();
        body
    }

    /// The end is noticed as early as possible: where the length is known nobody asks for a frame after the last one.
    fn note_end(&mut self) {
        if let Some(open) = self.open.take_if(|open| open.incoming.is_end_stream()) {
            open.way.give_back();
        }
    }

    /// The application broke off.
    fn breaks(&mut self, error: BodyError, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Some(open) = self.open.take() {
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

impl Body for ProxyBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Some(open) = &mut self.open else { return self.poll_broken(context) };
        let exchange = &open.entry.exchange;
        if let Some(cut) = exchange.watch_down(context) {
            self.open = None;
            return Poll::Ready(Some(Err(cut.into())));
        }
        let incoming = &mut open.incoming;
        let polled = open.way.wire.poll(context, |context| Pin::new(&mut *incoming).poll_frame(context));
        exchange.answer_waits(polled.is_ready());
        match polled {
            Poll::Pending => Poll::Pending,
            Poll::Ready(None) if open.way.wire.is_shared() && is_open(&open.incoming) => {
                self.breaks(BodyError::CutShort, context)
            }
            Poll::Ready(None) => {
                if let Some(open) = self.open.take() {
                    open.way.give_back();
                }
                Poll::Ready(None)
            }
            Poll::Ready(Some(Err(error))) => self.breaks(error.into(), context),
            Poll::Ready(Some(Ok(frame))) => {
                exchange.moved();
                exchange.client_took();
                self.note_end();
                Poll::Ready(Some(Ok(match frame.into_trailers() {
                    // gRPC needs them; they pass by the same rules as the head.
                    Ok(mut trailers) => {
                        let facts = Facts::of(&trailers);
                        headers::from_upstream(&mut trailers, facts, false, None);
                        Frame::trailers(trailers)
                    }
                    Err(frame) => frame,
                })))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.open.is_none() && self.broken.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let nothing = if self.broken.is_some() { SizeHint::default() } else { SizeHint::with_exact(0) };
        self.open.as_ref().map_or(nothing, |open| open.incoming.size_hint())
    }
}
