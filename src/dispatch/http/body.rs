//! What a gateway answers, as text: without a byte order mark, and read only where it is no compressed one, which we never ask for.

use reqwest::Response;
use reqwest::header::CONTENT_ENCODING;

use crate::base::encoding;

pub(in crate::dispatch) enum Content {
    Text(String),
    /// Compressed, though `Accept-Encoding: identity` asks for the opposite (RFC 9110, 12.5.3); with what.
    Compressed(String),
}

/// So much of an answer is read; the rest is left unread and the connection closed.
const MOST_READ: usize = 64 * 1024;
/// What gzip begins with (RFC 1952, 2.3.1), for servers that do not say so.
const GZIP: &[u8] = b"\x1f\x8b\x08";

/// The beginning of the answer's body.
pub(in crate::dispatch) async fn content(response: &mut Response) -> Result<Content, reqwest::Error> {
    let codings = response.headers().get_all(CONTENT_ENCODING).iter();
    let codings = codings.flat_map(|value| value.as_bytes().split(|byte| *byte == b',')).map(<[u8]>::trim_ascii);
    let named: Vec<_> = codings.filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case(b"identity")).collect();
    if !named.is_empty() {
        let word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b' ');
        let named = named.join(&b' ').iter().filter(|byte| word(byte)).take(40).copied().map(char::from).collect();
        return Ok(Content::Compressed(named));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        let room = MOST_READ.saturating_sub(body.len());
        body.extend_from_slice(chunk.get(..room.min(chunk.len())).unwrap_or_default());
        if body.len() >= MOST_READ {
            break;
        }
    }
    if body.starts_with(GZIP) { Ok(Content::Compressed("gzip".to_owned())) } else { Ok(Content::Text(encoding::decode(&body))) }
}
