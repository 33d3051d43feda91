//! A TLS client that trusts everybody (checking a certificate costs the load generator, not the proxy), and just enough HTTP/1.1.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CipherSuite, ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::Arguments;

pub type Failure = Box<dyn std::error::Error>;

/// Where to, and what to say there.
pub struct Target {
    address: SocketAddr,
    config: Arc<ClientConfig>,
    request: Vec<u8>,
}

impl Target {
    /// From `--port`, `--cookie`, `--path`, `--exchange x25519|hybrid`. AES-128 is named first, as browsers do. A target has a ticket
    /// store of its own where it may resume: one that is shared holds eight tickets a server and falls back to full handshakes without
    /// a word.
    pub fn new(arguments: &Arguments, resume: bool) -> Self {
        let group = match arguments.or("exchange", "x25519").as_str() {
            "hybrid" => aws_lc_rs::kx_group::X25519MLKEM768,
            _ => aws_lc_rs::kx_group::X25519,
        };
        let mut provider = CryptoProvider { kx_groups: vec![group], ..aws_lc_rs::default_provider() };
        provider.cipher_suites.sort_by_key(|suite| suite.suite() != CipherSuite::TLS13_AES_128_GCM_SHA256);
        let provider = Arc::new(provider);
        let config = ClientConfig::builder_with_provider(Arc::clone(&provider));
        let config = config.with_protocol_versions(&[&rustls::version::TLS13]).unwrap();
        let mut config = config.dangerous().with_custom_certificate_verifier(Arc::new(Anybody(provider))).with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config.resumption = if resume { Resumption::in_memory_sessions(32) } else { Resumption::disabled() };
        let port = u16::try_from(arguments.number("port")).unwrap();
        let head = format!(
            "GET {} HTTP/1.1\r\nHost: localhost\r\nCookie: {}\r\n\r\n",
            arguments.or("path", "/page"),
            arguments.or("cookie", "theme=dark")
        );
        Self { address: SocketAddr::from(([127, 0, 0, 1], port)), config: Arc::new(config), request: head.into_bytes() }
    }

    /// Connects from `127.0.1.(1 + number)`, so that ports which the kernel holds back for a minute do not run out.
    pub async fn connect(&self, number: usize) -> Result<Connection, Failure> {
        let socket = TcpSocket::new_v4()?;
        let last = u8::try_from(number % 250)? + 1;
        socket.bind(SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 1, last)), 0))?;
        let stream = socket.connect(self.address).await?;
        stream.set_nodelay(true)?;
        let name = ServerName::try_from("localhost")?;
        let stream = TlsConnector::from(Arc::clone(&self.config)).connect(name, stream).await?;
        Ok(Connection { stream, buffer: vec![0; 256 << 10], filled: 0 })
    }

    /// One request on a connection; the length of the answer's body.
    pub async fn ask(&self, connection: &mut Connection) -> Result<u64, Failure> {
        connection.stream.write_all(&self.request).await?;
        connection.stream.flush().await?;
        connection.answer().await
    }
}

pub struct Connection {
    pub stream: TlsStream<TcpStream>,
    buffer: Vec<u8>,
    filled: usize,
}

impl Connection {
    /// Whether the handshake took a ticket up.
    pub fn is_resumed(&self) -> bool {
        self.stream.get_ref().1.handshake_kind() == Some(rustls::HandshakeKind::Resumed)
    }

    /// Keeps only what an idle browser would.
    pub fn shrink(&mut self) {
        self.buffer = vec![0; 4096];
    }

    /// Reads one answer with status 200 and a length; says how long its body was. Nothing else counts as an answer.
    pub async fn answer(&mut self) -> Result<u64, Failure> {
        let (head, length) = loop {
            if let Some(end) = self.buffer[..self.filled].windows(4).position(|part| part == b"\r\n\r\n") {
                break (end + 4, length(&self.buffer[..end])?);
            }
            self.read().await?;
        };
        let mut missing = length.saturating_sub(u64::try_from(self.filled - head)?);
        while missing > 0 {
            self.filled = 0;
            let count = u64::try_from(self.read().await?)?;
            missing = missing.checked_sub(count).ok_or("more than was announced")?;
        }
        self.filled = 0;
        Ok(length)
    }

    async fn read(&mut self) -> Result<usize, Failure> {
        let count = self.stream.read(&mut self.buffer[self.filled..]).await?;
        if count == 0 {
            return Err("closed too early".into());
        }
        self.filled += count;
        Ok(count)
    }
}

fn length(head: &[u8]) -> Result<u64, Failure> {
    let head = std::str::from_utf8(head)?;
    if !head.starts_with("HTTP/1.1 200") {
        return Err(head.lines().next().unwrap_or_default().into());
    }
    let fields = head.lines().filter_map(|line| line.split_once(':'));
    let length = fields.filter(|(name, _)| name.eq_ignore_ascii_case("content-length")).map(|(_, value)| value.trim()).next();
    Ok(length.ok_or("no length")?.parse()?)
}

#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
