//! What a client sends, on its way through frame by frame, and what ends a body before its end.

use std::error::Error;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::exchanges::{Cut, Exchange};

/// A body ended before its end; the connection or stream that carries it is aborted.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    #[error("the session is over")]
    SessionOver,
    #[error("the client neither sent nor took anything for too long")]
    Stalled,
    #[error("the application did not answer in time")]
    TimedOut,
    #[error("the request's body is too large")]
    TooLarge,
    #[error("the client went away in the middle of its request")]
    Left,
    #[error("the client's request could not be read to its end")]
    Unreadable,
    #[error("nobody waits for it any more")]
    Finished,
    #[error("it stopped before its end")]
    CutShort,
    #[error("it broke off: {0}")]
    Broken(#[from] hyper::Error),
}

impl From<Cut> for BodyError {
    fn from(cut: Cut) -> Self {
        match cut {
            Cut::SessionOver => Self::SessionOver,
            Cut::Stalled => Self::Stalled,
            Cut::TimedOut => Self::TimedOut,
            Cut::TooLarge => Self::TooLarge,
            Cut::Left => Self::Left,
            Cut::Unreadable => Self::Unreadable,
            Cut::Finished => Self::Finished,
        }
    }
}

/// What the client sends, at most so much of it. Trailers end here: nobody needs them and they are a way around checks of the head.
#[derive(Debug)]
pub(super) struct RequestBody {
    /// None: without a body.
    incoming: Option<Incoming>,
    /// Whether it comes as HTTP/2.
    is_stream: bool,
    left: u64,
    /// It was read to its end.
    has_ended: bool,
    exchange: Rc<Exchange>,
}

impl RequestBody {
    pub fn new((incoming, is_stream): (Option<Incoming>, bool), most: u64, exchange: Rc<Exchange>) -> Self {
        Self { incoming, is_stream, left: most, has_ended: false, exchange }
    }

    /// Whether nothing more comes, though it is not at its end.
    fn is_cut_short(&self) -> bool {
        self.is_stream && self.incoming.as_ref().is_some_and(is_open)
    }
}

/// Of a body in HTTP/2 of which nothing more comes: no frame said END_STREAM (RFC 9113 section 8.1). To hyper a stream that was reset with
/// NO_ERROR is at its end all the same.
pub(super) fn is_open(incoming: &Incoming) -> bool {
    !incoming.is_end_stream()
}

/// Whether a body broke off because its connection did. What else there is to go wrong is in the body itself.
pub(super) fn is_end(error: &hyper::Error) -> bool {
    let mut causes = std::iter::successors(error.source(), |cause| (*cause).source());
    causes.find_map(|cause| cause.downcast_ref::<io::Error>()).is_some_and(|cause| {
        matches!(cause.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe)
    })
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Some(cut) = self.exchange.watch_up(context) {
            return Poll::Ready(Some(Err(cut.into())));
        }
        let Some(incoming) = &mut self.incoming else { return Poll::Ready(None) };
        let polled = Pin::new(incoming).poll_frame(context);
        self.exchange.upload_waits(polled.is_pending());
        let frame = match polled {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(None) if self.is_cut_short() => {
                self.exchange.cut(Cut::Left);
                return Poll::Ready(Some(Err(BodyError::CutShort)));
            }
            Poll::Ready(None) => {
                self.has_ended = true;
                return Poll::Ready(None);
            }
            Poll::Ready(Some(Ok(frame))) => frame,
            Poll::Ready(Some(Err(error))) => {
                self.exchange.cut(if is_end(&error) { Cut::Left } else { Cut::Unreadable });
                return Poll::Ready(Some(Err(error.into())));
            }
        };
        self.exchange.moved();
        self.exchange.client_sent();
        let Ok(data) = frame.into_data() else {
            self.has_ended = true;
            return Poll::Ready(None);
        };
        match self.left.checked_sub(data.len() as u64) {
            Some(left) => {
                self.left = left;
                Poll::Ready(Some(Ok(Frame::data(data))))
            }
            None => {
                self.exchange.cut(Cut::TooLarge);
                Poll::Ready(Some(Err(BodyError::TooLarge)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        if !self.has_ended && !self.is_end_stream() {
            self.exchange.upload_is_cut_off();
        }
        self.exchange.upload_is_over();
    }
}
