//! A client's socket that gives up on a client who takes nothing. It stands below TLS: what TLS takes into its own buffers has gone nowhere.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

use crate::base::fast_socket::FastSocket;
use crate::server::connection::Traffic;

/// Reads as the socket does. A write that waits longer than [`WRITE_STALL`] becomes an error, and then the socket is reset.
#[derive(Debug)]
pub(in crate::server) struct Impatient {
    stream: FastSocket,
    /// Runs while a write waits for the client; made at the first such wait, which most connections never see.
    stalled: Option<Pin<Box<Sleep>>>,
    traffic: Arc<Traffic>,
}

impl Impatient {
    /// Tells the sweep by `traffic` that a write waits.
    pub fn new(stream: TcpStream, traffic: Arc<Traffic>) -> Self {
        Self { stream: FastSocket::new(stream), stalled: None, traffic }
    }

    pub fn get_ref(&self) -> &TcpStream {
        self.stream.get_ref()
    }

    /// Ready once something has come; else whoever asks is woken then.
    pub fn poll_arrival(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.poll_arrival(context)
    }

    fn judged(&mut self, result: Poll<io::Result<usize>>, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        match result {
            Poll::Ready(_) if self.stalled.is_none() => result,
            Poll::Ready(_) => {
                self.stalled = None;
                self.traffic.waits(false);
                result
            }
            Poll::Pending => self.judged_waiting(context),
        }
    }

    #[cold]
    fn judged_waiting(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let traffic = &self.traffic;
        let stalled = self.stalled.get_or_insert_with(|| {
            traffic.waits(true);
            Box::pin(tokio::time::sleep(WRITE_STALL))
        });
        ready!(stalled.as_mut().poll(context));
        // Closed as others are, the kernel would keep for minutes what nobody takes: megabytes of each.
        let _ = SockRef::from(self.stream.get_ref()).set_linger(Some(Duration::ZERO));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client does not read")))
    }
}

impl Drop for Impatient {
    fn drop(&mut self) {
        if self.traffic.is_given_up() {
            // What the kernel holds of a connection that was given up for want of memory must not outlive it.
            let _ = SockRef::from(self.stream.get_ref()).set_linger(Some(Duration::ZERO));
        }
    }
}

impl AsyncRead for Impatient {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Impatient {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.judged(result, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.judged(result, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

const WRITE_STALL: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::time::timeout;

    use super::*;

    const PIECE: &[u8] = &[b'x'; 64 * 1024];

    /// A socket whose peer has taken nothing until neither side's kernel takes more.
    async fn full() -> (Impatient, Arc<Traffic>, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (peer, accepted) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
        let traffic = Arc::<Traffic>::default();
        let mut socket = Impatient::new(accepted.unwrap().0, Arc::clone(&traffic));
        while timeout(Duration::from_millis(100), socket.write(PIECE)).await.is_ok_and(|count| count.unwrap() > 0) {
            assert!(!traffic.is_waiting());
        }
        assert!(traffic.is_waiting());
        (socket, traffic, peer.unwrap())
    }

    #[tokio::test]
    async fn who_takes_nothing_for_a_minute_is_left_and_keeps_nothing_of_us() {
        let (mut socket, _, mut peer) = full().await;
        assert!(timeout(Duration::from_millis(100), socket.write(PIECE)).await.is_err(), "its minute goes on");
        let minute = socket.stalled.as_mut().unwrap();
        let begun = minute.deadline() - WRITE_STALL;
        minute.as_mut().reset(begun);
        assert_eq!(socket.write(PIECE).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        drop(socket);
        let mut rest = Vec::new();
        assert_eq!(peer.read_to_end(&mut rest).await.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    }

    #[tokio::test]
    async fn who_takes_something_gets_another_minute() {
        let (mut socket, traffic, mut peer) = full().await;
        let (count, taken) = tokio::join!(socket.write(PIECE), async {
            let mut bytes = vec![0; 16 << 20];
            let mut taken = 0;
            while let Ok(count) = timeout(Duration::from_millis(100), peer.read(&mut bytes)).await {
                taken += count.unwrap();
            }
            taken
        });
        assert!(count.unwrap() > 0 && taken > 0);
        assert!(!traffic.is_waiting() && socket.stalled.is_none());
    }
}
