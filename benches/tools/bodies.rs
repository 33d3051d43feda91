//! Large bodies, `--count` of them one after another on one connection, down or up.

use std::time::Instant;

use tokio::io::AsyncWriteExt;

use super::Arguments;
use super::client::{Failure, Target};

/// What a large body holds.
pub const LARGE: usize = 100 << 20;
const PIECE: usize = 64 << 10;

pub async fn download(arguments: &Arguments) {
    let (target, count) = (Target::new(arguments, false), arguments.number("count"));
    let started = Instant::now();
    let whole = async {
        let mut connection = target.connect(0).await?;
        for _ in 0..count {
            if target.ask(&mut connection).await? != u64::try_from(LARGE)? {
                return Err("a body of another length".into());
            }
        }
        Ok(())
    };
    tell(whole.await, count, started);
}

pub async fn upload(arguments: &Arguments) {
    let (target, count, cookie) = (Target::new(arguments, false), arguments.number("count"), arguments.text("cookie"));
    let head = format!("PUT /upload HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\nContent-Length: {LARGE}\r\n\r\n");
    let piece = vec![b'x'; PIECE];
    let started = Instant::now();
    let whole = async {
        let mut connection = target.connect(0).await?;
        for _ in 0..count {
            connection.stream.write_all(head.as_bytes()).await?;
            for _ in 0..LARGE / PIECE {
                connection.stream.write_all(&piece).await?;
            }
            connection.stream.flush().await?;
            connection.answer().await?;
        }
        Ok(())
    };
    tell(whole.await, count, started);
}

fn tell(result: Result<(), Failure>, count: usize, started: Instant) {
    if let Err(error) = &result {
        eprintln!("{error}");
    }
    let megabytes = count * LARGE / 1_000_000;
    let (failed, seconds) = (u8::from(result.is_err()), started.elapsed().as_secs_f64());
    println!(r#"{{"megabytes":{megabytes},"failed":{failed},"seconds":{seconds}}}"#);
}
