//! The floor: TLS as Doorward speaks it and nothing else. What comes in goes byte for byte over one connection to the upstream and
//! back. No proxy that reads requests on the same libraries can be cheaper.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use doorward::config::listener::Certificate;
use doorward::server::tls::{Certificates, ticketer};
use rustls::ServerConfig;
use socket2::{Domain, Socket, Type};
use tokio::io::copy_bidirectional_with_sizes;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_local;
use tokio_rustls::TlsAcceptor;

use super::Arguments;

/// Each way; TLS takes as much in one go and writes it as full records with one system call.
const BUFFER: usize = 64 << 10;
const RECORDS: usize = 1 << 20;

pub fn run(arguments: &Arguments) {
    let path = |name| PathBuf::from(arguments.text(name));
    let listed = [Certificate { chain: path("chain"), key: path("key") }];
    let config = Certificates::load(&listed).unwrap().config(ticketer().unwrap()).unwrap();
    let mut config = ServerConfig::clone(&config);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let config = Arc::new(config);
    let port = |name| SocketAddr::from(([127, 0, 0, 1], u16::try_from(arguments.number(name)).unwrap()));
    let (address, upstream) = (port("port"), port("upstream"));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads: Vec<_> = (0..cores)
        .map(|_| {
            let acceptor = TlsAcceptor::from(Arc::clone(&config));
            std::thread::spawn(move || super::alone(core(address, upstream, acceptor)))
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}

async fn core(address: SocketAddr, upstream: SocketAddr, acceptor: TlsAcceptor) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_reuse_address(true).unwrap();
    socket.set_reuse_port(true).unwrap();
    socket.set_nonblocking(true).unwrap();
    socket.bind(&address.into()).unwrap();
    socket.listen(4096).unwrap();
    let listener = TcpListener::from_std(socket.into()).unwrap();
    while let Ok((stream, _)) = listener.accept().await {
        let acceptor = acceptor.clone();
        // Whoever breaks off is counted at the other end.
        spawn_local(async move { drop(forward(stream, upstream, acceptor).await) });
    }
}

async fn forward(stream: TcpStream, upstream: SocketAddr, acceptor: TlsAcceptor) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut client = acceptor.accept(stream).await?;
    client.get_mut().1.set_buffer_limit(Some(RECORDS));
    let mut server = TcpStream::connect(upstream).await?;
    server.set_nodelay(true)?;
    copy_bidirectional_with_sizes(&mut client, &mut server, BUFFER, BUFFER).await?;
    Ok(())
}
