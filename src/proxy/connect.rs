//! A connection to a server: TCP, then TLS where the server has it, and the protocol that both agree on.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use http_body::Body;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ProtocolVersion};
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::either::Either;

use super::server_socket::{ServerSocket, Will};
use super::streams::STREAMS;
use crate::base::fast_socket::FastSocket;
use crate::base::files::OpenFile;
use crate::base::tls;
use crate::config;
use crate::config::upstream::{HeaderCase, Protocol, Server};

/// Where to, and how.
#[derive(Clone, Debug)]
pub(super) struct Target {
    host: String,
    port: u16,
    tls: Option<Arc<ClientConfig>>,
    /// What the server is called in its certificate.
    name: String,
    protocol: Protocol,
    header_case: HeaderCase,
}

pub(super) type Stream = Either<FastSocket, Box<TlsStream<FastSocket>>>;
pub(super) type Http1<B> = (http1::SendRequest<B>, http1::Connection<TokioIo<ServerSocket<Stream>>, B>, Will);

impl Target {
    /// `tls` is how this server is connected to; nothing where it has none.
    pub fn new(server: &Server, upstream: &config::application::Upstream, tls: Option<&Arc<ClientConfig>>) -> Self {
        let host = server.host.trim_matches(['[', ']']).to_owned();
        Self {
            name: upstream.server_name.as_deref().map_or_else(|| host.clone(), str::to_owned),
            host,
            port: server.port,
            tls: tls.cloned(),
            protocol: upstream.protocol,
            header_case: upstream.header_case,
        }
    }

    /// With the file that it takes, where they are counted.
    pub async fn stream(&self, file: Option<OpenFile>) -> io::Result<Stream> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        stream.set_nodelay(true)?;
        SockRef::from(&stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE))?;
        let stream = FastSocket::counted(stream, file);
        let Some(config) = &self.tls else { return Ok(Either::Left(stream)) };
        let name = ServerName::try_from(self.name.clone()).map_err(io::Error::other)?;
        let stream = TlsConnector::from(Arc::clone(config)).connect(name, stream).await.map_err(tls::explained)?;
        if self.protocol == Protocol::Http2 && stream.get_ref().1.alpn_protocol() != Some(b"h2") {
            return Err(io::Error::other("the server does not agree to h2 (ALPN)"));
        }
        Ok(Either::Right(Box::new(stream)))
    }

    /// A sender of HTTP/1.1, the connection that somebody has to poll, and what it leaves behind. `wide` where the server answers with
    /// more than a hundred fields: room for more is taken from the heap for every answer.
    pub async fn http1<B>(&self, wide: bool, file: Option<OpenFile>) -> io::Result<Http1<B>>
    where
        B: Body<Data: Send, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + 'static,
    {
        let mut builder = http1::Builder::new();
        // What the client spelled in no way of its own (HTTP/2, and what we add) is spelled as most programs did before HTTP/2.
        builder.preserve_header_case(self.header_case == HeaderCase::Keep);
        builder.title_case_headers(self.header_case != HeaderCase::Lower);
        // A blank before the colon is taken out (RFC 9112 section 5.1).
        builder.allow_spaces_after_header_name_in_responses(true);
        if wide {
            builder.max_headers(FIELDS_MOST);
        }
        let will = Will::default();
        let stream = ServerSocket::new(self.stream(file).await?, Arc::clone(&will));
        let (sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        Ok((sender, connection, will))
    }

    /// A sender of HTTP/2. The connection has a task of its own, because many exchanges share it; it ends with its senders, its peer
    /// or the core's runtime.
    pub async fn http2<B>(&self, file: Option<OpenFile>) -> io::Result<http2::SendRequest<B>>
    where
        B: Body<Data: Send, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Unpin + 'static,
    {
        let mut builder = http2::Builder::new(LocalTasks);
        builder.timer(TokioTimer::new()).keep_alive_interval(PING).keep_alive_timeout(PONG);
        builder.initial_stream_window_size(STREAM_WINDOW).initial_connection_window_size(CONNECTION_WINDOW);
        builder.max_header_list_size(HEAD);
        let (sender, connection) = builder.handshake(TokioIo::new(self.stream(file).await?)).await.map_err(io::Error::other)?;
        drop(tokio::task::spawn_local(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to an upstream ended early");
            }
        }));
        Ok(sender)
    }
}

/// The version of TLS that is spoken over this, as people write it; nothing without TLS.
pub(super) fn spoken(stream: &Stream) -> Option<String> {
    let Either::Right(stream) = stream else { return None };
    let version = stream.get_ref().1.protocol_version();
    Some(match version {
        Some(ProtocolVersion::TLSv1_2) => "TLS 1.2".to_owned(),
        Some(ProtocolVersion::TLSv1_3) => "TLS 1.3".to_owned(),
        other => format!("{other:?}"),
    })
}

/// Tasks of this core.
#[derive(Clone, Copy, Debug)]
struct LocalTasks;

impl<F: Future<Output = ()> + 'static> hyper::rt::Executor<F> for LocalTasks {
    fn execute(&self, future: F) {
        drop(tokio::task::spawn_local(future));
    }
}

const KEEPALIVE: Duration = Duration::from_secs(30);
/// While something is under way over HTTP/2.
const PING: Duration = Duration::from_secs(20);
const PONG: Duration = Duration::from_secs(10);
/// Of an answer, where more than the usual hundred are read.
const FIELDS_MOST: usize = 1000;
/// Bytes of an answer's head over HTTP/2.
const HEAD: u32 = 256 * 1024;
const STREAM_WINDOW: u32 = 256 << 10;
/// As much as all streams of a connection together: answers that their clients do not take must not stop those of others.
const CONNECTION_WINDOW: u32 = STREAMS * STREAM_WINDOW;
