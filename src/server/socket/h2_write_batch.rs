//! What HTTP/2 writes in one go leaves in one go. Its streams answer one by one, and each answer would be flushed by itself: a system
//! call and a packet for each. Here they are encrypted at once but kept until the connection has been polled to its end.

use std::cell::{Cell, RefCell};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::server::TlsStream;

use crate::server::socket::ticket_coalescing::Together;
use crate::server::socket::watched::Watched;

/// The side of the HTTP/2 connection. [`Outlet`] is the other side.
pub(in crate::server) struct Gathered(Rc<Shared>);

/// Lets out what has been gathered.
pub(in crate::server) struct Outlet(Rc<Shared>);

struct Shared {
    socket: RefCell<Watched<TlsStream<Together>>>,
    waiting: Cell<bool>,
}

/// Both sides of a socket.
pub(in crate::server) fn gather(socket: Watched<TlsStream<Together>>) -> (Gathered, Outlet) {
    let shared = Rc::new(Shared { socket: RefCell::new(socket), waiting: Cell::new(false) });
    (Gathered(Rc::clone(&shared)), Outlet(shared))
}

impl Outlet {
    /// Sends what is waiting. To be called whenever the connection has been polled, with the same context.
    pub fn poll_flush(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.0.waiting.get() {
            ready!(Pin::new(&mut *self.0.socket.borrow_mut()).poll_flush(context))?;
            self.0.waiting.set(false);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Gathered {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0.socket.borrow_mut()).poll_read(context, buffer)
    }
}

impl AsyncWrite for Gathered {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[io::IoSlice::new(bytes)])
    }

    /// The TLS session takes so many bytes; when it is full the socket decides how fast it goes on.
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut socket = self.0.socket.borrow_mut();
        loop {
            let taken = socket.encrypt(slices)?;
            if taken > 0 || slices.iter().all(|slice| slice.is_empty()) {
                self.0.waiting.set(true);
                return Poll::Ready(Ok(taken));
            }
            ready!(Pin::new(&mut *socket).poll_flush(context))?;
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0.socket.borrow_mut()).poll_shutdown(context)
    }
}
