//! Tunnels: after a 101 bytes go both ways unread, until the application has ended or a side breaks, the session is over, or nothing has
//! moved for an hour.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::HeaderValue;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};

use super::exchanges::{Entry, Exchange};
use super::frames::Frames;
use super::upstream::Way;

/// Why a request to switch protocols goes nowhere.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadUpgrade {
    #[error("a request to switch protocols must not have a body")]
    WithBody,
    #[error("CONNECT is not for us")]
    Connect,
}

/// Joins both sides once each has switched. The task ends with the tunnel, or with the core's runtime.
pub(super) fn join((client, upstream): (OnUpgrade, OnUpgrade), mut way: Way, entry: Entry, speech: Speech) {
    entry.exchange.is_tunnel();
    drop(tokio::task::spawn_local(async move {
        let both = tokio::time::timeout(SWITCH, async { tokio::join!(client, upstream, way.wire.ended()) }).await;
        match both {
            Ok((Ok(client), Ok(upstream), ())) => copy((client, upstream), &entry.exchange, speech).await,
            Ok((Err(error), ..) | (_, Err(error), _)) => tracing::debug!(%error, "a side did not switch protocols"),
            Err(_) => tracing::debug!("a side did not switch protocols in time"),
        }
    }));
}

async fn copy((client, upstream): (Upgraded, Upgraded), exchange: &Rc<Exchange>, speech: Speech) {
    let (from_client, mut to_client) = tokio::io::split(TokioIo::new(client));
    let (from_upstream, mut to_upstream) = tokio::io::split(TokioIo::new(upstream));
    let up = pass(Counted { inner: from_client, exchange, speech }, &mut to_upstream);
    let down = pass(Counted { inner: from_upstream, exchange, speech: Speech::Upstream }, &mut to_client);
    let cut = std::future::poll_fn(|context| match exchange.watch_down(context) {
        Some(cut) => Poll::Ready(cut),
        None => Poll::Pending,
    });
    tokio::select! {
        cut = cut => tracing::debug!(?cut, "a tunnel was cut"),
        ended = both(up, down) => tracing::debug!(?ended, "a tunnel ended"),
    }
    // What was copied has been flushed; say a proper goodbye where none was said, but do not wait long for it.
    let goodbye = async { tokio::join!(to_client.shutdown(), to_upstream.shutdown()) };
    drop(tokio::time::timeout(GOODBYE, goodbye).await);
}

/// One way to its end, and says so.
async fn pass(mut from: impl AsyncRead + Unpin, to: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
    tokio::io::copy(&mut from, to).await?;
    to.shutdown().await
}

/// Until the way down has ended or one of them breaks. A client that has said everything still hears the application; an application
/// that has has ended the tunnel, for what a client's socket says after our goodbye nobody reads.
async fn both(up: impl Future<Output = io::Result<()>>, down: impl Future<Output = io::Result<()>>) -> io::Result<()> {
    let mut down = std::pin::pin!(down);
    tokio::select! {
        ended = up => ended?,
        ended = &mut down => return ended,
    }
    tokio::time::timeout(HALF_OPEN, down).await?
}

/// Tells the sweep that something moved, and whether a user may be behind it.
struct Counted<'a, R> {
    inner: R,
    exchange: &'a Exchange,
    speech: Speech,
}

/// What comes one way through a tunnel, as far as it says something about the client's user.
pub(super) enum Speech {
    /// Nothing: it comes from the application.
    Upstream,
    /// From the client, in frames: those with data may be its user's doing, pings and pongs are its own.
    WebSocket(Frames),
    /// From the client, in a protocol that we do not read.
    Unknown,
}

impl Speech {
    /// Of a client that switched to this protocol.
    pub fn of(protocol: &HeaderValue) -> Self {
        if protocol == "websocket" { Self::WebSocket(Frames::default()) } else { Self::Unknown }
    }

    fn tells_of_user(&mut self, bytes: &[u8]) -> bool {
        match self {
            Self::Upstream => false,
            Self::WebSocket(frames) => frames.carry_data(bytes),
            Self::Unknown => !bytes.is_empty(),
        }
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Counted<'_, R> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.inner).poll_read(context, buffer);
        if result.is_ready() {
            self.exchange.moved();
            if buffer.filled().get(before..).is_some_and(|read| self.speech.tells_of_user(read)) {
                self.exchange.client_sent();
            }
        }
        result
    }
}

const SWITCH: Duration = Duration::from_secs(10);
/// For what the application may still have to say after the client has ended.
const HALF_OPEN: Duration = Duration::from_secs(60);
const GOODBYE: Duration = Duration::from_secs(2);
