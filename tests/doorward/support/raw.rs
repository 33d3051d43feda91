//! Sockets whose bytes the test itself writes and reads, on either side of the door.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;

use super::client::Client;

/// Longer than anything takes that a test waits for.
const SOON: Duration = Duration::from_secs(10);

/// One connection, and what was read of it and not yet asked for.
pub struct Raw<S> {
    pub stream: S,
    kept: Vec<u8>,
}

/// A client's connection, HTTP/1.1 over TLS.
pub async fn client(browser: &Client) -> Raw<TlsStream<TcpStream>> {
    Raw { stream: browser.tls("http/1.1").await, kept: Vec::new() }
}

/// An application that answers by hand.
pub struct Application {
    listener: TcpListener,
    pub address: SocketAddr,
}

impl Application {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        Self { listener, address }
    }

    /// The next connection to it.
    pub async fn accept(&self) -> Raw<TcpStream> {
        let (stream, _) = timeout(SOON, self.listener.accept()).await.expect("nobody comes").unwrap();
        Raw { stream, kept: Vec::new() }
    }

    /// Whether nobody has come.
    pub async fn is_alone(&self) -> bool {
        timeout(Duration::from_millis(100), self.listener.accept()).await.is_err()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Raw<S> {
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        timeout(SOON, self.stream.write_all(bytes.as_ref())).await.expect("it is not taken").unwrap();
        self.stream.flush().await.unwrap();
    }

    /// Up to the blank line and with it.
    pub async fn head(&mut self) -> String {
        self.until("\r\n\r\n").await
    }

    /// Up to this text and with it.
    pub async fn until(&mut self, text: &str) -> String {
        loop {
            if let Some(place) = self.kept.windows(text.len()).position(|window| window == text.as_bytes()) {
                let found = self.kept.drain(..place + text.len()).collect();
                return String::from_utf8(found).unwrap();
            }
            assert!(self.more().await, "it ended before {text:?}: {:?}", String::from_utf8_lossy(&self.kept));
        }
    }

    pub async fn exactly(&mut self, length: usize) -> Vec<u8> {
        while self.kept.len() < length {
            assert!(self.more().await, "it ended after {} bytes of {length}", self.kept.len());
        }
        self.kept.drain(..length).collect()
    }

    /// What comes before the end.
    pub async fn rest(&mut self) -> Vec<u8> {
        while self.more().await {}
        std::mem::take(&mut self.kept)
    }

    /// Whether nothing comes for a moment.
    pub async fn is_silent(&mut self) -> bool {
        let mut byte = [0];
        self.kept.is_empty() && timeout(Duration::from_millis(200), self.stream.read(&mut byte)).await.is_err()
    }

    /// Whether there was more before the end.
    async fn more(&mut self) -> bool {
        let mut buffer = vec![0; 64 * 1024];
        let count = timeout(SOON, self.stream.read(&mut buffer)).await.expect("nothing comes").unwrap_or(0);
        self.kept.extend_from_slice(&buffer[..count]);
        count > 0
    }
}
