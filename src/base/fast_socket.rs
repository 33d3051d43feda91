//! A socket that HTTP asks over and over whether something has come. The runtime takes a lock for each such question; once it has promised
//! to wake whoever asked, asking again costs nothing here. What is sent goes to the kernel without the detour of the C library, whose
//! functions make every call of a program with threads a place where that thread could be cancelled.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use rustix::io::writev;
use rustix::net::{SendFlags, send};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

use crate::base::files::OpenFile;

/// A TCP connection. Reads and writes as it does.
#[derive(Debug)]
pub struct FastSocket {
    stream: TcpStream,
    /// Who asked last.
    waker: Option<Waker>,
    /// The runtime will wake them when something comes: nothing had, and nothing was read since.
    promised: bool,
    /// Where connections are counted.
    _file: Option<OpenFile>,
}

impl FastSocket {
    pub fn new(stream: TcpStream) -> Self {
        Self { stream, waker: None, promised: false, _file: None }
    }

    /// The same for one that is counted as long as it is open.
    pub fn counted(stream: TcpStream, file: Option<OpenFile>) -> Self {
        Self { _file: file, ..Self::new(stream) }
    }

    pub fn get_ref(&self) -> &TcpStream {
        &self.stream
    }

    /// Ready once something has come, an end or an error among it; else whoever asks is woken then.
    pub fn poll_arrival(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.asked(context, |stream, context| stream.poll_read_ready(context))
    }

    /// What `send` says once the socket takes something. It is asked to at once: mostly there is room.
    fn sent(&self, context: &mut Context<'_>, send: impl Fn(&TcpStream) -> rustix::io::Result<usize>) -> Poll<io::Result<usize>> {
        loop {
            match self.stream.try_io(Interest::WRITABLE, || Ok(send(&self.stream)?)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => ready!(self.stream.poll_write_ready(context))?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return Poll::Ready(result),
            }
        }
    }

    fn asked<T>(
        &mut self,
        context: &mut Context<'_>,
        ask: impl FnOnce(&mut TcpStream, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let is_same = self.waker.as_ref().is_some_and(|waker| waker.will_wake(context.waker()));
        // A look without a lock; nothing is read.
        if self.promised && is_same && self.stream.try_io(Interest::READABLE, || Ok(())).is_err() {
            return Poll::Pending;
        }
        // A task that has done much gets nothing more in this turn, and no promise either.
        let is_answered = tokio::task::coop::has_budget_remaining();
        let answer = ask(&mut self.stream, context);
        self.promised = answer.is_pending() && is_answered;
        if self.promised && !is_same {
            self.waker = Some(context.waker().clone());
        }
        answer
    }
}

impl AsyncRead for FastSocket {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.asked(context, |stream, context| Pin::new(stream).poll_read(context, buffer))
    }
}

impl AsyncWrite for FastSocket {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.sent(context, |stream| send(stream, bytes, SendFlags::NOSIGNAL))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match slices {
            [alone] => self.sent(context, |stream| send(stream, alone, SendFlags::NOSIGNAL)),
            _ => self.sent(context, |stream| writev(stream, slices)),
        }
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

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;
    use std::time::Duration;

    use futures_util::FutureExt;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::time::timeout;

    use super::*;
    use crate::base::eventually::eventually;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    async fn pair() -> (FastSocket, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (peer, accepted) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
        (FastSocket::new(accepted.unwrap().0), peer.unwrap())
    }

    /// What one read brings, asked with this waker.
    fn read(socket: &mut FastSocket, count: &Arc<Count>) -> Option<Vec<u8>> {
        let waker = Waker::from(Arc::clone(count));
        let mut bytes = [0; 100];
        let mut buffer = ReadBuf::new(&mut bytes);
        match Pin::new(socket).poll_read(&mut Context::from_waker(&waker), &mut buffer) {
            Poll::Ready(result) => result.map(|()| Some(buffer.filled().to_vec())).unwrap(),
            Poll::Pending => None,
        }
    }

    /// The runtime has to hear of what has happened.
    async fn woken(count: &Count, times: usize) {
        eventually(format!("woken {times} times"), async || count.0.load(Ordering::Relaxed) == times).await;
    }

    #[tokio::test]
    async fn whoever_asks_often_is_woken_each_time_something_comes() {
        let (mut socket, mut peer) = pair().await;
        let count = Arc::<Count>::default();
        for turn in 1..=3 {
            for _ in 0..5 {
                assert_eq!(read(&mut socket, &count), None);
            }
            peer.write_all(b"x").await.unwrap();
            woken(&count, turn).await;
            assert_eq!(read(&mut socket, &count), Some(b"x".to_vec()));
        }
        assert_eq!(read(&mut socket, &count), None);
        drop(peer);
        woken(&count, 4).await;
        assert_eq!(read(&mut socket, &count), Some(Vec::new()), "its end");
    }

    #[tokio::test]
    async fn whoever_asks_last_is_woken() {
        let (mut socket, mut peer) = pair().await;
        let (first, second) = (Arc::<Count>::default(), Arc::<Count>::default());
        assert_eq!(read(&mut socket, &first), None);
        assert_eq!(read(&mut socket, &first), None);
        assert_eq!(read(&mut socket, &second), None);
        peer.write_all(b"x").await.unwrap();
        woken(&second, 1).await;
        assert_eq!(first.0.load(Ordering::Relaxed), 0);
    }

    /// The runtime says "not now" to a task that has done much in one turn, and does not note who asked.
    #[tokio::test]
    async fn who_was_put_off_is_not_forgotten() {
        let (mut socket, mut peer) = pair().await;
        let (asked, is_asked) = tokio::sync::oneshot::channel();
        peer.write_all(b"x").await.unwrap();
        let reading = tokio::spawn(async move {
            let mut bytes = [0; 10];
            // Less than there is room for: the runtime knows that there is no more.
            assert_eq!(socket.read(&mut bytes).await.unwrap(), 1);
            while tokio::task::coop::has_budget_remaining() {
                assert_eq!(tokio::task::coop::consume_budget().now_or_never(), Some(()));
            }
            assert!(poll_fn(|context| Poll::Ready(socket.poll_arrival(context))).await.is_pending());
            asked.send(()).unwrap();
            socket.read(&mut bytes).await.unwrap()
        });
        // On this one thread the task has asked again and waits.
        is_asked.await.unwrap();
        peer.write_all(b"x").await.unwrap();
        assert_eq!(timeout(Duration::from_secs(10), reading).await.expect("nobody wakes it").unwrap(), 1);
    }
}
