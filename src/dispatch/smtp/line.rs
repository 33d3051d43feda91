//! The connection to a relay: commands out, answers in, and from plain to TLS in between.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_rustls::TlsConnector;

use super::reply::{NotSmtp, Parser, Reply};

trait Io: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

/// No wait in here has a limit of its own: whoever leads the conversation sets one for all of it.
pub(super) struct Line {
    io: Box<dyn Io>,
    /// What came with an answer and was not asked for yet.
    unread: VecDeque<u8>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum LineError {
    #[error("the relay closed the connection")]
    Closed,
    #[error("the connection broke: {0}")]
    Broken(#[from] io::Error),
    #[error(transparent)]
    NotSmtp(#[from] NotSmtp),
}

impl Line {
    pub fn new(io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Self {
        Self { io: Box::new(io), unread: VecDeque::new() }
    }

    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), LineError> {
        self.io.write_all(bytes).await?;
        Ok(self.io.flush().await?)
    }

    pub async fn reply(&mut self) -> Result<Reply, LineError> {
        let mut parser = Parser::default();
        loop {
            while let Some(byte) = self.unread.pop_front() {
                if let Some(reply) = parser.take(byte)? {
                    return Ok(reply);
                }
            }
            let mut chunk = [0; 1024];
            let count = self.io.read(&mut chunk).await?;
            if count == 0 {
                return Err(LineError::Closed);
            }
            self.unread.extend(chunk.get(..count).unwrap_or_default());
        }
    }

    /// Shakes hands for TLS. What came in the clear after the answer to STARTTLS was not said by the relay that shows its certificate
    /// (RFC 3207 section 6): then there is no handshake.
    pub async fn secure(self, host: &str, trust: &Arc<ClientConfig>) -> io::Result<Self> {
        if !self.unread.is_empty() {
            return Err(io::Error::other("the relay went on without TLS where TLS was to begin"));
        }
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        Ok(Self::new(TlsConnector::from(Arc::clone(trust)).connect(name, self.io).await?))
    }
}
