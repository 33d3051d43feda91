//! A socket that keeps back the last words of a TLS 1.3 handshake, the tickets (RFC 8446 section 4.6.1), until there is something to say with
//! them: one packet less for every connection, and a client that only connects and goes is not written to after it has gone.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::server::socket::write_timeout::Impatient;

/// Between TLS and the socket.
#[derive(Debug)]
pub(in crate::server) struct Together {
    stream: Impatient,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// The handshake: what is written goes out. Whether all of it is out.
    Shaking { is_out: bool },
    /// The handshake's end: what is written is kept.
    Keeping(Vec<u8>),
    /// The handshake is over; this goes out before what is written next.
    Kept(Vec<u8>),
    /// What is written goes out.
    Through,
}

impl Together {
    pub fn new(stream: Impatient) -> Self {
        Self { stream, stage: Stage::Shaking { is_out: true } }
    }

    /// Ready once something has come; else whoever asks is woken then.
    pub fn poll_arrival(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.poll_arrival(context)
    }

    /// From now on what is written is kept, until [`release`](Self::release). Not where something is still on its way out, as the client
    /// waits for that.
    pub fn keep(&mut self) {
        if let Stage::Shaking { is_out: true } = self.stage {
            self.stage = Stage::Keeping(Vec::new());
        }
    }

    /// The handshake is over: what is written goes out, after what was kept.
    pub fn release(&mut self) {
        self.stage = match std::mem::replace(&mut self.stage, Stage::Through) {
            Stage::Keeping(bytes) | Stage::Kept(bytes) if !bytes.is_empty() => Stage::Kept(bytes),
            _ => Stage::Through,
        };
    }

    /// While and after a handshake: once for a connection, so it may cost something.
    #[cold]
    fn poll_early(&mut self, context: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        match &mut self.stage {
            Stage::Through => self.poll_through(context, slices),
            Stage::Shaking { .. } => {
                let result = self.poll_through(context, slices);
                let all: usize = slices.iter().map(|slice| slice.len()).sum();
                self.stage = Stage::Shaking { is_out: matches!(result, Poll::Ready(Ok(count)) if count == all) };
                result
            }
            Stage::Keeping(bytes) => {
                let before = bytes.len();
                slices.iter().for_each(|slice| bytes.extend_from_slice(slice));
                Poll::Ready(Ok(bytes.len() - before))
            }
            Stage::Kept(_) => self.poll_with_kept(context, slices),
        }
    }

    fn poll_with_kept(&mut self, context: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        while let Stage::Kept(kept) = &mut self.stage {
            let all: Vec<_> = std::iter::once(&**kept).chain(slices.iter().map(|slice| &**slice)).map(IoSlice::new).collect();
            let count = ready!(Pin::new(&mut self.stream).poll_write_vectored(context, &all))?;
            let Some(theirs) = count.checked_sub(kept.len()) else {
                kept.drain(..count);
                continue;
            };
            self.stage = Stage::Through;
            if theirs > 0 || slices.is_empty() {
                return Poll::Ready(Ok(theirs));
            }
        }
        self.poll_through(context, slices)
    }

    fn poll_through(&mut self, context: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }
}

/// Who leaves in the middle of a handshake may have something to say about it: an alert.
impl Drop for Together {
    fn drop(&mut self) {
        if let Stage::Keeping(bytes) | Stage::Kept(bytes) = &self.stage
            && !bytes.is_empty()
        {
            drop(self.stream.get_ref().try_write(bytes));
        }
    }
}

impl AsyncRead for Together {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Together {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.stage {
            Stage::Through => self.poll_through(context, slices),
            _ => self.poll_early(context, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// What is kept waits for company.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.release();
        if let Stage::Kept(_) = self.stage {
            ready!(self.poll_with_kept(context, &[]))?;
        }
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::time::timeout;

    use super::*;

    async fn pair() -> (Together, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (peer, accepted) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
        (Together::new(Impatient::new(accepted.unwrap().0, Arc::default())), peer.unwrap())
    }

    /// All that has come so far; enough time for what is on its way on this machine.
    async fn come(peer: &mut TcpStream) -> String {
        let mut bytes = [0; 1000];
        match timeout(Duration::from_millis(100), peer.read(&mut bytes)).await {
            Ok(count) => String::from_utf8_lossy(&bytes[..count.unwrap()]).into_owned(),
            Err(_) => String::new(),
        }
    }

    #[tokio::test]
    async fn what_ends_the_handshake_goes_with_what_comes_next() {
        let (mut socket, mut peer) = pair().await;
        socket.write_all(b"hello").await.unwrap();
        assert_eq!(come(&mut peer).await, "hello");
        socket.keep();
        socket.write_all(b"tick").await.unwrap();
        socket.write_all(b"ets, ").await.unwrap();
        socket.flush().await.unwrap();
        socket.release();
        socket.flush().await.unwrap();
        assert_eq!(come(&mut peer).await, "");
        assert_eq!(socket.write(b"answer").await.unwrap(), 6);
        assert_eq!(come(&mut peer).await, "tickets, answer");
        assert_eq!(socket.write_vectored(&[IoSlice::new(b"an"), IoSlice::new(b"other")]).await.unwrap(), 7);
        assert_eq!(come(&mut peer).await, "another");
    }

    #[tokio::test]
    async fn a_goodbye_and_an_alert_take_along_what_is_kept() {
        let (mut socket, mut peer) = pair().await;
        socket.keep();
        socket.write_all(b"tickets").await.unwrap();
        socket.release();
        socket.shutdown().await.unwrap();
        assert_eq!(come(&mut peer).await, "tickets");
        assert_eq!(peer.read(&mut [0; 1]).await.unwrap(), 0, "and then its end");
        let (mut socket, mut peer) = pair().await;
        socket.keep();
        socket.write_all(b"alert").await.unwrap();
        drop(socket);
        assert_eq!(come(&mut peer).await, "alert");
    }

    #[tokio::test]
    async fn nothing_is_kept_that_the_client_still_waits_for() {
        let (mut socket, mut peer) = pair().await;
        let flight = vec![b'x'; 64 << 20];
        // More than all buffers on the way take, so some of it stays behind.
        let taken = socket.write(&flight).await.unwrap();
        assert!(taken < flight.len());
        socket.keep();
        let rest = flight.len() - taken;
        let (written, read) = tokio::join!(socket.write_all(&flight[taken..]), async {
            let mut bytes = vec![0; flight.len()];
            peer.read_exact(&mut bytes).await
        });
        written.unwrap();
        assert_eq!(read.unwrap(), taken + rest);
    }

    #[tokio::test]
    async fn a_client_that_takes_little_at_a_time_gets_everything_in_order() {
        let (mut socket, mut peer) = pair().await;
        socket.keep();
        let tickets = vec![b't'; 32 << 20];
        socket.write_all(&tickets).await.unwrap();
        socket.release();
        let reading = async {
            let mut bytes = Vec::new();
            peer.read_to_end(&mut bytes).await.unwrap();
            bytes
        };
        let writing = async {
            socket.write_all(b"answer").await.unwrap();
            drop(socket);
        };
        let ((), bytes) = tokio::join!(writing, reading);
        assert_eq!(bytes.len(), tickets.len() + 6);
        assert!(bytes.ends_with(b"tanswer"));
    }
}
