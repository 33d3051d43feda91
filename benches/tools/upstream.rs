//! The application of the benchmark, as cheap as it can be: 1 kB at `/page`, 100 MiB at `/large`, 204 with a user's name at `/auth`, and
//! an end for every upload. One thread.

use std::error::Error;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_local;

use super::Arguments;
use super::bodies::LARGE;

const PIECE: usize = 256 << 10;

pub async fn run(arguments: &Arguments) {
    let port = u16::try_from(arguments.number("port")).unwrap();
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    let page = format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1024\r\n\r\n{}", "x".repeat(1024));
    let page: &'static [u8] = Vec::leak(page.into_bytes());
    let piece: &'static [u8] = Vec::leak(vec![b'x'; PIECE]);
    while let Ok((stream, _)) = listener.accept().await {
        // Whoever breaks off is counted at the other end.
        spawn_local(async move { drop(serve(stream, page, piece).await) });
    }
}

async fn serve(mut stream: TcpStream, page: &[u8], piece: &[u8]) -> Result<(), Box<dyn Error>> {
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; PIECE];
    let mut filled = 0;
    loop {
        let end = loop {
            if let Some(end) = buffer[..filled].windows(4).position(|part| part == b"\r\n\r\n") {
                break end;
            }
            match stream.read(&mut buffer[filled..]).await? {
                0 => return Ok(()),
                count => filled += count,
            }
        };
        let head = std::str::from_utf8(&buffer[..end])?;
        let path = head.split(' ').nth(1).ok_or("no path")?;
        let (large, auth, body) = (path == "/large", path == "/auth", length(head));
        let mut missing = body.saturating_sub(filled - end - 4);
        while missing > 0 {
            match stream.read(&mut buffer).await? {
                0 => return Err("an upload that ends too early".into()),
                count => missing = missing.saturating_sub(count),
            }
        }
        filled = 0;
        if large {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {LARGE}\r\n\r\n");
            stream.write_all(head.as_bytes()).await?;
            for _ in 0..LARGE / PIECE {
                stream.write_all(piece).await?;
            }
        } else if auth {
            stream.write_all(b"HTTP/1.1 204 No Content\r\nX-Auth-User: user4242\r\n\r\n").await?;
        } else {
            stream.write_all(page).await?;
        }
    }
}

fn length(head: &str) -> usize {
    let fields = head.lines().filter_map(|line| line.split_once(':'));
    let mut lengths = fields.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    lengths.next().and_then(|(_, value)| value.trim().parse().ok()).unwrap_or_default()
}
