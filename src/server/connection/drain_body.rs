//! What a client still sends when its answer is there already. Over HTTP/2, given up at once, it would see its stream reset, which RFC
//! 9113 section 8.1 allows and some clients take for a failure: curl 7.88 says that no answer came.

use std::time::Duration;

use http::request::Parts;
use http_body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::timeout;

/// Reads what still comes of a body and throws it away, until the client has stopped or so much has come that it does not want to. One
/// that waits to be asked for (`Expect`) is given up at once. Over HTTP/1.1 there is nothing to do; whether its connection ends with the
/// answer.
pub(in crate::server) fn let_end(head: &Parts, body: Incoming) -> bool {
    if body.is_end_stream() {
        return false;
    }
    let is_asked_for = head.headers.contains_key(http::header::EXPECT);
    if head.version < http::Version::HTTP_2 {
        // hyper skips what has come already, and else closes.
        return is_asked_for || body.size_hint().lower() > SHORT;
    }
    if !is_asked_for {
        drop(tokio::task::spawn_local(timeout(PATIENCE, read(body))));
    }
    false
}

async fn read(mut body: Incoming) {
    let mut length = 0;
    while let Some(Ok(frame)) = body.frame().await {
        length += frame.data_ref().map_or(0, |data| data.len() as u64);
        if length > MOST {
            return;
        }
    }
}

/// What the client of HTTP/1.1 has sent already, most likely.
const SHORT: u64 = 64 * 1024;
/// More than a client sends between two looks at what has come to it.
const MOST: u64 = 4 * 1024 * 1024;
const PATIENCE: Duration = Duration::from_secs(2);
