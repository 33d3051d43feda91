//! A client's socket under watch: counts what comes in, and listens for a moment after the last that we say.

use std::io::{self, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;
use tokio_rustls::server::TlsStream;

use crate::server::connection::Traffic;
use crate::server::slots::Place;
use crate::server::socket::own_words::{Instead, OwnWords};
use crate::server::socket::ticket_coalescing::Together;
use crate::server::socket::write_timeout::Impatient;

/// `S` with its place, so that the place is held as long as the socket, tunnels included. `Send`, because hyper's upgrades ask for it.
#[derive(Debug)]
pub(in crate::server) struct Watched<S> {
    inner: S,
    traffic: Arc<Traffic>,
    /// Runs after the last byte was sent, until the client has closed its side as well.
    lingering: Option<Pin<Box<Sleep>>>,
    /// The last read found nothing.
    dry: bool,
    instead: Instead,
    _place: Place,
}

impl<S> Watched<S> {
    /// Counts in `traffic` what it reads.
    pub fn new(inner: S, traffic: Arc<Traffic>, place: Place) -> Self {
        Self { inner, traffic, lingering: None, dry: false, instead: Instead::default(), _place: place }
    }

    /// The same, which writes these in place of what the library says by itself.
    pub fn in_own_words(self, words: OwnWords) -> Self {
        Self { instead: Instead::new(words), ..self }
    }
}

impl Watched<TlsStream<Together>> {
    /// Encrypts into the session's buffer and sends nothing; how many bytes it took, none when it is full.
    pub fn encrypt(&mut self, slices: &[io::IoSlice<'_>]) -> io::Result<usize> {
        self.inner.get_mut().1.writer().write_vectored(slices)
    }
}

/// What can tell, for less than a read costs, that nothing has come in since a read found nothing.
pub(in crate::server) trait Awaited {
    fn poll_arrival(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>>;
}

impl Awaited for Impatient {
    fn poll_arrival(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_arrival(context)
    }
}

impl Awaited for TlsStream<Together> {
    fn poll_arrival(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().0.poll_arrival(context)
    }
}

impl<S: AsyncRead + Awaited + Unpin> AsyncRead for Watched<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        // hyper asks several times for each request, so that it learns at once of a client that goes away.
        if self.dry {
            ready!(self.inner.poll_arrival(context))?;
        }
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.inner).poll_read(context, buffer);
        self.dry = result.is_pending();
        let count = buffer.filled().len() - before;
        if count > 0 {
            self.traffic.came(count);
        }
        result
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let Self { inner, instead, .. } = &mut *self;
        if let Some(written) = instead.poll(bytes, |own| Pin::new(&mut *inner).poll_write(context, own)) {
            return written;
        }
        Pin::new(inner).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let Self { inner, instead, .. } = &mut *self;
        if let [only] = slices
            && let Some(written) = instead.poll(only, |own| Pin::new(&mut *inner).poll_write(context, own))
        {
            return written;
        }
        Pin::new(inner).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    /// Says goodbye, then throws away for a moment what the client still sends: a socket that is closed with something unread is reset,
    /// and the reset can overtake our answer (a 413 in the middle of an upload; RFC 9112 section 9.6).
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.lingering.is_none() {
            ready!(Pin::new(&mut self.inner).poll_shutdown(context))?;
        }
        let this = &mut *self;
        let mut scratch = [0; 4096];
        loop {
            let mut buffer = ReadBuf::new(&mut scratch);
            let read = Pin::new(&mut this.inner).poll_read(context, &mut buffer);
            // Mostly the client has said goodbye before us, and no time needs to run.
            if matches!(&read, Poll::Ready(result) if result.is_err() || buffer.filled().is_empty()) {
                return Poll::Ready(Ok(()));
            }
            // Asked after every read: one who sends without a pause gets no more time than others.
            let time = if this.traffic.is_lingering() { LINGER_LONG } else { LINGER };
            let lingering = this.lingering.get_or_insert_with(|| Box::pin(tokio::time::sleep(time)));
            if lingering.as_mut().poll(context).is_ready() {
                return Poll::Ready(Ok(()));
            }
            if read.is_pending() {
                return Poll::Pending;
            }
        }
    }
}

const LINGER: Duration = Duration::from_secs(1);
/// The kernel may have some hundred KB still to send: a WINDOW_UPDATE that comes meanwhile must not reset the connection.
const LINGER_LONG: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::time::Instant;

    use tokio::io::AsyncWriteExt;

    use super::*;
    use crate::server::slots::Places;

    /// A client that sends without a pause and takes everything.
    struct Endless(tokio::io::Repeat);

    impl AsyncRead for Endless {
        fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.0).poll_read(context, buffer)
        }
    }

    impl AsyncWrite for Endless {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    impl Awaited for Endless {
        fn poll_arrival(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    #[expect(clippy::disallowed_methods, reason = "the goodbye runs by the machine's clock")]
    async fn a_client_that_sends_without_a_pause_is_left_after_a_moment() {
        let place = Places::new(1, 1).take(None, &Arc::new(AtomicUsize::new(0)), &Arc::default()).unwrap();
        let mut socket = Watched::new(Endless(tokio::io::repeat(1)), Arc::default(), place);
        let begun = Instant::now();
        let left = tokio::time::timeout(Duration::from_secs(10), tokio::spawn(async move { socket.shutdown().await }));
        left.await.expect("it is listened to for ever").unwrap().unwrap();
        assert!(begun.elapsed() >= LINGER, "what was on its way is taken");
    }
}
