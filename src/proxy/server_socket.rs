//! A connection to a server over HTTP/1.1, below hyper. It remembers the request that was written last, which hyper does not give back
//! once it has begun to send it; and a server that takes no more of a request does not hide the answer that it has sent before
//! (413 or 401 in the middle of an upload; RFC 9112 section 9.5).

use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What a connection leaves behind when it is dropped.
pub(super) type Will = Arc<OnceLock<Sent>>;

/// What was written since the answer before.
#[derive(Debug)]
pub(super) struct Sent {
    pub bytes: Vec<u8>,
    /// Something of its answer was read.
    pub is_answering: bool,
}

#[derive(Debug)]
pub(super) struct ServerSocket<S> {
    inner: S,
    /// Used again by the next request, so that it grows only with the first; cut at [`MOST`].
    sent: Vec<u8>,
    is_answering: bool,
    /// Nothing more can be written. What is written all the same goes nowhere: the end is told by the next read, behind what came before.
    is_deaf: bool,
    will: Will,
}

impl<S> ServerSocket<S> {
    pub fn new(inner: S, will: Will) -> Self {
        Self { inner, sent: Vec::new(), is_answering: false, is_deaf: false, will }
    }

    fn remember(&mut self, bytes: &[u8]) {
        if self.is_answering {
            self.is_answering = false;
            self.sent.clear();
        }
        let room = MOST.saturating_sub(self.sent.len());
        self.sent.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
    }

    /// Whether a write failed because the other side has gone.
    fn goes_deaf(&mut self, error: &io::Error) -> bool {
        self.is_deaf = matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted);
        self.is_deaf
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for ServerSocket<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.inner).poll_read(context, buffer);
        self.is_answering |= buffer.filled().len() > before;
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for ServerSocket<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.is_deaf {
            return Poll::Ready(Ok(bytes.len()));
        }
        let written = Pin::new(&mut self.inner).poll_write(context, bytes);
        match &written {
            Poll::Ready(Ok(count)) => self.remember(bytes.get(..*count).unwrap_or(bytes)),
            Poll::Ready(Err(error)) if self.goes_deaf(error) => return Poll::Ready(Ok(bytes.len())),
            _ => {}
        }
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let length = || slices.iter().map(|slice| slice.len()).sum();
        if self.is_deaf {
            return Poll::Ready(Ok(length()));
        }
        let written = Pin::new(&mut self.inner).poll_write_vectored(context, slices);
        match &written {
            Poll::Ready(Ok(count)) => {
                let mut left = *count;
                for slice in slices {
                    let taken = left.min(slice.len());
                    self.remember(slice.get(..taken).unwrap_or(slice));
                    left -= taken;
                }
            }
            Poll::Ready(Err(error)) if self.goes_deaf(error) => return Poll::Ready(Ok(length())),
            _ => {}
        }
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_deaf {
            return Poll::Ready(Ok(()));
        }
        let flushed = Pin::new(&mut self.inner).poll_flush(context);
        match flushed {
            // TLS may have taken what the socket does not.
            Poll::Ready(Err(error)) if self.goes_deaf(&error) => Poll::Ready(Ok(())),
            flushed => flushed,
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

impl<S> Drop for ServerSocket<S> {
    fn drop(&mut self) {
        if self.sent.len() < MOST {
            let sent = Sent { bytes: std::mem::take(&mut self.sent), is_answering: self.is_answering };
            // Set by nobody else.
            drop(self.will.set(sent));
        }
    }
}

/// A longer request is not remembered: bytes that an idle connection holds at most.
const MOST: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test]
    async fn what_was_written_since_the_last_answer_is_left_behind() {
        let (near, mut far) = duplex(64 * 1024);
        let will = Will::default();
        let mut socket = ServerSocket::new(near, Arc::clone(&will));
        socket.write_all(b"first").await.unwrap();
        far.write_all(b"answer").await.unwrap();
        socket.read_exact(&mut [0; 6]).await.unwrap();
        socket.write_all(b"sec").await.unwrap();
        socket.write_all(b"ond").await.unwrap();
        drop(socket);
        let sent = will.get().unwrap();
        assert_eq!((sent.bytes.as_slice(), sent.is_answering), (&b"second"[..], false));
    }

    #[tokio::test]
    async fn what_is_long_is_not_remembered() {
        let (near, _far) = duplex(64 * 1024);
        let will = Will::default();
        let mut socket = ServerSocket::new(near, Arc::clone(&will));
        socket.write_all(&vec![b'x'; MOST + 1]).await.unwrap();
        assert_eq!(socket.sent.len(), MOST);
        drop(socket);
        assert!(will.get().is_none());
    }

    #[tokio::test]
    async fn an_answer_is_read_though_nothing_more_is_taken() {
        let (near, mut far) = duplex(64);
        let mut socket = ServerSocket::new(near, Will::default());
        far.write_all(b"413").await.unwrap();
        drop(far);
        socket.write_all(&[b'x'; 1000]).await.unwrap();
        socket.flush().await.unwrap();
        let mut read = Vec::new();
        socket.read_to_end(&mut read).await.unwrap();
        assert_eq!(read, b"413");
    }
}
