//! Tunnels: after a 101 bytes go both ways unread, until either side ends, the session is over, or nothing has moved for an hour.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};

use super::running::{Entry, Exchange};

/// Why a WebSocket could not be opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadUpgrade {
    #[error("a request to switch protocols must not have a body")]
    WithBody,
    #[error("CONNECT is not for us")]
    Connect,
}

/// Joins both sides once each has switched. The task ends with the tunnel, or with the core's `LocalSet`.
pub(super) fn join(client: OnUpgrade, upstream: OnUpgrade, entry: Entry) {
    entry.exchange.is_tunnel();
    drop(tokio::task::spawn_local(async move {
        let both = tokio::time::timeout(SWITCH, async { tokio::try_join!(client, upstream) }).await;
        match both {
            Ok(Ok((client, upstream))) => copy(client, upstream, &entry.exchange).await,
            Ok(Err(error)) => tracing::debug!(%error, "a side did not switch protocols"),
            Err(_) => tracing::debug!("a side did not switch protocols in time"),
        }
    }));
}

async fn copy(client: Upgraded, upstream: Upgraded, exchange: &Rc<Exchange>) {
    let (from_client, mut to_client) = tokio::io::split(TokioIo::new(client));
    let (from_upstream, mut to_upstream) = tokio::io::split(TokioIo::new(upstream));
    let mut from_client = Counted { inner: from_client, exchange };
    let mut from_upstream = Counted { inner: from_upstream, exchange };
    let cut = std::future::poll_fn(|context| match exchange.watch_down(context) {
        Some(cut) => Poll::Ready(cut),
        None => Poll::Pending,
    });
    tokio::select! {
        cut = cut => tracing::debug!(?cut, "a tunnel was cut"),
        _ = tokio::io::copy(&mut from_client, &mut to_upstream) => {}
        _ = tokio::io::copy(&mut from_upstream, &mut to_client) => {}
    }
    // What was copied has been flushed; say a proper goodbye, but do not wait long for it.
    let goodbye = async { tokio::join!(to_client.shutdown(), to_upstream.shutdown()) };
    drop(tokio::time::timeout(GOODBYE, goodbye).await);
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
const GOODBYE: Duration = Duration::from_secs(2);
