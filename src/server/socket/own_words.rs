//! What hyper answers by itself to what it cannot read over HTTP/1.1 has no words. Here it gets some: the bare answer is known by its
//! bytes, which nothing else of ours has, because every answer of ours says what it is (`Content-Type`) or what guards it.

use std::io;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use http::StatusCode;

/// Whole answers, head and body, in place of those of the library.
#[derive(Clone, Debug, Default)]
pub struct OwnWords(Arc<[(StatusCode, Bytes)]>);

impl OwnWords {
    /// `answers`: by the status that the library has given.
    pub fn new(answers: Arc<[(StatusCode, Bytes)]>) -> Self {
        Self(answers)
    }

    fn of(&self, written: &[u8]) -> Option<Bytes> {
        let status = bare(written)?;
        self.0.iter().find(|(own, _)| own.as_u16() == status).map(|(_, answer)| answer.clone())
    }
}

/// What is being written in place of something else.
#[derive(Debug, Default)]
pub(in crate::server) struct Instead {
    words: OwnWords,
    left: Option<Bytes>,
}

impl Instead {
    pub fn new(words: OwnWords) -> Self {
        Self { words, left: None }
    }

    /// To be asked before each write: nothing, and these bytes go as they are; or how the write of all of them ended.
    pub fn poll(
        &mut self,
        written: &[u8],
        mut write: impl FnMut(&[u8]) -> Poll<io::Result<usize>>,
    ) -> Option<Poll<io::Result<usize>>> {
        // Nearly every answer begins otherwise.
        if self.left.is_none() && !written.starts_with(b"HTTP/1.1 4") {
            return None;
        }
        let mut left = match self.left.take() {
            Some(left) => left,
            None => self.words.of(written)?,
        };
        while !left.is_empty() {
            match write(&left) {
                Poll::Ready(Ok(0)) => return Some(Poll::Ready(Err(io::ErrorKind::WriteZero.into()))),
                Poll::Ready(Ok(count)) => drop(left.split_to(count.min(left.len()))),
                Poll::Ready(Err(error)) => return Some(Poll::Ready(Err(error))),
                Poll::Pending => {
                    self.left = Some(left);
                    return Some(Poll::Pending);
                }
            }
        }
        Some(Poll::Ready(Ok(written.len())))
    }
}

/// The status of an answer of these four lines and no more: the status, `connection: close`, `content-length: 0`, and the date.
fn bare(written: &[u8]) -> Option<u16> {
    let text = str::from_utf8(written).ok()?.strip_suffix("\r\n\r\n")?;
    let mut lines = text.split("\r\n");
    let status = lines.next()?.strip_prefix("HTTP/1.1 ")?.split(' ').next()?.parse().ok()?;
    let is_bare = lines.next() == Some("connection: close") && lines.next() == Some("content-length: 0");
    let is_dated = lines.next().is_none_or(|line| line.starts_with("date: "));
    (is_bare && is_dated && lines.next().is_none()).then_some(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words() -> Instead {
        Instead::new(OwnWords::new([(StatusCode::BAD_REQUEST, Bytes::from_static(b"in words"))].into()))
    }

    #[test]
    fn a_bare_answer_gets_words_and_every_other_goes_as_it_is() {
        let bare =
            "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\ndate: Mon, 02 Mar 2026 09:15:00 GMT\r\n\r\n";
        let (mut taken, mut instead) = (Vec::new(), words());
        // A socket that takes three bytes and then waits.
        let mut turns = 0;
        let mut write = |bytes: &[u8]| {
            turns += 1;
            if turns % 2 == 0 {
                return Poll::Pending;
            }
            let count = bytes.len().min(3);
            taken.extend_from_slice(&bytes[..count]);
            Poll::Ready(Ok(count))
        };
        let mut last = None;
        for _ in 0..10 {
            last = instead.poll(bare.as_bytes(), &mut write);
            if matches!(last, Some(Poll::Ready(_))) {
                break;
            }
        }
        assert!(matches!(last, Some(Poll::Ready(Ok(count))) if count == bare.len()));
        assert_eq!(taken, b"in words");
        for other in [
            "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\nx-app: 1\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\nbody",
            "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n",
            "",
        ] {
            let mut never = |_: &[u8]| -> Poll<io::Result<usize>> { panic!("{other}") };
            assert!(words().poll(other.as_bytes(), &mut never).is_none(), "{other}");
        }
    }
}
