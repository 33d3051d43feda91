//! Tunnels: after a 101 bytes go both ways unread, until the application has ended or a side breaks, the session is over, or nothing has
//! moved for an hour.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};

use super::exchanges::{Entry, Exchange};
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
pub(super) fn join(client: OnUpgrade, upstream: OnUpgrade, mut way: Way, entry: Entry) {
    entry.exchange.is_tunnel();
    drop(tokio::task::spawn_local(async move {
        let both = tokio::time::timeout(SWITCH, async { tokio::join!(client, upstream, way.wire.ended()) }).await;
        match both {
            Ok((Ok(client), Ok(upstream), ())) => copy(client, upstream, &entry.exchange).await,
            Ok((Err(error), ..) | (_, Err(error), _)) => tracing::debug!(%error, "a side did not switch protocols"),
            Err(_) => tracing::debug!("a side did not switch protocols in time"),
        }
    }));
}

async fn copy(client: Upgraded, upstream: Upgraded, exchange: &Rc<Exchange>) {
    let (from_client, mut to_client) = tokio::io::split(TokioIo::new(client));
    let (from_upstream, mut to_upstream) = tokio::io::split(TokioIo::new(upstream));
    let up = pass(Counted { inner: from_client, exchange }, &mut to_upstream);
    let down = pass(Counted { inner: from_upstream, exchange }, &mut to_client);
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

/// Tells the sweep that something moved.
struct Counted<'a, R> {
    inner: R,
    exchange: &'a Exchange,
}

impl<R: AsyncRead + Unpin> AsyncRead for Counted<'_, R> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.inner).poll_read(context, buffer);
        if result.is_ready() {
            self.exchange.moved();
        }
        result
    }
}

const SWITCH: Duration = Duration::from_secs(10);
/// For what the application may still have to say after the client has ended.
const HALF_OPEN: Duration = Duration::from_secs(60);
const GOODBYE: Duration = Duration::from_secs(2);
