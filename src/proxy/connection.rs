//! One connection to a server. Over HTTP/1.1 it is polled by whoever has an exchange on it: there is no task between a request and its upstream,
//! so nothing is queued, and nothing is woken but the client's own connection.
//!
//! hyper's connection and the channels between it and its request wake each other all the time. Those wakes go through a [`Relay`]:
//! while the connection is being polled they only mean "once more", and on an idle connection they reach nobody.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use futures_util::TryFutureExt;
use futures_util::future::LocalBoxFuture;
use futures_util::task::AtomicWaker;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::{http1, http2};

use super::request_body::RequestBody;
use super::server_socket::{Sent as Written, Will};
use super::streams::Stream;

/// Always boxed: from the pool it goes into a request, into its answer and back. Dropping it closes the connection, or ends its stream where others share the connection.
pub(super) struct Wire {
    sender: Sender,
    /// Nothing once it has ended, or has been given to a task.
    connection: Option<LocalBoxFuture<'static, hyper::Result<()>>>,
    relay: Arc<Relay>,
    waker: Waker,
    /// What the connection leaves behind; nothing where others share it.
    will: Option<Will>,
    /// Reads answers with more than a hundred fields.
    pub is_wide: bool,
    /// How long the server keeps it open without a request, where it says so (`Keep-Alive`, RFC 9112 section 9.3).
    pub rest: Option<Duration>,
}

#[derive(Debug)]
enum Sender {
    Own(http1::SendRequest<RequestBody>),
    /// HTTP/2; the connection has a task of its own.
    Shared(http2::SendRequest<RequestBody>, #[expect(dead_code, reason = "counts as long as it is here")] Stream),
}

impl Wire {
    pub fn new(
        sender: http1::SendRequest<RequestBody>,
        connection: impl Future<Output = hyper::Result<()>> + 'static,
        will: Will,
    ) -> Box<Self> {
        Self::with(Sender::Own(sender), Some(Box::pin(connection)), Some(will))
    }

    pub fn shared(sender: http2::SendRequest<RequestBody>, stream: Stream) -> Box<Self> {
        Self::with(Sender::Shared(sender, stream), None, None)
    }

    fn with(sender: Sender, connection: Option<LocalBoxFuture<'static, hyper::Result<()>>>, will: Option<Will>) -> Box<Self> {
        let relay = Arc::<Relay>::default();
        let waker = Waker::from(Arc::clone(&relay));
        Box::new(Self { sender, connection, relay, waker, will, is_wide: false, rest: None })
    }

    pub fn is_shared(&self) -> bool {
        matches!(self.sender, Sender::Shared(..))
    }

    /// Hands over a request; what is returned moves only while it is polled by [`poll`](Self::poll). Boxed, and its error too: both are large
    /// and handed from hand to hand.
    pub fn send(&mut self, request: Request<RequestBody>) -> LocalBoxFuture<'static, Sent> {
        match &mut self.sender {
            Sender::Own(sender) => Box::pin(sender.try_send_request(request).map_err(Box::new)),
            Sender::Shared(sender, _) => Box::pin(sender.try_send_request(request).map_err(Box::new)),
        }
    }

    /// Polls something that waits for this connection, and the connection as long as that brings it further.
    pub fn poll<T>(&mut self, context: &Context<'_>, mut wanted: impl FnMut(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
        self.relay.outer.register(context.waker());
        let inner = &mut Context::from_waker(&self.waker);
        self.relay.held.store(true, Ordering::Relaxed);
        let mut polled = wanted(inner);
        let mut rounds = 0;
        let again = loop {
            if polled.is_ready() {
                break false;
            }
            if rounds == ROUNDS {
                break true;
            }
            rounds += 1;
            self.relay.again.store(false, Ordering::Relaxed);
            drive(&mut self.connection, inner);
            polled = wanted(inner);
            if !self.relay.again.load(Ordering::Relaxed) {
                break false;
            }
        };
        self.relay.held.store(false, Ordering::Relaxed);
        if again {
            context.waker().wake_by_ref();
        }
        polled
    }

    /// From now on the connection moves by itself: for a request that is still being sent when its answer has begun.
    pub fn detach(&mut self) {
        if let Some(connection) = self.connection.take() {
            // Ends with its sender, its peer or the core's runtime; who waits for it learns of errors through the sender.
            drop(tokio::task::spawn_local(async move { said(connection.await) }));
        }
    }

    /// Until the connection has ended, which it does when it is switched to another protocol.
    pub async fn ended(&mut self) {
        poll_fn(|context| {
            let Some(connection) = &mut self.connection else { return Poll::Ready(()) };
            connection.as_mut().poll(context).map(said)
        })
        .await;
        self.connection = None;
    }

    /// Takes in what has happened since: the server may have closed it. Then whether it can carry another exchange.
    pub fn is_ready(&mut self) -> bool {
        if !self.sender_is_ready() {
            drive(&mut self.connection, &mut Context::from_waker(&self.waker));
        }
        self.connection.is_some() && self.sender_is_ready()
    }

    /// The same for one that has been idle for a while.
    pub fn is_alive(&mut self) -> bool {
        drive(&mut self.connection, &mut Context::from_waker(&self.waker));
        self.connection.is_some() && self.sender_is_ready()
    }

    fn sender_is_ready(&self) -> bool {
        match &self.sender {
            Sender::Own(sender) => sender.is_ready(),
            Sender::Shared(sender, _) => sender.is_ready(),
        }
    }

    /// Closes the connection; what was written to it since its last answer, where that is known.
    pub fn unanswered(&mut self) -> Option<&Written> {
        self.connection = None;
        self.will.as_ref()?.get()
    }

    /// Nobody is to be woken by it any more.
    pub fn rest(&self) {
        drop(self.relay.outer.take());
    }
}

pub(super) type Sent = Result<Response<Incoming>, Box<TrySendError<Request<RequestBody>>>>;

/// A connection that has ended is dropped at once: only then does hyper give back a request that it has not begun to send.
fn drive(connection: &mut Option<LocalBoxFuture<'static, hyper::Result<()>>>, context: &mut Context<'_>) {
    if let Some(open) = connection
        && let Poll::Ready(result) = Pin::new(open).poll(context)
    {
        said(result);
        *connection = None;
    }
}

fn said(result: hyper::Result<()>) {
    if let Err(error) = result {
        tracing::debug!(%error, "a connection to an upstream ended early");
    }
}

/// Passes wakes on to the task that has an exchange on the connection. Only ever used on one core; atomics because wakers ask for it.
#[derive(Default)]
struct Relay {
    outer: AtomicWaker,
    held: AtomicBool,
    again: AtomicBool,
}

impl Wake for Relay {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.held.load(Ordering::Relaxed) {
            self.again.store(true, Ordering::Relaxed);
        } else {
            self.outer.wake();
        }
    }
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Wire").field("sender", &self.sender).finish_non_exhaustive()
    }
}

/// So often a connection is polled in one go; then others on this core have their turn.
const ROUNDS: u32 = 16;
