//! What a client still sends when its answer is there already. Over HTTP/2, given up at once, it would see its stream reset, which RFC
//! 9113 section 8.1 allows and some clients take for a failure: curl 7.88, when the reset overtakes its small form.

use std::time::Duration;

use http::request::Parts;
use http_body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::timeout;

/// Reads the rest of a short body and throws it away. A long one is given up: its client had better stop. So is one that waits to be
/// asked for (`Expect`). Over HTTP/1.1 there is nothing to do; whether its connection ends with the answer.
pub(in crate::server) fn let_end(head: &Parts, body: Incoming) -> bool {
    if body.is_end_stream() {
        return false;
    }
    let may_be_short = body.size_hint().lower() <= MOST && !head.headers.contains_key(http::header::EXPECT);
    if head.version < http::Version::HTTP_2 {
        // hyper skips what has come already, and else closes.
        return !may_be_short;
    }
    if may_be_short {
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

/// One window of HTTP/2: what a client may have sent before it could know.
const MOST: u64 = 64 * 1024;
const PATIENCE: Duration = Duration::from_secs(2);
